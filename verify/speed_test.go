package verify_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeboat/internal/testserver"
	"lifeboat/verify"
)

// BenchmarkVerify measures a comparison with base and log beside a mysqldump of the same data, in turns, and reports the medians of both and their ratio
// (less than 1: verify is faster), and the ratio of the processor time of client and server together, which says more on a machine with other work on it. Plan,
// and working the log out, are not in it.
func BenchmarkVerify(b *testing.B) {
	for _, kind := range []string{testserver.MySQL97, testserver.MariaDB1011} {
		b.Run(kind, func(b *testing.B) {
			r := restore(b, kind, large(), []string{"UPDATE a.s1 SET k=k+1, c=REVERSE(c) WHERE id % 3 = 0", "UPDATE a.s2 SET k=k+1 WHERE id % 2 = 0", "DELETE FROM a.s3 WHERE id % 5 = 0"})
			var verified, dumped spans
			b.ResetTimer()
			for range b.N {
				verified.take(r.pid, syscall.RUSAGE_SELF, func() {
					v, err := verify.Expected(b.Context(), r.expected, verify.Side{Server: r.server, Database: "a"}, verify.Options{Workers: 4})
					if err != nil || v.Err() != nil {
						b.Fatal(err, v.Err())
					}
				})
				out := filepath.Join(b.TempDir(), "again.sql")
				dumped.take(r.pid, syscall.RUSAGE_CHILDREN, func() {
					args := []string{"--no-defaults", "-uroot", "-S", r.socket, "--single-transaction", "--result-file=" + out, "a"}
					if text, err := exec.Command(testserver.Bin(b, kind, "mysqldump"), args...).CombinedOutput(); err != nil {
						b.Fatalf("%v: %s", err, text)
					}
				})
				os.Remove(out)
			}
			b.ReportMetric(verified.elapsed()/dumped.elapsed(), "ratio")
			b.ReportMetric(verified.elapsed(), "s/verify")
			b.ReportMetric(dumped.elapsed(), "s/mysqldump")
			b.ReportMetric(verified.processor(), "processor-s/verify")
			b.ReportMetric(dumped.processor(), "processor-s/mysqldump")
			b.ReportMetric(verified.processor()/dumped.processor(), "ratio-of-processor")
		})
	}
}

// spans are how long something took each time, on the clock and of the processors.
type spans struct{ clock, busy []time.Duration }

// take measures do; who is the client, of which the server's process is counted too.
func (s *spans) take(server, who int, do func()) {
	before, begun := processorTime(server, who), time.Now()
	do()
	s.clock = append(s.clock, time.Since(begun))
	s.busy = append(s.busy, processorTime(server, who)-before)
}

func (s *spans) elapsed() float64   { return median(s.clock) }
func (s *spans) processor() float64 { return median(s.busy) }

func median(all []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2].Seconds()
}

// processorTime is what a server, and this process or the programs it ran, have used so far.
func processorTime(server, who int) time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(who, &u) != nil {
		return 0
	}
	own := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", server))
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if err != nil || len(fields) < 13 {
		return own
	}
	const tick = time.Second / 100 // of Linux
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return own + time.Duration(user+system)*tick
}

// large is four tables of 262144 rows as sysbench makes them.
func large() []string {
	out := []string{"CREATE DATABASE a"}
	for i := 1; i <= 4; i++ {
		out = append(out,
			fmt.Sprintf("CREATE TABLE a.s%d (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY (k))", i),
			fmt.Sprintf("INSERT INTO a.s%d (k, c, pad) VALUES (1, REPEAT('83868641912-', 9), REPEAT('67847967377-', 5))", i))
		for range 18 {
			out = append(out, fmt.Sprintf("INSERT INTO a.s%d (k, c, pad) SELECT k * 7 + id, CONCAT(id, SUBSTRING(c, 5)), pad FROM a.s%d", i, i))
		}
	}
	return out
}
