package plan

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/schema"
	"lifeboat/snapshot"
)

// What the snapshot does not say, or says in two meanings: the plan names it, and what it takes it for.

// databaseDefault finds the character set that tables made without one of their own take. Only CREATE and ALTER DATABASE tell it;
// where the snapshot holds none, its tables show what most of them have. (collation_database in an event tells
// nothing: servers log it where the session's differs from the database's.)
func (pl *planner) databaseDefault(creates map[string]string) {
	p, x := pl.p, pl.q.Snapshot
	if pl.q.BaseLoaded || x != nil && slices.ContainsFunc(x.Index().Created, func(c snapshot.Created) bool { return pl.dumpDB(c.Name) == p.Database }) {
		return
	}
	votes := map[string]int{}
	for _, text := range creates {
		if m := tableCharset.FindStringSubmatch(text); m != nil {
			votes[m[1]]++
		}
	}
	for clause, n := range votes {
		if best := votes[p.Charset]; n > best || n == best && clause < p.Charset {
			p.Charset = clause
		}
	}
	told := func(s filter.StatementRef) bool { return strings.HasPrefix(s.Verb, "CREATE DATABASE") } // from there on
	if p.Charset != "" {
		first := slices.IndexFunc(pl.survey.Statements, func(s filter.StatementRef) bool { return !strings.HasPrefix(s.Verb, "DROP DATABASE") })
		if first < 0 || !told(pl.survey.Statements[first]) {
			p.Findings = append(p.Findings, fmt.Sprintf("neither the log nor the snapshot says the default character set of database %s; most of its tables have %s, so the database gets that, and with it tables that are created without naming one", p.Database, p.Charset))
		}
		return
	}
	for _, s := range pl.survey.Statements {
		switch {
		case told(s):
			return
		case strings.HasPrefix(s.Verb, "CREATE TABLE"):
			p.Findings = append(p.Findings, fmt.Sprintf("neither the log nor the snapshot says the default character set of database %s: tables that the log creates without naming one, the first at %s, get that of the target server; to have another, create the empty database %s with it on the target first", p.Database, s.Pos, p.Into))
			return
		}
	}
}

// timestamps says what explicit_defaults_for_timestamp is taken for where the log does not say it.
func (pl *planner) timestamps() {
	if at := pl.survey.Timestamps; !at.IsZero() {
		pl.p.Findings = append(pl.p.Findings, fmt.Sprintf("the log of server %s does not say explicit_defaults_for_timestamp: from %s on TIMESTAMP columns that it makes are taken to be made with it OFF, the default there; if rows of the log say otherwise, the restore stops at them", pl.survey.Format.ServerVersion, at))
	}
}

// systemZone says that the result hangs on the target's own time zone. (Servers log a statement's zone where it matters, and this one by its name.)
func (pl *planner) systemZone() {
	if at := pl.survey.SystemZone; !at.IsZero() {
		pl.p.Findings = append(pl.p.Findings, fmt.Sprintf("statements from %s on turned TIMESTAMP values into others, or times of a day into TIMESTAMPs, in their server's own time zone (time_zone=SYSTEM), and no log says which that was: here they do in the target's own, so its system has to have the source's zone (TZ)", at))
	}
}

// computed names the statements whose effect on rows may not be in the log. Which it is, is the definition's to say that the table has then.
func (pl *planner) computed() {
	for _, s := range pl.survey.Computed {
		pl.p.Findings = append(pl.p.Findings, fmt.Sprintf("the ALTER TABLE at %s (%s) makes values that the log does not hold, if the table has rows and no key by which they lie, or by what it calls; then the restore lists it as incomplete", s.Pos, strings.Join(s.Tables, ", ")))
	}
}

// zoned names the snapshot's tables that depend on a time zone: as with any dump, their generated columns are computed anew.
func (pl *planner) zoned(creates map[string]string) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(creates)) {
		if ZoneDependent(creates[name]) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		pl.p.Findings = append(pl.p.Findings, fmt.Sprintf("tables have generated columns, stored or in an index, that depend on TIMESTAMP columns: %s. They are computed anew, in UTC, and rows of the log are held against them in the end; if the source's time zone was another, compute them in it afterwards (ALTER TABLE … FORCE, ALGORITHM=COPY)", strings.Join(names, ", ")))
	}
}

