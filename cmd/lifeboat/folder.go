package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lifeboat/internal/target/folder"
	"lifeboat/internal/target/live"
	"lifeboat/internal/ui"
	"lifeboat/internal/ui/text"
	"lifeboat/replay"
)

// folderOptions say that the target is a dump.
type folderOptions struct {
	path     string
	format   string
	compress bool
}

func folderFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag("output", "", "write the database as a dump into this new folder, without a server `DIR`"),
		stringFlag("output-format", folder.SQL, "the dump's `FORM`: sql (one script) or mydumper (a folder for myloader)"),
		boolFlag("compress", "compress the dump with zstd"),
	}
}

func readFolder(c *cli.Context) (folderOptions, error) {
	o := folderOptions{path: c.String("output"), format: c.String("output-format"), compress: c.Bool("compress")}
	switch {
	case o.format != folder.SQL && o.format != folder.MyDumper:
		return o, usagef("--output-format %q: use %s or %s", o.format, folder.SQL, folder.MyDumper)
	case o.path == "" && (c.IsSet("output-format") || o.compress):
		return o, usagef("--output-format and --compress are for --output")
	}
	return o, nil
}

func (o *folderOptions) flags(l *commandLine) *commandLine {
	l.flag("output", o.path)
	if o.path != "" && o.format != folder.SQL {
		l.flag("output-format", o.format)
	}
	return l.on("compress", o.compress)
}

// writeFolder restores into a folder. What it stops at leaves nothing behind, so there is nothing to resume.
func (r *restoring) writeFolder(ctx context.Context) (err error) {
	begun, p, f := time.Now(), r.plan, r.o.folder
	out, err := folder.Create(f.path, r.dumpOptions(begun))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Discard()) }()
	res, err := replay.Rebuild(ctx, p, replay.NewSource(r.archive, r.planned.snapshot), out, r.o.offline(r.m, r.o.spillDir))
	if ctx.Err() != nil {
		return interrupted("nothing was written; the same command begins anew: " + r.o.again())
	}
	if err != nil {
		return err
	}
	m, err := out.Publish()
	if err != nil {
		return err
	}
	r.m.close("done", nil)
	rep := r.report(res, begun, time.Now())
	rep.Notes = append(rep.Notes, complete(f.path, m))
	return r.show(rep)
}

func complete(path string, m *folder.Manifest) string {
	bytes := int64(0)
	for _, f := range m.Files {
		bytes += f.Bytes
	}
	said := fmt.Sprintf("%s is complete: %s, %s; manifest.json lists them with their checksums", path, text.Counted(int64(len(m.Files)), "file"), text.Bytes(bytes))
	if m.Format == folder.MyDumper && slices.ContainsFunc(m.Files, func(f folder.File) bool { return strings.HasSuffix(f.Name, ".zst") }) {
		said += "; myloader 0.10, as Debian has it, cannot read .zst: for it, unpack them first with zstd -d --rm DIR/*.zst"
	}
	return said
}

// dumpOptions say what the dump is of.
func (r *restoring) dumpOptions(begun time.Time) folder.Options {
	p, f := r.plan, r.o.folder
	o := folder.Options{Format: f.format, Compress: f.compress, Database: p.Into, Charset: p.Charset, Position: p.Stop, Made: begun}
	if o.Position.IsZero() {
		o.Position = p.End
	}
	o.Version, o.MariaDB, o.Number = r.origin()
	return o
}

// dumpScratch writes what the scratch server holds: what a dump without a server could not do exactly, the server has done.
func (r *restoring) dumpScratch(ctx context.Context, begun time.Time) (note string, err error) {
	o := r.dumpOptions(begun)
	o.Version, o.MariaDB, o.Number = r.server.Version, r.server.MariaDB, r.server.Number // whose statements it holds
	out, err := folder.Create(r.o.folder.path, o)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Discard()) }()
	from, err := live.Open(ctx, r.server, r.plan.Into)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := from.Write(ctx, out, func(n int64) { r.m.update(ui.State{Phase: phaseDump, Rows: n}) }); err != nil {
		return "", err
	}
	m, err := out.Publish()
	if err != nil {
		return "", err
	}
	return complete(r.o.folder.path, m), nil
}

const phaseDump = "write dump"

// origin is the server that the dump is of.
func (r *restoring) origin() (version string, mariaDB bool, number int) {
	if n := len(r.archive.Files); n > 0 {
		f := r.archive.Files[n-1]
		return f.Format.ServerVersion, f.Format.MariaDB, f.Format.VersionNumber()
	}
	return "", false, 0
}
