package target

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/binlog"
	"lifeboat/internal/schema"
	"lifeboat/internal/value"
)

// orders is a table with a key of two columns, a generated column and another unique key, and its row
// images' layout.
func orders() (*schema.Table, *binlog.TableMap) {
	def := &schema.Table{DB: "d", Name: "or`ders", Columns: []schema.Column{
		{Name: "id", DataType: "int", Type: "int"},
		{Name: "n", DataType: "varchar", Type: "varchar(9)", Charset: "latin1"},
		{Name: "g", DataType: "int", Type: "int", Generated: schema.GeneratedStored},
		{Name: "v", DataType: "varchar", Type: "varchar(9)", Charset: "utf8mb4", Nullable: true},
	}, Keys: []schema.Key{
		{Name: "PRIMARY", Primary: true, Unique: true, Columns: []schema.KeyPart{{Name: "id"}, {Name: "n"}}},
		{Name: "v", Unique: true, Columns: []schema.KeyPart{{Name: "v", Nullable: true}}},
	}}
	tm := &binlog.TableMap{Database: "d", Table: "or`ders", Types: []byte{value.TypeLong, value.TypeVarchar, value.TypeLong, value.TypeVarchar},
		Meta: []uint16{0, 9, 0, 36}}
	for i := range tm.Types {
		tm.Columns = append(tm.Columns, value.Column{Type: tm.Types[i], Meta: tm.Meta[i]})
	}
	return def, tm
}

func row(id byte, n string, g byte, v *string) *Row {
	r := &Row{Cols: [][]byte{{id, 0, 0, 0}, append([]byte{byte(len(n))}, n...), {g, 0, 0, 0}, nil},
		State: []binlog.ColumnState{binlog.Present, binlog.Present, binlog.Present, binlog.Null}}
	if v != nil {
		r.Cols[3], r.State[3] = append([]byte{byte(len(*v))}, *v...), binlog.Present
	}
	return r
}

func TestRender(t *testing.T) {
	def, tm := orders()
	s, err := NewShape(def, tm)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Uniques || len(s.Key) != 2 {
		t.Errorf("uniques %v, key %v", s.Uniques, s.Key)
	}
	text := func(b []byte, err error) string {
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	quote := "it's"
	insert := s.AppendInsert(nil)
	insert, err = s.AppendRow(insert, row(1, "a", 7, &quote))
	if got, want := text(insert, err), "INSERT INTO `d`.`or``ders` (`id`,`n`,`v`) VALUES (1,'a','it\\'s')"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	del := s.AppendByKey(nil, "DELETE")
	for i, r := range []*Row{row(1, "a", 7, nil), row(2, "b", 7, nil)} {
		if del, err = s.AppendKey(del, i, r.Cols[:2]); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := string(s.AppendByKeyEnd(del)), "DELETE FROM `d`.`or``ders` WHERE (`id`=1 AND `n`=_latin1'a') OR (`id`=2 AND `n`=_latin1'b')"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, c := range []struct {
		kind     binlog.Change
		old, new *Row
		want     string
	}{
		{binlog.Insert, nil, row(1, "a", 7, nil), "INSERT INTO `d`.`or``ders` (`id`,`n`,`v`) VALUES (1,'a',NULL)"},
		{binlog.Update, row(1, "a", 7, nil), row(1, "b", 8, &quote), "UPDATE `d`.`or``ders` SET `id`=1,`n`='b',`v`='it\\'s' WHERE `id`"},
		{binlog.Delete, row(1, "a", 7, nil), nil, "DELETE FROM `d`.`or``ders` WHERE `id`"},
	} {
		got := text(s.AppendOne(nil, c.kind, c.old, c.new, false))
		if !strings.HasPrefix(got, c.want) || c.kind != binlog.Insert && !strings.HasSuffix(got, " LIMIT 1") {
			t.Errorf("%s: got %s\nwant %s…", c.kind, got, c.want)
		}
		if c.kind != binlog.Insert && strings.Contains(got[strings.Index(got, "WHERE"):], "`v`") {
			t.Errorf("%s: a row with a key is looked for by other columns too: %s", c.kind, got)
		}
	}
}

// TestShapeDisagrees holds hazard 8: what the log says of columns is never bent to fit a table.
func TestShapeDisagrees(t *testing.T) {
	for name, change := range map[string]func(*schema.Table, *binlog.TableMap){
		"a column more": func(d *schema.Table, _ *binlog.TableMap) {
			d.Columns = append(d.Columns, schema.Column{Name: "x", DataType: "int"})
		},
		"a column fewer": func(d *schema.Table, _ *binlog.TableMap) { d.Columns = d.Columns[:3] },
		"another type":   func(d *schema.Table, _ *binlog.TableMap) { d.Columns[0].DataType = "bigint" },
		"text for bytes": func(d *schema.Table, _ *binlog.TableMap) { d.Columns[3].DataType = "text" },
		"another name":   func(_ *schema.Table, m *binlog.TableMap) { m.Names = []string{"id", "n", "g", "w"} },
		"old fractional seconds": func(d *schema.Table, m *binlog.TableMap) {
			d.Columns[0].DataType, d.Columns[0].Type, m.Types[0] = "time", "time(3)", value.TypeTime
		},
		"a type nobody knows": func(d *schema.Table, _ *binlog.TableMap) { d.Columns[0].DataType = "quaternion" },
	} {
		def, tm := orders()
		change(def, tm)
		if _, err := NewShape(def, tm); !errors.Is(err, ErrShape) {
			t.Errorf("%s: %v; want ErrShape", name, err)
		}
	}
}

func TestSessionSettings(t *testing.T) {
	mysql9 := &Server{Number: 90704}
	got := strings.Join(mysql9.SessionSettings(Session{SQLMode: "ANSI_QUOTES,NO_AUTO_CREATE_USER", Client: "utf8mb4; DROP TABLE x", TimeZone: "+00:00"}), "\n")
	for _, want := range []string{Quote("ANSI_QUOTES"), "SET NAMES utf8mb4DROPTABLEx", Quote("+00:00"), "foreign_key_checks=0"} {
		if !strings.Contains(got, want) {
			t.Errorf("settings lack %q:\n%s", want, got)
		}
	}
	// NO_AUTO_CREATE_USER (bit 28) is an error on MySQL 8 and later; ANSI_QUOTES (bit 2) must stay.
	set := mysql9.StatementSettings(&binlog.QueryVars{HasSQLMode: true, SQLMode: 1<<28 | 1<<2, HasFlags2: true, Flags2: binlog.OptionNoForeignKeyChecks, ExplicitTimestamp: -1}, time.Unix(1, 0))
	if text := strings.Join(set, "\n"); !strings.Contains(text, "sql_mode=4\n") || !strings.Contains(text, "foreign_key_checks=0") {
		t.Errorf("settings of a logged statement: %s", text)
	}
}

// TestNoSecrets holds errors of opening a target to naming no password.
func TestNoSecrets(t *testing.T) {
	const secret = "hunter2"
	for _, dsn := range []string{"root:" + secret + "@tcp(127.0.0.1:1)/", "root:" + secret + "@tcp(127.0.0.1:1", secret, "root:" + secret + "@unix(/nowhere)/?bogus=" + secret} {
		s, err := Open(context.Background(), dsn, nil)
		if err == nil {
			s.Close()
			t.Errorf("%q opens", dsn)
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error names the password: %v", err)
		}
	}
}
