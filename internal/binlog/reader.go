package binlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"lifeboat/internal/binlog/gtid"
)

// File is one file of a chain, under its own name; Open gives its uncompressed content.
type File interface {
	Name() string
	Open(ctx context.Context) (io.ReadCloser, error)
}

// Transaction is what the log says of one transaction before and while its changes are read.
type Transaction struct {
	Start     Position
	GTID      gtid.GTID
	Committed time.Time // commit time where the log has one, else the time of the first statement; UTC
	ThreadID  uint32    // 0: the log does not say (row transactions of MariaDB)
	ServerID  uint32
	XA        string // id of a distributed transaction, whose fate a later XA statement decides
}

// Kind is the kind of an Item.
type Kind uint8

// What a Reader yields. A transaction is Begin, any of Change, Statement, Savepoint and RollbackTo,
// then Commit, Rollback or Prepare; a DDL statement is a transaction of its own.
const (
	FileStart Kind = iota
	FileEnd
	Begin
	RowChange
	Statement
	Savepoint
	RollbackTo
	Commit
	Rollback
	Prepare
	Incident
)

// Item is one step of reading a chain. Its pointers are valid until the next one is read.
type Item struct {
	Kind   Kind
	Pos    Position // of the event; for events of a compressed payload, of the payload
	End    Position // after the event: after a Commit, a place to resume at
	Time   time.Time
	Tx     *Transaction
	Rows   *Rows
	Query  *Query
	Name   string // of a savepoint; the message of an Incident
	Format *Format
	Ending *Ending // of a FileEnd
}

// Ending tells how a file ends.
type Ending struct {
	Next   Position // from its Rotate event
	Stop   bool     // its server was shut down
	Open   bool     // neither: the last event is an ordinary one
	Torn   error    // the file ends inside an event
	InTx   bool     // or inside a transaction
	TxFrom Position // which began here
}

// Reader turns a chain of files into transactions. It holds one event at a time.
type Reader struct {
	files []File
	next  int
	from  Position
	body  io.ReadCloser
	scan  *Scanner
	maps  *tableMaps

	inner      *Scanner // inside a compressed payload
	innerSize  uint64
	outerPos   Position
	outerEnd   Position
	spare      []byte // the buffer for those
	spareAt    int    // its bytes before this are in use
	zstd       *zstd.Decoder
	control    Query // the last one read that only structures transactions
	one        Rows  // the last one read, where items are handed out one at a time
	queue      []Item
	taken      int // of the queue
	tx         *Transaction
	implicit   bool // tx was opened by a row event without BEGIN
	opening    gtidInfo
	openingPos Position
	annotation []byte   // of the rows that follow, from an Annotate event
	context    bool     // Intvar, Rand or User_var seen
	loose      Position // of the first event that waits for the statement or the rows it belongs to
	ending     Ending
	skipped    *Skim // of what lies before from

	o     ReadOptions
	until uint64 // where the part being read ends; zero: at the end of the file
	feed  *feed  // for batches; nil: one item is handed out at a time
}

// NewReader reads files in the order given. A from that is not zero names a place between transactions
// in one of them: what lies before it is skipped.
func NewReader(files []File, from Position) (*Reader, error) {
	r := &Reader{files: files, from: from, maps: newTableMaps()}
	if from.IsZero() {
		return r, nil
	}
	for i, f := range files {
		if f.Name() == from.File {
			r.next = i
			return r, nil
		}
	}
	return nil, fmt.Errorf("%s: this file is not among those to read", from)
}

// Close releases what the reader holds open.
func (r *Reader) Close() error {
	if r.zstd != nil {
		r.zstd.Close()
		r.zstd = nil
	}
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body = nil
	return err
}

