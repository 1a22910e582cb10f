// Package archive turns copies of binlog files into one verified chain, and names what is wrong with it.
//
// Every copy of every file is read in full once: checksums verified, transactions followed, rows left
// alone. What a file is, is decided by its content; its name only says which file it is. For each file the
// best copy is chosen, copies are compared, and the files are put in the order that their own events prove.
// Inputs are opened read-only.
package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
)

// What keeps an archive from being opened; ask with errors.Is. Where the only files are encrypted,
// unsupported or damaged, the error is also the binlog package's.
var (
	ErrNoBinlogs = errors.New("no binary logs")
	ErrAmbiguous = errors.New("binary logs of several servers")
	// ErrChanged comes from reading a file, later.
	ErrChanged = errors.New("the file is not what it was when it was verified")
)

// Options for Open. The zero value works.
type Options struct {
	Logger   *slog.Logger
	Progress func(done, total int64) // bytes of files as they are stored; calls do not overlap
	Workers  int                     // files read at once; 0: one for each core
	DDL      bool                    // keep the statements that make, change or drop something, in File.DDL
}

func (o *Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Archive is a chain of binlog files of one server. It does not change after Open.
type Archive struct {
	Roots    []string // the paths given
	Files    []*File  // in order of the log
	Findings []Finding
	Ignored  int // files that are no binlogs and do not look like any: index files, checksum lists, hidden files
	index    map[string]int
	indexes  []indexFile // that lie beside the chain's files
	lacking  []lacking   // what these name and is not there, in order
	names    []string    // of all binlogs that were found
	opened   time.Time   // before anything was looked at
}

// File is one file of the chain: the best of its copies. It implements binlog.File.
type File struct {
	Path         string // of the copy that is read; where it is stitched, of the one it ends with
	Size         int64  // bytes, uncompressed
	Format       binlog.Format
	ServerUUID   string // empty where its own transactions carry no MySQL GTID
	First, Last  time.Time
	HasPrevious  bool // it says what was committed before it
	Previous     gtid.Set
	GTIDs        gtid.Set // of the transactions that end in it
	Transactions int64
	Anonymous    int64 // transactions without a GTID
	Events       int64
	Ending       binlog.Ending
	Proven       bool // its end is known to be its server's: by Rotate, Stop, or what its successor says
	Compressed   bool // the copy that is read is packed as .gz or .zst
	Copies       []Copy
	// What is seen in it without decoding rows; what lies in compressed transactions of MySQL is not looked into.
	RowEvents        int64           // row events
	PartialRows      int64           // of these, those whose images lack columns (binlog_row_image MINIMAL or NOBLOB), or hold JSON differences
	CompressedTx     int64           // compressed transactions of MySQL, compressed events of MariaDB
	StatementChanges int64           // statements other than DDL: changes logged as statements, and accounts' and sessions' statements
	DDL              []binlog.Logged // with Options.DDL: CREATE, ALTER, DROP, TRUNCATE and RENAME, in order
	DDLLeftOut       int64           // how many more there are than is kept
	Aliases          []string        // paths of files that hold the same under another name
	Pieces           []Piece         // which bytes are read from which copy, if it is stitched from several; else empty
	Damage           error           // what keeps it from being read to its end, if every copy is damaged
	Good             uint64          // up to here it is intact, and no transaction is open here
	Digest           string          // of the uncompressed bytes, the in-use flag aside: the same file has the same one

	name     string
	best     *candidate
	cuts     []uint64 // of a file that was reopened: see Cuts
	unjoined string   // why its copies could not make up for one another's damage
}

// Name is the file's own name, without folder and without .gz or .zst.
func (f *File) Name() string { return f.name }

// End is the place after the last whole transaction.
func (f *File) End() binlog.Position { return binlog.Position{File: f.name, Offset: f.Good} }

// State says what a copy is worth.
type State string

// States of a copy. An intact copy may still be shorter than another one.
const (
	Intact      State = "intact"
	Torn        State = "torn"
	Corrupt     State = "corrupt"
	Encrypted   State = "encrypted"
	Unsupported State = "unsupported"
	NotBinlog   State = "not a binlog"
	Differs     State = "differs"
	Unreadable  State = "unreadable"
)

// Copy is one copy of a file.
type Copy struct {
	Path  string
	Size  int64 // bytes, as stored
	State State
	Err   error
	Used  bool
}

// Severity orders findings by what they mean for a restore.
type Severity uint8

// Note: nothing to do. Warning: look at it. Gap: transactions are or may be missing. Broken: data that is
// there is damaged.
const (
	Note Severity = iota
	Warning
	Gap
	Broken
)

// String names the severity.
func (s Severity) String() string { return [...]string{"note", "warning", "gap", "corrupt"}[s] }

// MarshalText writes the name, for JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Codes of findings. They appear in JSON and never change their meaning.
const (
	CodeGap         = "gap"            // a file is missing, or numbers are
	CodeTorn        = "torn"           // a file ends inside an event or a transaction, or its end is cut off
	CodeCorrupt     = "corrupt"        // bytes are not what their server wrote
	CodeEncrypted   = "encrypted"      // only its server can read it
	CodeUnsupported = "unsupported"    // a kind of file or event that lifeboat cannot read
	CodeNotBinlog   = "not-a-binlog"   // neither a binlog nor named like something else
	CodeUnreadable  = "unreadable"     // the operating system refuses it
	CodeDuplicate   = "duplicate"      // the same file was given twice
	CodeDiffers     = "differs"        // two copies of one file hold different events
	CodeStitched    = "stitched"       // damaged copies were put together to one intact file, or to one that reaches further
	CodeShorter     = "shorter"        // a copy was taken before the file was complete
	CodeInUse       = "in-use"         // the last file was being written
	CodeNextMissing = "next-missing"   // the last file names a successor that is not there
	CodeUnproven    = "unproven-end"   // nothing shows that a file's end is its server's
	CodeCrash       = "crash-end"      // its server crashed; the successor shows that nothing is lost
	CodeGTIDJump    = "gtid-jump"      // GTIDs appear as committed that are in no file
	CodeForeign     = "foreign-server" // files of another server, or of another series
	CodeFailover    = "failover"       // the log goes on on another server
	CodeReset       = "reset"          // the server began to number its files anew
	CodeRelayLog    = "relay-log"      // written by a replica's I/O thread
	CodeUnverified  = "unverified"     // files without checksums
	CodeIndex       = "index"          // a server's index file names other files, or in another order
	CodeIncident    = "incident"       // the server says that it lost events
)

// Finding is something to know about the archive.
type Finding struct {
	Code     string          `json:"code"`
	Severity Severity        `json:"severity"`
	Pos      binlog.Position `json:"pos"`            // where it begins to matter; zero: nowhere in the chain
	Path     string          `json:"path,omitempty"` // of the copy it speaks of
	Text     string          `json:"text"`
	Remedy   string          `json:"remedy,omitempty"`
}

// Open reads the copies at paths. Each is a folder or a single file. A folder's own files count, not those
// of its subfolders, unless it holds no binlog itself: then the folders in it are copies.
func Open(ctx context.Context, paths []string, o Options) (*Archive, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Workers = o.workers()
	a := &Archive{Roots: paths, index: map[string]int{}, opened: time.Now()}
	found, err := discover(ctx, paths)
	if err != nil {
		return nil, err
	}
	a.Ignored, a.names = found.ignored, found.names()
	a.Findings = append(a.Findings, found.findings...)
	if err := scanAll(ctx, found.candidates, o); err != nil {
		return nil, err
	}
	whole, bad := sortOut(found.candidates)
	if len(whole) == 0 {
		return nil, found.nothing(paths, bad)
	}
	whole, aliases := renamed(whole)
	variants, err := compareCopies(ctx, whole, bad, o.Workers)
	if err != nil {
		return nil, err
	}
	chain, others, err := pickSeries(variants)
	if err != nil {
		return nil, err
	}
	for i, f := range chain {
		a.Files = append(a.Files, f)
		a.index[f.name] = i
	}
	a.describeOthers(others)
	a.attachBad(bad)
	a.attachAliases(aliases)
	a.heed(found.indexes)
	a.link()
	a.checkIndexes()
	for _, f := range a.Files {
		o.Logger.Debug("binlog", "file", f.name, "path", f.Path, "bytes", f.Size, "transactions", f.Transactions, "good", f.Good)
	}
	return a, nil
}

// Index gives the place of a file in the chain, or -1.
func (a *Archive) Index(name string) int {
	if i, ok := a.index[name]; ok {
		return i
	}
	return -1
}

func (a *Archive) add(f Finding) { a.Findings = append(a.Findings, f) }

// Problems gives the findings that matter to whoever reads the log from one place up to another: those in
// [from, to). A zero from is the start of the chain, a zero to its end. A from outside of the chain is a
// finding of its own.
func (a *Archive) Problems(from, to binlog.Position) []Finding {
	var out []Finding
	if f, ok := a.startsElsewhere(from); ok {
		out = append(out, f)
	}
	for _, f := range a.Findings {
		switch {
		case f.Pos.IsZero():
		case !from.IsZero() && f.Pos.Compare(from) < 0:
		case !to.IsZero() && f.Pos.Compare(to) >= 0:
		default:
			out = append(out, f)
		}
	}
	return out
}

func (a *Archive) startsElsewhere(from binlog.Position) (Finding, bool) {
	if from.IsZero() || a.Index(from.File) >= 0 {
		return Finding{}, false
	}
	first, last := a.Files[0], a.Files[len(a.Files)-1]
	f := Finding{Code: CodeGap, Severity: Gap, Pos: from}
	fromBase, _ := binlog.SplitName(from.File)
	base, _ := binlog.SplitName(first.name)
	switch {
	case last.Ending.Next.File == from.File:
		return Finding{}, false // nothing has been written since
	case fromBase != base:
		f.Text = fmt.Sprintf("%s is not a place in these binlogs, which are called %s", from, base)
		f.Remedy = "check that backup and binlogs are of the same server"
	case from.Compare(first.End()) < 0:
		f.Text = fmt.Sprintf("the binlogs begin with %s: what was written from %s up to there is missing", first.name, from)
		f.Remedy = fmt.Sprintf("find the files from %s on, or use a newer backup", from.File)
	default:
		f.Text = fmt.Sprintf("%s, which holds %s, is not among the binlogs", from.File, from)
		f.Remedy = fmt.Sprintf("find the files from %s on", from.File)
	}
	return f, true
}
