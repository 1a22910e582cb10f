package folder

import (
	"errors"
	"io"
	"os"
)

// disk is what a dump is written to. Tests have one that fails.
type disk interface {
	create(path string) (sink, error)
	rename(from, to string) error
	syncDir(path string) error // the names in it
}

type sink interface {
	io.WriteCloser
	Sync() error
}

type osDisk struct{}

func (osDisk) create(path string) (sink, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
