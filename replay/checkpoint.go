package replay

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/target"
)

// ErrOtherJob marks a target whose unfinished restore is not the one asked for.
var ErrOtherJob = errors.New("the target holds an unfinished restore that is not this one")

// ErrReplayed marks a target whose loaded base has this stretch of log already.
var ErrReplayed = errors.New("the log was replayed over this base already")

// checkpointDB holds the checkpoints of unfinished restores on the target. It goes when the last of
// them is done, unless that was one over a loaded base: see replayed.
const checkpointDB = "_lifeboat"

// Phases of a job.
const (
	phaseBase   = "base"   // loading the snapshot
	phaseMerge  = "merge"  // the snapshot's tables are made, and its rows wait for the log's first window
	phaseLog    = "log"    // replaying the log
	phaseFinish = "finish" // views, triggers, routines, events, counters
)

// State is what a restore must know to go on after any stop. It is written between steps; the rows of a
// step commit together with their own lane's mark.
type State struct {
	Form    int    // of the checkpoint: one of another lifeboat may mean something else
	Digest  string // of the plan
	Saves   int64  // so that no two look alike
	Phase   string
	Workers int // batches are dealt to so many lanes
	Serial  bool
	Window  int
	From    Cursor  // everything before it is applied
	To      *Cursor // the window [From, To) is being applied
	Done    Cursor  // statements are, if that is behind From: see apart
	Apart   *Apart
	Spilled bool // from disk: it did not fit into memory
	// FilterBits is the size of the filter that the snapshot's rows go past, where the window that they meet was spilled.
	FilterBits int64
	DDL        *DDLState
	Merge      bool // the snapshot's rows wait for the log's first window
	// SerialLoaded says that the rows of the snapshot are loaded whose tables take the serial lane, and did not wait: those of SerialBase.
	SerialLoaded bool
	Said         []string // what the result cannot be trusted for, so far
	Partials     []string // names of the partial tables that are being made
	Counts       Counts   // all but its Rows

	// What grows with the number of tables has rows of its own: see parts.
	Created      perTable[bool]            `json:"-"` // tables of the base that exist
	SerialBase   perTable[bool]            `json:"-"`
	Auto         perTable[uint64]          `json:"-"`
	Rows         perTable[RowCounts]       `json:"-"`
	Lanes        perTable[string]          `json:"-"` // why a table takes the serial lane
	Altered      perTable[binlog.Position] `json:"-"` // sequences, by where an ALTER left their next value to the source's memory
	Moved        perTable[int]             `json:"-"` // updates that were made by themselves: see mostMoves
	Unfit        perTable[string]          `json:"-"` // tables that would fold, but for this
	LaterIndexes perTable[LaterIndexes]    `json:"-"` // tables whose indexes are built behind their rows
	Objects      perTable[[]Program]       `json:"-"` // one list, under the name ""
	Reached      perTable[Cursor]          `json:"-"` // tables whose rows are applied behind From, up to there
}

// checkpointForm changes whenever a checkpoint means something else.
const checkpointForm = 6

// count joins the account of a further stretch.
func (st *State) count(o *Counts) {
	for name, n := range o.Rows {
		sum := st.Rows.get(name)
		sum.add(n)
		st.Rows.set(name, sum)
	}
	sums := *o
	sums.Rows = nil
	st.Counts.add(&sums)
}

// counts is the whole account.
func (st *State) counts() Counts {
	c := st.Counts
	c.Rows = map[string]*RowCounts{}
	for name, n := range st.Rows.all() {
		c.Rows[name] = &n
	}
	return c
}

// keepPrograms notes the programs that are to be made.
func (st *State) keepPrograms(list []Program) {
	if !reflect.DeepEqual(st.Objects.get(""), list) {
		st.Objects.set("", slices.Clone(list))
	}
}

// DDLState says that the statement at From may or may not have run; Before tells which, by what the
// tables looked like.
type DDLState struct {
	At     Cursor
	Before string
}

// checkpoint reads and writes one job's state.
type checkpoint struct {
	srv *target.Server
	c   *target.Conn
	db  string // of the job: the target database
}

