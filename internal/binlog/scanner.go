package binlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strconv"
	"strings"
)

const (
	margin       = 64       // bytes of the buffer before the first event; see checksum
	firstRead    = 64 << 10 // most of an archive of many small files
	readSize     = 1 << 20
	maxEventSize = 1<<30 + 1<<20 // max_allowed_packet's ceiling, and room for an event's own fields
)

// Format is what a format description event says of its file.
type Format struct {
	ServerVersion string
	MariaDB       bool
	Created       uint32 // seconds; not 0 only in the first file after a server start
	Checksum      bool   // events end in a CRC32
	InUse         bool   // not closed by its server: live, crashed, or copied while in use
	ServerID      uint32
	LowerNames    bool // see ReadOptions
	signed        bool // the format description itself ends in a CRC32: from 5.6.1 on, whatever Checksum is
	postHeader    []byte
}

// named is the format as ReadOptions say that names are.
func (f *Format) named(lower bool) *Format {
	g := *f
	g.LowerNames = lower
	return &g
}

// VersionNumber is the server's version as a number: see VersionNumber.
func (f *Format) VersionNumber() int { return VersionNumber(f.ServerVersion) }

// VersionNumber gives 80404 for 8.4.4-log and 101119 for 10.11.19-MariaDB, 0 for what is no version.
func VersionNumber(v string) int {
	n := 0
	for i, part := range strings.SplitN(strings.TrimPrefix(v, "5.5.5-"), ".", 3) {
		end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
		if end >= 0 && i == 2 {
			part = part[:end]
		}
		k, err := strconv.Atoi(part)
		if err != nil {
			return 0
		}
		n = n*100 + k
	}
	return n
}

// Frame is one event as it lies in a file. Body excludes header and checksum, and is valid until the
// next call of Next.
type Frame struct {
	Header
	Offset uint64
	Body   []byte
	CRC    uint32 // its checksum, which was verified; 0 where it has none
}

// End is the offset of the byte after the event.
func (f *Frame) End() uint64 { return f.Offset + uint64(f.Size) }

// Scanner cuts one file into events and verifies their checksums. It trusts no length: an event is read
// in steps, so a false size costs no more memory than the file has bytes.
type Scanner struct {
	r       io.Reader
	name    string
	buf     []byte // buf[start:end] is read and not yet handed out
	start   int
	end     int
	off     uint64 // offset of buf[start] in the file
	format  *Format
	inner   bool                              // events of a compressed payload: no magic, no checksum
	base    int                               // the buffer before it is not this scanner's
	swap    func(s *Scanner, need int) []byte // gives another buffer in place of this one, which others use now; nil: it is used again
	frame   Frame
	eof     bool
	placed  bool  // an event besides the format description lies where it says
	foreign bool  // events of another log are among these, as in a relay log
	failed  error // of the source, told once the bytes before it are used up
	// Moved counts events whose own next position disagrees with where they lie: relay logs, and files that were cut out of others
	// and so do from the start. Where events did lie right before, bytes are missing, which is an error.
	Moved int
}

// NewScanner reads a file from its first byte. name is the file's own name, used in positions.
func NewScanner(r io.Reader, name string) *Scanner {
	return &Scanner{r: r, name: name, buf: make([]byte, margin+firstRead), start: margin, end: margin, base: margin}
}

// Format is the last format description seen; nil before the first.
func (s *Scanner) Format() *Format { return s.format }

// Offset is where the next event starts.
func (s *Scanner) Offset() uint64 { return s.off }

