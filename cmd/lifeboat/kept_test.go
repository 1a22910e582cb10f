package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/disk"
	"lifeboat/internal/testserver"
)

// settle waits until the files in a folder have lain there for long enough to be kept.
func settle(t *testing.T, dir string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		for stamp, ok := disk.StampOf(info); !stamp.Settled(time.Now()); time.Sleep(50 * time.Millisecond) {
			if !ok {
				t.Skip("this system gives no stamps")
			}
			if err := t.Context().Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A restore that goes on reads binlogs and backup for its plan again if anything of them was touched, or anything is asked otherwise, and only then. It comes
// to the same end either way.
func TestGoesOnWithItsPlan(t *testing.T) {
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := disaster(t, kind)
			dump, err := os.ReadFile(s.dump())
			if err != nil {
				t.Fatal(err)
			}
			other := filepath.Join(s.dir, "other.sql")
			if err := os.WriteFile(other, dump, 0o600); err != nil {
				t.Fatal(err)
			}
			settle(t, s.dir)
			to := testserver.Start(t, kind)
			db := testserver.Open(t, to)
			from := []string{"restore", "--binlogs", s.binlogs(), "--database", "shop", "--into", "rescued", "--stop-before", "incident:1", "--target", to.DSN(), "--progress", "json"}
			stopped := func(args ...string) {
				t.Helper()
				if _, err := db.Exec("DROP DATABASE IF EXISTS rescued; DROP DATABASE IF EXISTS _lifeboat"); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				stderr := &trigger{text: `"phase":"load base"`, do: func() { cancel(errInterrupted) }}
				code := run(ctx, &env{stdout: &bytes.Buffer{}, stderr: stderr, version: "v0-test"}, append([]string{"lifeboat"}, args...))
				if code != exitInterrupted || !strings.Contains(stderr.String(), "goes on from there") {
					t.Fatalf("exit %d\n%s", code, stderr)
				}
			}
			const keptLine, touchedLine = "nobody has touched binlogs and backup", "have been touched since"
			goesOn := func(how string, args ...string) {
				t.Helper()
				r := lifeboat(t, args...)
				r.want(t, 0, "went on from the checkpoint")
				read := 0
				for _, phase := range []string{phaseArchive, phaseSnapshot, phaseSurvey} {
					read += strings.Count(r.err, `"phase":"`+phase+`"`)
				}
				said := strings.Contains(r.err, keptLine)
				touched := strings.Contains(r.err, touchedLine)
				if said != (how == keptLine) || touched != (how == touchedLine) || said != (read == 0) {
					t.Errorf("kept: %v, touched: %v, %d lines of reading, expected %q\n%s", said, touched, read, how, r.err)
				}
				lifeboat(t, "verify", "--target", to.DSN(), "--database", "rescued", "--against", s.server.DSN(), "--against-database", "kept", "--progress", "none").want(t, 0)
			}
			one := append(from, "--snapshot", s.dump())
			stopped(one...)
			goesOn(keptLine, append(one, "--verify")...)

			several := append(from, "--snapshot", s.dump(), "--snapshot", "orders="+other)
			stopped(several...)
			goesOn(keptLine, several...)

			// The same file, written anew, is another one until it was read.
			stopped(one...)
			path := filepath.Join(s.binlogs(), s.files(t)[0])
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			goesOn(touchedLine, one...)

			// It is young now, and what the next plan reads is not kept before it has lain there for a while.
			stopped(one...)
			goesOn("", one...)
			settle(t, s.dir)
			stopped(one...)
			if err := os.Chtimes(s.dump(), time.Time{}, time.Now()); err != nil {
				t.Fatal(err)
			}
			goesOn(touchedLine, one...)

			// Another version makes its own plan. Whether that is the same, the restore finds out.
			settle(t, s.dir)
			stopped(one...)
			var out, errOut bytes.Buffer
			if code := run(t.Context(), &env{stdout: &out, stderr: &errOut, version: "v1-test"}, append([]string{"lifeboat"}, one...)); code != 0 || strings.Contains(errOut.String(), keptLine) {
				t.Errorf("another version: exit %d\n%s%s", code, out.String(), errOut.String())
			}
			stopped(one...)
			lifeboat(t, append(one, "--table", "orders")...).want(t, 1, "not this one")
			lifeboat(t, append(one, "--dry-run")...).want(t, 0, "PLAN")
			goesOn(keptLine, one...)
		})
	}
}