// openCheckpoint finds the job of db, or returns a nil state. The session holds a lock: two restores of
// one database refuse each other.
func openCheckpoint(ctx context.Context, srv *target.Server, db string) (*checkpoint, *State, error) {
	c, err := srv.Conn(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	cp := &checkpoint{srv: srv, c: c, db: db}
	st, err := cp.load(ctx)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return cp, st, nil
}

func (cp *checkpoint) lock(ctx context.Context) error {
	got, err := userLock(ctx, cp.c, "job", cp.db)
	if err == nil && !got {
		err = fmt.Errorf("%w: another lifeboat is restoring %s on this server%s; wait for it, or stop it first", errLocked, cp.db, cp.holder(ctx))
	}
	return err
}

// errLocked marks a target that another session works on, perhaps one of an earlier run that the server still believes in.
var errLocked = errors.New("the restore is locked")

// holder says which session holds the job's lock. A server may keep that of a vanished client for hours.
func (cp *checkpoint) holder(ctx context.Context) string {
	var id sql.NullInt64
	if err := cp.c.Row(ctx, "SELECT IS_USED_LOCK("+lockName("job", cp.db)+")", &id); err != nil || !id.Valid {
		return "" // the refusal stands without it
	}
	return fmt.Sprintf(" (as session %d; if its machine or network is gone, KILL %d on the target ends it)", id.Int64, id.Int64)
}

// trace is a short form of how far the job has come: it changes with every commit.
func (cp *checkpoint) trace(ctx context.Context) (out string, err error) {
	q := target.Quote(cp.db)
	err = cp.c.Row(ctx, "SELECT CONCAT((SELECT SHA2(state, 256) FROM "+checkpointDB+".job WHERE db = "+q+
		"), (SELECT IFNULL(SUM(CRC32(CONCAT_WS(':', lane, stage, phase, done, at))), 0) FROM "+checkpointDB+".lane WHERE db = "+q+"))", &out)
	return out, err
}

// userLock takes a lock that lives as long as the session, waiting a little: the server may not yet have
// noticed that an earlier run was killed.
func userLock(ctx context.Context, c *target.Conn, what, db string) (bool, error) {
	const seconds = 20
	var got sql.NullInt64
	err := c.Row(ctx, fmt.Sprintf("SELECT GET_LOCK(%s, %d)", lockName(what, db), seconds), &got)
	return got.Int64 == 1, err
}

func lockName(what, db string) string {
	return fmt.Sprintf("'lifeboat-%s-%08x'", what, crc32.ChecksumIEEE([]byte(db)))
}

func (cp *checkpoint) load(ctx context.Context) (*State, error) {
	if err := cp.lock(ctx); err != nil {
		return nil, err
	}
	var text []byte
	err := cp.c.Row(ctx, "SELECT state FROM "+checkpointDB+".job WHERE db = "+target.Quote(cp.db), &text)
	switch {
	case errors.Is(err, sql.ErrNoRows) || target.Code(err) == errNoTable || target.Code(err) == errNoDatabase:
		return nil, nil
	case err != nil:
		return nil, err
	}
	st := &State{}
	if err := json.Unmarshal(text, st); err != nil {
		return nil, cp.damaged(err)
	}
	if st.Form != checkpointForm {
		return nil, fmt.Errorf("%w: database %s; another version of lifeboat began it: end it with that one, or drop databases %s and %s on the target to begin anew", ErrOtherJob, cp.db, cp.db, checkpointDB)
	}
	return st, cp.loadParts(ctx, st)
}

func (cp *checkpoint) damaged(err error) error {
	return fmt.Errorf("the checkpoint in database %s is damaged: %w; drop databases %s and %s on the target to begin anew", checkpointDB, err, checkpointDB, cp.db)
}

// create makes the checkpoint's tables and the job's first row, and keeps what the caller wants to find with it.
func (cp *checkpoint) create(ctx context.Context, st *State, keep []byte) error {
	return cp.alone(ctx, func() error { return cp.createTables(ctx, st, keep) })
}

// alone keeps two restores of different databases from making and removing the checkpoint's database at
// the same time. The lock needs a session of its own: MySQL 5.6 holds only one for each.
func (cp *checkpoint) alone(ctx context.Context, do func() error) error {
	c, err := cp.srv.Conn(ctx, "")
	if err != nil {
		return err
	}
	defer func() { c.Close() }()
	if got, err := userLock(ctx, c, "all", ""); err != nil {
		return err
	} else if !got {
		return fmt.Errorf("%w: another lifeboat is beginning or ending a restore on this server, and does not come to its end; run this again", errLocked)
	}
	return do()
}

func (cp *checkpoint) createTables(ctx context.Context, st *State, keep []byte) error {
	for _, q := range []string{
		"CREATE DATABASE IF NOT EXISTS " + checkpointDB,
		"CREATE TABLE IF NOT EXISTS " + checkpointDB + ".job (db VARBINARY(255) NOT NULL PRIMARY KEY, state LONGBLOB NOT NULL) ENGINE=InnoDB",
		"CREATE TABLE IF NOT EXISTS " + checkpointDB + ".part (db VARBINARY(255) NOT NULL, kind VARBINARY(20) NOT NULL, name VARBINARY(400) NOT NULL, value LONGBLOB NOT NULL, PRIMARY KEY (db, kind, name)) ENGINE=InnoDB",
		"CREATE TABLE IF NOT EXISTS " + checkpointDB + ".lane (db VARBINARY(255) NOT NULL, lane INT NOT NULL, stage BIGINT NOT NULL, phase INT NOT NULL," +
			" done BIGINT NOT NULL, at VARBINARY(500) NOT NULL, n1 BIGINT NOT NULL, n2 BIGINT NOT NULL, PRIMARY KEY (db, lane)) ENGINE=InnoDB",
		"CREATE TABLE IF NOT EXISTS " + checkpointDB + ".doubt (db VARBINARY(255) NOT NULL, lane INT NOT NULL, tbl VARBINARY(255) NOT NULL, kind INT NOT NULL," +
			" n BIGINT NOT NULL, first BIGINT UNSIGNED NOT NULL, PRIMARY KEY (db, lane, tbl, kind)) ENGINE=InnoDB",
		"CREATE TABLE IF NOT EXISTS " + checkpointDB + ".along (n BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, db VARBINARY(255) NOT NULL, found LONGBLOB NOT NULL) ENGINE=InnoDB",
		makeDone,
		makeKept,
		"DELETE FROM " + checkpointDB + ".done WHERE db = " + target.Quote(cp.db),
		"DELETE FROM " + checkpointDB + ".part WHERE db = " + target.Quote(cp.db),
		"DELETE FROM " + checkpointDB + ".lane WHERE db = " + target.Quote(cp.db),
		"DELETE FROM " + checkpointDB + ".doubt WHERE db = " + target.Quote(cp.db),
		"DELETE FROM " + checkpointDB + ".along WHERE db = " + target.Quote(cp.db),
		"DELETE FROM " + checkpointDB + ".kept WHERE db = " + target.Quote(cp.db),
	} {
		if err := cp.c.Exec(ctx, q); err != nil {
			return fmt.Errorf("making the checkpoint: %w", err)
		}
	}
	if err := cp.keep(ctx, keep); err != nil {
		return fmt.Errorf("making the checkpoint: %w", err)
	}
	return cp.save(ctx, st)
}

// save commits the state on its own. What it costs is by what changed.
func (cp *checkpoint) save(ctx context.Context, st *State) error {
	st.Form = checkpointForm
	st.Saves++
	text, err := json.Marshal(st)
	if err != nil {
		return err
	}
	job := fmt.Appendf(nil, "REPLACE INTO %s.job (db, state) VALUES (%s, x'%x')", checkpointDB, target.Quote(cp.db), text)
	if err := cp.commit(ctx, st, job); err != nil {
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	for _, p := range st.parts() {
		p.written()
	}
	return nil
}

func (cp *checkpoint) commit(ctx context.Context, st *State, job []byte) error {
	changed := false
	for _, p := range st.parts() {
		changed = changed || len(p.names()) > 0
	}
	if !changed {
		_, err := cp.c.ExecBytes(ctx, job)
		return err
	}
	if err := cp.c.Begin(ctx); err != nil {
		return err
	}
	if err := cp.saveParts(ctx, st); err != nil {
		return err
	}
	if _, err := cp.c.ExecBytes(ctx, job); err != nil {
		return err
	}
	return cp.c.Commit(ctx)
}

func (cp *checkpoint) close() { cp.c.Close() }

// mark is how far one lane has come. Its row commits with the rows it speaks of.
type mark struct {
	stage int64 // the window, or a stage of the base
	phase int
	done  int64 // batches of this lane, or
	at    Cursor
	n1    int64 // rows of the snapshot that went by, or rows written by the serial lane
	n2    int64 // not in use
}

const (
	baseStage       = -1
	mergeStage      = -3 // the snapshot's rows past the log's first window
	settleStage     = -5 // rows of the snapshot that went to disk for a key that the window does not have
	serialBaseStage = -4 // before them those of the serial lane's tables
	apartStage      = -6 // from here down: windows that end apart, which may come before the snapshot's rows
	serialStage     = 0  // of the serial lane's mark, which knows no windows
	serialLane      = 1000
	mergeLane       = 1001 // only of doubts
	makingLane      = 1002 // of tables that the log makes while a window is open: see newTable
)

// marks reads every lane's mark.
func (cp *checkpoint) mark(ctx context.Context, lane int) (m mark, err error) {
	return readMark(ctx, cp.c, cp.db, lane)
}

func readMark(ctx context.Context, c *target.Conn, db string, lane int) (m mark, err error) {
	var at []byte
	// A session of a run that was killed may still be committing: a locking read waits for it.
	err = c.Row(ctx, fmt.Sprintf("SELECT stage, phase, done, at, n1, n2 FROM %s.lane WHERE db = %s AND lane = %d FOR UPDATE", checkpointDB, target.Quote(db), lane),
		&m.stage, &m.phase, &m.done, &at, &m.n1, &m.n2)
	if errors.Is(err, sql.ErrNoRows) {
		return mark{stage: baseStage - 1}, nil
	}
	if err == nil {
		err = m.at.UnmarshalText(at)
	}
	return m, err
}

// writeMark puts the mark into the transaction open on c.
func writeMark(ctx context.Context, c *target.Conn, db string, lane int, m mark) error {
	_, err := c.ExecBytes(ctx, fmt.Appendf(nil, "REPLACE INTO %s.lane (db, lane, stage, phase, done, at, n1, n2) VALUES (%s, %d, %d, %d, %d, x'%x', %d, %d)",
		checkpointDB, target.Quote(db), lane, m.stage, m.phase, m.done, m.at.String(), m.n1, m.n2))
	return err
}

// quoteDB is a database's name for use in statements.
func quoteDB(db string) string { return schema.QuoteIdent(db) }
