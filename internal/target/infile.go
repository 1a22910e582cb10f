package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-sql-driver/mysql"

	"lifeboat/internal/schema"
)

// ErrNotLoaded marks rows that LOAD DATA did not take as they are. What it wrote of them is to be rolled back, and the same rows given to
// INSERT, whose answer counts.
var ErrNotLoaded = errors.New("LOAD DATA did not take the rows as they are")

// Load writes rows as LOAD DATA LOCAL, which costs the server less than an INSERT. data holds their columns as LOAD DATA has them by default: fields
// end with a tab, rows with a line feed, NULL is \N, and a backslash stands before what is none of these. Bytes are taken as they are, without a
// character set. LOAD DATA makes warnings of errors, and of duplicate keys: any warning, and any row too few, is ErrNotLoaded. It needs Server.LocalInfile.
func (c *Conn) Load(ctx context.Context, db, table string, columns []string, data []byte, rows int64) error {
	name := fmt.Sprintf("lifeboat-%p", c)
	mysql.RegisterReaderHandler(name, func() io.Reader { return bytes.NewReader(data) })
	defer mysql.DeregisterReaderHandler(name)
	text := "LOAD DATA LOCAL INFILE 'Reader::" + name + "' INTO TABLE " + schema.QuoteIdent(db) + "." + schema.QuoteIdent(table) +
		` CHARACTER SET binary FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' (` + identList(columns) + ")"
	n, err := c.ExecBytes(ctx, []byte(text))
	if err != nil {
		if Code(err) != 0 && !Retryable(err) && !Transient(err) {
			err = fmt.Errorf("%w: %w", ErrNotLoaded, err)
		}
		return err
	}
	if n != rows {
		return fmt.Errorf("%w: %d of %d", ErrNotLoaded, n, rows)
	}
	err = c.doubts(ctx, func(int, string) bool { return false })
	if errors.Is(err, ErrWarnings) {
		err = fmt.Errorf("%w: %w", ErrNotLoaded, err)
	}
	return err
}
