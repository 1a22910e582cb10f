package replay

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// The sessions of the log's statements and of the snapshot's, with what neither says: there it is taken for what it was on the server that wrote them.

// sessionOf is the session that a statement was logged in. Foreign keys to tables that are not restored take one without checks.
func sessionOf(p *plan.Plan, st *schema.Statement, q *binlog.Query, format *binlog.Format) *binlog.QueryVars {
	vars := q.Vars
	if st.GeneratedByServer && filter.ReadingMode(q, format).Charset == "" && utf8.Valid(q.SQL) {
		vars.ClientCollation = filter.CollationUTF8 // 5.6 writes such statements so, whatever the event says
	}
	if slices.ContainsFunc(filter.Touched(st, q), func(o schema.Object) bool { return o.Role == schema.Reference && !p.Scope().Has(o.DB, o.Name) }) {
		vars.HasFlags2, vars.Flags2 = true, vars.Flags2|binlog.OptionNoForeignKeyChecks
	}
	if vars.ExplicitTimestamp < 0 && !binlog.SaysExplicitTimestamp(format.MariaDB, format.VersionNumber()) {
		vars.ExplicitTimestamp = 0
	}
	if vars.UTF8MB4Collation == 0 && utf8mb4IsGeneral(format.MariaDB, format.VersionNumber()) {
		vars.UTF8MB4Collation = utf8mb4General
	}
	return &vars
}

// dumpCharset and the mode below are what the dump tools use where a dump (--compact) does not say.
const dumpCharset = "utf8mb4"

// dumpSession is the session that a statement of the snapshot wants.
func dumpSession(s snapshot.Statement, x *snapshot.Index) target.Session {
	out := target.Session{SQLMode: s.SQLMode, Client: cmp.Or(s.ClientCharset, dumpCharset), Collation: s.CollationConnection, TimeZone: s.TimeZone,
		ExplicitTimestamp: s.ExplicitTimestamp, UTF8MB4Collation: s.UTF8MB4Collation, CharsetCollations: s.CharsetCollations}
	if out.UTF8MB4Collation == "" && utf8mb4IsGeneral(x.MariaDB, binlog.VersionNumber(x.ServerVersion)) {
		out.UTF8MB4Collation = strconv.Itoa(utf8mb4General)
	}
	if !s.SQLModeSet {
		out.SQLMode = "NO_AUTO_VALUE_ON_ZERO"
	}
	return out
}

// utf8mb4General is the id of utf8mb4_general_ci.
const utf8mb4General = 45

// utf8mb4IsGeneral reports a server, by its version's number, in which utf8mb4 without a collation is utf8mb4_general_ci, and which does not say so. (In
// MariaDB character_set_collations may make it another one, to MariaDB alone.)
func utf8mb4IsGeneral(mariaDB bool, number int) bool { return mariaDB || number > 0 && number < 80011 }

// leavesCollation reports a statement that names utf8mb4 and leaves its collation to the server.
func leavesCollation(sql []byte) bool {
	return slices.ContainsFunc(utf8mb4.FindAllSubmatch(sql, -1), func(m [][]byte) bool { return len(m[1]) == 0 })
}

var utf8mb4 = regexp.MustCompile(`(?i)\butf8mb4\b(['"]?\s+COLLATE\b)?`)

// timestampsAgree holds what DDL made of TIMESTAMP columns against the log's rows, where the log does not say explicit_defaults_for_timestamp.
func (r *runner) timestampsAgree(def *schema.Table, tm *binlog.TableMap) error {
	if binlog.SaysExplicitTimestamp(r.format.MariaDB, r.format.VersionNumber()) {
		return nil
	}
	for i := range def.Columns {
		c := &def.Columns[i]
		if !strings.EqualFold(c.DataType, "timestamp") || !c.Writable() || c.Nullable == tm.IsNullable(i) {
			continue
		}
		may := map[bool]string{true: "may", false: "may not"}
		return fmt.Errorf("%w: column %s of %s %s be NULL in the log, and %s on the target: the log of %s does not say explicit_defaults_for_timestamp, and lifeboat takes it for OFF, the default; "+
			"if it was ON, restore onto a server of that version that has it ON, or leave the table out with --exclude-table %s", target.ErrShape, c.Name, def.Name, may[!c.Nullable], may[c.Nullable], r.format.ServerVersion, def.Name)
	}
	return nil
}
