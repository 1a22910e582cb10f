package report

import "time"

// What a Lifetime tells of its table.
const (
	LifeCreate     = "create"
	LifeAlter      = "alter"
	LifeRenameTo   = "rename-to"   // it goes on under the name that Other gives
	LifeRenameFrom = "rename-from" // it was called Other before
	LifeTruncate   = "truncate"
	LifeDrop       = "drop"
)

// Lifetime is a statement that made, changed or ended a table.
type Lifetime struct {
	Event    string    `json:"event"` // one of the constants above
	Position string    `json:"position"`
	GTID     string    `json:"gtid,omitempty"`
	Time     time.Time `json:"time"`
	Thread   uint32    `json:"thread,omitempty"` // of the session; 0 where the log does not say
	User     string    `json:"user,omitempty"`
	SQL      string    `json:"sql"`                // an excerpt
	Other    string    `json:"other,omitempty"`    // of a rename: db.table
	Incident string    `json:"incident,omitempty"` // the id of the one that it is a part of
	Note     string    `json:"note,omitempty"`     // as that it ended a table copy
}

// Point is a place between transactions, and when it was.
type Point struct {
	Position string    `json:"position,omitempty"`
	Time     time.Time `json:"time,omitzero"` // of the transaction committed last before it, or first after it
}

// Range is a stretch of the log of which every state can be restored.
type Range struct {
	Earliest Point  `json:"earliest"`
	Latest   Point  `json:"latest"`
	Inexact  bool   `json:"inexact,omitempty"` // the snapshot's place is not known: rows that the log does not touch may be wrong
	Ends     string `json:"ends,omitempty"`    // why it ends there, where that is not the end of the log
}

// Timeline counts row changes by table in stretches of time of equal width, at most some 200 of them. Stretches in
// which nothing changed are left out.
type Timeline struct {
	From    time.Time `json:"from"` // where bucket 0 begins
	To      time.Time `json:"to"`   // where the last bucket ends
	Seconds int64     `json:"bucket_seconds"`
	Buckets int       `json:"buckets"`
	Tables  []Series  `json:"tables"`
	// Others is the sum of the tables for which there was no room, OtherTables how many they are.
	Others      []Bucket `json:"others,omitempty"`
	OtherTables int      `json:"other_tables,omitempty"`
	Marks       []Mark   `json:"marks"` // in order of time
}

// Series is one table's changes over time.
type Series struct {
	Database string   `json:"database"`
	Name     string   `json:"name"`
	Buckets  []Bucket `json:"buckets"`
}

// Bucket is what changed in one stretch of time.
type Bucket struct {
	Index    int   `json:"index"` // it begins Index × bucket_seconds after the timeline
	Inserted int64 `json:"inserted"`
	Updated  int64 `json:"updated"`
	Deleted  int64 `json:"deleted"`
}

// Kinds of marks.
const (
	MarkSnapshot = "snapshot" // the state that the snapshot holds
	MarkIncident = "incident"
	MarkGap      = "gap"  // nothing is known of what was written from Time to Until
	MarkTorn     = "torn" // the log ends here, inside of something
	MarkCorrupt  = "corrupt"
	MarkLatest   = "latest" // the latest point that can be restored
)

// Mark is something to see on the timeline.
type Mark struct {
	Kind     string    `json:"kind"` // one of the constants above
	Time     time.Time `json:"time"`
	Until    time.Time `json:"until,omitzero"`
	Position string    `json:"position,omitempty"`
	ID       string    `json:"id,omitempty"` // of the incident
	Text     string    `json:"text"`
}

// Cover is whether the log reaches over a stretch of time.
type Cover struct {
	From    time.Time `json:"from"` // asked for
	To      time.Time `json:"to"`
	Reached bool      `json:"reached"`
	Missing []Missing `json:"missing"`
}

// Missing is a stretch of time that is not in the log.
type Missing struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why"`
}
