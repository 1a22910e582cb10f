// Command bench restores archives in several ways, in one run on one machine: with mysqlbinlog piped into mysql, with the
// server's own parallel applier, with lifeboat, and, as the floor that no restore can go under, by loading a fresh dump of
// the final state. It fails if the results differ; it never judges a time.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	o := options{}
	flag.StringVar(&o.root, "root", ".", "the repository, with bin/lifeboat and .servers")
	flag.StringVar(&o.workloads, "workloads", "A", "which to measure: letters from A to L, comma separated, or all")
	flag.IntVar(&o.pipeRuns, "pipe-runs", 0, "how often mysqlbinlog | mysql is measured; 0: as often as the others")
	flag.IntVar(&o.percent, "percent", 100, "how many of each workload's rows the base has, in percent")
	flag.IntVar(&o.runs, "runs", 3, "how often each way is measured; the medians are shown")
	flag.Int64Var(&o.size, "size", 240, "how much binlog there is, in MiB")
	flag.StringVar(&o.memory, "memory", "256MiB", "lifeboat's --memory")
	flag.BoolVar(&o.quick, "quick", false, "leave mysqlbinlog | mysql out, which takes minutes")
	flag.StringVar(&o.only, "only", "", "only some ways: pipe, applier, one, four, lifeboat, killed, onto; comma separated")
	flag.BoolVar(&o.audit, "audit", false, "measure audits instead, beside mysqlbinlog and cat")
	flag.BoolVar(&o.curve, "curve", false, "measure lifeboat alone, with more and more changes per row, then with more rows")
	flag.BoolVar(&o.full, "full", false, "each workload at its own full size instead of -size; unless -only says it, all ways for A, the applier, four clients and lifeboat for the others")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	err := run(ctx, os.Stdout, o)
	switch {
	case err == nil:
		return
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}
