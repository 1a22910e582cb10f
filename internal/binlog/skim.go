package binlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"lifeboat/internal/binlog/gtid"
)

// Skim is what one pass over a file's events tells of it without decoding rows: enough to order a chain
// and to know where the file stops being whole. It follows the same rules as Reader, and counts the same
// transactions; compressed payloads stay closed.
type Skim struct {
	First        Format // of the file's own format description
	Began, Ended time.Time
	Foreign      int       // events of another log: what a replica's I/O thread puts into relay logs
	HasPrevious  bool      // the file says what was committed before it
	Previous     gtid.Set  // that set
	GTIDs        gtid.Set  // of the transactions that end in this file
	OwnGTID      gtid.GTID // one of them that this file's own server numbered; zero if there is none
	Anonymous    int64     // transactions without a GTID
	RowEvents    int64     // outside of compressed transactions
	PartialRows  int64     // of these, those whose images lack columns (binlog_row_image), or hold JSON differences
	Compressed   int64     // transactions (MySQL) and events (MariaDB) that are stored compressed
	Changes      int64     // statements that are neither DDL nor structure: changes logged as statements, and account and session statements
	DDL          []Logged  // where they were asked for: CREATE, ALTER, DROP, TRUNCATE and RENAME
	DDLLeftOut   int64     // how many more there are
	Transactions int64
	Events       int64
	Incidents    []Position
	Ending       Ending
	Sum          uint64 // of all events' checksums, in their order
	Good         uint64 // all before it is intact, and no transaction is open there

	cuts       []uint64 // see Cuts
	stretch    uint64   // at least so far from one another
	keep       bool     // DDL
	kept       int      // bytes of it
	began      uint32
	ended      uint32
	scan       *Scanner
	tx         skimTx
	opening    bool // a GTID event whose transaction has not begun
	id         gtid.GTID
	openingPos uint64
	loose      bool // events that wait for the statement or the rows they belong to; see waits
	loosePos   uint64
}

type skimTx struct {
	open     bool
	implicit bool // opened by a row event
	from     uint64
	id       gtid.GTID
}

// SkimFile reads a file to its end. It returns what it found also beside an error, which is a *ReadError:
// Good then says how far the file can be used. A file that ends inside an event or a transaction is no
// error; Ending says so.
func SkimFile(r io.Reader, name string) (*Skim, error) { return skim(r, name, false) }

// SkimDDL is SkimFile that also keeps the statements that make, change or drop something.
func SkimDDL(r io.Reader, name string) (*Skim, error) { return skim(r, name, true) }

// ReadFormat reads no further than a file's own format description.
func ReadFormat(r io.Reader, name string) (*Format, error) {
	s := NewScanner(r, name)
	if _, err := s.Next(); err != nil {
		return nil, err
	}
	return s.Format(), nil
}

func skim(r io.Reader, name string, ddl bool) (*Skim, error) {
	k := &Skim{scan: NewScanner(r, name), Ending: Ending{Open: true}, keep: ddl, stretch: stretchSize}
	for {
		fr, err := k.scan.Next()
		if errors.Is(err, io.EOF) {
			k.end()
			return k, nil
		}
		if errors.Is(err, ErrTorn) {
			k.Ending.Torn = err
			k.end()
			return k, nil
		}
		if err != nil {
			k.end()
			return k, err
		}
		if err := k.event(fr); err != nil {
			k.end()
			kind := ErrCorrupt
			for _, e := range []error{ErrUnsupported, ErrEncrypted} {
				if errors.Is(err, e) {
					kind = e
				}
			}
			return k, &ReadError{Pos: Position{name, fr.Offset}, Type: fr.Type, Kind: kind, Detail: err.Error()}
		}
	}
}

// stretchSize is how many bytes of a file are read in one go, or so: enough to make it worth while, little enough to keep
// in memory until its turn comes.
const stretchSize = 1 << 20

func (k *Skim) nextCut() uint64 {
	if len(k.cuts) == 0 {
		return k.stretch
	}
	return k.cuts[len(k.cuts)-1] + k.stretch
}

// begins reports the events that a transaction begins with, whose meaning does not depend on any before them.
func begins(typ EventType) bool {
	switch typ {
	case GTIDEvent, AnonymousGTIDEvent, GTIDTaggedEvent, MariaGTIDEvent, QueryEvent, QueryCompressed:
		return true
	}
	return false
}

