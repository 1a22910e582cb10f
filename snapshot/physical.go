package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"lifeboat/internal/binlog"
)

// physicalFiles are where XtraBackup and mariadb-backup write a backup's place in the log: FILE, OFFSET and perhaps a GTID set.
var physicalFiles = []string{"xtrabackup_binlog_info", "mariadb_backup_binlog_info"}

// physical refuses a physical backup, which only its server can read, and says how to use it all the same.
func physical(path string, names []string) error {
	how := "copy the position from its log, if it has one"
	for _, name := range physicalFiles {
		if !slices.Contains(names, name) {
			continue
		}
		at, err := readPhysical(filepath.Join(path, name))
		if err != nil {
			return err
		}
		how = fmt.Sprintf("it was taken at %s, as %s says", at, name)
	}
	return &ReadError{path, -1, ErrUnsupported, "a physical backup of XtraBackup or mariadb-backup: prepare it, start a server on it, and restore into that server with --base-loaded --snapshot-position " + path + "; " + how}
}

// PhysicalPosition reads the place in the log of a folder of XtraBackup or mariadb-backup, for a base that was loaded from it.
func PhysicalPosition(dir string) (binlog.Position, error) {
	for _, name := range physicalFiles {
		if at, err := readPhysical(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return at, err
		}
	}
	return binlog.Position{}, &ReadError{dir, -1, ErrNotDump, "it holds none of " + strings.Join(physicalFiles, ", ")}
}

func readPhysical(path string) (binlog.Position, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return binlog.Position{}, err
	}
	f := strings.Fields(string(text))
	if len(f) < 2 {
		return binlog.Position{}, &ReadError{path, -1, ErrCorrupt, "it holds no file and offset"}
	}
	offset, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil {
		return binlog.Position{}, &ReadError{path, -1, ErrCorrupt, strconv.Quote(f[1]) + " is not an offset in bytes"}
	}
	return binlog.Position{File: f[0][strings.LastIndexAny(f[0], `/\`)+1:], Offset: offset}, nil
}
