package filter

import "lifeboat/internal/value"

// charsetName names the character set of a collation id, where a statement in it is not read as UTF-8 is:
// bytes may be halves of characters, or white space, or names that are not UTF-8. It is "" for UTF-8,
// ids it does not know, and character sets that no client may speak.
func charsetName(collation uint16) string {
	switch name := value.CharsetOf(collation).Name; name {
	case "utf8mb3", "utf8mb4", "ucs2", "utf16", "utf16le", "utf32":
		return ""
	default:
		return name
	}
}
