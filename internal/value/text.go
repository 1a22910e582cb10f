package value

// escapeOf gives the letter that stands for a byte behind a backslash, 0 for bytes that stand for
// themselves. NUL, CR, LF and ^Z are safe on a connection, but not in a dump that passes through a client or an editor.
func escapeOf(b byte) byte {
	switch b {
	case 0:
		return '0'
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case 0x1a:
		return 'Z'
	case '\'', '\\':
		return b
	}
	return 0
}

// AppendQuoted appends s as a string literal for a session that takes bytes as they are.
func AppendQuoted(dst, s []byte) []byte { return appendQuoted(dst, s) }

// appendQuoted appends s as a string literal.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '\'')
	dst = appendEscaped(dst, s)
	return append(dst, '\'')
}

func appendEscaped(dst, s []byte) []byte {
	from := 0
	for i, b := range s {
		// One comparison passes by the letters of most texts: all bytes to escape are below 'A' but one.
		if b > '\'' && b != '\\' {
			continue
		}
		if e := escapeOf(b); e != 0 {
			dst = append(dst, s[from:i]...)
			dst = append(dst, '\\', e)
			from = i + 1
		}
	}
	return append(dst, s[from:]...)
}

// appendIntroduced appends text with its character set in front (_latin1'…'), so that the server takes
// the bytes for text of that character set whatever the connection's is.
func appendIntroduced(dst []byte, charset string, s []byte) []byte {
	return appendQuoted(appendIntroducer(dst, charset), s)
}

func appendIntroducer(dst []byte, charset string) []byte {
	switch charset {
	case "utf8", "utf8mb3":
		// The larger set has the same bytes, and its name draws no warning of deprecation. Against a
		// column the server converts the literal, so the column's collation and index still serve.
		charset = "utf8mb4"
	case "ucs2":
		charset = "utf16"
	}
	dst = append(dst, '_')
	return append(dst, charset...)
}

// appendPadded appends bytes as a literal, and gives BINARY(n) its trailing zeros back, which the image lacks.
func (c *Column) appendPadded(dst, b []byte) []byte {
	dst = append(dst, '\'')
	dst = appendEscaped(dst, b)
	if typ, length := c.real(); typ == TypeString {
		for range length - len(b) {
			dst = append(dst, '\\', '0')
		}
	}
	return append(dst, '\'')
}
