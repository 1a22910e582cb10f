package replay

import (
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
	"lifeboat/replay/plan"
)

// statement decides what a logged statement means for the restore: nothing, a program to make later, or
// DDL that ends the window.
func (w *walk) statement(ctx context.Context, it *binlog.Item) error {
	before := Cursor{Position: w.tx, Events: w.events}
	st, err := w.meaning(it, w.r.format)
	if st == nil || w.r.again(before) {
		return err
	}
	return w.r.logged(ctx, w, it, st, before)
}

// logged runs a statement that means something.
func (r *runner) logged(ctx context.Context, w *walk, it *binlog.Item, st *schema.Statement, before Cursor) error {
	q := it.Query
	missing, err := r.withoutBase(ctx, st, q)
	if err != nil {
		return err
	}
	if missing {
		r.open.Filtered++
		return nil
	}
	r.open.Applied++
	text, err := localise(r.p, st, it, r.format)
	if err != nil {
		return err
	}
	session := sessionOf(r.p, st, q, r.format)
	if r.srv.MariaDB && session.UTF8MB4Collation > utf8mb4General && leavesCollation(text) {
		r.incomplete("utf8mb4 without a collation is utf8mb4_0900_ai_ci in the log, and no default of MariaDB's: what the log makes so has utf8mb4_general_ci here; name the collation of such columns by ALTER TABLE")
	}
	set := r.srv.StatementSettings(session, it.Time)
	if r.programs.statement(st, ProgramText{SQL: text, Set: set, Mode: filter.ReadingMode(q, r.format)}) {
		return nil
	}
	if st.Verb == schema.RenameTable {
		if done, err := r.programs.renameViews(st); err != nil || done {
			return err
		}
	}
	if made := makes(r.p, st, q); made != "" && !r.st.Created.has(made) {
		if err := r.loadForeignKeys(ctx); err != nil {
			return err
		}
		if !r.fks.named[strings.ToLower(made)] { // one that waits for the table decides lanes, too
			return r.newTable(ctx, st, q, made, text, set, before)
		}
	}
	return r.runDDL(ctx, w, st, q, text, set, before)
}

// takesEffect reports whether a logged statement changed anything that lasts.
func takesEffect(st *schema.Statement, q *binlog.Query) bool {
	switch {
	case st.Temporary, q.Vars.Alter == binlog.AlterStart, q.Vars.Alter == binlog.AlterRollback:
		return false
	case filter.Failed(st, q):
		return false
	}
	return true
}

// withoutBase reports a statement about nothing but tables that the target lacks because they have no
// base. What makes a table is not one.
func (r *runner) withoutBase(ctx context.Context, st *schema.Statement, q *binlog.Query) (bool, error) {
	switch st.Verb {
	case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect:
		return false, nil
	}
	missing := false
	for _, o := range filter.Touched(st, q) {
		if o.Kind != schema.KindTable || o.DB != r.p.Database || o.Role != schema.Target && o.Role != schema.RenameFrom {
			continue
		}
		if !r.p.MayMiss(o.Name) {
			return false, nil
		}
		def, err := r.define(ctx, o.Name)
		if err != nil || def != nil {
			return false, err
		}
		missing = true
	}
	return missing, nil
}

// localise turns a logged statement into the one to run: only its part in scope, under the target's
// name, without the clause that 8.0.21 adds to CREATE TABLE … SELECT, and with the default character set that only its session knew.
func localise(p *plan.Plan, st *schema.Statement, it *binlog.Item, format *binlog.Format) ([]byte, error) {
	q := it.Query
	text, err := p.Scope().Kept(st, q, format)
	if err != nil {
		return nil, fmt.Errorf("%w: a statement that reaches beyond database %s: %s: %w; stop before it, or skip its transaction and make its effect by hand", plan.ErrInexact, p.Database, filter.Excerpt(q.SQL, 100), err)
	}
	if p.Into != p.Database {
		if text, _, err = schema.Rewrite(text, filter.ReadingMode(q, format), p.Database, p.Into); err != nil {
			return nil, err
		}
	}
	if d, ok := p.OldDefaults[it.Tx.Start.String()]; ok {
		if text, ok = schema.WithTextDefault(text, filter.ReadingMode(q, format), d); !ok {
			return nil, fmt.Errorf("%s names a character set by now, and the plan was to give it one: %s", filter.Excerpt(q.SQL, 100), d.Clause())
		}
	}
	return text, nil
}

