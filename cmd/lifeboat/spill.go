package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"lifeboat/internal/spill"
	"lifeboat/replay"
)

// noSpill in place of a folder: nothing goes to disk.
const noSpill = "none"

func spillFlag(without string) cli.Flag {
	return stringFlag("spill-dir", "", "the folder `DIR` for temporary files, where the log changes more rows than fit into --memory (default: TMPDIR, or /var/tmp); none: no files, "+without)
}

// readSpill takes the flag. A folder that was named is tried at once, and not after hours, when it is needed.
func readSpill(c *cli.Context) (string, error) {
	dir := c.String("spill-dir")
	if dir == "" || dir == noSpill {
		return dir, nil
	}
	f, err := spill.Folder(dir).Create()
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return "", usagef("--spill-dir: no temporary file can be made there: %w", err)
	}
	return dir, nil
}

// spillStorage is what the flag means. /tmp is memory on many systems, so it is not the default if there is another.
func spillStorage(dir string) spill.Storage {
	const large = "/var/tmp"
	switch info, err := os.Stat(large); {
	case dir == noSpill:
		return nil
	case dir != "":
		return spill.Folder(dir)
	case os.Getenv("TMPDIR") == "" && err == nil && info.IsDir():
		return spill.Folder(large)
	}
	return spill.Folder(os.TempDir())
}

// offline are the options of what is worked out without a server.
func (e effort) offline(m *meter, spillDir string) replay.Options {
	return replay.Options{Memory: e.fold(), Spill: spillStorage(spillDir), Report: m.restore}
}
