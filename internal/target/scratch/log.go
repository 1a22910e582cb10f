package scratch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrDiskFull says that the scratch server found no room on its disk.
var ErrDiskFull = errors.New("the disk of the scratch server is full")

const (
	logWindow = 256 << 10 // bytes of the log's end that are looked at
	logLines  = 6         // lines of it that an error quotes
)

var (
	// What servers print when a write finds no room, or hits a limit on the size of files.
	noRoom = regexp.MustCompile(`(?i)no space left|disk (is )?full|out of disk space|(errno:?|errcode:?|error:?|error number) (28|27|122)\b|File too large|quota exceeded`)
	// The lines that say why; the rest tells only what was going on.
	weighty = regexp.MustCompile(`\[ERROR\]|\bERROR\b|[Ff]atal|[Ee]rrno|[Ee]rrcode|assertion|signal \d+|No such file|denied|unknown (option|variable)`)
)

// logFrom reads what the server has logged from the offset on, at most the last logWindow bytes of it.
func logFrom(path string, offset int64) []byte {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size()-offset > logWindow {
		offset = info.Size() - logWindow
	}
	text, err := io.ReadAll(io.NewSectionReader(file, offset, logWindow))
	if err != nil {
		return nil
	}
	return text
}

// gist picks the last lines that say why something failed, or the last lines of all where none does.
func gist(text []byte) string {
	var last, why []string
	for _, line := range strings.Split(string(bytes.ToValidUTF8(text, []byte("?"))), "\n") {
		line = strings.TrimRight(line, " \r\t")
		if line == "" || strings.HasSuffix(line, "[ERROR] [MY-010119] [Server] Aborting") || strings.HasSuffix(line, "[ERROR] Aborting") {
			continue
		}
		if len(line) > 400 {
			line = line[:400] + "…"
		}
		last = append(last, line)
		if weighty.MatchString(line) {
			why = append(why, line)
		}
	}
	if len(why) > 0 {
		last = why
	}
	if len(last) > logLines {
		last = last[len(last)-logLines:]
	}
	return strings.Join(last, "\n    ")
}

// failure is an error that quotes the server's log. what says which step failed, cause how.
func failure(f *folder, bin Binary, offset int64, what string, cause error) error {
	text := logFrom(f.log(), offset)
	said := "it logged nothing"
	if lines := gist(text); lines != "" {
		said = "it says:\n    " + lines + "\nThe whole log is in " + f.log() + ", until the next scratch server starts in the same place."
	}
	if full := roomLeft(f.path); noRoom.Match(text) || full == 0 {
		return fmt.Errorf("scratch server: %w: %d MiB are left at %s; free some, or name another folder for it. %s %s: %w; %s",
			ErrDiskFull, full>>20, f.path, bin.Path, what, cause, said)
	}
	return fmt.Errorf("scratch server: %s %s: %w; %s", bin.Path, what, cause, said)
}

// roomLeft is the free space, in bytes, for the folder; more than any disk where that cannot be told.
func roomLeft(path string) uint64 {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 1 << 62
	}
	return uint64(stat.Bavail) * uint64(stat.Bsize)
}