// runDDL ends the window, or that of the statement's tables, and runs the statement at its place.
func (r *runner) runDDL(ctx context.Context, w *walk, st *schema.Statement, q *binlog.Query, text []byte, set []string, before Cursor) error {
	// What was counted since the statement began belongs behind it.
	counted := Counts{Read: 1, Applied: 1}
	r.open.Read--
	r.open.Applied--
	names, err := r.apart(ctx, st, q)
	switch {
	case err != nil:
	case names == nil:
		err = r.flush(ctx, before)
	default:
		err = r.flushApart(ctx, names, before, r.st.Apart == nil && emptied(st, q))
	}
	if err != nil {
		return err
	}
	resuming := r.st.DDL != nil && r.st.DDL.At == before
	if st.Verb == schema.RenameTable {
		text = r.cp.withRenameMark(text)
		if !resuming {
			if err := r.cp.armRename(ctx); err != nil {
				return err
			}
		}
	}
	print, err := r.fingerprint(ctx, st, q)
	if err != nil {
		return err
	}
	if resuming && r.st.DDL.Before != print {
		// It ran before the stop.
	} else {
		if resuming && st.Alter.ExchangePartition != "" {
			return fmt.Errorf("the restore stopped while %s ran, and the table does not show whether it had: drop databases %s and %s on the target and begin anew", filter.Excerpt(q.SQL, 100), checkpointDB, r.p.Into)
		}
		if err := r.computed(ctx, st, q, w.tx); err != nil {
			return err
		}
		r.st.DDL = &DDLState{At: before, Before: print}
		if err := r.cp.save(ctx, r.st); err != nil {
			return err
		}
		if err := r.execDDL(ctx, st, q, text, set); err != nil {
			return fmt.Errorf("%s: %w", filter.Excerpt(q.SQL, 100), err)
		}
	}
	if err := r.reopen(ctx, st, q); err != nil {
		return err
	}
	if err := r.follow(st, q, w.tx); err != nil {
		return err
	}
	r.forgetStored(st, q)
	if names == nil {
		r.defs, r.fks = nil, nil
		r.st.From = w.cursor
	} else {
		r.passed(names, w.cursor)
	}
	r.st.DDL = nil
	r.st.count(&counted)
	r.st.keepPrograms(r.programs.list)
	return r.cp.save(ctx, r.st)
}

