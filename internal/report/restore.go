package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lifeboat/internal/ui/text"
)

// RestoreSchema tags the JSON of a Restore. Fields are added to it, never renamed.
const RestoreSchema = "lifeboat.restore/1"

// Restore is what a restore did.
type Restore struct {
	Schema     string         `json:"schema"` // set by WriteRestore
	Tool       string         `json:"tool"`
	Outcome    string         `json:"outcome"` // a word or a few, as "done" or "done, but incomplete"
	Text       string         `json:"outcome_text,omitempty"`
	ExitCode   int            `json:"exit_code"`
	Database   string         `json:"database"`
	Into       string         `json:"into"` // its name on the target
	Target     string         `json:"target"`
	State      string         `json:"state"` // the place in the log that the target is now at
	Started    time.Time      `json:"started"`
	Ended      time.Time      `json:"ended"`
	Seconds    float64        `json:"seconds"`
	Resumed    bool           `json:"resumed"` // it went on from an earlier run's checkpoint
	Windows    int            `json:"windows"`
	Spilled    int64          `json:"spilled_bytes,omitempty"` // the most that lay in temporary files at one time
	Tables     []TableRestore `json:"tables"`
	Sum        Accounting     `json:"sum"`
	Orphans    []string       `json:"orphans"` // the first few changes whose base row was missing
	OrphanRows int64          `json:"orphan_rows"`
	Doubts     []Doubt        `json:"doubts"` // rows that were not as the log says
	Partial    []PartialTable `json:"partial_tables"`
	Incomplete []string       `json:"incomplete"` // what could not be restored, one line each
	Notes      []string       `json:"notes"`
	Commands   []Command      `json:"commands"`
	// MissingDefiners are accounts that the target lacks and views or programs name, one line each; they are among the notes too.
	MissingDefiners []string `json:"missing_definers,omitempty"`
	Verify          any      `json:"verify,omitempty"` // what a comparison afterwards found, in a form of its own
}

// Doubt is how many rows of a table were not as the log says they were before it changed them.
type Doubt struct {
	Table string `json:"table"`
	What  string `json:"what"` // "changed by the log, but not there" and the like
	Rows  int64  `json:"rows"`
	First string `json:"first,omitempty"` // place in the log of the first that was looked for
}

// PartialTable is a table made of the rows that the log shows of one that nothing else tells of.
type PartialTable struct {
	Of      string   `json:"of"`
	Name    string   `json:"name"`
	Rows    int64    `json:"rows"`
	From    string   `json:"from"` // places in the log of its first and last change
	To      string   `json:"to"`
	Caveats []string `json:"caveats"`
}

// TableRestore is what was done to one table.
type TableRestore struct {
	Name     string `json:"name"`
	BaseRows int64  `json:"base_rows"`
	Inserted int64  `json:"inserted"` // row changes of the log
	Updated  int64  `json:"updated"`
	Deleted  int64  `json:"deleted"`
	Upserts  int64  `json:"upserts"` // rows written to the target, once each
	Deletes  int64  `json:"deletes"`
	Serial   int64  `json:"serial_rows"` // changes applied one by one
	Lane     string `json:"lane"`
	Why      string `json:"why,omitempty"` // it is in the serial lane
}

// Accounting shows that nothing of the log was lost on the way: what was read equals the sum of the rest.
// Make it with Account.
type Accounting struct {
	Unit        string `json:"unit"` // what is counted
	Read        int64  `json:"read"`
	Applied     int64  `json:"applied"`
	InBase      int64  `json:"in_base"`
	Filtered    int64  `json:"filtered"`
	OutOfBounds int64  `json:"out_of_bounds"`
	Closes      bool   `json:"closes"`
}

// Account adds up; Closes is set to whether read equals the sum of the other four.
func Account(unit string, read, applied, inBase, filtered, outOfBounds int64) Accounting {
	return Accounting{
		Unit: unit, Read: read, Applied: applied, InBase: inBase, Filtered: filtered, OutOfBounds: outOfBounds,
		Closes: read == applied+inBase+filtered+outOfBounds,
	}
}

// WriteRestore writes r in a format, Text or JSON. With color the text carries a terminal's colours.
func WriteRestore(w io.Writer, r *Restore, format string, color bool) error {
	tagged := *r
	tagged.Schema = RestoreSchema
	tagged.Tables, tagged.Orphans, tagged.Incomplete = some(r.Tables), some(r.Orphans), some(r.Incomplete)
	tagged.Notes, tagged.Commands = some(r.Notes), some(r.Commands)
	tagged.Doubts, tagged.Partial = some(r.Doubts), some(r.Partial)
	return write(w, format, color, &tagged, func(p *page) { restoreText(p, &tagged) })
}

