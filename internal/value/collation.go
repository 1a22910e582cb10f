package value

import "slices"

// Charset is a character set as the servers know it.
type Charset struct {
	Name  string // "" for one that is not known
	Width int    // most bytes of a character
}

// CharsetOf is the character set of a collation's id, as logs and information_schema give it. Both families share the ids; MariaDB's NO PAD
// variants are 1024 higher, and its uca1400 collations have 256 for each character set from 2048 on.
func CharsetOf(collation uint16) Charset {
	if 1024 <= collation && collation < 2048 {
		collation -= 1024
	}
	for _, c := range collations {
		if slices.ContainsFunc(c.ids, func(s span) bool { return s.first <= collation && collation <= s.last }) {
			return Charset{c.name, c.width}
		}
	}
	return Charset{}
}

// MostBytes is how many bytes a character of the set of that name takes at most, 0 where that is not known.
func MostBytes(charset string) int {
	if charset == "utf8" {
		charset = "utf8mb3"
	}
	for _, c := range collations {
		if c.name == charset {
			return c.width
		}
	}
	return 0
}

type span struct{ first, last uint16 }

var collations = [...]struct {
	name  string
	width int
	ids   []span
}{
	{"latin1", 1, []span{{5, 5}, {8, 8}, {15, 15}, {31, 31}, {47, 49}, {94, 94}}},
	{"binary", 1, []span{{63, 63}}},
	{"ascii", 1, []span{{11, 11}, {65, 65}}},
	{"latin2", 1, []span{{2, 2}, {9, 9}, {21, 21}, {27, 27}, {77, 77}}},
	{"latin5", 1, []span{{30, 30}, {78, 78}}},
	{"latin7", 1, []span{{20, 20}, {41, 42}, {79, 79}}},
	{"cp1250", 1, []span{{26, 26}, {34, 34}, {44, 44}, {66, 66}, {99, 99}}},
	{"cp1251", 1, []span{{14, 14}, {23, 23}, {50, 52}}},
	{"cp1256", 1, []span{{57, 57}, {67, 67}}},
	{"cp1257", 1, []span{{29, 29}, {58, 59}}},
	{"cp850", 1, []span{{4, 4}, {80, 80}}},
	{"cp852", 1, []span{{40, 40}, {81, 81}}},
	{"cp866", 1, []span{{36, 36}, {68, 68}}},
	{"dec8", 1, []span{{3, 3}, {69, 69}}},
	{"hp8", 1, []span{{6, 6}, {72, 72}}},
	{"koi8r", 1, []span{{7, 7}, {74, 74}}},
	{"koi8u", 1, []span{{22, 22}, {75, 75}}},
	{"swe7", 1, []span{{10, 10}, {82, 82}}},
	{"hebrew", 1, []span{{16, 16}, {71, 71}}},
	{"greek", 1, []span{{25, 25}, {70, 70}}},
	{"armscii8", 1, []span{{32, 32}, {64, 64}}},
	{"keybcs2", 1, []span{{37, 37}, {73, 73}}},
	{"macce", 1, []span{{38, 38}, {43, 43}}},
	{"macroman", 1, []span{{39, 39}, {53, 53}}},
	{"geostd8", 1, []span{{92, 93}}},
	{"tis620", 1, []span{{18, 18}, {89, 89}}},
	{"big5", 2, []span{{1, 1}, {84, 84}}},
	{"gbk", 2, []span{{28, 28}, {87, 87}}},
	{"gb2312", 2, []span{{24, 24}, {86, 86}}},
	{"gb18030", 4, []span{{248, 250}}},
	{"sjis", 2, []span{{13, 13}, {88, 88}}},
	{"cp932", 2, []span{{95, 96}}},
	{"ujis", 3, []span{{12, 12}, {91, 91}}},
	{"eucjpms", 3, []span{{97, 98}}},
	{"euckr", 2, []span{{19, 19}, {85, 85}}},
	{"utf8mb3", 3, []span{{33, 33}, {76, 76}, {83, 83}, {192, 215}, {223, 223}, {576, 579}, {2048, 2303}}},
	{"utf8mb4", 4, []span{{45, 46}, {224, 247}, {255, 323}, {608, 611}, {2304, 2559}}},
	{"ucs2", 2, []span{{35, 35}, {90, 90}, {128, 151}, {159, 159}, {640, 642}, {2560, 2815}}},
	{"utf16", 4, []span{{54, 55}, {101, 124}, {672, 674}, {2816, 3071}}},
	{"utf16le", 4, []span{{56, 56}, {62, 62}}},
	{"utf32", 4, []span{{60, 61}, {160, 183}, {736, 738}, {3072, 3327}}},
}
