package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"lifeboat/internal/testserver"
)

// A restore is what base and log say, and any one difference is found, with its key and column.
func TestVerifyFromLog(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := disaster(t, kind)
			to := testserver.Start(t, kind)
			source := []string{"--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--target", to.DSN(), "--progress", "none", "--stop-before", "incident:1"}
			before := inputs(t, s.dir)
			lifeboat(t, append([]string{"restore"}, source...)...).want(t, 0, "DONE")
			verify := append([]string{"verify"}, source...)
			lifeboat(t, verify...).want(t, 0, "THE SAME", "3 tables")
			db := testserver.Open(t, to)
			for _, c := range []struct{ change, back, says string }{
				{"UPDATE shop.customers SET name='x' WHERE id=3", "UPDATE shop.customers SET name='客户 3' WHERE id=3", "changed  id=3: name is 'x', expected '客户 3'"},
				{"UPDATE shop.customers SET kind='a' WHERE id=3", "UPDATE shop.customers SET kind='b' WHERE id=3", "id=3: kind is 1, expected 2"},
				{"UPDATE shop.orders SET note=x'00fe000003' WHERE id=3", "UPDATE shop.orders SET note=x'00ff000003' WHERE id=3", "id=3: note is 0x00fe000003, expected 0x00ff000003"},
				{"UPDATE shop.orders SET note=NULL WHERE id=3", "UPDATE shop.orders SET note=x'00ff000003' WHERE id=3", "note is NULL"},
				{"UPDATE shop.invoices SET amount=0.10000000000000002", "UPDATE shop.invoices SET amount=0.1 WHERE id=1; UPDATE shop.invoices SET amount=0 WHERE id=2", "id=1: amount is 0.10000000000000002, expected 0.1"},
				{"DELETE FROM shop.orders WHERE id=79", "INSERT INTO shop.orders VALUES (79, 79, 79.25, x'00ff00004f')", "missing  id=79"},
				{"INSERT INTO shop.orders VALUES (-1, 1, 1, NULL)", "DELETE FROM shop.orders WHERE id=-1", "extra    id=-1"},
				{"ALTER TABLE shop.customers ALTER kind SET DEFAULT 'a'", "ALTER TABLE shop.customers ALTER kind SET DEFAULT 'b'", "column kind is defined as"},
				{"ALTER TABLE shop.orders DROP KEY customer", "ALTER TABLE shop.orders ADD KEY (customer)", "the key (customer) of base and log is missing"},
				{"ALTER TABLE shop.orders ADD KEY more (total)", "ALTER TABLE shop.orders DROP KEY more", "that is not in base and log"},
				{"ALTER TABLE shop.invoices MODIFY amount DOUBLE DEFAULT 1", "ALTER TABLE shop.invoices MODIFY amount DOUBLE", "its default"},
				{"RENAME TABLE shop.invoices TO shop.bills", "RENAME TABLE shop.bills TO shop.invoices", "only on the target"},
				{"CREATE VIEW shop.v AS SELECT 1", "DROP VIEW shop.v", "view v: only on the target"},
			} {
				if _, err := db.Exec(c.change); err != nil {
					t.Fatal(err)
				}
				lifeboat(t, verify...).want(t, 12, "DIFFERENT", c.says)
				if _, err := db.Exec(c.back); err != nil {
					t.Fatal(err)
				}
			}
			lifeboat(t, verify...).want(t, 0, "THE SAME")
			lifeboat(t, append([]string{"restore", "--into", "again", "--verify"}, source...)...).want(t, 0, "DONE", "THE SAME")
			var rep struct{ Verify struct{ Same bool } }
			o := lifeboat(t, append([]string{"restore", "--into", "more", "--verify", "--format", "json"}, source...)...).want(t, 0)
			if err := json.Unmarshal([]byte(o.out), &rep); err != nil || !rep.Verify.Same {
				t.Errorf("%v\n%s", err, o)
			}
			if now := inputs(t, s.dir); now != before {
				t.Error("an input was changed")
			}
		})
	}
}

// Of a base of unknown date verify says what became of its rows: the evidence for trusting the result.
func TestVerifyInexactBase(t *testing.T) {
	t.Parallel()
	s := disaster(t, testserver.MySQL97)
	text, err := os.ReadFile(s.dump())
	if err != nil {
		t.Fatal(err)
	}
	// The log does not reach back to where the tables were made.
	names := s.files(t)
	at := regexp.MustCompile("SOURCE_LOG_FILE='([^']+)'").FindSubmatch(text)
	for _, n := range names {
		if n < string(at[1]) {
			if err := os.Remove(filepath.Join(s.binlogs(), n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	to := testserver.Start(t, s.kind)
	args := []string{"--binlogs", s.binlogs(), "--snapshot", s.dump(), "--database", "shop", "--target", to.DSN(), "--progress", "none", "--stop-before", "incident:1", "--snapshot-position", "unknown"}
	lifeboat(t, append([]string{"restore"}, args...)...).want(t, 0, "DONE")
	lifeboat(t, append([]string{"verify"}, args...)...).want(t, 0, "THE SAME", "of 39 rows of the base ", "only from it", "replaced and", "deleted by the log")
	s.same(t, to)
}
