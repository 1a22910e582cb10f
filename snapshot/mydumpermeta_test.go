package snapshot

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	uuidA = "a5817149-e81c-11f1-b715-02fc00000001"
	uuidB = "b5817149-e81c-11f1-b715-02fc00000001"
)

// mydumperForms are the four forms. The first was made by mydumper 0.10; the others are written by hand after its later sources, as
// no package of those versions is to be had here.
var mydumperForms = []struct {
	name, text        string
	position, gtids   string
	mariadb, counting bool
}{
	{"0.10", "Started dump at: 2026-11-24 15:35:16\nSHOW MASTER STATUS:\n\tLog: binlog.000001\n\tPos: 354586\n\tGTID:" + uuidA + ":1-163\n\nFinished dump at: 2026-11-24 15:35:16\n",
		"binlog.000001:354586", uuidA + ":1-163", false, false},
	{"0.10 of MariaDB on a replica", "Started dump at: 2026-11-24 15:35:16\nSHOW MASTER STATUS:\n\tLog: binlog.000001\n\tPos: 4\n\tGTID:0-1-169\n\nSHOW SLAVE STATUS:\n\tConnection name: x\n\tHost: up\n\tLog: up.000009\n\tPos: 99\n\tGTID:0-9-9\n\nFinished dump at: 2026-11-24 15:35:16\n",
		"binlog.000001:4", "0-1-169", true, false},
	{"0.10 with a set on several lines", "Started dump at: 2026-11-24 15:35:16\nSHOW MASTER STATUS:\n\tLog: binlog.000001\n\tPos: 4\n\tGTID:" + uuidA + ":1-163,\n" + uuidB + ":1-5\n\nFinished dump at: 2026-11-24 15:35:16\n",
		"binlog.000001:4", uuidA + ":1-163," + uuidB + ":1-5", false, false},
	{"0.14", "# Started dump at: 2026-11-24 15:35:16\n[config]\nquote_character = BACKTICK\n\n[master]\n# Channel_Name = '' # It can be use to setup replication FOR CHANNEL\nFile = binlog.000002\nPosition = 157\nExecuted_Gtid_Set = " + uuidA + ":1-163,\n" + uuidB + ":1-5\n\n[`shop`.`t`]\nreal_table_name=t\nrows = 2\n# Finished dump at: 2026-11-24 15:35:16\n",
		"binlog.000002:157", uuidA + ":1-163," + uuidB + ":1-5", false, true},
	{"0.19", "# Started dump at: 2026-11-24 15:35:16\n[config]\nquote-character = BACKTICK\n[source]\n# Channel_Name = '' # It can be use to setup replication FOR CHANNEL\n#SOURCE_HOST = \"h\"\nexecuted_gtid_set = \"" + uuidA + ":1-163\"\nSOURCE_LOG_FILE = \"binlog.000002\"\nSOURCE_LOG_POS = 157\n#SOURCE_AUTO_POSITION = {0|1}\nmyloader_exec_reset_replica = 0\n\n[`shop`.`t`]\nreal_table_name=t\nrows = 2\n# Finished dump at: 2026-11-24 15:35:16\n",
		"binlog.000002:157", uuidA + ":1-163", false, true},
	{"0.21", "# Started dump at: 2026-11-24 15:35:16\n[config]\nquote-character = BACKTICK\n[source]\n# executed_gtid_set = \"0-1-9\"\n# SOURCE_LOG_FILE = \"binlog.000002\"\n# SOURCE_LOG_POS = 157\n#SOURCE_HOST = \"\"\n\n[replication]\n# SOURCE_LOG_FILE = \"up.000002\"\n# SOURCE_LOG_POS = 1\n[`shop`.`t`]\nreal_table_name=t\nrows = 2\n# Finished dump at: 2026-11-24 15:35:16\n",
		"binlog.000002:157", "0-1-9", true, true},
	{"no binlog", "Started dump at: 2026-11-24 15:35:16\nFinished dump at: 2026-11-24 15:35:16\n", "", "", false, false},
}

// mydumperDir is a dump of one table of two rows.
func mydumperDir(t *testing.T, metadata string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"metadata":               metadata,
		"shop-schema-create.sql": "CREATE DATABASE `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;\n",
		"shop.t-schema.sql":      "/*!40101 SET NAMES binary*/;\nCREATE TABLE `t` (\n  `id` int\n);\n",
		"shop.t.00001.sql":       "/*!40101 SET NAMES binary*/;\nINSERT INTO `t` VALUES\n(2);\n",
		"shop.t.00000.sql":       "/*!40101 SET NAMES binary*/;\nINSERT INTO `t` VALUES\n(1);\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestMydumperMetadata(t *testing.T) {
	for _, form := range mydumperForms {
		t.Run(form.name, func(t *testing.T) {
			dir := mydumperDir(t, form.text)
			s, err := Open(t.Context(), dir, "shop", nil)
			if err != nil {
				t.Fatal(err)
			}
			x := s.Index()
			if got := x.Coordinates.Position.String(); got != form.position && (form.position != "" || !x.Coordinates.Position.IsZero()) {
				t.Errorf("position %s", got)
			}
			if got := x.Coordinates.GTIDs.String(); got != form.gtids {
				t.Errorf("GTIDs %s", got)
			}
			if x.MariaDB != form.mariadb || !x.Complete || x.Coordinates.Upstream || x.Taken.IsZero() {
				t.Errorf("index %+v", x)
			}
			if len(x.Tables) != 1 || x.Tables[0].Rows != 2 || !x.Tables[0].HasData {
				t.Errorf("tables %+v", x.Tables)
			}
			var order []string
			err = s.Statements(t.Context(), "shop", func(st Statement) error {
				if st.Part != PartSession {
					order = append(order, string(st.SQL[max(0, len(st.SQL)-3):]))
				}
				return nil
			})
			if got := strings.Join(order, "|"); err != nil || got != " */|t\n)|(1)|(2)" {
				t.Errorf("%q, %v", got, err)
			}
			if err := os.Remove(filepath.Join(dir, "shop.t.00000.sql")); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), dir, "shop", nil); errors.Is(err, ErrIncomplete) != form.counting {
				t.Errorf("a missing chunk: %v", err)
			}
			unfinished, _, _ := strings.Cut(form.text, "Finished")
			if _, err := Open(t.Context(), mydumperDir(t, unfinished), "shop", nil); !errors.Is(err, ErrIncomplete) {
				t.Errorf("not finished: %v", err)
			}
		})
	}
}

// TestMydumperNames: databases and tables whose names have dots, or are replaced in the names of files.
func TestMydumperNames(t *testing.T) {
	dir := mydumperDir(t, mydumperForms[0].text)
	for name, text := range map[string]string{
		"shop.a-schema-create.sql":         "CREATE DATABASE `shop.a`;\n",
		"shop.a.t.u-schema.sql":            "CREATE TABLE `t.u` (\n  `id` int\n);\n",
		"shop.a.t.u.sql":                   "INSERT INTO `t.u` VALUES\n(1);\n",
		"mydumper_0-schema-create.sql":     "CREATE DATABASE `odd/name`;\n",
		"mydumper_0.mydumper_1-schema.sql": "CREATE TABLE `t;\nx` (\n  `id` int\n);\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), dir, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, x := range s.Index().Tables {
		got[x.DB+"|"+x.Name] = x.Rows
	}
	if len(got) != 3 || got["shop|t"] != 2 || got["shop.a|t.u"] != 1 {
		t.Errorf("tables %v", got)
	}
	if _, ok := got["odd/name|t;\nx"]; !ok {
		t.Errorf("tables %v", got)
	}
}
