package report

import (
	"io"
	"slices"
	"time"
)

// AuditSchema tags the JSON of an Audit. Fields are added to it, never renamed.
const AuditSchema = "lifeboat.audit/1"

// Audit is what an archive is worth, and what happened to a database in it.
type Audit struct {
	Schema    string        `json:"schema"` // set by WriteAudit
	Tool      string        `json:"tool"`   // name and version
	Generated time.Time     `json:"generated"`
	Verdict   string        `json:"verdict"`      // a word or a few, as "complete" or "gap"
	Text      string        `json:"verdict_text"` // one or two sentences
	ExitCode  int           `json:"exit_code"`
	Database  string        `json:"database,omitempty"` // the one asked for; empty for all
	Databases []string      `json:"databases"`          // those that occur in the log or the snapshot
	Incidents []Incident    `json:"incidents"`
	Findings  []Finding     `json:"findings"`
	Commands  []Command     `json:"commands"`
	Tables    []TableRow    `json:"tables"`
	Changes   []Statement   `json:"schema_changes"` // the tables' DDL in the log, incidents aside
	Snapshot  *SnapshotPart `json:"snapshot"`
	Archive   ArchivePart   `json:"archive"`

	// Restorable is the stretch of the log of which every state can be restored, for tables that say nothing else; nil
	// where there is none.
	Restorable *Range   `json:"restorable"`
	Cover      *Cover   `json:"cover"`  // what a scheduled check asked for; nil where it did not
	Losses     []string `json:"losses"` // what a restore to the end of the log would lack, or have wrong
	// Migrations are statements that look like a loss and are none; Note says why: the end of a table copy (gh-ost,
	// pt-online-schema-change, rename swaps), temporary tables, DROP … IF EXISTS of nothing.
	Migrations        []Statement `json:"migrations"`
	MigrationsLeftOut int64       `json:"migrations_left_out,omitempty"` // how many more there are
	Timeline          *Timeline   `json:"timeline"`                      // nil where the log holds no transaction
}

// ArchivePart is the chain of files.
type ArchivePart struct {
	Roots        []string  `json:"roots"`
	Files        []FileRow `json:"files"` // in order of the log
	Bytes        int64     `json:"bytes"` // uncompressed
	Transactions int64     `json:"transactions"`
	From         string    `json:"from"` // positions
	To           string    `json:"to"`
	First        time.Time `json:"first,omitzero"`
	Last         time.Time `json:"last,omitzero"`
}

// FileRow is one file of the chain.
type FileRow struct {
	Name         string    `json:"name"`
	Path         string    `json:"path"`   // of the copy that is read
	Server       string    `json:"server"` // version
	ServerID     string    `json:"server_id,omitempty"`
	Bytes        int64     `json:"bytes"` // uncompressed
	First        time.Time `json:"first,omitzero"`
	Last         time.Time `json:"last,omitzero"`
	Transactions int64     `json:"transactions"`
	GTIDs        string    `json:"gtids,omitempty"`
	Checksum     string    `json:"checksum"` // CRC32 or none
	State        string    `json:"state"`    // "intact", or what is wrong with it
	End          string    `json:"end"`      // how its end is known
	Copies       []Copy    `json:"copies"`
	Pieces       []Piece   `json:"pieces,omitempty"` // what is read of which copy, where the file is put together from several

	ServerUUID    string   `json:"server_uuid,omitempty"`
	Packed        bool     `json:"packed,omitempty"`         // as .gz or .zst
	InUse         bool     `json:"in_use,omitempty"`         // its server had not closed it when it was copied
	PreviousGTIDs string   `json:"previous_gtids,omitempty"` // what was committed before it
	Anonymous     int64    `json:"anonymous,omitempty"`      // transactions without a GTID
	Format        string   `json:"format,omitempty"`         // one of the constants below; empty: no changes seen, or compressed ones only
	Image         string   `json:"image,omitempty"`          // ImagesFull or ImagesPartial; empty: no rows seen, or none but in compressed transactions
	RowEvents     int64    `json:"row_events,omitempty"`
	Statements    int64    `json:"other_statements,omitempty"` // that are no DDL: changes, and what is said of accounts and sessions
	Compressed    int64    `json:"compressed,omitempty"`       // transactions (MySQL) or events (MariaDB)
	Aliases       []string `json:"aliases,omitempty"`          // paths of the same content under other names
}

// How a file logs changes.
const (
	FormatRow       = "row"
	FormatMixed     = "mixed"
	FormatStatement = "statement"
)

// Piece is a stretch of a file that is read from one copy.
type Piece struct {
	Path string `json:"path"`
	From uint64 `json:"from"` // offset into the uncompressed file; it goes up to the next piece
}

// Copy is one copy of a file.
type Copy struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"` // as stored
	State  string `json:"state"`
	Detail string `json:"detail,omitempty"`
	Used   bool   `json:"used"`
}

// Finding is something to know about the archive.
type Finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"` // note, warning, gap or corrupt
	Position string `json:"position,omitempty"`
	Path     string `json:"path,omitempty"`
	Text     string `json:"text"`
	Remedy   string `json:"remedy,omitempty"`
	InLosses bool   `json:"in_losses,omitempty"` // summed up with others among the losses
}

