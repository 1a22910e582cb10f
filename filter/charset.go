package filter

import "slices"

// charsetName names the character set of a collation id, where a statement in it is not read as UTF-8 is:
// bytes may be halves of characters, or white space, or names that are not UTF-8. It is "" for UTF-8 and
// ids it does not know. Ids are those of information_schema.COLLATIONS, which both families share;
// MariaDB's NO PAD variants are 1024 higher.
func charsetName(collation uint16) string {
	if 1024 <= collation && collation < 2048 {
		collation -= 1024
	}
	for _, c := range charsets {
		if slices.Contains(c.collations, collation) {
			return c.name
		}
	}
	return ""
}

var charsets = [...]struct {
	name       string
	collations []uint16
}{
	{"latin1", []uint16{5, 8, 15, 31, 47, 48, 49, 94}},
	{"binary", []uint16{63}},
	{"ascii", []uint16{11, 65}},
	{"latin2", []uint16{2, 9, 21, 27, 77}},
	{"latin5", []uint16{30, 78}},
	{"latin7", []uint16{20, 41, 42, 79}},
	{"cp1250", []uint16{26, 34, 44, 66, 99}},
	{"cp1251", []uint16{14, 23, 50, 51, 52}},
	{"cp1256", []uint16{57, 67}},
	{"cp1257", []uint16{29, 58, 59}},
	{"cp850", []uint16{4, 80}},
	{"cp852", []uint16{40, 81}},
	{"cp866", []uint16{36, 68}},
	{"dec8", []uint16{3, 69}},
	{"hp8", []uint16{6, 72}},
	{"koi8r", []uint16{7, 74}},
	{"koi8u", []uint16{22, 75}},
	{"swe7", []uint16{10, 82}},
	{"hebrew", []uint16{16, 71}},
	{"greek", []uint16{25, 70}},
	{"armscii8", []uint16{32, 64}},
	{"keybcs2", []uint16{37, 73}},
	{"macce", []uint16{38, 43}},
	{"macroman", []uint16{39, 53}},
	{"geostd8", []uint16{92, 93}},
	{"tis620", []uint16{18, 89}},
	{"big5", []uint16{1, 84}},
	{"gbk", []uint16{28, 87}},
	{"gb2312", []uint16{24, 86}},
	{"gb18030", []uint16{248, 249, 250}},
	{"sjis", []uint16{13, 88}},
	{"cp932", []uint16{95, 96}},
	{"ujis", []uint16{12, 91}},
	{"eucjpms", []uint16{97, 98}},
	{"euckr", []uint16{19, 85}},
}
