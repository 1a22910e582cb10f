package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"lifeboat/internal/target/folder"
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
	o := folder.Options{Format: f.format, Compress: f.compress, Database: p.Into, Charset: p.Charset, Position: p.Stop, Made: begun}
	if o.Position.IsZero() {
		o.Position = p.End
	}
	o.Version, o.MariaDB, o.Number = r.origin()
	out, err := folder.Create(f.path, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Discard()) }()
	res, err := replay.Rebuild(ctx, p, replay.NewSource(r.archive, r.planned.snapshot), out, replay.Options{Memory: r.o.memory, Report: func(p replay.Progress) { r.m.restore(p) }})
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
	bytes := int64(0)
	for _, f := range m.Files {
		bytes += f.Bytes
	}
	rep.Notes = append(rep.Notes, fmt.Sprintf("%s is complete: %s, %s; manifest.json lists them with their checksums", f.path, text.Counted(int64(len(m.Files)), "file"), text.Bytes(bytes)))
	return r.show(rep)
}

// origin is the server that the dump is of.
func (r *restoring) origin() (version string, mariaDB bool, number int) {
	if n := len(r.archive.Files); n > 0 {
		f := r.archive.Files[n-1]
		return f.Format.ServerVersion, f.Format.MariaDB, f.Format.VersionNumber()
	}
	return "", false, 0
}
