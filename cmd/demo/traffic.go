package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
)

// traffic is what an application does to the shop: sessions at the same time, each with its own
// sequence of transactions. Every transaction goes to the server in one message.
type traffic struct {
	db        *sql.DB
	sessions  int
	each      int // transactions of each session
	seed      uint64
	customers int // ids that the transactions pick from, and so on
	orders    int
	products  int
}

// tally counts what became of the transactions.
type tally struct {
	committed, failed atomic.Int64
}

// run returns when all sessions are through. A transaction that the server refuses is rolled back and counted, as
// an application would do: deadlocks happen, and so do missing tables.
func (t traffic) run(ctx context.Context) (*tally, error) {
	var count tally
	errs := make([]error, t.sessions)
	var all sync.WaitGroup
	for i := range t.sessions {
		all.Go(func() { errs[i] = t.session(ctx, rand.New(rand.NewPCG(t.seed, uint64(i))), &count) })
	}
	all.Wait()
	return &count, errors.Join(errs...)
}

func (t traffic) session(ctx context.Context, r *rand.Rand, count *tally) error {
	c, err := t.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"); err != nil {
		return err
	}
	for range t.each {
		if _, err := c.ExecContext(ctx, t.transaction(r)); err == nil {
			count.committed.Add(1)
			continue
		}
		count.failed.Add(1)
		// This also notices that the server is gone, or that somebody pressed Ctrl-C.
		if _, err := c.ExecContext(ctx, "ROLLBACK"); err != nil {
			return err
		}
	}
	return nil
}

func (t traffic) transaction(r *rand.Rand) string {
	customer, order := 1+r.IntN(t.customers), 1+r.IntN(t.orders)
	switch n := r.IntN(100); {
	case n < 35:
		return placeOrder(r, customer, t.products)
	case n < 55:
		return fmt.Sprintf("BEGIN; SET @total = (SELECT total FROM orders WHERE id = %d AND status = 'new'); "+
			"INSERT INTO payments (id, order_id, method, amount, rate) SELECT x'%016x%016x', %d, %d, @total, %.12g FROM DUAL WHERE @total IS NOT NULL; "+
			"UPDATE customers SET balance = balance - %s, level = %d WHERE id = %d; COMMIT",
			order, r.Uint64(), r.Uint64(), order, 1+r.IntN(4), r.Float64(), money(r, 90), 1+r.IntN(3), customer)
	case n < 72:
		return fmt.Sprintf("UPDATE orders SET status = %d, note = %s WHERE id = %d", 3+r.IntN(2), note(r), order)
	case n < 85:
		return fmt.Sprintf("UPDATE customers SET profile = JSON_SET(profile, '$.logins', %d, '$.city', '%s'), seen_at = NOW(6) WHERE id = %d", r.IntN(1000), pick(r, cities()), customer)
	case n < 88:
		return fmt.Sprintf("BEGIN; UPDATE products SET price = %s WHERE id BETWEEN %d AND %d; COMMIT", money(r, 300), customer%t.products, customer%t.products+5)
	case n < 91:
		return fmt.Sprintf("INSERT INTO customers (email, name, profile) VALUES ('new%016x@example.com', '%s', '%s')", r.Uint64(), name(r), profile(r))
	case n < 94:
		return fmt.Sprintf("BEGIN; DELETE FROM payments WHERE order_id = %d; DELETE FROM order_items WHERE order_id = %d; DELETE FROM orders WHERE id = %d; COMMIT", order, order, order)
	case n < 96:
		return fmt.Sprintf("BEGIN; UPDATE customers SET balance = 0 WHERE id = %d; ROLLBACK", customer)
	}
	return fmt.Sprintf("BEGIN; INSERT INTO crm.calls (contact_id, at, minutes) VALUES (%d, NOW(3), %d.5); UPDATE crm.contacts SET notes = %s WHERE id = %d; COMMIT",
		1+r.IntN(2000), r.IntN(60), note(r), 1+r.IntN(2000))
}

func placeOrder(r *rand.Rand, customer, products int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "BEGIN; INSERT INTO orders (customer_id, total, note, placed_at) VALUES (%d, %s, %s, NOW(3)); SET @o = LAST_INSERT_ID(); INSERT INTO order_items VALUES ",
		customer, money(r, 900), note(r))
	var bought []string
	for line := range 1 + r.IntN(4) {
		if line > 0 {
			b.WriteString(", ")
		}
		product := 1 + r.IntN(products)
		bought = append(bought, fmt.Sprint(product))
		fmt.Fprintf(&b, "(@o, %d, %d, %d, %s)", line+1, product, 1+r.IntN(5), money(r, 300))
	}
	fmt.Fprintf(&b, "; UPDATE products SET stock = stock - 1 WHERE id IN (%s) ORDER BY id; COMMIT", strings.Join(bought, ", "))
	return b.String()
}

// unitTests is what a test suite does to the database that it finds configured: drop, create, fill. It returns
// how many statements it ran.
func unitTests(ctx context.Context, db *sql.DB) (int, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	statements := []string{"SET foreign_key_checks = 0"}
	tables := []string{"payments", "order_items", "orders", "products", "customers"}
	for _, t := range tables {
		statements = append(statements, "DROP TABLE IF EXISTS "+t)
	}
	statements = append(statements, shopTables()...)
	for i := range 20 {
		statements = append(statements,
			fmt.Sprintf("INSERT INTO customers (email, name, profile) VALUES ('test%d@example.com', 'Test User', '{}')", i+1),
			fmt.Sprintf("INSERT INTO products (sku, title, price, stock) VALUES ('TEST-%03d', 'Test product', 9.99, 5)", i+1),
			fmt.Sprintf("INSERT INTO orders (customer_id, total, placed_at) VALUES (%d, 9.99, NOW(3))", i+1),
			fmt.Sprintf("INSERT INTO order_items VALUES (%d, 1, %d, 1, 9.99)", i+1, i+1))
	}
	for _, s := range statements {
		if _, err := c.ExecContext(ctx, s); err != nil {
			return 0, fmt.Errorf("%s: %w", firstLine(s), err)
		}
	}
	return len(statements) - 1, nil
}