// ZoneDependent reports a table with generated columns, stored in rows or indexes, that depend on the time zone of who writes a row.
func ZoneDependent(create string) bool {
	keys := strings.Join(indexLines.FindAllString(create, -1), "\n")
	generated := generatedColumn.FindAllStringSubmatch(create, -1)
	return slices.ContainsFunc(timestampColumn.FindAllStringSubmatch(create, -1), func(ts []string) bool {
		return slices.ContainsFunc(generated, func(g []string) bool {
			return strings.Contains(g[2], ts[1]) && (g[3] != "VIRTUAL" || strings.Contains(keys, g[1]))
		})
	})
}

// A TIMESTAMP column's quoted name; that of a generated column, its expression and its kind; and keys, as SHOW CREATE TABLE writes them.
var (
	timestampColumn = regexp.MustCompile("(?m)^ *(`(?:[^`]|``)+`) timestamp")
	generatedColumn = regexp.MustCompile("(?m)^ *(`(?:[^`]|``)+`) .* AS \\((.*)\\) (STORED|PERSISTENT|VIRTUAL)")
	indexLines      = regexp.MustCompile(`(?m)^ *(?:\w+ )?KEY .*`)
)

// tableCharset finds the table's own default behind the last parenthesis, as SHOW CREATE TABLE writes it.
var tableCharset = regexp.MustCompile(`\).*DEFAULT CHARSET=(\w+(?: COLLATE=\w+)?)[^)]*$`)

// doubtfulDefault finds a column whose default has a question mark in it.
var doubtfulDefault = regexp.MustCompile("(?m)^ *`((?:[^`]|``)+)` [^\\n]* DEFAULT '[^'\\n]*\\?")

// emptyMembers says where the snapshot cannot tell a member from the error value: dump tools write both as the empty string.
func (pl *planner) emptyMembers(creates map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(creates)) {
		def, err := schema.ParseCreateTable([]byte(creates[name]), schema.Mode{MariaDB: pl.q.Snapshot.Index().MariaDB})
		if err != nil {
			continue // the restore says so when it makes the table
		}
		for _, c := range def.Columns {
			if strings.EqualFold(c.DataType, "enum") && slices.Contains(c.Members, "") {
				pl.p.Findings = append(pl.p.Findings, fmt.Sprintf("table %s: column %s has the empty string as a member, and the snapshot writes the error value of an ENUM the same way: "+
					"where it holds that value, the row gets the member", name, c.Name))
			}
		}
	}
}

// unread lists what the snapshot holds and a restore leaves out.
func (pl *planner) unread() {
	if pl.q.Snapshot == nil || pl.q.BaseLoaded || !pl.q.Scope.Whole() {
		return
	}
	for _, what := range pl.q.Snapshot.Index().Unread {
		pl.p.Incomplete = append(pl.p.Incomplete, fmt.Sprintf("the snapshot holds %s, which lifeboat does not restore: make it from the snapshot by hand", what))
	}
}

// localTimes says which tables' TIMESTAMP values are taken for UTC, and may not be.
func (pl *planner) localTimes(all map[string]*Table, creates map[string]string) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(creates)) {
		x := pl.q.Snapshot.Of(name)
		if t := all[name]; !x.LocalTimes || t == nil || t.Base != BaseSnapshot || t.BaseRows == 0 {
			continue
		}
		def, err := schema.ParseCreateTable([]byte(creates[name]), schema.Mode{MariaDB: x.MariaDB})
		if err == nil && slices.ContainsFunc(def.Columns, func(c schema.Column) bool { return strings.EqualFold(c.DataType, "timestamp") }) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		pl.p.Incomplete = append(pl.p.Incomplete, fmt.Sprintf("the snapshot gives TIMESTAMP values in its server's own time zone and does not name it (--skip-tz-utc; MySQL Shell's tzUtc: false), and those of its rows come out as if it were UTC: %s; "+
			"if it was another, put SET TIME_ZONE='+02:00'; or whatever it was in front of the first INSERT of a copy of the dump, and use that; MySQL Shell makes another one with tzUtc", strings.Join(names, ", ")))
	}
}
