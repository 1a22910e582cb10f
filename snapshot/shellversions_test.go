package snapshot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What dumps of several versions of the Shell say of themselves, as those do that people have published (8.0.23, 8.0.41 of a MariaDB, 8.0.43, 8.1.1 with ocimds, 9.1.0):
// their fields, with values of our own.
func TestShellVersions(t *testing.T) {
	for _, c := range []struct {
		name, root, done string
		version          string
		at, gtids        string
		where, note      string
		unread           string
	}{
		{name: "8.0.23", root: `"version":"1.0.2","origin":"dumpInstance","users":["'root'@'localhost'"],"serverVersion":"8.0.23-0ubuntu0.20.04.1","gtidExecuted":"` + uuidA + `:1-10","gtidExecutedInconsistent":false,"mdsCompatibility":true`,
			version: "8.0.23-0ubuntu0.20.04.1", gtids: uuidA + ":1-10"},
		{name: "8.0.41 of MariaDB at a cloud service", root: `"version":"2.0.1","options":{"chunking":true,"threads":16,"users":false},"serverVersion":"5.6.0-10.2.32-MariaDB-log","binlogFile":"mysql-bin.003549","binlogPosition":8562,"gtidExecuted":"","partialRevokes":false,"compatibilityOptions":[],"capabilities":[]`,
			version: "10.2.32-MariaDB-log", at: "mysql-bin.003549:8562"},
		{name: "8.1.1", root: `"version":"2.0.1","options":{"compatibility":["strip_definers"],"ocimds":true},"serverVersion":"8.0.36","binlogFile":"H-bin.000004","binlogPosition":5685,"gtidExecuted":"","mdsCompatibility":true,"compatibilityOptions":["strip_definers","force_innodb"],"capabilities":[]`,
			version: "8.0.36", at: "H-bin.000004:5685", note: "strip_definers"},
		{name: "9.1.0", root: `"version":"2.0.1","targetVersion":"9.1.0","source":{"hostname":"h","binlog":{"file":"H-bin.000004","position":157},"sysvars":{"basedir":"C:\\\\x","version":"8.0.40"}},"serverVersion":"8.0.40","binlogFile":"H-bin.000004","binlogPosition":157,"gtidExecuted":"` + uuidA + `:1-2,\n` + uuidB + `:1","checksum":false`,
			done: `"tableRows":{"shop":{"t":1}},`, version: "8.0.40", at: "H-bin.000004:157", gtids: uuidA + ":1-2," + uuidB + ":1"},
		{name: "with where", root: `"serverVersion":"9.1.0"`, version: "9.1.0", where: "id < 5"},
		{name: "some partitions", root: `"serverVersion":"9.1.0","options":{"partitions":{"shop.t":["p1","p0"]}}`, version: "9.1.0", where: "they are in partition p0, p1"},
		{name: "libraries", root: `"serverVersion":"9.4.0"`, version: "9.4.0", unread: "library shop.js"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files, dir := shellFiles(), t.TempDir()
			files["@.json"] = `{"dumper":"mysqlsh Ver","schemas":["shop"],"basenames":{"shop":"shop"},"defaultCharacterSet":"utf8mb4","tzUtc":true,"consistent":true,` + c.root + "}"
			files["@.done.json"] = strings.Replace(files["@.done.json"], "{", "{"+c.done, 1)
			if strings.HasPrefix(c.where, "id") {
				files["shop@t.json"] = strings.Replace(files["shop@t.json"], "{", `{"where":"`+c.where+`",`, 1)
			}
			if c.unread != "" {
				files["shop.json"] = strings.Replace(files["shop.json"], "{", `{"libraries":["js"],`, 1)
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(t.Context(), dir, "shop", nil)
			if err != nil {
				t.Fatal(err)
			}
			x := s.Index()
			at := ""
			if !x.Coordinates.Position.IsZero() {
				at = x.Coordinates.Position.String()
			}
			if x.ServerVersion != c.version || at != c.at || x.Coordinates.GTIDs.String() != c.gtids || strings.Join(x.Unread, ";") != c.unread {
				t.Errorf("version %q, at %q, GTIDs %q, unread %q", x.ServerVersion, at, x.Coordinates.GTIDs.String(), x.Unread)
			}
			if len(x.Tables) != 1 || x.Tables[0].Rows != 1 || x.Tables[0].Where != c.where || !x.Tables[0].HasData {
				t.Errorf("tables %+v", x.Tables)
			}
			if !strings.Contains(strings.Join(x.Notes, ";"), c.note) {
				t.Errorf("notes %q", x.Notes)
			}
		})
	}
}