// Next returns the next item, io.EOF after the last file, or a *ReadError. A file that ends inside an
// event or a transaction is not an error here: its FileEnd says so, since only its place in the chain
// tells what that means.
func (r *Reader) Next(ctx context.Context) (Item, error) {
	for {
		if r.taken < len(r.queue) {
			r.taken++
			return r.queue[r.taken-1], nil
		}
		r.queue, r.taken = r.queue[:0], 0
		if err := ctx.Err(); err != nil {
			return Item{}, err
		}
		if r.scan == nil {
			if r.next >= len(r.files) {
				return Item{}, io.EOF
			}
			if err := r.open(ctx); err != nil {
				return Item{}, err
			}
			continue
		}
		if err := r.step(); err != nil {
			return Item{}, err
		}
	}
}

func (r *Reader) open(ctx context.Context) error {
	f := r.files[r.next]
	r.next++
	body, err := f.Open(ctx)
	if err != nil {
		return err
	}
	r.body = body
	r.begun(f.Name())
	return nil
}

// begun sets out on the content of a file.
func (r *Reader) begun(name string) {
	if r.feed == nil {
		r.scan = NewScanner(r.body, name)
	} else {
		r.scan = &Scanner{r: r.body, name: name, buf: r.feed.pool.buf(0), start: margin, end: margin, base: margin, swap: r.swap}
	}
	r.maps.forget()
	r.ending = Ending{Open: true}
	r.opening, r.context, r.loose, r.annotation = gtidInfo{}, false, Position{}, nil
}

// step reads one event, which may yield items.
func (r *Reader) step() error {
	scan := r.scan
	if r.inner != nil {
		scan = r.inner
	}
	fr, err := scan.Next()
	switch {
	case errors.Is(err, io.EOF) && r.inner != nil:
		if r.inner.off != r.innerSize {
			return r.corrupt(TransactionPayload, fmt.Errorf("a compressed transaction of %d bytes where it says %d", r.inner.off, r.innerSize))
		}
		r.endPayload()
		return nil
	case r.inner != nil && err != nil:
		return r.corrupt(TransactionPayload, err)
	case r.until > 0 && (errors.Is(err, io.EOF) || errors.Is(err, ErrTorn)):
		return r.endPart(err)
	case errors.Is(err, io.EOF), errors.Is(err, ErrTorn):
		return r.endFile(err)
	case err != nil:
		return err
	}
	pos, end := Position{scan.name, fr.Offset}, Position{scan.name, fr.End()}
	if r.inner != nil {
		pos, end = r.outerPos, r.outerEnd
		if neverPacked(fr.Type) {
			return r.corrupt(TransactionPayload, fmt.Errorf("a compressed transaction with a %s in it", fr.Type))
		}
	} else {
		r.outerPos, r.outerEnd = pos, end
	}
	if r.skipping(pos) {
		if err := r.skip(fr, end); err != nil || fr.Type != FormatDescriptionEvent {
			return err
		}
	}
	if fr.Type != RotateEvent {
		r.ending = Ending{Open: true} // a Rotate or Stop that is not the last event ends nothing
	}
	switch waits(fr.Type) {
	case startsWaiting:
		if r.loose.IsZero() {
			r.loose = pos
		}
	case endsWaiting:
		r.loose = Position{}
	}
	if err := r.event(fr, pos, end); err != nil {
		var located *ReadError
		if errors.As(err, &located) {
			return err
		}
		return r.corrupt(fr.Type, err)
	}
	return nil
}

func (r *Reader) skipping(pos Position) bool {
	return pos.File == r.from.File && pos.Offset < r.from.Offset
}

// skip passes over an event before the place to start at, which must be one between transactions.
func (r *Reader) skip(fr *Frame, end Position) error {
	if r.skipped == nil {
		r.skipped = &Skim{scan: r.scan}
	}
	if end.Offset > r.from.Offset {
		return &ReadError{Pos: r.from, Kind: ErrUnsupported, Detail: fmt.Sprintf("not the start of an event; the nearest are %d and %d", fr.Offset, end.Offset)}
	}
	if err := r.skipped.event(fr); err != nil {
		return r.corrupt(fr.Type, err)
	}
	if end.Offset == r.from.Offset && !r.skipped.idle() {
		return &ReadError{Pos: r.from, Kind: ErrUnsupported, Detail: fmt.Sprintf("inside a transaction; the nearest place before it is %d", r.skipped.Good)}
	}
	return nil
}

