package testserver

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// ShellOptions are those of util.dumpInstance() that change the layout.
type ShellOptions struct {
	Schemas   []string
	ChunkRows int  // rows of a chunk; 0 for one file a table
	Plain     bool // compression: "none"
	Hex       bool // useBase64: false of old versions: UNHEX in place of FROM_BASE64
	Tables    bool // dumpTables(): of a schema neither definition nor programs
	Newer     bool // as 9.3 and later: events and routines in files of their own, rows counted
	LocalTime bool // tzUtc: false, in a session of the time zone +02:00
}

// shellDump writes a dump in MySQL Shell's layout.
type shellDump struct {
	t     testing.TB
	conn  *sql.Conn
	dir   string
	o     ShellOptions
	bytes map[string]int64 // of chunks, uncompressed
	count map[string]map[string]int
}

// ShellDump writes a dump of a real server's schemas into a new folder, laid out as MySQL Shell's dumpInstance() does. The Shell itself comes
// in no package that these tests could use, so this follows its sources (modules/util/dump/dumper.cc, dump_writer.cc, schema_dumper.cc): names of files,
// their JSON, how chunks are numbered and values are escaped and encoded. It is a stand-in, and docs/snapshots.md says so.
func ShellDump(t testing.TB, db *sql.DB, dir string, o ShellOptions) {
	t.Helper()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d := &shellDump{t, conn, dir, o, map[string]int64{}, map[string]map[string]int{}}
	d.exec("SET NAMES utf8mb4")
	d.exec("SET SESSION time_zone='+00:00', sql_mode=''")
	if o.LocalTime {
		d.exec("SET SESSION time_zone='+02:00'")
	}
	d.exec("START TRANSACTION WITH CONSISTENT SNAPSHOT")
	defer d.exec("ROLLBACK") // a session that kept it would hold up every DROP
	version := d.rows("SELECT VERSION()")[0][0].String
	root := map[string]any{
		"dumper": "mysqlsh Ver 8.4.0 for Linux on x86_64", "version": "2.0.1", "origin": "dumpInstance", "schemas": o.Schemas, "defaultCharacterSet": "utf8mb4",
		"tzUtc": !o.LocalTime, "bytesPerChunk": 64000000, "server": "h", "serverVersion": version, "gtidExecutedInconsistent": false, "consistent": true,
		"compatibilityOptions": []string{}, "capabilities": []string{}, "begin": "2026-11-24 15:00:00",
	}
	status := "SHOW MASTER STATUS"
	if major := version[0]; major == '9' {
		status = "SHOW BINARY LOG STATUS"
	}
	if at := d.rows(status); len(at) > 0 {
		var offset int64
		if _, err := fmt.Sscan(at[0][1].String, &offset); err != nil {
			t.Fatal(err)
		}
		root["binlogFile"], root["binlogPosition"] = at[0][0].String, offset
	}
	gtids := "SELECT @@global.gtid_executed"
	if strings.Contains(version, "MariaDB") {
		gtids = "SELECT @@gtid_binlog_pos"
	}
	root["gtidExecuted"] = d.rows(gtids)[0][0].String
	if o.Tables {
		root["origin"], root["tableOnly"] = "dumpTables", true
	}
	if o.Newer {
		root["dumper"] = "mysqlsh Ver 9.4.0 for Linux on x86_64"
		root["capabilities"] = []map[string]string{{"id": "multifile_schema_ddl", "description": "x", "versionRequired": "9.3.0"}}
	}
	names := map[string]string{}
	for _, s := range o.Schemas {
		names[s] = encodeShell(s)
	}
	root["basenames"] = names
	d.json("@.json", root)
	d.file("@.sql", "-- MySQLShell dump 2.0.1  Distrib Ver 8.4.0 for Linux on x86_64\n")
	d.file("@.post.sql", "-- MySQLShell dump 2.0.1  Distrib Ver 8.4.0 for Linux on x86_64\n")
	d.file("@.users.sql", "CREATE USER IF NOT EXISTS 'evil'@'%' IDENTIFIED BY 'x';\n")
	for _, s := range o.Schemas {
		d.schema(s)
	}
	done := map[string]any{"end": "2026-11-24 15:00:01", "dataBytes": 1, "tableDataBytes": map[string]any{}, "chunkFileBytes": d.bytes}
	if o.Newer {
		done["tableRows"] = d.count
	}
	d.json("@.done.json", done)
}

