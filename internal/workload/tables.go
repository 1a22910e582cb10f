package workload

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
)

// Create makes the database and fills its tables about half. It fails if the database exists.
func Create(ctx context.Context, db *sql.DB, name string, o Options) error {
	o = o.withDefaults()
	srv, err := describe(ctx, db)
	if err != nil {
		return err
	}
	s := &session{o: o, srv: srv, name: name, rand: rand.New(rand.NewPCG(o.Seed, 1<<32)), n: &counters{}}
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name+" DEFAULT CHARACTER SET utf8mb4"); err != nil {
		return err
	}
	if err := s.open(ctx, db); err != nil {
		return err
	}
	defer s.close()
	for _, q := range definitions(srv) {
		if _, err := s.conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	for _, fill := range s.fills() {
		for from := 1; from <= fill.rows; from += fillBatch {
			s.script = append(s.script[:0], fill.insert(from, min(from+fillBatch, fill.rows+1)))
			if err := s.commit(ctx); err != nil {
				return fmt.Errorf("%s: %w", excerpt(s.script[0]), err)
			}
		}
	}
	return nil
}

const fillBatch = 500

// definitions are the statements that make the tables, a view and a trigger.
func definitions(srv server) []string {
	doc, total, label, generated := "doc TEXT NULL", "total DECIMAL(30,10) NULL", "label VARCHAR(40) NULL", ""
	if srv.json || srv.mariaDB && srv.version >= 100207 {
		doc = "doc JSON NULL"
	}
	if srv.generated {
		total = "total DECIMAL(30,10) GENERATED ALWAYS AS (amount * 3 + probe) STORED"
		label = "label VARCHAR(40) GENERATED ALWAYS AS (CONCAT('p', probe, '-', grade)) VIRTUAL"
		generated = ", KEY label (label)"
	}
	return []string{
		// Values of the two unique keys move and swap between rows.
		`CREATE TABLE account (id INT UNSIGNED NOT NULL, code INT NULL, region TINYINT NOT NULL, place VARCHAR(24) NULL,
			balance DECIMAL(20,6) NOT NULL DEFAULT 0, ratio FLOAT NULL, rate DOUBLE NULL, seen TIMESTAMP(3) NULL,
			PRIMARY KEY (id), UNIQUE KEY code (code), UNIQUE KEY place (region, place), KEY seen (seen)) ENGINE=InnoDB`,
		`CREATE TABLE event_log (shard INT NOT NULL, name VARCHAR(60) NOT NULL, day DATE NULL, at DATETIME(6) NULL, noted TIMESTAMP(3) NULL,
			lasted TIME NULL, lap TIME(2) NULL, built YEAR NULL, state ENUM('new','open','完成','closed') NOT NULL DEFAULT 'new',
			flags SET('a','b','c','d','e','f','g','h','i','j') NULL, mask BIT(13) NULL, wide BIT(64) NULL,
			PRIMARY KEY (shard, name), KEY state (state)) ENGINE=InnoDB`,
		`CREATE TABLE document (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, title VARCHAR(120) NOT NULL, body MEDIUMTEXT NULL, raw BLOB NULL, ` + doc + `,
			PRIMARY KEY (id), KEY title (title(20))) ENGINE=InnoDB`,
		`CREATE TABLE legacy (id INT NOT NULL, city VARCHAR(50) CHARACTER SET latin1 NULL, fixed CHAR(10) CHARACTER SET latin1 NULL,
			title VARCHAR(50) CHARACTER SET gbk NULL, remark TEXT CHARACTER SET gbk NULL, pad BINARY(8) NULL, bytes VARBINARY(40) NULL,
			born DATETIME NULL, PRIMARY KEY (id)) ENGINE=InnoDB DEFAULT CHARSET=latin1`,
		// Keys that differ in case are one key.
		`CREATE TABLE tag (name VARCHAR(40) NOT NULL, hits INT NOT NULL DEFAULT 0, note VARCHAR(80) NULL,
			PRIMARY KEY (name)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci`,
		`CREATE TABLE measure (day DATE NOT NULL, probe SMALLINT UNSIGNED NOT NULL, tiny TINYINT NULL, medium MEDIUMINT NULL,
			amount DECIMAL(28,10) NULL, grade VARCHAR(3) NULL, ` + total + `, ` + label + `,
			PRIMARY KEY (day, probe)` + generated + `) ENGINE=InnoDB`,
		`CREATE TABLE customer (id INT NOT NULL, name VARCHAR(60) NOT NULL, city VARCHAR(60) NULL, PRIMARY KEY (id)) ENGINE=InnoDB`,
		`CREATE TABLE orders (id INT UNSIGNED NOT NULL AUTO_INCREMENT, customer INT NOT NULL, number INT NOT NULL, total DECIMAL(12,2) NOT NULL,
			placed DATETIME NULL, PRIMARY KEY (id), UNIQUE KEY number (customer, number),
			CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customer (id)) ENGINE=InnoDB`,
		`CREATE TABLE album (id INT NOT NULL, owner INT NOT NULL, PRIMARY KEY (id)) ENGINE=InnoDB`,
		`CREATE TABLE photo (id INT NOT NULL, album INT NOT NULL, caption VARCHAR(60) NULL, PRIMARY KEY (id),
			CONSTRAINT of_album FOREIGN KEY (album) REFERENCES album (id) ON DELETE CASCADE ON UPDATE CASCADE) ENGINE=InnoDB`,
		// Rows that go along with others by text and bytes, and are known by these, DECIMAL and DATE.
		`CREATE TABLE device (id CHAR(36) NOT NULL, code VARCHAR(12) NULL, model VARCHAR(30) NULL, PRIMARY KEY (id), UNIQUE KEY code (code)) ENGINE=InnoDB`,
		`CREATE TABLE reading (id BINARY(16) NOT NULL, device CHAR(36) NULL, code VARCHAR(12) NULL, v INT NULL, PRIMARY KEY (id), KEY device (device), KEY code (code),
			CONSTRAINT of_device FOREIGN KEY (device) REFERENCES device (id) ON DELETE CASCADE,
			CONSTRAINT of_code FOREIGN KEY (code) REFERENCES device (code) ON DELETE SET NULL) ENGINE=InnoDB`,
		`CREATE TABLE alarm (level DECIMAL(12,3) NOT NULL, day DATE NOT NULL, reading BINARY(16) NULL, PRIMARY KEY (level, day), KEY reading (reading),
			CONSTRAINT of_reading FOREIGN KEY (reading) REFERENCES reading (id) ON DELETE CASCADE) ENGINE=InnoDB`,
		`CREATE TABLE trail (n INT NOT NULL, word VARCHAR(40) NULL, x DOUBLE NULL, at DATETIME(3) NULL) ENGINE=InnoDB`,
		`CREATE TABLE queue (id BIGINT NOT NULL, payload VARBINARY(200) NULL, PRIMARY KEY (id)) ENGINE=InnoDB`,
		`CREATE TABLE queue_next LIKE queue`,
		`CREATE TABLE tally (city VARCHAR(60) NOT NULL, n INT NOT NULL, PRIMARY KEY (city)) ENGINE=InnoDB`,
		`CREATE VIEW large_orders AS SELECT o.id, c.name, o.total FROM orders o JOIN customer c ON c.id = o.customer WHERE o.total > 500`,
		// What a trigger did is in the log: it must not run again for a replayed row.
		`CREATE TRIGGER count_city AFTER INSERT ON customer FOR EACH ROW INSERT INTO tally VALUES (IFNULL(NEW.city, '-'), 1) ON DUPLICATE KEY UPDATE n = n + 1`,
	}
}