// follow keeps what hangs on tables in step with them.
func (r *runner) follow(st *schema.Statement, q *binlog.Query, at binlog.Position) error {
	if st.Verb == schema.DropDatabase {
		r.programs.list = nil
		r.st.Auto.clear()
		return nil
	}
	r.sequenceMoved(st, q, at)
	was := ""
	for _, o := range st.Objects {
		if o.Kind != schema.KindTable || o.Database(q.Database) != r.p.Database {
			continue
		}
		switch {
		case o.Role == schema.Target && (st.Verb == schema.DropTable || st.OrReplace):
			r.programs.dropTable(o.Name)
			r.st.Auto.remove(o.Name)
		case st.Verb == schema.TruncateTable:
			r.st.Auto.remove(o.Name)
		case o.Role == schema.Target && slices.Contains(st.Alter.Actions, "AUTO_INCREMENT"):
			r.st.Auto.remove(o.Name) // the statement sets it, here as on the source, to what it says or behind the last row
			was = o.Name
		case o.Role == schema.RenameFrom || o.Role == schema.Target:
			was = o.Name
		case o.Role == schema.RenameTo && was != o.Name:
			if err := r.renamed(was, o.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// sequenceMoved notes an ALTER SEQUENCE without RESTART: MariaDB goes on from the next value of its cache, which is in no log until
// values are drawn again.
func (r *runner) sequenceMoved(st *schema.Statement, q *binlog.Query, at binlog.Position) {
	for _, o := range st.Objects {
		if o.Kind != schema.KindSequence || o.Role != schema.Target {
			continue
		}
		r.st.Altered.remove(o.Name)
		if st.Verb == schema.AlterSequence && !restart.Match(q.SQL) {
			r.st.Altered.set(o.Name, at)
		}
	}
}

var restart = regexp.MustCompile(`(?i)\bRESTART\b`)

// renamed lets triggers and counter follow a table that has another name now.
func (r *runner) renamed(from, to string) error {
	r.st.Auto.remove(to)
	if r.st.Auto.has(from) {
		r.st.Auto.set(to, r.st.Auto.get(from))
		r.st.Auto.remove(from)
	}
	return r.programs.renameTable(from, to)
}

// fingerprint tells what the statement's objects look like on the target now.
func (r *runner) fingerprint(ctx context.Context, st *schema.Statement, q *binlog.Query) (string, error) {
	h := sha256.New()
	exists, err := r.srv.Exists(ctx, r.p.Into)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "%v;", exists)
	for _, o := range filter.Touched(st, q) {
		if o.Kind == schema.KindDatabase || o.DB != r.p.Database {
			continue
		}
		text, err := r.srv.ShowCreate(ctx, r.p.Into, o.Name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s=%s;", o.Name, text)
	}
	if st.Verb == schema.RenameTable {
		armed, err := r.cp.renameArmed(ctx)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "armed=%v;", armed)
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// Server errors that say a statement's effect is there already.
const errDBExists = 1007

// dropSome drops the tables of a DROP TABLE one by one, where some may not exist: the source, too, found
// only some of them, or the base is of unknown date.
func (r *runner) dropSome(ctx context.Context, st *schema.Statement, q *binlog.Query, set []string) error {
	for _, o := range filter.Touched(st, q) {
		if o.Kind != schema.KindTable || o.Role != schema.Target || o.DB != r.p.Database || !r.wants(o.Name) {
			continue
		}
		text := "DROP TABLE IF EXISTS " + quoteDB(r.p.Into) + "." + quoteDB(o.Name)
		if !isParent(q.ErrorCode) {
			if err := r.ddl.Exec(ctx, text); err != nil {
				return err
			}
			continue
		}
		// Some of the tables were kept for the foreign keys that refer to them; the same ones are kept here.
		if err := r.ddl.Run(ctx, "", []byte(text), set); err != nil && !isParent(target.Code(err)) {
			return err
		}
	}
	return nil
}

// isParent reports the errors of dropping a table that a foreign key refers to.
func isParent(code uint16) bool { return code == 1217 || code == 1451 || code == 3730 }

func (r *runner) execDDL(ctx context.Context, st *schema.Statement, q *binlog.Query, text []byte, set []string) error {
	if err := r.readRight(ctx, st, q); err != nil {
		return err
	}
	db := r.p.Into
	if q.Database != r.p.Database {
		db = "" // every name is qualified
	}
	switch st.Verb {
	case schema.CreateDatabase:
		return r.createDatabase(ctx, text, set)
	case schema.DropDatabase:
		return r.ddl.Run(ctx, "", text, set)
	case schema.AlterDatabase:
		if len(st.Objects) > 0 && st.Objects[0].Name != "" {
			db = ""
		}
	case schema.DropTable:
		// MariaDB rewrites a DROP of several tables, and keeps the names of those that there were not.
		if st.IfExists || q.ErrorCode != 0 || !r.p.Exact || st.GeneratedByServer {
			return r.dropSome(ctx, st, q, set)
		}
		return r.ddl.Run(ctx, db, text, set)
	case schema.CreateTable, schema.CreateTableLike, schema.CreateTableSelect:
		if !r.p.Exact && !st.IfNotExists {
			// The base is of unknown date and may hold what this makes; from here on the log is complete.
			for _, o := range st.Objects {
				if o.Role == schema.Target && o.Kind == schema.KindTable {
					if err := r.ddl.Exec(ctx, "DROP TABLE IF EXISTS "+quoteDB(r.p.Into)+"."+quoteDB(o.Name)); err != nil {
						return err
					}
				}
			}
		}
	}
	err := r.ddl.Run(ctx, db, text, set)
	if target.Code(err) == errNoParentRow && (st.Verb == schema.AlterTable || st.Verb == schema.CreateIndex || st.Verb == schema.DropIndex) && !refers(st) {
		// The source made the statement over rows that refer to nothing, since its version did not look: so this one is not to look, either.
		err = r.ddl.Run(ctx, db, text, append(slices.Clone(set), "SET SESSION foreign_key_checks=0"))
	}
	return err
}

// errNoParentRow is a foreign key that does not hold.
const errNoParentRow = 1452

// refers reports a statement that makes a foreign key.
func refers(st *schema.Statement) bool {
	return slices.ContainsFunc(st.Objects, func(o schema.Object) bool { return o.Role == schema.Reference })
}

// createDatabase runs a logged CREATE DATABASE. An empty database of ours gives way to it, so that its
// character set is the logged one.
func (r *runner) createDatabase(ctx context.Context, text []byte, set []string) error {
	exists, objects, err := r.srv.HasDatabase(ctx, r.p.Into)
	if err != nil {
		return err
	}
	if exists && objects > 0 {
		return nil
	}
	if exists {
		if err := r.ddl.Exec(ctx, "DROP DATABASE "+quoteDB(r.p.Into)); err != nil {
			return err
		}
	}
	err = r.ddl.Run(ctx, "", text, set)
	if target.Code(err) == errDBExists {
		return nil
	}
	return err
}
