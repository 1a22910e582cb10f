// Command demo tells the story that lifeboat exists for, on throwaway servers: a shop is backed up, used, wiped by
// unit tests, and brought back. It exits with 0 only if the restored database is proved to be the wiped one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	o := options{}
	flag.StringVar(&o.root, "root", ".", "the repository, with bin/lifeboat and .servers")
	flag.BoolVar(&o.keep, "keep", false, "leave the backup and the binlogs for trying lifeboat on them")
	flag.IntVar(&o.transactions, "transactions", 30_000, "how many transactions the shop runs between backup and wipe")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	err := run(ctx, os.Stdout, o)
	switch {
	case err == nil:
		return
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "demo: interrupted; servers and folders are cleared away")
		os.Exit(130)
	case errors.Is(err, errNotProved):
		fmt.Fprintln(os.Stderr, "demo: FAILED:", err)
	default:
		fmt.Fprintln(os.Stderr, "demo: did not come to its end:", err)
	}
	os.Exit(1)
}
