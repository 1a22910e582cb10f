package verify_test

import (
	"strings"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/verify"
)

// A sample reads the same ranges of the key on both sides, and finds what is in them; signed and unsigned keys, and rows beyond either end.
func TestSample(t *testing.T) {
	t.Parallel()
	script := []string{"CREATE DATABASE a", "CREATE TABLE a.s (id INT PRIMARY KEY, v INT)", "CREATE TABLE a.u (id BIGINT UNSIGNED, x INT, v INT, PRIMARY KEY (id, x))", "CREATE TABLE a.w (k VARCHAR(9) PRIMARY KEY)",
		"INSERT INTO a.s VALUES (0, 0)", "INSERT INTO a.w VALUES ('x')"}
	for _, n := range []string{"1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1024"} {
		script = append(script, "INSERT INTO a.s SELECT id + "+n+", v FROM a.s")
	}
	script = append(script, "INSERT INTO a.u SELECT 18446744073709551615 - id, 1, id FROM a.s", "UPDATE a.s SET id = id - 1000 ORDER BY id")
	r := restore(t, testserver.MySQL97, script, []string{"UPDATE a.s SET v=1 WHERE id % 7 = 0", "DELETE FROM a.u WHERE v % 9 = 0", "INSERT INTO a.s VALUES (-1500, 5), (1500, 5)"})
	sample := func() *verify.Result {
		t.Helper()
		v, err := verify.Expected(t.Context(), r.expected, verify.Side{Server: r.server, Database: "a"}, verify.Options{Workers: 2, Sample: 0.3})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for range 10 {
		v := sample()
		if v.Err() != nil || !strings.Contains(text(t, v), "ranges of its key were read") || !strings.Contains(text(t, v), "w: it was read whole") {
			t.Fatalf("%v\n%s", v.Err(), text(t, v))
		}
	}
	r.exec(t, "UPDATE a.s SET v=v+1", "UPDATE a.u SET v=v+1")
	for range 5 {
		if v := sample(); v.Err() == nil || v.Differences != 2 {
			t.Errorf("not found:\n%s", text(t, v))
		}
	}
}
