// Command bench restores one archive in several ways, in one run on one machine: with mysqlbinlog piped into mysql, with
// lifeboat, and, as the floor that no restore can go under, by loading a fresh dump of the final state. It fails if the
// results differ; it never judges a time.
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
	flag.IntVar(&o.runs, "runs", 3, "how often each way is measured; the medians are shown")
	flag.Int64Var(&o.size, "size", 240, "how much binlog there is, in MiB")
	flag.StringVar(&o.memory, "memory", "256MiB", "lifeboat's --memory")
	flag.BoolVar(&o.quick, "quick", false, "leave mysqlbinlog | mysql out, which takes minutes")
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
