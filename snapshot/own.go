package snapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lifeboat/internal/disk"
)

// manifestName is the file in which lifeboat lists what is in a dump that it wrote.
const manifestName = "manifest.json"

// ownScript recognises the folder that restore --output writes with one script in it. (The other form has the files of mydumper's.)
func ownScript(ctx context.Context, path string) (format, error) {
	var m struct {
		Schema, Format string
		Files          []struct {
			Name  string
			Bytes int64
		}
	}
	fail := func(kind error, format string, args ...any) error {
		return &ReadError{filepath.Join(path, manifestName), -1, kind, fmt.Sprintf(format, args...)}
	}
	text, err := os.ReadFile(filepath.Join(path, manifestName))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &m); err != nil || !strings.HasPrefix(m.Schema, "lifeboat.dump/") {
		return nil, fail(ErrNotDump, "it is not the manifest of a dump that lifeboat wrote; if a dump file is in that folder, give that file")
	}
	if m.Format != "sql" || len(m.Files) != 1 || m.Files[0].Name != filepath.Base(m.Files[0].Name) {
		return nil, fail(ErrIncomplete, "it is of a dump in the form %q with %d files, of which some are missing: take another copy of the folder", m.Format, len(m.Files))
	}
	script := filepath.Join(path, m.Files[0].Name)
	info, err := disk.Stat(ctx, script)
	if err != nil {
		return nil, err
	}
	if info.Size() != m.Files[0].Bytes {
		return nil, &ReadError{script, -1, ErrIncomplete, fmt.Sprintf("it has %d bytes, and %s says %d: take another copy", info.Size(), manifestName, m.Files[0].Bytes)}
	}
	return &dumpFile{path: script}, nil
}
