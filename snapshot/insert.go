package snapshot

import "bytes"

// insertTarget reads the table of an INSERT or REPLACE from its head, without a
// tokenizer: dumps with one row a statement have millions of them. The names are
// as they are written, with their quotes; ok is false if the head reads otherwise.
func insertTarget(head []byte) (db, table []byte, ok bool) {
	i := skipWord(head, 0) // INSERT or REPLACE
	for {
		i = skipSpace(head, i)
		w := skipWord(head, i)
		if w == i {
			break
		}
		switch kw := head[i:w]; {
		case bytes.EqualFold(kw, []byte("into")):
			i = skipSpace(head, w)
			return qualified(head, i)
		case bytes.EqualFold(kw, []byte("ignore")), bytes.EqualFold(kw, []byte("low_priority")),
			bytes.EqualFold(kw, []byte("high_priority")), bytes.EqualFold(kw, []byte("delayed")):
			i = w
		default:
			return qualified(head, i)
		}
	}
	return qualified(head, i)
}

func qualified(b []byte, i int) (db, table []byte, ok bool) {
	first, i := name(b, i)
	if first == nil {
		return nil, nil, false
	}
	if i >= len(b) || b[i] != '.' {
		return nil, first, true
	}
	second, _ := name(b, i+1)
	return first, second, second != nil
}

// name returns the identifier at i and the index after it.
func name(b []byte, i int) ([]byte, int) {
	if i >= len(b) {
		return nil, i
	}
	q := b[i]
	if q != '`' && q != '"' {
		end := skipWord(b, i)
		if end == i {
			return nil, i
		}
		return b[i:end], end
	}
	for j := i + 1; ; {
		n := bytes.IndexByte(b[j:], q)
		if n < 0 {
			return nil, i
		}
		j += n + 1
		if j < len(b) && b[j] == q {
			j++
			continue
		}
		return b[i:j], j
	}
}

// unquoteName gives an identifier without its quotes.
func unquoteName(b []byte) string {
	if len(b) < 2 || b[0] != '`' && b[0] != '"' {
		return string(b)
	}
	q := b[:1]
	return string(bytes.ReplaceAll(b[1:len(b)-1], append(q[:1:1], q...), q))
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

func skipWord(b []byte, i int) int {
	for i < len(b) && isIdentByte(b[i]) {
		i++
	}
	return i
}
