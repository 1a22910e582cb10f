package replay

import (
	"log/slog"
	"time"

	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/spill"
	"lifeboat/replay/plan"
	"lifeboat/snapshot"
)

// Source is what a plan reads: the chain's files in order, and the base, which may be nil.
type Source struct {
	Files    []binlog.File
	Sizes    []int64 // of the files, uncompressed bytes
	Snapshot *snapshot.Snapshot
}

// NewSource names what a plan made from a and s reads.
func NewSource(a *archive.Archive, s *snapshot.Snapshot) Source {
	src := Source{Files: plan.Files(a), Snapshot: s}
	for _, f := range a.Files {
		src.Sizes = append(src.Sizes, f.Size)
	}
	return src
}

// Options are how a restore runs; they do not change its result.
type Options struct {
	Workers int
	Memory  int64 // bytes for the fold
	// Spill is where a fold goes that does not fit. Without it a window ends when the fold is full.
	Spill spill.Storage
	// Serial writes every change by itself, in log order, as only tables that do not fold need it. It is the slow, plain way that tests
	// compare the fold with, and no flag has it: whoever doubts a result is better served by verify. A restore that goes on keeps the way it began.
	Serial bool
	// BaseFirst loads the whole snapshot before the log is read, and writes over it, as onto a base that was loaded: what tests compare
	// the merge with, and no flag has it either.
	BaseFirst bool
	// IndexesLaterFrom is from how many bytes of rows in the snapshot on a table's indexes are built behind them; 0: the usual.
	IndexesLaterFrom int64
	// Keep is what Kept gives while the restore is unfinished; nil: what an earlier run has kept.
	Keep   []byte
	Report func(Progress) // calls do not overlap, nor overtake one another; it may be nil
	Logger *slog.Logger
	// Patience is how long faults of the target that may pass are waited out while nothing gets done; 0: not at all.
	Patience time.Duration
	// Waiting is told of each such fault, and when the next try is. It may be nil.
	Waiting func(err error, pause time.Duration)
}

// Progress is where a restore is. Done and Total are bytes of the snapshot or the log, or rows.
type Progress struct {
	Phase       string
	Unit        string
	Done, Total int64
	Rows        int64
	Position    binlog.Position
	Window      int
}

// Result is the outcome of a restore that came to its end.
type Result struct {
	Counts     Counts
	Resumed    bool
	Retries    int // times the target was lost and found again
	Windows    int
	Spilled    int64             // the most bytes that did not fit into memory at one time
	Lanes      map[string]string // table → why it took the serial lane
	Doubts     []Doubt           // rows that the base should have and lacks, or the other way round
	Orphans    []string          // the missing ones of them, a line for each table
	Incomplete []string          // what could not be restored, one line each
	Partial    []PartialTable    // tables that neither backup nor log made, as far as the log shows them
	Definers   []string          // accounts that the target lacks, with what they own, one line each
}
