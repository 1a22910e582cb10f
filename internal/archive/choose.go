package archive

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
)

// sortOut parts copies that hold at least a format description from those of which nothing can be used.
func sortOut(all []*candidate) (whole, bad []*candidate) {
	for _, c := range all {
		if c.skim != nil && c.skim.Events > 0 && c.state != Encrypted {
			whole = append(whole, c)
		} else {
			bad = append(bad, c)
		}
	}
	return whole, bad
}

func largestFirst(all []*candidate) []*candidate {
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b *candidate) int { return cmp.Compare(b.size, a.size) })
	return out
}

// identity is what a server writes into the first event of a file and never into another file's.
type identity struct {
	name    string
	server  uint32
	version string
	created uint32
	began   time.Time
}

func (c *candidate) identity() identity {
	f := c.skim.First
	return identity{c.name, f.ServerID, f.ServerVersion, f.Created, c.skim.Began}
}

// variant is a file with all copies of it. Files of one name that began differently are variants of that
// name: of other servers, or from before a server's reset.
type variant struct {
	file     *File
	base     string
	number   uint64
	findings []Finding
}

// compareCopies groups copies into files, chooses the best of each, and compares the others with it.
func compareCopies(ctx context.Context, whole []*candidate, workers int) ([]*variant, error) {
	groups := map[identity][]*candidate{}
	var order []identity
	for _, c := range whole {
		id := c.identity()
		if groups[id] == nil {
			order = append(order, id)
		}
		groups[id] = append(groups[id], c)
	}
	out := make([][]*variant, len(order))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for i, id := range order {
		g.Go(func() error {
			v, err := split(ctx, groups[id])
			out[i] = v
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(out...), nil
}

// split makes one file of the copies, or several where intact copies hold different events: then what comes
// before and after them in the log may tell which of them is right.
func split(ctx context.Context, copies []*candidate) ([]*variant, error) {
	var out []*variant
	for len(copies) > 0 {
		v, rest, err := newVariant(ctx, copies)
		if err != nil {
			return nil, err
		}
		out, copies = append(out, v), rest
	}
	return out, nil
}

// better orders copies: complete ones first, then by how far they can be used.
func better(a, b *candidate) int {
	return cmp.Or(
		-compareBool(a.closed(), b.closed()),
		-cmp.Compare(a.skim.Good, b.skim.Good),
		-compareBool(a.state == Intact, b.state == Intact),
		-compareBool(a.state == Torn, b.state == Torn),
		-compareBool(a.pack == plain, b.pack == plain),
		cmp.Compare(a.root, b.root),
		cmp.Compare(a.path, b.path),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// closed reports a copy that ends as its server ended the file.
func (c *candidate) closed() bool {
	return c.state == Intact && !c.skim.Ending.Open
}

// newVariant makes a file of the best copy and those that agree with it; rest is the intact ones that do not.
func newVariant(ctx context.Context, copies []*candidate) (v *variant, rest []*candidate, err error) {
	slices.SortFunc(copies, better)
	best := copies[0]
	k := best.skim
	v = &variant{file: &File{
		Path: best.path, Size: best.bytes, Format: k.First, First: k.Began, Last: k.Ended,
		HasPrevious: k.HasPrevious, Previous: k.Previous, GTIDs: k.GTIDs,
		Transactions: k.Transactions, Anonymous: k.Anonymous, Events: k.Events, Ending: k.Ending,
		Proven: best.closed(), Compressed: best.pack != plain, Damage: best.err, Good: k.Good,
		Digest: best.digest.String(), name: best.name, best: best,
	}}
	if k.OwnGTID.Family == gtid.MySQL {
		v.file.ServerUUID = serverUUID(k.OwnGTID)
	}
	v.base, v.number = binlog.SplitName(best.name)
	v.file.Copies = []Copy{{Path: best.path, Size: best.size, State: best.state, Err: best.err, Used: true}}
	for _, c := range copies[1:] {
		state, why := c.state, c.err
		if c.digest != best.digest {
			same, at, err := samePrefix(ctx, best, c)
			if err != nil {
				return nil, nil, err
			}
			if !same && c.state == Intact {
				rest = append(rest, c)
				continue
			}
			if !same {
				state, why = Differs, fmt.Errorf("it holds other bytes than %s before offset %d", best.path, at)
			}
			v.findings = append(v.findings, compared(c, best, state, why))
		}
		v.file.Copies = append(v.file.Copies, Copy{Path: c.path, Size: c.size, State: state, Err: why})
	}
	return v, rest, nil
}

func serverUUID(g gtid.GTID) string {
	g.Tag, g.Seq = "", 1
	s := g.String()
	return s[:len(s)-len(":1")]
}

// compared tells what a copy that is not like the chosen one means.
func compared(c, best *candidate, state State, err error) Finding {
	f := Finding{Severity: Note, Path: c.path, Pos: binlog.Position{File: c.name, Offset: c.skim.Good}}
	spare := fmt.Sprintf("; %s is used instead", best.path)
	if best.state != Intact {
		spare = fmt.Sprintf("; %s reaches further, to %d", best.path, best.skim.Good)
	}
	switch state {
	case Differs:
		return differs(c, best)
	case Torn:
		f.Code, f.Text = CodeTorn, fmt.Sprintf("%s is cut short after %d%s", c.path, c.skim.Good, spare)
	case Corrupt:
		f.Code, f.Text = CodeCorrupt, fmt.Sprintf("%s is damaged: %v%s", c.path, err, spare)
	case Unsupported:
		f.Code, f.Text = CodeUnsupported, fmt.Sprintf("%s: %v%s", c.path, err, spare)
	case Unreadable:
		f.Code, f.Text = CodeUnreadable, fmt.Sprintf("%s: %v%s", c.path, err, spare)
	default:
		f.Code = CodeShorter
		f.Text = fmt.Sprintf("%s ends at %d, before the file was complete%s", c.path, c.skim.Good, spare)
	}
	return f
}

func differs(c, used *candidate) Finding {
	return Finding{Code: CodeDiffers, Severity: Broken, Path: c.path, Pos: binlog.Position{File: c.name},
		Text:   fmt.Sprintf("%s and %s are copies of one file, but their events differ; %s is used", c.path, used.path, used.path),
		Remedy: "find out which of the two is its server's, and leave the other away"}
}

// samePrefix compares two copies over what both hold intact, the in-use flag aside; at is the offset up to
// which they were compared.
func samePrefix(ctx context.Context, a, b *candidate) (same bool, at int64, err error) {
	limit := int64(min(a.skim.Good, b.skim.Good))
	x, err := openSource(ctx, a.path, nil)
	if err != nil {
		return false, 0, err
	}
	defer x.Close()
	y, err := openSource(ctx, b.path, nil)
	if err != nil {
		return false, 0, err
	}
	defer y.Close()
	p, q := bufio.NewReaderSize(io.LimitReader(x, limit), readAhead), bufio.NewReaderSize(io.LimitReader(y, limit), readAhead)
	bp, bq := make([]byte, 64<<10), make([]byte, 64<<10)
	for at < limit {
		n, err := io.ReadFull(p, bp)
		m, err2 := io.ReadFull(q, bq)
		for _, e := range []error{err, err2} {
			if e != nil && !errors.Is(e, io.EOF) && !errors.Is(e, io.ErrUnexpectedEOF) {
				return false, at, e
			}
		}
		if i := inUseAt - at; i >= 0 && i < int64(min(n, m)) {
			bp[i] &^= 1
			bq[i] &^= 1
		}
		at += int64(n)
		if n != m || !slices.Equal(bp[:n], bq[:m]) {
			return false, at, nil
		}
		if n == 0 {
			return false, at, fmt.Errorf("%s and %s: a file changed while it was read", a.path, b.path)
		}
	}
	return true, at, nil
}