func restoreText(p *page, r *Restore) {
	color, outcome := green, r.Outcome
	if r.ExitCode != 0 {
		color = red
	}
	if !r.Sum.Closes { // whatever else went well
		color, outcome = red, "failed"
	}
	p.paragraph(strings.ToUpper(text.Line(outcome))+": ", color, fmt.Sprintf("%s, on %s, in %s",
		restored(r.Database, r.Into), r.Target, text.Duration(time.Duration(r.Seconds*float64(time.Second)))))
	p.paragraph("", "", r.Text)
	p.blank()
	p.field("state", r.State)
	p.field("the log", account(r.Sum))
	if r.Resumed {
		p.field("resumed", "went on from the checkpoint of an earlier run; the counts include that run")
	}
	if r.Windows > 0 {
		p.field("windows", text.Count(int64(r.Windows)))
	}
	if r.Spilled > 0 {
		p.field("spilled", "changes beyond --memory lay in temporary files: "+text.Bytes(r.Spilled)+" at most")
	}
	for _, n := range r.Notes {
		p.field("note", n)
	}
	if len(r.Incomplete) > 0 {
		p.heading("What is not complete")
		bullets(p, r.Incomplete, mostFindings)
	}
	partialText(p, r.Partial)
	if r.OrphanRows > 0 {
		p.heading(fmt.Sprintf("Changes to rows that the base does not have (%s)", text.Count(r.OrphanRows)))
		bullets(p, r.Orphans, mostFindings)
	}
	restoreTables(p, r.Tables)
	commandsText(p, r.Commands)
}

func partialText(p *page, tables []PartialTable) {
	if len(tables) == 0 {
		return
	}
	p.heading("Partial tables: rows that the log shows of tables that neither backup nor log made")
	var lines []string
	for _, t := range tables {
		lines = append(lines, fmt.Sprintf("%s holds %s of %s, as they were last between %s and %s; rows that did not change there are missing%s",
			t.Name, text.Counted(t.Rows, "row"), t.Of, t.From, t.To, strings.Join(append([]string{""}, t.Caveats...), "; ")))
	}
	bullets(p, lines, mostFindings)
}

func restored(database, into string) string {
	if into != "" && into != database {
		return fmt.Sprintf("database %s as %s", database, into)
	}
	return "database " + database
}

func account(a Accounting) string {
	s := fmt.Sprintf("%s %s read = %s applied + %s already in the base + %s filtered + %s out of bounds", text.Count(a.Read),
		a.Unit, text.Count(a.Applied), text.Count(a.InBase), text.Count(a.Filtered), text.Count(a.OutOfBounds))
	if !a.Closes {
		s += ". THE SUM DOES NOT CLOSE: do not use what was restored, and report this as a defect of lifeboat"
	}
	return s
}

func bullets(p *page, lines []string, most int) {
	for i, l := range lines {
		if i == most && len(lines) > most+1 {
			p.line(2, fmt.Sprintf("… and %s more", text.Count(int64(len(lines)-i))))
			return
		}
		p.paragraph("  - ", "", l)
	}
}

func restoreTables(p *page, tables []TableRestore) {
	if len(tables) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Tables (%d)", len(tables)))
	// A long list is cut: the exceptions come first, then those written the most.
	sorted := slices.Clone(tables)
	if len(tables) > mostTables+1 {
		slices.SortStableFunc(sorted, func(a, b TableRestore) int {
			if (a.Why == "") != (b.Why == "") {
				return strings.Compare(b.Why, a.Why)
			}
			return cmp.Compare(b.written(), a.written())
		})
		sorted = sorted[:mostTables]
	}
	var rows [][]string
	for _, t := range sorted {
		lane := t.Lane
		if t.Why != "" {
			lane += ": " + t.Why
		}
		rows = append(rows, []string{text.Fit(text.Line(t.Name), 24), number(t.BaseRows), number(t.Inserted), number(t.Updated),
			number(t.Deleted), number(t.Upserts), number(t.Deletes), number(t.Serial), lane})
	}
	p.table(2, []column{{"table", words}, {"base rows", amount}, {"inserted", amount}, {"updated", amount}, {"deleted", amount},
		{"written", amount}, {"removed", amount}, {"one by one", amount}, {"lane", wrapped}}, rows)
	if more := len(tables) - len(sorted); more > 0 {
		p.line(2, fmt.Sprintf("… and %s; --format json lists them", text.Counted(int64(more), "more table")))
	}
}

func (t TableRestore) written() int64 { return t.BaseRows + t.Upserts + t.Deletes + t.Serial }
