package plan

import (
	"strings"
	"testing"

	"lifeboat/filter"
)

// TestGuessedDefault holds the plan to saying that it guesses a database's default character set, unless the log tells before that matters.
func TestGuessedDefault(t *testing.T) {
	creates := map[string]string{"a": "CREATE TABLE `a` (`id` int) ENGINE=InnoDB DEFAULT CHARSET=latin1", "b": "CREATE TABLE `b` (`id` int) ENGINE=InnoDB DEFAULT CHARSET=latin1",
		"c": "CREATE TABLE `c` (`id` int) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"}
	for _, c := range []struct {
		verbs   string
		creates map[string]string
		says    string
	}{
		{"", creates, "most of its tables have latin1"},
		{"ALTER TABLE", creates, "most of its tables have latin1"},
		{"CREATE TABLE, CREATE DATABASE", creates, "most of its tables have latin1"},
		{"CREATE DATABASE, CREATE TABLE", creates, ""},
		{"DROP DATABASE, CREATE DATABASE", creates, ""},
		{"", nil, ""},
		{"ALTER TABLE, CREATE TABLE", nil, "get that of the target server"},
		{"CREATE DATABASE, CREATE TABLE", nil, ""},
	} {
		pl := &planner{p: &Plan{Database: "shop", Into: "shop"}, survey: &filter.Survey{}}
		for verb := range strings.SplitSeq(c.verbs, ", ") {
			if verb != "" {
				pl.survey.Statements = append(pl.survey.Statements, filter.StatementRef{Verb: verb})
			}
		}
		pl.databaseDefault(c.creates)
		if got := strings.Join(pl.p.Findings, "; "); !strings.Contains(got, c.says) || (got == "") != (c.says == "") {
			t.Errorf("%q: it says %q, want %q", c.verbs, got, c.says)
		}
	}
}

// TestZoned finds the tables whose stored generated columns depend on the time zone, in the text of both families.
func TestZoned(t *testing.T) {
	creates := map[string]string{
		"m":     "CREATE TABLE `m` (\n  `id` int NOT NULL,\n  `ts` timestamp NOT NULL,\n  `d` date GENERATED ALWAYS AS (cast(`ts` as date)) STORED,\n  PRIMARY KEY (`id`)\n)",
		"n":     "CREATE TABLE `n` (\n  `t``s` timestamp NULL DEFAULT NULL,\n  `d` date GENERATED ALWAYS AS (cast(`t``s` as date)) PERSISTENT\n)",
		"not":   "CREATE TABLE `not` (\n  `ts` timestamp NOT NULL,\n  `v` int,\n  `w` int GENERATED ALWAYS AS (`v` + 1) STORED\n)",
		"again": "CREATE TABLE `again` (\n  `ts` timestamp NOT NULL,\n  `d` date GENERATED ALWAYS AS (cast(`ts` as date)) VIRTUAL\n)",
		"v":     "CREATE TABLE `v` (\n  `ts` timestamp NOT NULL,\n  `d` date GENERATED ALWAYS AS (cast(`ts` as date)) VIRTUAL,\n  KEY `x` (`d`)\n)",
		"dt":    "CREATE TABLE `dt` (\n  `ts` datetime NOT NULL,\n  `d` date GENERATED ALWAYS AS (cast(`ts` as date)) STORED\n)",
	}
	pl := &planner{p: &Plan{}}
	pl.zoned(creates)
	if len(pl.p.Findings) != 1 || !strings.Contains(pl.p.Findings[0], "depend on TIMESTAMP columns: m, n, v. ") {
		t.Errorf("it says %q", pl.p.Findings)
	}
}
