package plan

import "testing"

func TestDoubtfulDefault(t *testing.T) {
	for text, column := range map[string]string{
		"CREATE TABLE `t` (\n  `id` int(11) NOT NULL,\n  `u` char(3) CHARACTER SET utf16 DEFAULT '?',\n  `v` int(11)": "u",
		"CREATE TABLE `t` (\n  `u` char(3) DEFAULT 'a?b' COMMENT 'x'":                                                 "u",
		"CREATE TABLE `t` (\n  `u` char(3) DEFAULT 'ab' COMMENT 'why?'":                                               "",
		"CREATE TABLE `t?` (\n  `u` char(3) DEFAULT ''":                                                               "",
	} {
		got := ""
		if m := doubtfulDefault.FindStringSubmatch(text); m != nil {
			got = m[1]
		}
		if got != column {
			t.Errorf("%s: column %q, want %q", text, got, column)
		}
	}
}