// waiting is what an event means for events that mean nothing without a later one: a file cut between the
// two is cut inside a statement, though no transaction need be open.
type waiting uint8

const (
	keepsWaiting waiting = iota
	startsWaiting
	endsWaiting
)

func waits(typ EventType) waiting {
	switch typ {
	case IntvarEvent, RandEvent, UserVarEvent, TableMapEvent, CreateFileEvent, AppendBlockEvent, BeginLoadQueryEvent:
		return startsWaiting
	case AnnotateRowsEvent, RowsQueryEvent, IgnorableEvent, BinlogCheckpointEvent:
		return keepsWaiting
	}
	return endsWaiting
}

// corrupt locates a decoding error at the current event.
func (r *Reader) corrupt(typ EventType, err error) error {
	kind := ErrCorrupt
	for _, k := range []error{ErrUnsupported, ErrEncrypted} {
		if errors.Is(err, k) {
			kind = k
		}
	}
	return &ReadError{Pos: r.outerPos, Type: typ, Kind: kind, Detail: err.Error()}
}

func (r *Reader) endFile(err error) error {
	if end := (Position{r.scan.name, r.scan.off}); r.skipping(end) {
		return &ReadError{Pos: r.from, Kind: ErrTorn, Detail: fmt.Sprintf("the file ends at %d already", end.Offset)}
	}
	if errors.Is(err, ErrTorn) {
		r.ending.Torn = err
	}
	switch {
	case r.tx != nil: // also one without BEGIN, whose last row event has no statement-end flag
		r.ending.InTx, r.ending.TxFrom = true, r.tx.Start
	case r.opening.known:
		r.ending.InTx, r.ending.TxFrom = true, r.openingPos
	case !r.loose.IsZero():
		r.ending.InTx, r.ending.TxFrom = true, r.loose
	}
	end := Position{r.scan.name, r.scan.off}
	ending := r.ending
	r.emit(Item{Kind: FileEnd, Pos: end, End: end, Format: r.scan.format, Ending: &ending, Tx: r.tx})
	r.tx, r.implicit = nil, false
	return r.closeBody()
}

// closeBody is done with the file at hand.
func (r *Reader) closeBody() error {
	if r.feed != nil {
		r.feed.old = append(r.feed.old, r.scan.buf)
	}
	body := r.body
	r.scan, r.body = nil, nil
	return body.Close()
}

func (r *Reader) emit(it Item) { r.queue = append(r.queue, it) }

// event dispatches on the header's type, never on a decoder's idea of it.
func (r *Reader) event(fr *Frame, pos, end Position) error {
	switch fr.Type {
	case FormatDescriptionEvent:
		r.emit(Item{Kind: FileStart, Pos: pos, End: end, Time: fr.Time(), Format: r.scan.format.named(r.o.LowerNames)})
	case RotateEvent:
		if fr.Flags&flagArtificial != 0 || fr.NextPos == 0 {
			return nil // sent by a replica's I/O thread, not by the file's own server
		}
		next, err := ParseRotate(fr.Body)
		r.ending = Ending{Next: next}
		return err
	case StopEvent:
		r.ending = Ending{Stop: true}
	case PreviousGTIDsEvent, MariaGTIDListEvent:
	case GTIDEvent, AnonymousGTIDEvent, GTIDTaggedEvent, MariaGTIDEvent:
		return r.gtid(fr, pos, end)
	case QueryEvent, QueryCompressed:
		return r.query(fr, pos, end)
	case XIDEvent:
		r.finish(Commit, pos, end)
	case XAPrepareEvent:
		id, onePhase, err := xid(fr.Body)
		if err != nil {
			return err
		}
		if onePhase || r.tx == nil {
			r.finish(Commit, pos, end)
			return nil
		}
		r.amend(func(tx *Transaction) { tx.XA = id })
		r.finish(Prepare, pos, end)
	case TableMapEvent:
		_, err := r.maps.add(fr.Body, r.scan.format)
		return err
	case AnnotateRowsEvent:
		const most = 64 << 10
		r.annotation = bytes.Clone(fr.Body[:min(len(fr.Body), most)])
	case TransactionPayload:
		return r.payload(fr.Body)
	case IntvarEvent, RandEvent, UserVarEvent:
		r.context = true
	case LoadEvent, CreateFileEvent, AppendBlockEvent, ExecLoadEvent, DeleteFileEvent, NewLoadEvent,
		BeginLoadQueryEvent, ExecuteLoadQueryEvent:
		return r.load(fr, pos, end)
	case IncidentEvent:
		r.incident(fr, pos, end)
	case StartEncryptionEvent:
		return fmt.Errorf("%w: what follows can only be read by its server", ErrEncrypted)
	default:
		if _, _, _, ok := rowsLayout(fr.Type); ok {
			return r.rows(fr, pos, end)
		}
		if !ignorable(fr.Header) {
			return fmt.Errorf("%s is not known to lifeboat: %w", fr.Type, ErrUnsupported)
		}
	}
	return nil
}

