package verify_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lifeboat/internal/testserver"
	"lifeboat/verify"
)

// BenchmarkVerify measures a comparison with base and log beside a mysqldump of the same data, in turns, and reports the ratio of their times
// (less than 1: verify is faster). Plan, and the reading of snapshot and log, are not in it; expect/op is what working the log out takes.
func BenchmarkVerify(b *testing.B) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		b.Run(kind, func(b *testing.B) {
			r := restore(b, kind, large(), []string{"UPDATE a.s1 SET k=k+1, c=REVERSE(c) WHERE id % 3 = 0", "UPDATE a.s2 SET k=k+1 WHERE id % 2 = 0", "DELETE FROM a.s3 WHERE id % 5 = 0"})
			var verified, dumped time.Duration
			b.ResetTimer()
			for range b.N {
				begun := time.Now()
				v, err := verify.Expected(b.Context(), r.expected, verify.Side{Server: r.server, Database: "a"}, verify.Options{Workers: 4})
				if err != nil || v.Err() != nil {
					b.Fatal(err, v.Err())
				}
				verified += time.Since(begun)
				begun = time.Now()
				out := filepath.Join(b.TempDir(), "again.sql")
				args := []string{"--no-defaults", "-uroot", "-S", r.socket, "--single-transaction", "--result-file=" + out, "a"}
				if text, err := exec.Command(testserver.Bin(b, kind, "mysqldump"), args...).CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, text)
				}
				dumped += time.Since(begun)
			}
			b.ReportMetric(verified.Seconds()/dumped.Seconds(), "ratio")
			b.ReportMetric(verified.Seconds()/float64(b.N), "s/verify")
			b.ReportMetric(dumped.Seconds()/float64(b.N), "s/mysqldump")
		})
	}
}

// large is four tables of 131072 rows as sysbench makes them.
func large() []string {
	out := []string{"CREATE DATABASE a"}
	for i := 1; i <= 4; i++ {
		out = append(out,
			fmt.Sprintf("CREATE TABLE a.s%d (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY (k))", i),
			fmt.Sprintf("INSERT INTO a.s%d (k, c, pad) VALUES (1, REPEAT('83868641912-', 9), REPEAT('67847967377-', 5))", i))
		for range 17 {
			out = append(out, fmt.Sprintf("INSERT INTO a.s%d (k, c, pad) SELECT k * 7 + id, CONCAT(id, SUBSTRING(c, 5)), pad FROM a.s%d", i, i))
		}
	}
	return out
}