// Incident is a wipe: what one session destroyed, in statements close together.
type Incident struct {
	ID             string      `json:"id"`
	Kind           string      `json:"kind"`
	Position       string      `json:"position"`
	End            string      `json:"end"`
	GTID           string      `json:"gtid,omitempty"`
	Time           time.Time   `json:"time"`
	Last           time.Time   `json:"last"`
	Thread         uint32      `json:"thread,omitempty"` // 0 where the log does not say
	ServerID       uint32      `json:"server_id"`
	User           string      `json:"user,omitempty"`
	Tables         []string    `json:"tables"`
	RowsLost       int64       `json:"rows_lost"`
	Exact          bool        `json:"rows_lost_exact"` // else at least so many
	Statements     []Statement `json:"statements"`
	SessionBefore  Writes      `json:"session_before"`            // what the same session wrote before, without a long pause
	SessionFrom    time.Time   `json:"session_from,omitzero"`     // when it began to
	SessionAfter   Writes      `json:"session_after"`             // what the same session wrote afterwards
	SessionUnknown bool        `json:"session_unknown,omitempty"` // the log does not say which session wrote which rows (MariaDB)
	OthersAfter    Writes      `json:"others_after"`              // what all others wrote since
	StopBefore     string      `json:"stop_before"`               // the flag's value
}

// Statement is one statement of the log.
type Statement struct {
	Position string    `json:"position"`
	Time     time.Time `json:"time"`
	Kind     string    `json:"kind"`
	SQL      string    `json:"sql"`
	Tables   []string  `json:"tables,omitempty"`
	RowsLost int64     `json:"rows_lost,omitempty"`
	Note     string    `json:"note,omitempty"`
	GTID     string    `json:"gtid,omitempty"`
	Thread   uint32    `json:"thread,omitempty"` // of the session; 0 where the log does not say
	User     string    `json:"user,omitempty"`
}

// Writes counts what was written.
type Writes struct {
	Transactions int64 `json:"transactions"`
	Rows         int64 `json:"rows"`
}

// Where the first state of a table comes from.
const (
	BaseSnapshot = "snapshot"
	BaseLog      = "log" // its CREATE is in the log
	BaseNone     = "none"
)

// TableRow is what the log did to one table.
type TableRow struct {
	Database     string    `json:"database"`
	Name         string    `json:"name"`
	Base         string    `json:"base"` // one of the constants above
	BasePosition string    `json:"base_position,omitempty"`
	BaseRows     int64     `json:"base_rows"` // 0 too where they were not counted
	Inserted     int64     `json:"inserted"`
	Updated      int64     `json:"updated"`
	Deleted      int64     `json:"deleted"`
	LastChange   time.Time `json:"last_change,omitzero"`
	Lane         string    `json:"lane,omitempty"` // fold or serial
	Note         string    `json:"note,omitempty"`

	BaseTime    time.Time `json:"base_time,omitzero"`
	FirstChange *Point    `json:"first_change"` // nil: its rows never change in the log
	// Orphans are the rows that the log changes or deletes and that the snapshot does not hold; nil where they were not counted.
	Orphans *int64 `json:"orphans,omitempty"`

	Dropped   bool       `json:"dropped"`   // it does not exist at the end of the log
	Lifetimes []Lifetime `json:"lifetimes"` // in order of the log
	// LifetimesLeftOut counts those that are not listed: of very many the first and the last are.
	LifetimesLeftOut int `json:"lifetimes_left_out,omitempty"`
	// IncompleteFrom is where the log first changes the table while neither snapshot nor log made it; nil: nowhere.
	IncompleteFrom *Point `json:"incomplete_from"`
	// Images tells what the row images seen give: full (every row changed since is known in whole), partial (only the
	// columns in them), json-partial (differences of JSON values, too), or none (no row was seen).
	Images string `json:"images"`
	// Restorable are the stretches of the log of which every state of this table can be restored, in order.
	Restorable []Range `json:"restorable"`
}

// What row images give.
const (
	ImagesFull        = "full"
	ImagesPartial     = "partial"
	ImagesPartialJSON = "json-partial"
	ImagesNone        = "none"
)

// Whether a backup was seen to its own end mark; some have none.
const (
	Yes     = "yes"
	No      = "no"
	Unknown = "unknown"
)

// SnapshotPart is the full backup.
type SnapshotPart struct {
	Path     string   `json:"path"`
	Format   string   `json:"format"`
	Server   string   `json:"server"`
	Taken    string   `json:"taken,omitempty"` // as the backup says it, often in a zone that it does not tell
	Complete string   `json:"complete"`        // Yes, No or Unknown
	Position string   `json:"position,omitempty"`
	GTIDs    string   `json:"gtids,omitempty"`
	Tables   int      `json:"tables"`
	Rows     int64    `json:"rows"` // 0 too where they were not counted
	Notes    []string `json:"notes,omitempty"`
}

// Command is a command line ready to be run.
type Command struct {
	Purpose string `json:"purpose"`
	Line    string `json:"line"`
}

// WriteAudit writes a in a format, Text, JSON or HTML. With color the text carries a terminal's colours.
func WriteAudit(w io.Writer, a *Audit, format string, color bool) error {
	tagged := *a
	tagged.Schema = AuditSchema
	tagged.Databases, tagged.Incidents, tagged.Findings = some(a.Databases), some(a.Incidents), some(a.Findings)
	tagged.Commands, tagged.Tables, tagged.Changes = some(a.Commands), some(a.Tables), some(a.Changes)
	tagged.Losses, tagged.Migrations = some(a.Losses), some(a.Migrations)
	tagged.Tables = slices.Clone(tagged.Tables)
	for i := range tagged.Tables {
		t := &tagged.Tables[i]
		t.Lifetimes, t.Restorable = some(t.Lifetimes), some(t.Restorable)
	}
	tagged.Archive.Roots, tagged.Archive.Files = some(a.Archive.Roots), some(a.Archive.Files)
	if format == HTML {
		return writeHTML(w, &tagged)
	}
	return write(w, format, color, &tagged, func(p *page) { auditText(p, &tagged) })
}
