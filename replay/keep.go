package replay

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"lifeboat/internal/target"
)

// makeKept makes the table of what callers keep with their jobs, in pieces that every server's max_allowed_packet takes.
const makeKept = "CREATE TABLE IF NOT EXISTS " + checkpointDB + ".kept (db VARBINARY(255) NOT NULL, n INT NOT NULL, piece LONGBLOB NOT NULL, PRIMARY KEY (db, n)) ENGINE=InnoDB"

const keptPiece = 256 << 10 // bytes

// Kept gives what Options.Keep kept with the unfinished restore into db, and the digest of that restore's plan; nil: nothing.
func Kept(ctx context.Context, srv *target.Server, db string) (kept []byte, digest string, err error) {
	c, err := srv.Conn(ctx, "")
	if err != nil {
		return nil, "", err
	}
	defer func() { c.Close() }()
	var text []byte
	var st State
	switch err = c.Row(ctx, "SELECT state FROM "+checkpointDB+".job WHERE db = "+target.Quote(db), &text); {
	case errors.Is(err, sql.ErrNoRows) || target.Code(err) == errNoTable || target.Code(err) == errNoDatabase:
		return nil, "", nil
	case err != nil:
		return nil, "", err
	}
	if json.Unmarshal(text, &st) != nil || st.Form != checkpointForm {
		return nil, "", nil // the restore says what to do about it
	}
	err = c.Each(ctx, "SELECT piece FROM "+checkpointDB+".kept WHERE db = "+target.Quote(db)+" ORDER BY n", func(scan func(...any) error) error {
		var piece []byte
		err := scan(&piece)
		kept = append(kept, piece...)
		return err
	})
	if target.Code(err) == errNoTable { // a job of an earlier version
		return nil, "", nil
	}
	return kept, st.Digest, err
}

// keep replaces what is kept with the job.
func (cp *checkpoint) keep(ctx context.Context, what []byte) error {
	if what == nil {
		return nil
	}
	if err := cp.c.Exec(ctx, makeKept); err != nil {
		return err
	}
	if err := cp.c.Begin(ctx); err != nil {
		return err
	}
	if err := cp.c.Exec(ctx, "DELETE FROM "+checkpointDB+".kept WHERE db = "+target.Quote(cp.db)); err != nil {
		return err
	}
	n := 0
	for piece := range slices.Chunk(what, keptPiece) {
		if _, err := cp.c.ExecBytes(ctx, fmt.Appendf(nil, "INSERT INTO %s.kept (db, n, piece) VALUES (%s, %d, x'%x')", checkpointDB, target.Quote(cp.db), n, piece)); err != nil {
			return err
		}
		n++
	}
	return cp.c.Commit(ctx)
}
