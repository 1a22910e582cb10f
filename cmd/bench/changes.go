package main

import (
	"context"
	"crypto/md5"
	"fmt"
	"golang.org/x/sync/errgroup"
	"math/rand/v2"
	"strconv"
	"strings"

	"lifeboat/cmd/internal/rig"
)

const (
	clients = 8
	slice   = 4000 // transactions of one call of change
)

// run sends texts of several statements, the n-th of client c made by text; each client has a session of its own.
func (m *maker) run(ctx context.Context, seed, each int, text func(r *rand.Rand, c, n int) string) error {
	g, ctx := errgroup.WithContext(ctx)
	for c := range clients {
		g.Go(func() error {
			db, err := rig.Open(m.s.DSN(), database)
			if err != nil {
				return err
			}
			defer db.Close()
			db.SetMaxOpenConns(1)
			r := rand.New(rand.NewPCG(uint64(seed), uint64(c)))
			for n := range each {
				for q := text(r, c, n); ; {
					_, err := db.ExecContext(ctx, q)
					if err != nil && strings.Contains(err.Error(), "Error 1213 ") { // a deadlock
						continue // the transaction was rolled back
					}
					if err != nil {
						return err
					}
					break
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// transactions is one slice of the log. A client changes only what is its own, so that none waits for another.
func (m *maker) transactions(ctx context.Context, seed int, text func(r *rand.Rand, c, n int) string) (int64, error) {
	err := m.run(ctx, seed, slice/clients, func(r *rand.Rand, c, n int) string { return "BEGIN;" + text(r, c, n) + "COMMIT" })
	return slice, err
}

// filled inserts rows 0 to rows-1 by all clients, many in a statement.
func (m *maker) filled(ctx context.Context, table string, rows int, row func(r *rand.Rand, i int) string) error {
	const most = 500
	each := rows / clients
	return m.run(ctx, 0, (each+most-1)/most, func(r *rand.Rand, c, n int) string {
		var values []string
		for i := n * most; i < min(each, (n+1)*most); i++ {
			values = append(values, "("+row(r, c*each+i)+")")
		}
		return "INSERT INTO " + table + " VALUES " + strings.Join(values, ",")
	})
}

// own is one of rows that belongs to client c, small ones more often.
func own(r *rand.Rand, c, rows int) int {
	each := rows / clients
	x := r.Float64()
	return c*each + int(x*x*x*float64(each))
}

func fillWide(ctx context.Context, m *maker) error {
	if err := execute(ctx, m.s.DSN(), "CREATE TABLE "+database+".wide (id INT NOT NULL PRIMARY KEY, title VARCHAR(200) NOT NULL, doc JSON, body TEXT, raw BLOB, at DATETIME(6) NOT NULL, KEY (title)) CHARSET=utf8mb4"); err != nil {
		return err
	}
	return m.filled(ctx, "wide", m.w.rows, func(r *rand.Rand, i int) string {
		return fmt.Sprintf("%d,'Titel Nummer %d äöü',%s,'%s',UNHEX('%s'),NOW(6)", i, i, document(r), prose(r, 1500), strings.Repeat(fmt.Sprintf("%016x", r.Uint64()), 32))
	})
}

func changeWide(ctx context.Context, m *maker, n int) (int64, error) {
	return m.transactions(ctx, n, func(r *rand.Rand, c, k int) string {
		id := own(r, c, m.w.rows)
		return fmt.Sprintf("UPDATE wide SET doc=JSON_SET(doc,'$.count',%d,'$.mark','%x'), at=NOW(6) WHERE id=%d;UPDATE wide SET body='%s', title=CONCAT('neu ',%d) WHERE id=%d;",
			k, r.Uint64(), id, prose(r, 1500), k, own(r, c, m.w.rows))
	})
}

func document(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString(`'{"count":0,"mark":"","items":[`)
	for i := range 12 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"%08x","price":%d.%02d,"tags":["a","b",null,true],"qty":%d}`, r.Uint32(), r.IntN(1000), r.IntN(100), r.IntN(9))
	}
	b.WriteString(`]}'`)
	return b.String()
}

// prose is text with letters of several bytes and with letters that statements escape.
func prose(r *rand.Rand, size int) string {
	words := []string{"alpha ", "straße ", "naïve ", "日本 ", "O\\'Neil ", "back\\\\slash ", "line\\n", "and "}
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.String()
}

func fillUnique(ctx context.Context, m *maker) error {
	if err := execute(ctx, m.s.DSN(), "CREATE TABLE "+database+".account (tenant INT NOT NULL, id BIGINT NOT NULL, code CHAR(16) NOT NULL, email VARCHAR(80), amount DECIMAL(14,2) NOT NULL, state TINYINT NOT NULL,"+
		" PRIMARY KEY (tenant,id), UNIQUE KEY code (code), UNIQUE KEY email (tenant,email), KEY state (state,amount)) CHARSET=utf8mb4"); err != nil {
		return err
	}
	return m.filled(ctx, "account", m.w.rows, func(r *rand.Rand, i int) string { return accountRow(r, i, fmt.Sprintf("%016x", i)) })
}

func accountRow(r *rand.Rand, i int, code string) string {
	return fmt.Sprintf("%d,%d,'%s','user%d@example.org',%d.%02d,%d", i%97, i, code, i, r.IntN(1e6), r.IntN(100), r.IntN(5))
}

// changeUnique moves unique values between two rows, deletes rows and makes others.
func changeUnique(ctx context.Context, m *maker, n int) (int64, error) {
	return m.transactions(ctx, n, func(r *rand.Rand, c, k int) string {
		a, b := own(r, c, m.w.rows), own(r, c, m.w.rows)
		where := func(i int) string { return fmt.Sprintf(" WHERE tenant=%d AND id=%d;", i%97, i) }
		set := fmt.Sprintf("UPDATE account SET amount=%d.5, state=%d", r.IntN(1e6), r.IntN(5)) + where(a)
		switch {
		case a != b && k%4 == 0:
			return set + "SELECT code INTO @a FROM account" + where(a) + "SELECT code INTO @b FROM account" + where(b) +
				fmt.Sprintf("UPDATE account SET code='swap%d'", c) + where(a) + "UPDATE account SET code=@a" + where(b) + "UPDATE account SET code=@b" + where(a)
		case k%4 == 1:
			return set + "DELETE FROM account" + where(b) + "INSERT INTO account VALUES (" + accountRow(r, b, fmt.Sprintf("%d-%d-%d", c, n, k)) + ");"
		}
		return set + "UPDATE account SET email=CONCAT('new',id,'@example.net')" + where(b)
	})
}

// cascade is a schema of customers, their orders and the items of these, and its changes, with keys of some type: key gives the literal for a number.
type cascade struct {
	keys string
	key  func(n int) string
}

func numbered() cascade { return cascade{"INT", strconv.Itoa} }

// identified has keys as generators of UUIDs make them: in no order.
func identified() cascade {
	return cascade{"CHAR(36)", func(n int) string {
		sum := md5.Sum([]byte(strconv.Itoa(n)))
		return fmt.Sprintf("'%x-%x-%x-%x-%x'", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:])
	}}
}

func (k cascade) fill(ctx context.Context, m *maker) error {
	for _, q := range []string{
		"CREATE TABLE " + database + ".customer (id " + k.keys + " NOT NULL PRIMARY KEY, name VARCHAR(60) NOT NULL)",
		"CREATE TABLE " + database + ".orders (id " + k.keys + " NOT NULL PRIMARY KEY, customer " + k.keys + " NOT NULL, note VARCHAR(100), KEY (customer), CONSTRAINT fc FOREIGN KEY (customer) REFERENCES customer (id) ON DELETE CASCADE)",
		"CREATE TABLE " + database + ".item (id " + k.keys + " NOT NULL PRIMARY KEY, orders " + k.keys + " NOT NULL, sku VARCHAR(40), qty INT, KEY (orders), CONSTRAINT fo FOREIGN KEY (orders) REFERENCES orders (id) ON DELETE CASCADE)",
	} {
		if err := execute(ctx, m.s.DSN(), q); err != nil {
			return err
		}
	}
	n := m.w.rows / 11
	if err := m.filled(ctx, "customer", n, func(_ *rand.Rand, i int) string { return fmt.Sprintf("%s,'customer %d'", k.key(i), i) }); err != nil {
		return err
	}
	if err := m.filled(ctx, "orders", 4*n, func(r *rand.Rand, i int) string {
		return fmt.Sprintf("%s,%s,'order %x'", k.key(i), k.key(i/4), r.Uint64())
	}); err != nil {
		return err
	}
	return m.filled(ctx, "item", 6*n, func(r *rand.Rand, i int) string {
		return fmt.Sprintf("%s,%s,'sku-%x',%d", k.key(i), k.key(i*2/3), r.Uint64(), r.IntN(9))
	})
}

func (k cascade) change(ctx context.Context, m *maker, n int) (int64, error) {
	customers := m.w.rows / 11
	return m.transactions(ctx, n, func(r *rand.Rand, c, t int) string {
		id := own(r, c, customers)
		if t%8 != 0 {
			return fmt.Sprintf("UPDATE orders SET note='again %x' WHERE customer=%s;UPDATE item SET qty=qty+1 WHERE orders=%s;", r.Uint64(), k.key(id), k.key(4*own(r, c, customers)))
		}
		q := fmt.Sprintf("DELETE FROM customer WHERE id=%s;INSERT INTO customer VALUES (%s,'anew %d');", k.key(id), k.key(id), t)
		for j := range 4 {
			q += fmt.Sprintf("INSERT INTO orders VALUES (%s,%s,'new %x');", k.key(4*id+j), k.key(id), r.Uint64())
		}
		return q + fmt.Sprintf("INSERT INTO item VALUES (%s,%s,'sku',1);", k.key(6*id), k.key(4*id))
	})
}

const otherDatabases, tablesEach = 49, 4

// several names the databases of workload F, the wanted one first.
func several() []string {
	names := []string{database}
	for i := range otherDatabases {
		names = append(names, fmt.Sprintf("other%02d", i+1))
	}
	return names
}

func fillMany(ctx context.Context, m *maker) error {
	rows := m.w.rows / (otherDatabases + 1) / tablesEach
	for _, db := range several() {
		if err := execute(ctx, m.s.DSN(), "CREATE DATABASE IF NOT EXISTS "+db); err != nil {
			return err
		}
		for t := range tablesEach {
			name := fmt.Sprintf("%s.t%d", db, t)
			if err := execute(ctx, m.s.DSN(), "CREATE TABLE "+name+" (id INT NOT NULL PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, KEY (k))"); err != nil {
				return err
			}
			if err := m.filled(ctx, name, rows, func(r *rand.Rand, i int) string { return fmt.Sprintf("%d,%d,'%s'", i, r.IntN(1e6), prose(r, 60)) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func changeMany(ctx context.Context, m *maker, n int) (int64, error) {
	dbs := several()
	rows := m.w.rows / len(dbs) / tablesEach
	return m.transactions(ctx, n, func(r *rand.Rand, c, _ int) string {
		var q string
		db := dbs[r.IntN(len(dbs))]
		for range 4 {
			q += fmt.Sprintf("UPDATE %s.t%d SET k=k+1, c='%s' WHERE id=%d;", db, r.IntN(tablesEach), prose(r, 60), own(r, c, rows))
		}
		return q
	})
}
