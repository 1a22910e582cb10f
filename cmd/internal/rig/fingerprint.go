package rig

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"regexp"
	"slices"
	"strings"

	// The driver is registered where the servers are started.
	_ "lifeboat/internal/target/scratch"
)

// Object is what a fingerprint says of one table, view or trigger.
type Object struct {
	Rows   int64  // of a table
	Digest string // of its definition and all its rows, in the order of the key
}

// Fingerprint maps what a database holds, as "table orders", to what it is.
type Fingerprint map[string]Object

// Open opens a server by its DSN (ending in "/") with the sessions of the demo: several statements in one, times in UTC.
func Open(dsn, database string) (*sql.DB, error) {
	return sql.Open("mysql", dsn+database+"?multiStatements=true&interpolateParams=true&charset=utf8mb4&time_zone=%27%2B00%3A00%27")
}

// AUTO_INCREMENT counts rows that were rolled back too, of which no log knows.
var counter = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// Take reads every row of every table of a database, in one consistent view, and its definitions.
func Take(ctx context.Context, db *sql.DB, database string) (Fingerprint, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // it only reads
	f := Fingerprint{}
	tables, err := column(ctx, tx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?", database)
	if err != nil {
		return nil, err
	}
	views, err := column(ctx, tx, "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ?", database)
	if err != nil {
		return nil, err
	}
	triggers, err := column(ctx, tx, "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?", database)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		if slices.Contains(views, t) {
			continue
		}
		o, err := table(ctx, tx, database, t)
		if err != nil {
			return nil, fmt.Errorf("reading %s.%s: %w", database, t, err)
		}
		f["table "+t] = o
	}
	for _, v := range views {
		if f["view "+v], err = definition(ctx, tx, "SHOW CREATE VIEW ", database, v); err != nil {
			return nil, err
		}
	}
	for _, t := range triggers {
		if f["trigger "+t], err = definition(ctx, tx, "SHOW CREATE TRIGGER ", database, t); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func column(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]string, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func ident(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// definition is an object's CREATE statement; when it was made is not part of it.
func definition(ctx context.Context, tx *sql.Tx, show, database, name string) (Object, error) {
	rows, err := tx.QueryContext(ctx, show+ident(database)+"."+ident(name))
	if err != nil {
		return Object{}, err
	}
	defer rows.Close()
	h := sha256.New()
	err = scan(rows, func(names []string, values []sql.RawBytes) {
		for i, n := range names {
			if n != "Created" {
				// A view's text names its database.
				put(h, []byte(strings.ReplaceAll(string(values[i]), ident(database)+".", "")))
			}
		}
	})
	return Object{Digest: sum(h)}, err
}

func table(ctx context.Context, tx *sql.Tx, database, name string) (Object, error) {
	var o Object
	qualified := ident(database) + "." + ident(name)
	h := sha256.New()
	var title, create string
	if err := tx.QueryRowContext(ctx, "SHOW CREATE TABLE "+qualified).Scan(&title, &create); err != nil {
		return o, err
	}
	put(h, []byte(counter.ReplaceAllString(create, "")))
	columns, err := column(ctx, tx, "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION", database, name)
	if err != nil {
		return o, err
	}
	key, err := column(ctx, tx, "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX", database, name)
	if err != nil {
		return o, err
	}
	if len(key) == 0 {
		key = columns // equal rows are equal in any order
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+list(columns)+" FROM "+qualified+" ORDER BY "+list(key))
	if err != nil {
		return o, err
	}
	defer rows.Close()
	err = scan(rows, func(_ []string, values []sql.RawBytes) {
		o.Rows++
		for _, v := range values {
			put(h, v)
		}
	})
	o.Digest = sum(h)
	return o, err
}

func list(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = ident(n)
	}
	return strings.Join(quoted, ", ")
}

// scan hands each row on as the bytes that the server sent.
func scan(rows *sql.Rows, row func([]string, []sql.RawBytes)) error {
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]sql.RawBytes, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row(names, values)
	}
	return rows.Err()
}

// put adds a value so that no two different rows add the same bytes; nil is NULL.
func put(h hash.Hash, v []byte) {
	length := int64(len(v))
	if v == nil {
		length = -1
	}
	var head [8]byte
	binary.LittleEndian.PutUint64(head[:], uint64(length))
	h.Write(head[:])
	h.Write(v)
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:12]) }

// Names are what the database holds, sorted.
func (f Fingerprint) Names() []string { return slices.Sorted(maps.Keys(f)) }

// Rows counts the rows of all tables.
func (f Fingerprint) Rows() int64 {
	var n int64
	for _, o := range f {
		n += o.Rows
	}
	return n
}

// Differences says, a line each, where g is not as f.
func (f Fingerprint) Differences(g Fingerprint) []string {
	var out []string
	for _, name := range f.Names() {
		want := f[name]
		got, ok := g[name]
		switch {
		case !ok:
			out = append(out, name+" is missing")
		case got.Rows != want.Rows:
			out = append(out, fmt.Sprintf("%s has %d rows instead of %d", name, got.Rows, want.Rows))
		case got != want:
			out = append(out, fmt.Sprintf("%s has other contents (%s instead of %s)", name, got.Digest, want.Digest))
		}
	}
	for _, name := range g.Names() {
		if _, ok := f[name]; !ok {
			out = append(out, name+" should not be there")
		}
	}
	return out
}