// Cuts gives the places at which the file may be read from, and the format of its events: see Divided. There are none in a file that holds events
// of others, or any that lie elsewhere than they say.
func (k *Skim) Cuts() ([]uint64, *Format) {
	if k.Foreign > 0 || k.Moved() > 0 {
		return nil, nil
	}
	return k.cuts, &k.First
}

// Keeps reports that DDL was asked for.
func (k *Skim) Keeps() bool { return k.keep }

// Moved counts events that lie elsewhere than they say; see Scanner.
func (k *Skim) Moved() int { return k.scan.Moved }

// Size is how many bytes of the file were read as whole events.
func (k *Skim) Size() uint64 { return k.scan.Offset() }

func (k *Skim) pos(off uint64) Position { return Position{k.scan.name, off} }

func (k *Skim) idle() bool { return !k.tx.open && !k.opening && !k.loose }

// event follows Reader.event.
func (k *Skim) event(fr *Frame) error {
	k.Events++
	k.Sum = (k.Sum + uint64(fr.CRC)) * 0x9e3779b97f4a7c15
	if fr.Timestamp != 0 && fr.Flags&flagArtificial == 0 {
		k.ended = max(k.ended, fr.Timestamp)
		if k.began == 0 {
			k.began = fr.Timestamp
		}
	}
	if fr.Offset >= k.nextCut() && k.idle() && begins(fr.Type) {
		k.cuts = append(k.cuts, fr.Offset)
	}
	if fr.Type != RotateEvent {
		k.Ending = Ending{Open: true}
	}
	switch waits(fr.Type) {
	case startsWaiting:
		if !k.loose {
			k.loose, k.loosePos = true, fr.Offset
		}
	case endsWaiting:
		k.loose = false
	}
	err := k.dispatch(fr)
	if err == nil && k.idle() {
		k.Good = fr.End()
	}
	return err
}

func (k *Skim) dispatch(fr *Frame) error {
	switch fr.Type {
	case FormatDescriptionEvent:
		if k.Events == 1 {
			k.First = *k.scan.format
		} else {
			k.Foreign++
		}
	case RotateEvent:
		next, err := ParseRotate(fr.Body)
		if fr.Flags&flagArtificial != 0 || fr.NextPos == 0 {
			k.Foreign++
			return nil
		}
		k.Ending = Ending{Next: next}
		return err
	case StopEvent:
		k.Ending = Ending{Stop: true}
	case PreviousGTIDsEvent, MariaGTIDListEvent:
		set, err := ParsePreviousGTIDs(fr.Type, fr.Body)
		if !k.HasPrevious {
			k.HasPrevious, k.Previous = true, set
		}
		return err
	case GTIDEvent, AnonymousGTIDEvent, GTIDTaggedEvent, MariaGTIDEvent:
		return k.gtid(fr)
	case QueryEvent, QueryCompressed:
		return k.query(fr)
	case XIDEvent, XAPrepareEvent:
		return k.finish()
	case TransactionPayload:
		k.Compressed++
		k.begin(fr)
		return k.finish()
	case IntvarEvent, RandEvent, UserVarEvent, TableMapEvent, CreateFileEvent, AppendBlockEvent,
		BeginLoadQueryEvent, DeleteFileEvent:
	case LoadEvent, NewLoadEvent, ExecLoadEvent, ExecuteLoadQueryEvent:
		k.Changes++
		return k.statement(fr, nil)
	case IncidentEvent:
		k.Incidents = append(k.Incidents, k.pos(fr.Offset))
	case StartEncryptionEvent:
		return fmt.Errorf("%w: what follows can only be read by its server", ErrEncrypted)
	default:
		if _, _, _, ok := rowsLayout(fr.Type); ok {
			return k.rows(fr)
		}
		if !ignorable(fr.Header) {
			return fmt.Errorf("%s is not known to lifeboat: %w", fr.Type, ErrUnsupported)
		}
	}
	return nil
}

func (k *Skim) gtid(fr *Frame) error {
	if err := k.abandon(); err != nil {
		return err
	}
	k.opening, k.openingPos, k.id = true, fr.Offset, gtid.GTID{}
	if fr.Type == GTIDEvent && len(fr.Body) >= 25 {
		// flags (1), source (16), number (8)
		k.id = gtid.GTID{Family: gtid.MySQL, UUID: [16]byte(fr.Body[1:17]), Seq: binary.LittleEndian.Uint64(fr.Body[17:])}
	} else {
		info, err := parseGTID(fr.Type, fr.ServerID, fr.Body)
		if err != nil {
			return err
		}
		k.id = info.id
		if fr.Type == MariaGTIDEvent && !info.standalone {
			k.begin(fr)
		}
	}
	if fr.ServerID == k.First.ServerID {
		k.OwnGTID = k.id
	}
	return nil
}

