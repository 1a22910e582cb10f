package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
)

// The shop as it is when it is backed up.
const (
	customers = 20_000
	products  = 1_000
	orders    = 60_000
)

// shopTables are the CREATE TABLE statements of the shop, parents first. The "unit tests" make the same tables.
func shopTables() []string {
	return []string{`
CREATE TABLE customers (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  email      VARCHAR(120) NOT NULL,
  name       VARCHAR(80) NOT NULL,
  level      ENUM('bronze','silver','gold') NOT NULL DEFAULT 'bronze',
  flags      SET('newsletter','invoice','blocked') NOT NULL DEFAULT '',
  balance    DECIMAL(12,2) NOT NULL DEFAULT 0,
  profile    JSON,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  seen_at    TIMESTAMP(6) NULL,
  UNIQUE KEY (email)
)`, `
CREATE TABLE products (
  id    INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  sku   CHAR(12) NOT NULL,
  title VARCHAR(200) NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  stock INT NOT NULL,
  tags  JSON,
  image VARBINARY(32),
  UNIQUE KEY (sku)
)`, `
CREATE TABLE orders (
  id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id BIGINT UNSIGNED NOT NULL,
  status      ENUM('new','paid','packed','shipped','returned') NOT NULL DEFAULT 'new',
  total       DECIMAL(12,2) NOT NULL DEFAULT 0,
  note        TEXT,
  placed_at   DATETIME(3) NOT NULL,
  changed_at  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  KEY (status, placed_at),
  CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
)`, `
CREATE TABLE order_items (
  order_id   BIGINT UNSIGNED NOT NULL,
  line       SMALLINT UNSIGNED NOT NULL,
  product_id INT UNSIGNED NOT NULL,
  quantity   SMALLINT UNSIGNED NOT NULL,
  price      DECIMAL(10,2) NOT NULL,
  PRIMARY KEY (order_id, line),
  CONSTRAINT items_order FOREIGN KEY (order_id) REFERENCES orders (id),
  CONSTRAINT items_product FOREIGN KEY (product_id) REFERENCES products (id)
)`, `
CREATE TABLE payments (
  id       BINARY(16) NOT NULL PRIMARY KEY,
  order_id BIGINT UNSIGNED NOT NULL,
  method   ENUM('card','transfer','微信支付','支付宝') NOT NULL,
  amount   DECIMAL(12,2) NOT NULL,
  rate     DOUBLE NOT NULL,
  paid_at  TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  UNIQUE KEY (order_id),
  CONSTRAINT payments_order FOREIGN KEY (order_id) REFERENCES orders (id)
)`}
}

// shopPrograms are what else the shop's database holds. The trigger must not fire again during a restore.
func shopPrograms() []string {
	return []string{`
CREATE VIEW open_orders AS
  SELECT o.id, c.name, o.total FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.status IN ('new', 'paid')`, `
CREATE TRIGGER payments_mark AFTER INSERT ON payments
  FOR EACH ROW UPDATE orders SET status = 'paid' WHERE id = NEW.order_id AND status = 'new'`}
}

func crmTables() []string {
	return []string{
		"CREATE TABLE contacts (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL, phone VARCHAR(30), notes TEXT)",
		"CREATE TABLE calls (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, contact_id INT UNSIGNED NOT NULL, at DATETIME(3) NOT NULL, minutes DECIMAL(5,1), " +
			"FOREIGN KEY (contact_id) REFERENCES contacts (id))",
	}
}

// build makes both databases and fills them.
func build(ctx context.Context, db *sql.DB, r *rand.Rand) error {
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	statements := []string{"CREATE DATABASE crm CHARACTER SET utf8mb4", "USE crm"}
	statements = append(statements, crmTables()...)
	statements = append(statements, "CREATE DATABASE shop CHARACTER SET utf8mb4", "USE shop")
	statements = append(statements, shopTables()...)
	for _, s := range statements {
		if _, err := c.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", firstLine(s), err)
		}
	}
	for _, f := range []func(context.Context, *sql.Conn, *rand.Rand) error{fillCustomers, fillProducts, fillOrders, fillCRM} {
		if err := f(ctx, c, r); err != nil {
			return err
		}
	}
	for _, s := range shopPrograms() {
		if _, err := c.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", firstLine(s), err)
		}
	}
	return nil
}

func firstLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return s[:i]
	}
	return s
}

// batch collects rows for INSERTs of many rows each.
type batch struct {
	insert string // up to VALUES
	b      strings.Builder
	rows   int
}

func (b *batch) add(ctx context.Context, c *sql.Conn, row string) error {
	if b.rows == 0 {
		b.b.WriteString(b.insert)
	} else {
		b.b.WriteByte(',')
	}
	b.b.WriteString(row)
	if b.rows++; b.rows == 1000 {
		return b.flush(ctx, c)
	}
	return nil
}

func (b *batch) flush(ctx context.Context, c *sql.Conn) error {
	if b.rows == 0 {
		return nil
	}
	_, err := c.ExecContext(ctx, b.b.String())
	b.b.Reset()
	b.rows = 0
	if err != nil {
		return fmt.Errorf("%s …: %w", b.insert, err)
	}
	return nil
}

