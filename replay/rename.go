package replay

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"strings"
)

// A RENAME TABLE that swaps tables of one definition, as those who rotate or rebuild tables run it, leaves
// nothing to see: after a stop, no look at the tables tells whether it ran, and a second run would undo it.
// So an empty table of the checkpoint's database is renamed along, in the same statement. Servers rename all
// of a statement's tables or none.

// renameMark is that table's name before and after.
func (cp *checkpoint) renameMark() (before, after string) {
	job := crc32.ChecksumIEEE([]byte(cp.db))
	return fmt.Sprintf("renaming_%08x", job), fmt.Sprintf("renamed_%08x", job)
}

// armRename makes the table. It must be there before the state that speaks of the statement is saved.
func (cp *checkpoint) armRename(ctx context.Context) error {
	before, after := cp.renameMark()
	for _, q := range []string{
		"DROP TABLE IF EXISTS " + checkpointDB + "." + after,
		"CREATE TABLE IF NOT EXISTS " + checkpointDB + "." + before + " (x INT) ENGINE=InnoDB",
	} {
		if err := cp.c.Exec(ctx, q); err != nil {
			return fmt.Errorf("making the mark of a RENAME TABLE: %w", err)
		}
	}
	return nil
}

// disarmRename removes what armRename made, by whichever name.
func (cp *checkpoint) disarmRename(ctx context.Context) error {
	before, after := cp.renameMark()
	return cp.c.Exec(ctx, "DROP TABLE IF EXISTS "+checkpointDB+"."+before+", "+checkpointDB+"."+after)
}

// renameArmed reports that the statement has not run.
func (cp *checkpoint) renameArmed(ctx context.Context) (bool, error) {
	before, _ := cp.renameMark()
	text, err := cp.srv.ShowCreate(ctx, checkpointDB, before)
	return text != "", err
}

// withRenameMark lets a RENAME TABLE rename the mark, last of all. The new line ends a comment that ends the text.
func (cp *checkpoint) withRenameMark(text []byte) []byte {
	before, after := cp.renameMark()
	text = bytes.TrimRight(text, "; \t\r\n")
	return append(text[:len(text):len(text)], strings.Join([]string{"\n, ", checkpointDB, ".", before, " TO ", checkpointDB, ".", after}, "")...)
}