func (r *Reader) gtid(fr *Frame, pos, end Position) error {
	info, err := parseGTID(fr.Type, fr.ServerID, fr.Body)
	if err != nil {
		return err
	}
	r.abandon(pos)
	r.opening, r.openingPos = info, pos
	if fr.Type == MariaGTIDEvent && !info.standalone {
		r.begin(fr, pos, end, 0)
	}
	return nil
}

// abandon ends a transaction that the log leaves open where another begins.
func (r *Reader) abandon(pos Position) {
	if r.tx == nil {
		return
	}
	kind := Rollback
	if r.implicit {
		kind = Commit
	}
	r.finish(kind, pos, pos)
}

func (r *Reader) begin(fr *Frame, pos, end Position, thread uint32) {
	tx := &Transaction{Start: pos, GTID: r.opening.id, Committed: r.opening.committed, ThreadID: thread, ServerID: fr.ServerID}
	if r.opening.known {
		tx.Start = r.openingPos
	}
	if tx.Committed.IsZero() {
		tx.Committed = fr.Time()
	}
	r.opening = gtidInfo{}
	r.tx, r.implicit = tx, false
	r.emit(Item{Kind: Begin, Pos: tx.Start, End: end, Time: fr.Time(), Tx: tx})
}

func (r *Reader) finish(kind Kind, pos, end Position) {
	if r.tx == nil {
		return // a COMMIT on its own changes nothing
	}
	r.emit(Item{Kind: kind, Pos: pos, End: end, Time: r.tx.Committed, Tx: r.tx})
	r.tx, r.implicit, r.annotation = nil, false, nil
	r.maps.forget()
}

// amend adds to what is known of the open transaction. What was handed out of it stays as it was.
func (r *Reader) amend(change func(*Transaction)) {
	tx := *r.tx
	change(&tx)
	r.tx = &tx
}

func (r *Reader) rows(fr *Frame, pos, end Position) error {
	if r.tx == nil {
		r.begin(fr, pos, end, 0)
		r.implicit = true
	}
	rows := &r.one
	if r.feed != nil {
		rows = r.feed.newRows()
	}
	if err := r.maps.parseRows(rows, fr.Type, fr.Body, r.scan.format, inflate); err != nil {
		return err
	}
	rows.Statement = r.annotation
	if r.o.Count != nil && r.o.Count(rows.Table.Database, rows.Table.Table) {
		rows.Count, rows.CountErr = rows.count()
	}
	r.emit(Item{Kind: RowChange, Pos: pos, End: end, Time: fr.Time(), Tx: r.tx, Rows: rows})
	if r.implicit && rows.Flags&RowsStatementEnd != 0 {
		r.finish(Commit, pos, end)
	}
	return nil
}