func fillCustomers(ctx context.Context, c *sql.Conn, r *rand.Rand) error {
	b := batch{insert: "INSERT INTO customers (email, name, level, flags, balance, profile, created_at, seen_at) VALUES "}
	for i := range customers {
		row := fmt.Sprintf("('%s','%s',%d,%d,%s,'%s','2023-%02d-%02d %02d:00:00',NULL)", email(i), name(r), 1+r.IntN(3), r.IntN(8), money(r, 500), profile(r),
			1+r.IntN(12), 1+r.IntN(28), 4+r.IntN(20))
		if err := b.add(ctx, c, row); err != nil {
			return err
		}
	}
	return b.flush(ctx, c)
}

func fillProducts(ctx context.Context, c *sql.Conn, r *rand.Rand) error {
	b := batch{insert: "INSERT INTO products (sku, title, price, stock, tags, image) VALUES "}
	for i := range products {
		row := fmt.Sprintf("('SKU-%07d','%s No. %d',%s,%d,'[\"%s\", %d]',x'%016x0000')", i+1, pick(r, goods()), i, money(r, 300), 100_000, pick(r, cities()), r.IntN(9), r.Uint64())
		if err := b.add(ctx, c, row); err != nil {
			return err
		}
	}
	return b.flush(ctx, c)
}

func fillOrders(ctx context.Context, c *sql.Conn, r *rand.Rand) error {
	o := batch{insert: "INSERT INTO orders (id, customer_id, status, total, note, placed_at, changed_at) VALUES "}
	items := batch{insert: "INSERT INTO order_items (order_id, line, product_id, quantity, price) VALUES "}
	payments := batch{insert: "INSERT INTO payments (id, order_id, method, amount, rate, paid_at) VALUES "}
	for id := 1; id <= orders; id++ {
		day := fmt.Sprintf("2024-%02d-%02d %02d:%02d", 1+r.IntN(12), 1+r.IntN(28), 4+r.IntN(20), r.IntN(60))
		status := 1 + r.IntN(4)
		err := o.add(ctx, c, fmt.Sprintf("(%d,%d,%d,%s,%s,'%s:%06.3f','%s:00')", id, 1+r.IntN(customers), status, money(r, 900), note(r), day, r.Float64()*59, day))
		if err != nil {
			return err
		}
		for line := range 1 + r.IntN(4) {
			// The orders go out first, since the items refer to them.
			if items.rows == 999 || payments.rows == 999 {
				if err := o.flush(ctx, c); err != nil {
					return err
				}
			}
			if err := items.add(ctx, c, fmt.Sprintf("(%d,%d,%d,%d,%s)", id, line+1, 1+r.IntN(products), 1+r.IntN(5), money(r, 300))); err != nil {
				return err
			}
		}
		if status > 1 {
			if payments.rows == 999 {
				if err := o.flush(ctx, c); err != nil {
					return err
				}
			}
			row := fmt.Sprintf("(x'%016x%016x',%d,%d,%s,%.12g,'%s:%09.6f')", r.Uint64(), r.Uint64(), id, 1+r.IntN(4), money(r, 900), r.Float64()*10, day, r.Float64()*59)
			if err := payments.add(ctx, c, row); err != nil {
				return err
			}
		}
	}
	for _, b := range []*batch{&o, &items, &payments} {
		if err := b.flush(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func fillCRM(ctx context.Context, c *sql.Conn, r *rand.Rand) error {
	people := batch{insert: "INSERT INTO crm.contacts (name, phone, notes) VALUES "}
	for range 2000 {
		if err := people.add(ctx, c, fmt.Sprintf("('%s','+86 10 %07d',%s)", name(r), r.IntN(1e7), note(r))); err != nil {
			return err
		}
	}
	return people.flush(ctx, c)
}

func email(i int) string { return fmt.Sprintf("customer%d@example.com", i+1) }

func money(r *rand.Rand, most int) string { return fmt.Sprintf("%d.%02d", r.IntN(most), r.IntN(100)) }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func name(r *rand.Rand) string {
	if r.IntN(3) == 0 {
		return pick(r, []string{"Anna", "Jörg", "Zoë", "Łukasz", "Søren", "Renée"}) + " " + pick(r, []string{"Müller", "O''Neill", "García", "Nowak", "Åberg"})
	}
	return pick(r, []string{"王", "李", "张", "刘", "陈", "杨", "赵", "黄"}) + pick(r, []string{"伟", "芳", "秀英", "敏", "静", "丽", "强", "磊", "洋", "艳"})
}

func goods() []string {
	return []string{"青花瓷茶杯", "龙井茶 250g", "Wool blanket", "Teapot \"Qing\"", "丝绸围巾", "Bücherregal", "电饭锅", "羽毛球拍 🏸"}
}

func cities() []string {
	return []string{"北京", "上海", "成都", "Hamburg", "São Paulo", "Łódź"}
}

func note(r *rand.Rand) string {
	switch r.IntN(5) {
	case 0:
		return "NULL"
	case 1:
		return "''"
	case 2:
		return fmt.Sprintf("'请放在门口,谢谢!Tür %d, C:\\\\Neu\\n\t100 %%'", r.IntN(200))
	}
	return fmt.Sprintf("'leave it with %s, please'", name(r))
}

func profile(r *rand.Rand) string {
	return fmt.Sprintf(`{"city": "%s", "logins": %d, "score": %.6g, "tags": [%t, null, "%s"]}`, pick(r, cities()), r.IntN(100), r.NormFloat64()*1e6, r.IntN(2) == 0, pick(r, goods()[:2]))
}
