package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strings"

	"lifeboat/internal/binlog"
)

// Piece is a stretch of a file that is read from one of its copies: from an event's first byte up to
// another's.
type Piece struct {
	From, To uint64 // offsets in the uncompressed file; the last piece goes on to the file's end
	Path     string
}

// strand is one copy that takes part in stitching.
type strand struct {
	c     *candidate
	src   *source
	scan  *binlog.Scanner
	frame *binlog.Frame // its event at the place looked at; nil if that is damaged
	over  bool          // it ends, or holds something else than the copies before it
}

// run is a stretch of events over which the same copies are intact, and equal.
type run struct {
	from, to uint64
	intact   uint64 // a bit for each strand
}

// mostStrands is how many copies of one file take part; more than three are rare.
const mostStrands = 64

// weave compares damaged copies of a file event by event.
//
// Two histories of one server (a machine that was set back to a snapshot) can begin alike, but never meet again: an event carries its
// time, its place and a checksum over both. So where two copies are intact and equal at one event, they are the same file up to the
// end of it, and either may stand in for the other before. Behind the last event on which they agree, nothing shows that.
type weave struct {
	strands []*strand
	runs    []run
	agree   [][]uint64 // by pair of strands: the end of the last event on which they agree
	differs []differing
}

// differing is a copy whose intact event is another than the intact one of the copies before it.
type differing struct {
	c, from *candidate
	at      uint64
}

// stitch makes a candidate that reads further than the best copy by taking from each copy what is intact in it. It returns nil where
// that gains nothing; why then tells what was in the way, if anything was. copies are in order of preference.
func stitch(ctx context.Context, copies []*candidate) (joined *candidate, why string, err error) {
	w := &weave{}
	defer w.close()
	for _, c := range copies[:min(len(copies), mostStrands)] {
		src, err := openSource(ctx, c.path, nil)
		if err != nil {
			if ctx.Err() != nil {
				return nil, "", ctx.Err()
			}
			continue // what is wrong with it is said elsewhere
		}
		w.strands = append(w.strands, &strand{c: c, src: src, scan: binlog.NewScanner(src, c.name)})
	}
	w.agree = make([][]uint64, len(w.strands))
	for i := range w.agree {
		w.agree[i] = make([]uint64, len(w.strands))
	}
	if why, err = w.compare(ctx); err != nil || why != "" {
		return nil, why, err
	}
	tail, pieces, reach := w.choose()
	if end := w.runs[len(w.runs)-1].to; reach < end {
		why = fmt.Sprintf("copies are intact up to %d between them, but share no intact event behind %d that would show that they belong together", end, reach)
	}
	if len(pieces) < 2 {
		return nil, why, nil
	}
	c := w.strands[tail].c
	joined = &candidate{name: c.name, path: c.path, root: c.root, size: c.size, info: c.info, pack: c.pack, pieces: pieces}
	return joined, why, nil
}

func (w *weave) close() {
	for _, s := range w.strands {
		_ = s.src.Close() // only read
	}
}

// compare walks the strands side by side up to the first event that none of them holds.
func (w *weave) compare(ctx context.Context) (why string, err error) {
	for at := uint64(0); ; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		lead := w.next()
		if lead == nil {
			break
		}
		f := lead.scan.Format()
		if !f.Checksum {
			return "without checksums nothing tells which bytes of which copy are right", nil
		}
		now := run{at, lead.frame.End(), 0}
		for i, s := range w.strands {
			switch {
			case s.over:
			case s.frame == nil:
				s.over = s.scan.Resume(now.to, f) != nil
			case !s.frame.Same(lead.frame):
				s.over = true
				w.differs = append(w.differs, differing{s.c, lead.c, now.from})
			default:
				now.intact |= 1 << i
			}
		}
		w.add(now)
		at = now.to
	}
	if len(w.runs) == 0 {
		return "no copy is intact at its start", nil
	}
	if len(w.differs) > 0 {
		d := w.differs[0]
		return fmt.Sprintf("%s and %s are both intact at %d, and differ there", d.from.path, d.c.path, d.at), nil
	}
	return "", nil
}

// next reads the next event of every strand; the first that is intact leads.
func (w *weave) next() (lead *strand) {
	for _, s := range w.strands {
		s.frame = nil
		if s.over {
			continue
		}
		fr, err := s.scan.Next()
		switch {
		case errors.Is(err, io.EOF):
			s.over = true
		case err == nil && fr.Placed():
			s.frame = fr
			if lead == nil {
				lead = s
			}
		}
	}
	return lead
}

