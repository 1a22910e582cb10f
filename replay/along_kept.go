package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"lifeboat/internal/target"
)

// keep collects what was found for the checkpoint: foreign key, value and each row; of a value that no row has, the first two.
func (r *runner) keep(ctx context.Context, id, value string, rows []victim) error {
	g := &r.going
	for i := range max(1, len(rows)) {
		var row []byte
		if i < len(rows) {
			row = rows[i].marshal()
		}
		for _, part := range [][]byte{[]byte(id), []byte(value), row} {
			g.fresh = appendPart(g.fresh, part)
		}
		if len(g.fresh) > batchBytes/4 { // twice as long in a statement
			if err := r.keepVictims(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepVictims writes it there, many rows as one, before the window is written.
func (r *runner) keepVictims(ctx context.Context) error {
	g := &r.going
	if len(g.fresh) == 0 {
		return nil
	}
	_, err := r.ddl.ExecBytes(ctx, fmt.Appendf(nil, "INSERT INTO %s.along (db, found) VALUES (%s, x'%x')", checkpointDB, target.Quote(r.p.Into), g.fresh))
	g.fresh = g.fresh[:0]
	return err
}

// victims reads what an earlier run has noted.
func (cp *checkpoint) victims(ctx context.Context) (map[string][]victim, error) {
	out := map[string][]victim{}
	err := cp.c.Each(ctx, "SELECT found FROM "+checkpointDB+".along WHERE db = "+target.Quote(cp.db), func(scan func(...any) error) error {
		var raw []byte
		if err := scan(&raw); err != nil {
			return err
		}
		all, err := parts(raw)
		for ; err == nil && len(all) > 0; all = all[3:] {
			if len(all) < 3 {
				return errVictim
			}
			name := string(all[0]) + "\x00" + string(all[1])
			if all[2] == nil {
				out[name] = nil
				continue
			}
			var one victim
			one, err = unmarshalVictim(all[2])
			out[name] = append(out[name], one)
		}
		return err
	})
	if errors.Is(err, errVictim) {
		err = cp.damaged(err)
	}
	return out, err
}

// errVictim marks what was found and cannot be read any more.
var errVictim = errors.New("a damaged row of the checkpoint (" + checkpointDB + ".along)")

// marshal joins key and values.
func (v *victim) marshal() []byte {
	var out []byte
	for _, b := range append([][]byte{v.key}, v.refs...) {
		out = appendPart(out, b)
	}
	return out
}

// appendPart appends bytes behind their length and one; 0 is nil.
func appendPart(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 0)
	}
	return append(binary.AppendUvarint(dst, uint64(len(b))+1), b...)
}

func unmarshalVictim(raw []byte) (victim, error) {
	all, err := parts(raw)
	if err == nil && len(all) == 0 {
		err = errVictim
	}
	if err != nil {
		return victim{}, err
	}
	return victim{key: all[0], refs: all[1:]}, nil
}

// parts cuts what was joined so.
func parts(raw []byte) (out [][]byte, err error) {
	for len(raw) > 0 {
		n, size := binary.Uvarint(raw)
		if size <= 0 || n > uint64(len(raw)-size)+1 {
			return nil, errVictim
		}
		if raw = raw[size:]; n == 0 {
			out = append(out, nil)
			continue
		}
		out = append(out, raw[:n-1:n-1])
		raw = raw[n-1:]
	}
	return out, nil
}
