package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"lifeboat/internal/ui"
)

// sink is where a report goes.
type sink struct {
	io.Writer
	color bool
}

// write writes a report to standard output, or to a file that appears only when it is whole.
func (o *output) write(e *env, body func(w sink) error) error {
	if o.file == "" {
		return body(sink{e.stdout, ui.Color(e.stdoutTerminal)})
	}
	var text bytes.Buffer
	if err := body(sink{&text, false}); err != nil {
		return err
	}
	if err := publish(o.file, text.Bytes()); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

// publish writes a file under a temporary name, syncs it, and gives it its own name. Only its owner may read it: it
// holds statements and the names of things. What is there already and is no file, as a pipe, is written to instead.
func publish(path string, content []byte) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(content)
		return errors.Join(err, f.Close())
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil // the file is there; some systems do not let folders be opened
	}
	defer d.Close()
	_ = d.Sync() // nor synced
	return nil
}

// outcome is the last word of progress.
func outcome(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, context.Canceled), errors.Is(err, errInterrupted):
		return "interrupted"
	}
	return "failed"
}
