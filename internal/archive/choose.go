package archive

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
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

// renamed parts copies that hold the same as another under another name, such as binlog.000007.bak, from the rest. Which name is the
// server's own is told by a number, and by how many files share its base; where neither tells, nothing is parted.
func renamed(whole []*candidate) (rest []*candidate, aliases map[*candidate]*candidate) {
	bases := map[string]int{}
	for _, c := range whole {
		base, _ := binlog.SplitName(c.name)
		bases[base]++
	}
	rank := func(c *candidate) int {
		if base, n := binlog.SplitName(c.name); n != 0 {
			return bases[base]
		}
		return 0
	}
	best := map[digest]*candidate{}
	for _, c := range whole {
		if d := best[c.digest]; d == nil || rank(c) > rank(d) {
			best[c.digest] = c
		}
	}
	aliases = map[*candidate]*candidate{}
	for _, c := range whole {
		if d := best[c.digest]; c.state == Intact && c.equal(d) && c.name != d.name && rank(c) < rank(d) {
			aliases[c] = d
			continue
		}
		rest = append(rest, c)
	}
	return rest, aliases
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
func compareCopies(ctx context.Context, whole, bad []*candidate, workers int) ([]*variant, error) {
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
			v, err := split(ctx, groups[id], named(bad, id.name))
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
func split(ctx context.Context, copies, bad []*candidate) ([]*variant, error) {
	var out []*variant
	for len(copies) > 0 {
		v, rest, err := newVariant(ctx, copies, bad)
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

// equal reports two copies of one content without reading them again. Where events carry no checksums, the digest alone is not enough
// to rely on.
func (c *candidate) equal(d *candidate) bool {
	return c.digest == d.digest && c.skim.First.Checksum
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

// newVariant makes a file of the best copy and those that agree with it; rest is the intact ones that do not. Damaged copies make up for
// one another where they can, and bad ones, whose first event is damaged, too.
func newVariant(ctx context.Context, copies, bad []*candidate) (v *variant, rest []*candidate, err error) {
	slices.SortFunc(copies, better)
	best := copies[0]
	list := []Copy{{Path: best.path, Size: best.size, State: best.state, Err: best.err}}
	states := []State{best.state}
	alike := []*candidate{best}
	for _, c := range copies[1:] {
		state, why := c.state, c.err
		if !c.equal(best) {
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
		}
		alike, states = append(alike, c), append(states, state)
		list = append(list, Copy{Path: c.path, Size: c.size, State: state, Err: why})
	}
	read, unjoined, err := joinCopies(ctx, alike, states, bad)
	if err != nil {
		return nil, nil, err
	}
	v = &variant{file: newFile(read)}
	v.base, v.number = binlog.SplitName(best.name)
	for i, c := range alike {
		list[i].Used = c.used
		if i > 0 && c.digest != best.digest || c != read && i == 0 {
			v.findings = append(v.findings, compared(c, read, states[i], list[i].Err))
		}
	}
	v.file.Copies, v.file.unjoined = list, unjoined
	if len(read.pieces) > 0 {
		v.findings = append(v.findings, stitched(v.file))
	}
	return v, rest, nil
}

func newFile(c *candidate) *File {
	k := c.skim
	f := &File{
		Path: c.path, Size: c.bytes, Format: k.First, First: k.Began, Last: k.Ended,
		HasPrevious: k.HasPrevious, Previous: k.Previous, GTIDs: k.GTIDs,
		Transactions: k.Transactions, Anonymous: k.Anonymous, Events: k.Events, Ending: k.Ending,
		Proven: c.closed(), Compressed: c.pack != plain, Damage: c.err, Good: k.Good,
		RowEvents: k.RowEvents, PartialRows: k.PartialRows, CompressedTx: k.Compressed, StatementChanges: k.Changes,
		DDL: k.DDL, DDLLeftOut: k.DDLLeftOut, Digest: c.digest.String(), Pieces: c.pieces, name: c.name, best: c,
	}
	if k.OwnGTID.Family == gtid.MySQL {
		f.ServerUUID = serverUUID(k.OwnGTID)
	}
	return f
}

// joinCopies gives what is to be read of a file: its best copy or, where that is damaged and others make up for it, pieces of several.
func joinCopies(ctx context.Context, alike []*candidate, states []State, bad []*candidate) (read *candidate, why string, err error) {
	best := alike[0]
	best.used = true
	var parts []*candidate
	damaged := false
	for i, c := range alike {
		if states[i] != Differs {
			parts = append(parts, c)
			damaged = damaged || c.state == Corrupt
		}
	}
	for _, c := range bad {
		parts = append(parts, c)
		damaged = true
	}
	if best.closed() || len(parts) < 2 || !damaged {
		return best, "", nil // copies that only end early hold nothing that the longest does not
	}
	joined, why, err := stitch(ctx, parts)
	if err != nil || joined == nil {
		return best, why, err
	}
	if err := joined.scan(ctx, &meter{}, best.skim.Keeps()); err != nil {
		return nil, "", err
	}
	if joined.skim == nil || !joined.closed() && joined.skim.Good <= best.skim.Good {
		return best, why, nil
	}
	last := &joined.pieces[len(joined.pieces)-1]
	last.To = max(uint64(joined.bytes), last.From)
	for _, c := range parts {
		c.used = slices.ContainsFunc(joined.pieces, func(p Piece) bool { return p.Path == c.path })
	}
	return joined, why, nil
}

func named(all []*candidate, name string) (out []*candidate) {
	for _, c := range all {
		if c.name == name && c.size > 0 {
			out = append(out, c)
		}
	}
	return out
}

func serverUUID(g gtid.GTID) string {
	g.Tag, g.Seq = "", 1
	s := g.String()
	return s[:len(s)-len(":1")]
}

// compared tells what a copy that is not like the chosen one means.
func compared(c, best *candidate, state State, err error) Finding {
	f := Finding{Severity: Note, Path: c.path, Pos: binlog.Position{File: c.name, Offset: c.skim.Good}}
	spare := spare(c, best)
	switch state {
	case Differs:
		return differs(c, best)
	case Torn:
		f.Code, f.Text = CodeTorn, fmt.Sprintf("%s is cut short after %d%s", c.path, c.skim.Good, spare)
	case Corrupt:
		f.Code, f.Text = CodeCorrupt, fmt.Sprintf("%s is damaged: %s%s", c.path, unadvised(err), spare)
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

// unadvised leaves out advice that was followed, or comes as a finding's remedy.
func unadvised(err error) string { return strings.TrimSuffix(err.Error(), "; "+binlog.UseAnother) }

// spare says what is read in the place of a copy.
func spare(c, best *candidate) string {
	switch {
	case len(best.pieces) > 0:
		return "" // a finding of its own
	case best.state != Intact && c.skim != nil:
		return fmt.Sprintf("; %s reaches further, to %d", best.path, best.skim.Good)
	}
	return fmt.Sprintf("; %s is used instead", best.path)
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
