package snapshot

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// What versions of MySQL Shell have added to the layout, and what its options leave out of a dump.

// Capabilities that a dump may need of its reader, as @.json lists them.
const (
	perPartition     = "partition_awareness"  // from 8.0.27: files of rows for each partition
	severalFiles     = "multifile_schema_ddl" // from 9.3: see programs
	elsewhere        = "dump_dir_redirection" // from 9.4.1: the dump is in a folder of this one
	vectorStore      = "innodb_vector_store"  // from 9.4.1: rows of some tables are beside the dump
	redirectedFolder = "dump"
)

// capable refuses a dump that needs what lifeboat does not know: to read it as if it did not would lose a part of it.
func (d *shellDump) capable() error {
	for _, c := range d.root.Capabilities {
		switch c.ID {
		case perPartition, severalFiles:
		case elsewhere:
			return d.f.fail(ErrUnsupported, "it only says that the dump is in a folder of it: give that one, probably %s", filepath.Join(d.f.path, redirectedFolder))
		case vectorStore:
			return d.f.fail(ErrUnsupported, "the rows of its vector store tables are outside of it, and lifeboat does not read them: make a dump without these tables (excludeTables)")
		default:
			return d.f.fail(ErrUnsupported, "it can be read only by what knows %q, as MySQL Shell does from version %s on, and lifeboat does not: use an older form, or another tool", c.ID, c.Required)
		}
	}
	return nil
}

// programs lists the files that have a schema's events and routines where it has several files.
func (d *shellDump) programs(base, db string, s *shellSchema) error {
	for _, name := range s.Libraries {
		d.f.facts.Unread = append(d.f.facts.Unread, fmt.Sprintf("library %s.%s", db, name))
	}
	if !s.Several || !s.DDL || d.root.TableOnly {
		return nil
	}
	if len(s.Events) > 0 {
		if err := d.add(base+".events.sql", db, true); err != nil {
			return err
		}
	}
	if len(s.Functions)+len(s.Procedures) > 0 {
		return d.add(base+".routines.sql", db, true)
	}
	return nil
}

// part says which of a table's rows were dumped, in words that follow "the rows where"; "" for all. Which partitions there were only the options tell: the table's own
// JSON names those that were dumped.
func (d *shellDump) part(id tableID, t *shellTable) string {
	for asked := range d.root.Options.Partitions {
		if strings.ReplaceAll(asked, "`", "") == id.db+"."+id.name {
			of := "they are in partition " + strings.Join(slices.Sorted(slices.Values(d.root.Options.Partitions[asked])), ", ")
			if t.Where != "" {
				of += " and " + t.Where
			}
			return of
		}
	}
	return t.Where
}

// serverVersion is the server's own version: cloud services put that of a protocol in front of MariaDB's, as in 5.6.0-10.2.32-MariaDB-log.
func serverVersion(v string) string {
	if before, own, ok := strings.Cut(v, "-"); ok && strings.Contains(own, "MariaDB") && versionNumber(before) > 0 && versionNumber(own) >= 50100 {
		return own
	}
	return v
}