func (k *Skim) abandon() error {
	k.opening = false // a GTID that nothing followed
	if !k.tx.open {
		return nil
	}
	return k.finish()
}

func (k *Skim) begin(fr *Frame) {
	if k.tx.open {
		return
	}
	k.tx = skimTx{open: true, from: fr.Offset}
	if k.opening {
		k.tx.from, k.tx.id = k.openingPos, k.id
	}
	k.opening = false
}

func (k *Skim) finish() error {
	if !k.tx.open {
		return nil
	}
	k.Transactions++
	if k.tx.id.IsZero() {
		k.Anonymous++
	}
	err := k.GTIDs.Add(k.tx.id)
	k.tx = skimTx{}
	return err
}

func (k *Skim) rows(fr *Frame) error {
	if !k.tx.open {
		k.begin(fr)
		k.tx.implicit = true
	}
	at := 6
	if !k.scan.format.wideTableID(fr.Type) {
		at = 4
	}
	if len(fr.Body) < at+2 {
		return fmt.Errorf("a damaged row event")
	}
	k.RowEvents++
	if partialImages(fr.Type, fr.Body[at+2:]) {
		k.PartialRows++
	}
	if fr.Type >= WriteRowsCompressedV1 {
		k.Compressed++
	}
	if k.tx.implicit && fr.Body[at]&RowsStatementEnd != 0 {
		return k.finish()
	}
	return nil
}

// longestControl is well above what a statement that structures transactions can take, compressed or not.
const longestControl = 300

func (k *Skim) query(fr *Frame) error {
	sql, err := querySQL(fr.Body)
	if err != nil {
		return err
	}
	if fr.Type == QueryCompressed {
		k.Compressed++
	}
	if fr.Type == QueryCompressed && (k.keep || len(sql) <= longestControl) {
		if sql, err = inflate(sql); err != nil {
			return err
		}
	}
	switch verb, _ := control(sql); verb {
	case "BEGIN":
		if !k.opening || !k.tx.open {
			opening := k.opening
			if err := k.abandon(); err != nil {
				return err
			}
			k.opening = opening
			k.begin(fr)
		}
	case "COMMIT", "ROLLBACK":
		return k.finish()
	case "XA START":
		k.begin(fr)
	case "SAVEPOINT", "ROLLBACK TO", "XA END":
	default:
		if err := k.keepDDL(fr, sql); err != nil {
			return err
		}
		return k.statement(fr, sql)
	}
	return nil
}

func (k *Skim) statement(fr *Frame, sql []byte) error {
	if k.tx.open {
		return nil
	}
	k.begin(fr)
	if bytes.HasSuffix(sql, []byte("START TRANSACTION")) {
		return nil
	}
	return k.finish()
}

// end is the last to look into the file. Whoever keeps the result, as an archive does for each of its files, keeps no buffer and no reader with it.
func (k *Skim) end() {
	k.scan.r, k.scan.buf, k.scan.frame = nil, nil, Frame{}
	if k.began != 0 {
		k.Began, k.Ended = time.Unix(int64(k.began), 0).UTC(), time.Unix(int64(k.ended), 0).UTC()
	}
	switch {
	case k.tx.open:
		k.Ending.InTx, k.Ending.TxFrom = true, k.pos(k.tx.from)
	case k.opening:
		k.Ending.InTx, k.Ending.TxFrom = true, k.pos(k.openingPos)
	case k.loose:
		k.Ending.InTx, k.Ending.TxFrom = true, k.pos(k.loosePos)
	}
}

// querySQL cuts the statement out of a Query event; see parseQuery.
func querySQL(body []byte) ([]byte, error) {
	if len(body) < 13 {
		return nil, fmt.Errorf("a Query event of %d bytes", len(body))
	}
	at := 13 + int(binary.LittleEndian.Uint16(body[11:])) + int(body[8]) + 1
	if len(body) < at {
		return nil, fmt.Errorf("a Query event whose parts are longer than it")
	}
	return body[at:], nil
}