func (w *weave) add(r run) {
	for i := range w.strands {
		for j := range w.strands {
			if r.intact>>i&r.intact>>j&1 == 1 {
				w.agree[i][j] = r.to
			}
		}
	}
	if n := len(w.runs); n > 0 && w.runs[n-1].intact == r.intact {
		w.runs[n-1].to = r.to
		return
	}
	w.runs = append(w.runs, r)
}

// same gives the strands that are known to be one file with strand t up to an offset.
func (w *weave) same(t int, upTo uint64) (known uint64) {
	known = 1 << t
	for again := true; again; {
		again = false
		for i := range w.strands {
			for j := range w.strands {
				if known>>i&1 == 1 && known>>j&1 == 0 && w.agree[i][j] >= upTo {
					known |= 1 << j
					again = true
				}
			}
		}
	}
	return known
}

// choose takes the strand to end with, such that the pieces before it reach furthest, and those pieces.
func (w *weave) choose() (tail int, pieces []Piece, reach uint64) {
	for t := range w.strands {
		p, to := w.towards(t)
		if to > reach {
			tail, pieces, reach = t, p, to
		}
	}
	return tail, pieces, reach
}

// towards goes through the runs as long as each is intact in t or in a strand known to be the same file. What lies behind in t is read
// as it is, so that its damage shows.
func (w *weave) towards(t int) (pieces []Piece, reach uint64) {
	for _, r := range w.runs {
		usable := r.intact & w.same(t, r.to)
		if usable == 0 {
			break
		}
		i := t
		if usable>>t&1 == 0 {
			i = bits.TrailingZeros64(usable)
		}
		path := w.strands[i].c.path
		if n := len(pieces); n > 0 && pieces[n-1].Path == path {
			pieces[n-1].To = r.to
		} else {
			pieces = append(pieces, Piece{r.from, r.to, path})
		}
		reach = r.to
	}
	if n := len(pieces); n > 0 && pieces[n-1].Path != w.strands[t].c.path {
		return nil, 0 // it is not t that ends it
	}
	if n := len(pieces); n > 0 {
		pieces[n-1].To = math.MaxUint64
	}
	return pieces, reach
}

// pieced reads pieces one after the other.
type pieced struct {
	ctx   context.Context
	todo  []Piece
	at    uint64
	src   *source
	count func(int)
}

func (p *pieced) Read(b []byte) (int, error) {
	for {
		if p.src == nil {
			if len(p.todo) == 0 {
				return 0, io.EOF
			}
			if err := p.open(); err != nil {
				return 0, err
			}
		}
		left := p.todo[0].To - p.at
		n, err := p.src.Read(b[:min(uint64(len(b)), left)])
		p.at += uint64(n)
		switch {
		case p.at == p.todo[0].To:
			p.todo = p.todo[1:]
			if err := p.Close(); err != nil {
				return n, err
			}
		case errors.Is(err, io.EOF) && len(p.todo) > 1:
			return n, fmt.Errorf("%s: it was changed while it was read: %w", p.todo[0].Path, io.ErrUnexpectedEOF)
		case err != nil:
			return n, err
		}
		if n > 0 || len(b) == 0 {
			return n, nil
		}
	}
}

func (p *pieced) open() (err error) {
	if p.src, err = openSource(p.ctx, p.todo[0].Path, p.count); err != nil {
		return err
	}
	if err = p.src.skip(p.todo[0].From); err != nil {
		return fmt.Errorf("%s: %w", p.todo[0].Path, err)
	}
	return nil
}

func (p *pieced) Close() error {
	if p.src == nil {
		return nil
	}
	err := p.src.Close()
	p.src = nil
	return err
}

// stitched tells which bytes come from which copy.
func stitched(f *File) Finding {
	var parts []string
	for i, p := range f.Pieces {
		to := fmt.Sprintf("to %d", p.To)
		if i == len(f.Pieces)-1 {
			to = "on"
		}
		parts = append(parts, fmt.Sprintf("from %d %s %s", p.From, to, p.Path))
		if i == 5 && len(f.Pieces) > 7 {
			parts = append(parts, fmt.Sprintf("and %d more pieces", len(f.Pieces)-i-1))
			break
		}
	}
	return Finding{Code: CodeStitched, Severity: Note, Pos: binlog.Position{File: f.name, Offset: f.Pieces[0].To}, Path: f.Path,
		Text: fmt.Sprintf("%s is put together from copies that are damaged in different places and agree on what surrounds them: %s", f.name, strings.Join(parts, ", "))}
}