func (s *Scanner) fail(kind error, h Header, format string, args ...any) error {
	return &ReadError{Pos: Position{s.name, s.off}, Type: h.Type, Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// fill makes at least n bytes available at buf[start:], or says how many there are.
func (s *Scanner) fill(n int) (int, error) {
	if s.end-s.start >= n {
		return s.end - s.start, nil
	}
	return s.read(n)
}

func (s *Scanner) read(n int) (int, error) {
	for s.end-s.start < n && !s.eof {
		if s.start > s.base && (len(s.buf)-s.start < n || s.start == s.end) {
			kept := s.buf[s.start:s.end]
			switch {
			case s.swap != nil:
				s.buf = s.swap(s, len(kept))
			case len(s.buf) < readSize:
				s.buf = make([]byte, margin+readSize)
			}
			copy(s.buf[margin:], kept)
			s.end -= s.start - margin
			s.start, s.base = margin, margin
		}
		if s.end == len(s.buf) {
			s.buf = append(s.buf, make([]byte, min(len(s.buf), max(n-len(s.buf), readSize)))...)
		}
		k, err := s.r.Read(s.buf[s.end:])
		s.end += k
		if errors.Is(err, io.EOF) {
			s.eof = true
		} else if err != nil { // what came with the error is still good
			s.eof, s.failed = true, err
		}
	}
	if s.failed != nil && s.end-s.start < n {
		return s.end - s.start, &ReadError{Pos: Position{s.name, s.off}, Kind: s.failed}
	}
	return s.end - s.start, nil
}

// Next returns the next event. io.EOF means that the file ends between events, which alone proves
// nothing about its being complete.
func (s *Scanner) Next() (*Frame, error) {
	if s.off == 0 && !s.inner {
		if err := s.magic(); err != nil {
			return nil, err
		}
	}
	n, err := s.fill(headerSize)
	if err != nil {
		return nil, err
	}
	if n == 0 && s.format == nil {
		return nil, s.fail(ErrTorn, Header{}, "it ends before its format description")
	}
	if n == 0 {
		return nil, io.EOF
	}
	if n < headerSize {
		return nil, s.fail(ErrTorn, Header{}, "%d bytes of an event's %d-byte header", n, headerSize)
	}
	h := parseHeader(s.buf[s.start:])
	if err := s.checkHeader(h); err != nil {
		return nil, err
	}
	unlikely := !s.inner && s.Moved == 0 && h.NextPos != 0 && h.NextPos != uint32(s.off+uint64(h.Size))
	if h.Size <= readSize || !unlikely { // a false size is not worth the memory
		if n, err = s.fill(int(h.Size)); err != nil {
			return nil, err
		}
	}
	if n < int(h.Size) {
		if unlikely {
			return nil, s.fail(ErrCorrupt, h, "it says that it is %d bytes long and that the next event is at %d, which do not agree", h.Size, h.NextPos)
		}
		return nil, s.fail(ErrTorn, h, "%d of the event's %d bytes", n, h.Size)
	}
	return s.take(h)
}

// Resume goes on at the event that begins at, after Next gave an error: another copy of the file told where that is, and, where this
// one's format description is damaged, its format. It fails if the file is not that long.
func (s *Scanner) Resume(at uint64, f *Format) error {
	for s.off < at {
		n, err := s.fill(int(min(at-s.off, readSize)))
		if err != nil {
			return err
		}
		if n == 0 {
			return s.fail(ErrTorn, Header{}, "it ends before %d", at)
		}
		n = int(min(uint64(n), at-s.off))
		s.start += n
		s.off += uint64(n)
	}
	if s.format == nil {
		s.format = f
	}
	return nil
}

// Same reports two events equal, byte for byte, but for the flag that a server sets while it writes a file.
func (f *Frame) Same(g *Frame) bool {
	a, b := f.Header, g.Header
	if a.Type == FormatDescriptionEvent {
		a.Flags, b.Flags = a.Flags&^flagInUse, b.Flags&^flagInUse
	}
	return a == b && f.Offset == g.Offset && bytes.Equal(f.Body, g.Body)
}

// Placed reports an event that says itself where it lies.
func (f *Frame) Placed() bool { return f.NextPos == uint32(f.End()) && f.NextPos != 0 }

func (s *Scanner) magic() error {
	n, err := s.fill(4)
	if err != nil {
		return err
	}
	m := s.buf[s.start : s.start+min(n, 4)]
	switch {
	case bytes.Equal(m, []byte("\xfebin")):
		s.start += 4
		s.off = 4
		return nil
	case bytes.Equal(m, []byte("\xfdbin")):
		return s.fail(ErrEncrypted, Header{}, "copy it from the server with mysqlbinlog --read-from-remote-server --raw, which decrypts it")
	case n < 4:
		return s.fail(ErrNotBinlog, Header{}, "only %d bytes long", n)
	}
	return s.fail(ErrNotBinlog, Header{}, "it starts with bytes %x, not with a binary log's fe62696e", m)
}

func (s *Scanner) checkHeader(h Header) error {
	switch {
	case h.Size < headerSize || h.Size > maxEventSize:
		return s.fail(ErrCorrupt, h, "an event of %d bytes", h.Size)
	case s.format == nil && h.Type == StartEventV3:
		return s.fail(ErrUnsupported, h, "the log of a server before MySQL 5.0")
	case s.format == nil && h.Type != FormatDescriptionEvent:
		return s.fail(ErrCorrupt, h, "the file does not begin with a format description")
	}
	return nil
}

// take verifies and hands out the event at buf[start:], which is there in full.
func (s *Scanner) take(h Header) (*Frame, error) {
	event := s.buf[s.start : s.start+int(h.Size)]
	body := event[headerSize:]
	crc := uint32(0)
	if h.Type == FormatDescriptionEvent && !s.inner {
		f, err := s.parseFormat(h, body)
		if err != nil {
			return nil, err
		}
		if f.signed {
			if err := s.verify(h, event); err != nil {
				return nil, err
			}
		}
		s.format = f
	} else if s.format.Checksum && !s.inner {
		if len(body) < 4 {
			return nil, s.fail(ErrCorrupt, h, "no room for its checksum")
		}
		if err := s.verify(h, event); err != nil {
			return nil, err
		}
		crc = binary.LittleEndian.Uint32(body[len(body)-4:])
		body = body[:len(body)-4]
	}
	next := s.off + uint64(h.Size)
	if !s.inner && h.NextPos != 0 && h.NextPos != uint32(next) {
		if !s.format.Checksum {
			return nil, s.fail(ErrCorrupt, h, "it says that the next event is at %d, but it ends at %d", h.NextPos, next)
		}
		if s.placed && !s.foreign {
			return nil, s.fail(ErrCorrupt, h, "it says that it ends at %d, but it ends at %d: bytes before it are missing, or too many; "+UseAnother, h.NextPos, next)
		}
		s.Moved++
	}
	switch {
	case s.inner:
	case h.NextPos == 0 || h.Flags&flagArtificial != 0:
		s.foreign = s.foreign || h.Type == RotateEvent
	case h.Type != FormatDescriptionEvent:
		s.placed = s.placed || h.NextPos == uint32(next)
	case s.off > 4:
		s.foreign = true
	}
	s.frame = Frame{h, s.off, body, crc}
	s.start += int(h.Size)
	s.off = next
	return &s.frame, nil
}

func (s *Scanner) verify(h Header, event []byte) error {
	data, want := event[:len(event)-4], binary.LittleEndian.Uint32(event[len(event)-4:])
	var got uint32
	if h.Type == FormatDescriptionEvent && h.Flags&flagInUse != 0 {
		// The server sets the in-use flag after it computed the checksum.
		got = crc32.ChecksumIEEE(data[:17])
		got = crc32.Update(got, crc32.IEEETable, []byte{data[17] &^ flagInUse})
		got = crc32.Update(got, crc32.IEEETable, data[18:])
	} else {
		got = s.checksum(len(data))
	}
	if got != want {
		return s.fail(ErrCorrupt, h, "checksum is %08x, its bytes give %08x; "+UseAnother, want, got)
	}
	return nil
}

// checksum is crc32.ChecksumIEEE of n bytes at buf[start:]. That works in blocks of 16 bytes, from 64 on, and takes as long for what is
// left over as for all the rest of a short event. So zeros are put before the event, to make it whole blocks: from a register of zero on
// they change nothing. The register begins with ones instead, which is the same as the first four bytes inverted. What lay before the
// event, which is used up, and those four bytes are put back.
func (s *Scanner) checksum(n int) uint32 {
	pad := -n & 15
	if n < 64 {
		pad = 64 - n
	}
	var kept [margin]byte
	first := s.start - pad
	before, head := s.buf[first:s.start], s.buf[s.start:s.start+4]
	copy(kept[:], before)
	clear(before)
	word := binary.LittleEndian.Uint32(head)
	binary.LittleEndian.PutUint32(head, ^word)
	got := crc32.Update(math.MaxUint32, crc32.IEEETable, s.buf[first:s.start+n])
	binary.LittleEndian.PutUint32(head, word)
	copy(before, kept[:])
	return got
}

// mostOldTypes is well above the 27 event types of MySQL 5.5 and below the 35 of 5.6; MariaDB lists over 160 since 5.3.
const mostOldTypes = 30

// parseFormat reads a format description event: version (2 bytes), server version (50), created (4),
// header length (1), one post-header length for each event type, then since 5.6.1 the checksum
// algorithm (1) and the event's own checksum (4).
func (s *Scanner) parseFormat(h Header, body []byte) (*Format, error) {
	if len(body) < 57+15 {
		return nil, s.fail(ErrCorrupt, h, "a format description of %d bytes", len(body))
	}
	if v := binary.LittleEndian.Uint16(body); v != 4 {
		return nil, s.fail(ErrUnsupported, h, "binary log version %d", v)
	}
	if body[56] != headerSize {
		return nil, s.fail(ErrCorrupt, h, "header length %d", body[56])
	}
	version, _, _ := bytes.Cut(body[2:52], []byte{0})
	f := &Format{
		ServerVersion: string(version),
		MariaDB:       bytes.Contains(version, []byte("MariaDB")),
		Created:       binary.LittleEndian.Uint32(body[52:]),
		InUse:         h.Flags&flagInUse != 0,
		ServerID:      h.ServerID,
	}
	lengths := body[57:]
	if n := f.VersionNumber(); n >= 50601 || f.MariaDB && n >= 50300 {
		if len(lengths) < 5+15 {
			return nil, s.fail(ErrCorrupt, h, "no checksum algorithm")
		}
		switch alg := lengths[len(lengths)-5]; alg {
		case 0, 255: // none; 255 is what a server's memory has for one that knew no checksums, and no event may turn them off unsigned
			f.signed = true
		case 1:
			f.signed, f.Checksum = true, true
		default:
			return nil, s.fail(ErrCorrupt, h, "checksum algorithm %d", alg)
		}
		lengths = lengths[:len(lengths)-5]
	} else if n == 0 || len(lengths) > mostOldTypes {
		// A damaged version must not turn checksums off.
		return nil, s.fail(ErrCorrupt, h, "server version %q does not go with its %d event types", f.ServerVersion, len(lengths))
	}
	f.postHeader = bytes.Clone(lengths)
	return f, nil
}

// wideTableID reports that table ids take six bytes; before MySQL 5.1.4 they took four.
func (f *Format) wideTableID(t EventType) bool {
	i := int(t) - 1
	return i >= len(f.postHeader) || f.postHeader[i] != 6
}