// fill says how to put rows into one table: insert writes the rows of the keys from until to.
type fill struct {
	rows   int
	insert func(from, to int) string
}

func (s *session) fills() []fill {
	half := s.o.Rows / 2
	return []fill{
		{half, func(from, to int) string { return s.values("INSERT IGNORE INTO "+accountColumns, from, to, s.account) }},
		{half, func(from, to int) string {
			return s.values("INSERT IGNORE INTO "+eventColumns, from, to, func(int) string { return s.event() })
		}},
		{half, func(from, to int) string { return s.values("INSERT INTO "+documentColumns, from, to, s.document) }},
		{half, func(from, to int) string { return s.values("INSERT INTO "+legacyColumns, from, to, s.legacy) }},
		{half / 4, func(from, to int) string {
			return s.values("INSERT IGNORE INTO "+tagColumns, from, to, func(int) string { return s.tag() })
		}},
		{half, func(from, to int) string {
			return s.values("INSERT IGNORE INTO "+measureColumns, from, to, func(int) string { return s.measure() })
		}},
		{half / 4, func(from, to int) string { return s.values("INSERT INTO "+customerColumns, from, to, s.customer) }},
		{half, func(from, to int) string {
			return s.values("INSERT IGNORE INTO "+orderColumns, from, to, func(int) string { return s.order(half / 4) })
		}},
		{albums / 2, func(from, to int) string {
			return s.values("INSERT INTO "+albumColumns, from, to, func(id int) string { return fmt.Sprintf("(%d,%d)", id, s.rand.IntN(50)) })
		}},
		{photos / 2, func(from, to int) string {
			return s.values("INSERT INTO "+photoColumns, from, to, func(id int) string { return s.photo(id, 1+s.rand.IntN(albums/2)) })
		}},
		{s.devices() / 2, func(from, to int) string { return s.values("INSERT INTO "+deviceColumns, from, to, s.device) }},
		{s.readings() / 2, func(from, to int) string {
			return s.values("INSERT INTO "+readingColumns, from, to, func(id int) string { return s.reading(id, 1+s.rand.IntN(s.devices()/2)) })
		}},
		{s.readings() / 4, func(from, to int) string {
			return s.values("INSERT INTO "+alarmColumns, from, to, func(id int) string { return s.alarm(id, 1+s.rand.IntN(s.readings()/2)) })
		}},
		{trails / 2, func(from, to int) string { return s.values("INSERT INTO "+trailColumns, from, to, s.trail) }},
		{half, func(from, to int) string { return s.values("INSERT INTO queue (id, payload)", from, to, s.queue) }},
	}
}

func (s *session) values(head string, from, to int, row func(int) string) string {
	text := append([]byte(head), " VALUES "...)
	for i := from; i < to; i++ {
		if i > from {
			text = append(text, ',')
		}
		text = append(text, row(i)...)
	}
	return string(text)
}