// encodeShell encodes what RFC 3986 reserves, of ASCII only.
func encodeShell(name string) string {
	var out strings.Builder
	for i := range len(name) {
		c := name[i]
		if c < 0x80 && !strings.ContainsRune("-._~", rune(c)) && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

func (d *shellDump) exec(q string) {
	d.t.Helper()
	if _, err := d.conn.ExecContext(context.Background(), q); err != nil {
		d.t.Fatalf("%s: %v", q, err)
	}
}

func (d *shellDump) rows(q string) (out [][]sql.NullString) {
	d.t.Helper()
	rows, err := d.conn.QueryContext(context.Background(), q)
	if err != nil {
		d.t.Fatalf("%s: %v", q, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		d.t.Fatal(err)
	}
	for rows.Next() {
		row := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			d.t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
	return out
}

// names is the first column of a query.
func (d *shellDump) names(q string) []string {
	out := []string{}
	for _, r := range d.rows(q) {
		out = append(out, r[0].String)
	}
	return out
}

func (d *shellDump) file(name, text string) {
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *shellDump) json(name string, v any) {
	text, err := json.MarshalIndent(v, "", "    ")
	if err != nil {
		d.t.Fatal(err)
	}
	d.file(name, string(text)+"\n")
}

func quoteShell(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func (d *shellDump) schema(s string) {
	base, q := encodeShell(s), quoteShell(s)
	of := " WHERE TABLE_SCHEMA='" + s + "' AND TABLE_TYPE"
	tables := d.names("SELECT TABLE_NAME FROM information_schema.TABLES" + of + " IN ('BASE TABLE','SYSTEM VERSIONED')")
	views := d.names("SELECT TABLE_NAME FROM information_schema.TABLES" + of + "='VIEW'")
	names := map[string]string{}
	for _, n := range append(append([]string{}, tables...), views...) {
		names[n] = base + "@" + encodeShell(n)
	}
	d.json(base+".json", map[string]any{"schema": s, "includesDdl": true, "includesViewsDdl": true, "includesData": true, "tables": tables, "views": views, "basenames": names, "multifileDdl": d.o.Newer,
		"events":     d.names("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA='" + s + "'"),
		"functions":  d.names("SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_TYPE='FUNCTION' AND ROUTINE_SCHEMA='" + s + "'"),
		"procedures": d.names("SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_TYPE='PROCEDURE' AND ROUTINE_SCHEMA='" + s + "'")})
	if !d.o.Tables {
		text := "-- MySQLShell dump 2.0.1  Distrib Ver 8.4.0\n--\n-- Host: h    Database: " + s + "\n-- ------\n\n--\n-- Current Database: " + q + "\n--\n\n" +
			strings.Replace(d.rows("SHOW CREATE DATABASE " + q)[0][1].String, "CREATE DATABASE", "CREATE DATABASE /*!32312 IF NOT EXISTS*/", 1) + ";\n\nUSE " + q + ";\n"
		text = d.part(base+".sql", text)
		for _, r := range d.rows("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA='" + s + "'") {
			e := d.rows("SHOW CREATE EVENT " + q + "." + quoteShell(r[0].String))[0] // event, sql_mode, time_zone, text, three character sets
			text += d.program(e[3].String, e[1].String, e[4].String, e[5].String, e[2].String)
		}
		text = d.part(base+".events.sql", text)
		for _, r := range d.rows("SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA='" + s + "'") {
			e := d.rows("SHOW CREATE " + r[0].String + " " + q + "." + quoteShell(r[1].String))[0]
			text += d.program(e[2].String, e[1].String, e[3].String, e[4].String, "")
		}
		if text = d.part(base+".routines.sql", text); text != "" {
			d.file(base+".sql", text)
		}
	}
	for _, v := range views {
		text := d.rows("SHOW CREATE VIEW " + q + "." + quoteShell(v))[0]
		columns := d.names("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='" + s + "' AND TABLE_NAME='" + v + "' ORDER BY ORDINAL_POSITION")
		for i, c := range columns {
			columns[i] = "\n 1 AS " + quoteShell(c)
		}
		d.file(names[v]+".pre.sql", "/*!50001 DROP VIEW IF EXISTS "+quoteShell(v)+"*/;\nSET @saved_cs_client     = @@character_set_client;\n/*!50503 SET character_set_client = utf8mb4 */;\n/*!50001 CREATE VIEW "+quoteShell(v)+" AS SELECT"+strings.Join(columns, ",")+"*/;\nSET character_set_client = @saved_cs_client;\n")
		d.file(names[v]+".sql", "/*!50001 DROP VIEW IF EXISTS "+quoteShell(v)+"*/;\n/*!50001 "+strings.ReplaceAll(text[1].String, q+".", "")+" */;\n")
	}
	for _, n := range tables {
		d.table(s, n, names[n])
	}
}

// part ends a file of a newer dump, and what follows begins anew. In others all goes on in one.
func (d *shellDump) part(name, text string) string {
	if !d.o.Newer {
		return text
	}
	if text != "" {
		d.file(name, text)
	}
	return ""
}

// program writes a routine, event or trigger between the SETs that dumps put around it.
func (d *shellDump) program(text, mode, client, collation, zone string) string {
	out := "/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;\n/*!50003 SET sql_mode              = '" + mode + "' */ ;\n/*!50003 SET character_set_client  = " + client + " */ ;\n/*!50003 SET collation_connection  = " + collation + " */ ;\n"
	if zone != "" {
		out += "/*!50106 SET time_zone             = '" + zone + "' */ ;\n"
	}
	return out + "DELIMITER ;;\n" + text + " ;;\nDELIMITER ;\n/*!50003 SET sql_mode              = @saved_sql_mode */ ;\n"
}

func (d *shellDump) table(s, n, base string) {
	q := quoteShell(s) + "." + quoteShell(n)
	var columns, selected []string
	decode := map[string]string{}
	for _, r := range d.rows("SELECT COLUMN_NAME, DATA_TYPE, EXTRA FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='" + s + "' AND TABLE_NAME='" + n + "' ORDER BY ORDINAL_POSITION") {
		if strings.Contains(r[2].String, "GENERATED") && !strings.Contains(r[2].String, "DEFAULT_GENERATED") {
			continue
		}
		c := quoteShell(r[0].String)
		columns = append(columns, r[0].String)
		switch t := r[1].String; {
		case strings.HasSuffix(t, "blob"), strings.HasSuffix(t, "binary"), t == "bit", t == "geometry":
			how, back := "TO_BASE64", "FROM_BASE64"
			if d.o.Hex {
				how, back = "HEX", "UNHEX"
			}
			decode[r[0].String] = back
			c = how + "(" + c + ")"
		}
		selected = append(selected, c)
	}
	triggers := d.names("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA='" + s + "' AND EVENT_OBJECT_TABLE='" + n + "' ORDER BY ACTION_ORDER")
	text := ""
	for _, tr := range triggers {
		e := d.rows("SHOW CREATE TRIGGER " + quoteShell(s) + "." + quoteShell(tr))[0]
		text += d.program(e[2].String, e[1].String, e[3].String, e[4].String, "")
	}
	if text != "" {
		d.file(base+".triggers.sql", text)
	}
	extension := "tsv.zst"
	if d.o.Plain {
		extension = "tsv"
	}
	options := map[string]any{"schema": s, "table": n, "columns": columns, "defaultCharacterSet": "utf8mb4", "fieldsTerminatedBy": "\t", "fieldsEnclosedBy": "", "fieldsOptionallyEnclosed": false, "fieldsEscapedBy": "\\", "linesTerminatedBy": "\n"}
	if len(decode) > 0 {
		options["decodeColumns"] = decode
	}
	d.json(base+".json", map[string]any{"options": options, "triggers": triggers, "includesData": true, "includesDdl": true, "extension": extension, "chunking": d.o.ChunkRows > 0, "compression": "zstd", "primaryIndex": []string{}, "partitions": []string{}, "basenames": map[string]string{}})
	d.file(base+".sql", "-- MySQLShell dump 2.0.1  Distrib Ver 8.4.0\n--\n-- Host: h    Database: "+s+"    Table: "+n+"\n-- ------\n\n--\n-- Table structure for table "+quoteShell(n)+"\n--\n\n/*!40101 SET @saved_cs_client     = @@character_set_client */;\n/*!50503 SET character_set_client = utf8mb4 */;\n"+
		strings.Replace(d.rows("SHOW CREATE TABLE " + q)[0][1].String, "CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)+";\n/*!40101 SET character_set_client = @saved_cs_client */;\n")
	rows := d.rows("SELECT " + strings.Join(selected, ",") + " FROM " + q)
	if d.count[s] == nil {
		d.count[s] = map[string]int{}
	}
	d.count[s][n] = len(rows)
	d.data(rows, base, extension)
}

var shellEscapes = strings.NewReplacer("\\", `\\`, "\x00", `\0`, "\b", `\b`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\x1a", `\Z`)

func (d *shellDump) data(rows [][]sql.NullString, base, extension string) {
	for n, chunk := 0, d.o.ChunkRows; ; n++ {
		part, name := rows, base+"."+extension
		if chunk > 0 {
			part = rows[:min(chunk, len(rows))]
			mark := "@"
			if len(part) == len(rows) {
				mark = "@@"
			}
			name = fmt.Sprintf("%s%s%d.%s", base, mark, n, extension)
		}
		rows = rows[len(part):]
		var text strings.Builder
		for _, r := range part {
			for i, v := range r {
				if i > 0 {
					text.WriteByte('\t')
				}
				if v.Valid {
					text.WriteString(shellEscapes.Replace(v.String))
				} else {
					text.WriteString(`\N`)
				}
			}
			text.WriteByte('\n')
		}
		d.bytes[name] = int64(text.Len())
		out := []byte(text.String())
		if !d.o.Plain {
			w, err := zstd.NewWriter(nil)
			if err != nil {
				d.t.Fatal(err)
			}
			out = w.EncodeAll(out, nil)
		}
		d.file(name, string(out))
		if len(rows) == 0 {
			return
		}
	}
}
