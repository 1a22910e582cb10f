package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/disk"
	"lifeboat/internal/target/scratch"
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

// A restore that goes on does so with the plan it was begun with, and reads of binlogs and backup for that only what has been touched. It comes to the same end whatever has
// come since, and is refused where what it was begun with is not there any more, or something else is asked.
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
			g := &goer{s: s, to: testserver.Start(t, kind)}
			from := []string{"--binlogs", s.binlogs(), "--database", "shop", "--into", "rescued", "--stop-before", "incident:1"}
			one := append(from, "--snapshot", s.dump())
			settle(t, s.dir)
			g.stop(t, one...)
			g.goesOn(t, nil, "", append(one, "--verify")...)
			several := append(from, "--snapshot", s.dump(), "--snapshot", "orders="+other)
			g.stop(t, several...)
			g.goesOn(t, nil, "", several...)

			// Another version makes its own plan; that it is the same, the restore finds out. A dry run shows what is in the log.
			g.stop(t, one...)
			r := g.lifeboat(t, "v1-test", one...)
			r.want(t, 0, "went on from the checkpoint")
			g.reads(t, r, []string{phaseArchive, phaseSnapshot, phaseSurvey})
			g.stop(t, one...)
			g.lifeboat(t, "v0-test", append(one, "--table", "orders")...).want(t, 1, "not this one")
			g.lifeboat(t, "v0-test", append(one, "--dry-run")...).want(t, 0, "PLAN")
			g.goesOn(t, nil, "", one...)

			// The same bytes, written anew.
			g.stop(t, one...)
			if err := os.WriteFile(s.dump(), dump, 0o600); err != nil {
				t.Fatal(err)
			}
			g.goesOn(t, []string{phaseSnapshot}, "", one...)

			// The server goes on writing, as it does where the archive is its own folder.
			settle(t, s.dir)
			g.stop(t, one...)
			if _, err := testserver.Open(t, s.server).Exec("DROP TABLE shop.orders; FLUSH LOGS"); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(s.binlogs()); err != nil {
				t.Fatal(err)
			}
			s.collect(t)
			g.goesOn(t, []string{phaseArchive}, " has come since this restore was begun", one...)

			// What it was begun with is gone.
			g.stop(t, one...)
			path := filepath.Join(s.binlogs(), s.files(t)[1])
			if err := os.Truncate(path, 1000); err != nil {
				t.Fatal(err)
			}
			r = g.lifeboat(t, "v0-test", one...)
			if r.code == 0 || !strings.Contains(r.err, "needs to be made again") {
				t.Errorf("a file was cut: exit %d\n%s", r.code, r.err)
			}
		})
	}
}

// goer stops restores and lets them go on.
type goer struct {
	s  *scene
	to *scratch.Server
}

// stop begins anew, and stops at the base.
func (g *goer) stop(t *testing.T, args ...string) {
	t.Helper()
	if _, err := testserver.Open(t, g.to).Exec("DROP DATABASE IF EXISTS rescued; DROP DATABASE IF EXISTS _lifeboat"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	stderr := &trigger{text: `"phase":"load base"`, do: func() { cancel(errInterrupted) }}
	code := run(ctx, &env{stdout: &bytes.Buffer{}, stderr: stderr, version: "v0-test"}, append([]string{"lifeboat"}, g.line(args)...))
	if code != exitInterrupted || !strings.Contains(stderr.String(), "goes on from there") {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
}

func (g *goer) line(args []string) []string {
	return append([]string{"restore", "--target", g.to.DSN(), "--progress", "json"}, args...)
}

func (g *goer) lifeboat(t *testing.T, version string, args ...string) *ran {
	t.Helper()
	var out, errOut bytes.Buffer
	args = g.line(args)
	code := run(t.Context(), &env{stdout: &out, stderr: &errOut, version: version}, append([]string{"lifeboat"}, args...))
	return &ran{args, code, out.String(), errOut.String()}
}

// goesOn comes to the end with the plan of before. since is what it says of the archive.
func (g *goer) goesOn(t *testing.T, reads []string, since string, args ...string) {
	t.Helper()
	r := g.lifeboat(t, "v0-test", args...)
	r.want(t, 0, "went on from the checkpoint")
	said := strings.Join(strings.Fields(r.out), " ") // the report is wrapped
	if !strings.Contains(r.err, "going on with the plan") || strings.Contains(r.err, "of the archive") != (since != "") || !strings.Contains(r.err, since) || !strings.Contains(said, since) {
		t.Errorf("it does not say so, or something else of the archive than %q\n%s%s", since, r.err, r.out)
	}
	g.reads(t, r, reads)
	lifeboat(t, "verify", "--target", g.to.DSN(), "--database", "rescued", "--against", g.s.server.DSN(), "--against-database", "kept", "--progress", "none").want(t, 0)
}

// reads holds a run to the inputs that it should have read.
func (g *goer) reads(t *testing.T, r *ran, want []string) {
	t.Helper()
	var got []string
	for _, phase := range []string{phaseArchive, phaseSnapshot, phaseSurvey} {
		if strings.Contains(r.err, `"phase":"`+phase+`"`) {
			got = append(got, phase)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("it read %q, expected %q\n%s", got, want, r.err)
	}
}
