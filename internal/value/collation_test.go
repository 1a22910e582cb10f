package value_test

import (
	"fmt"
	"testing"

	"lifeboat/internal/testserver"
	"lifeboat/internal/value"
)

// Every collation of every server, by its id.
func TestCharsetOf(t *testing.T) {
	for _, kind := range testserver.AllKinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			source := "COLLATIONS"
			if testserver.IsMariaDB(kind) {
				source = "COLLATION_CHARACTER_SET_APPLICABILITY" // which alone has the ids of uca1400
			}
			rows, err := testserver.Open(t, testserver.Start(t, kind)).Query("SELECT c.ID, IF(s.CHARACTER_SET_NAME='utf8','utf8mb3',s.CHARACTER_SET_NAME), s.MAXLEN FROM information_schema." +
				source + " c JOIN information_schema.CHARACTER_SETS s USING (CHARACTER_SET_NAME) WHERE c.ID IS NOT NULL")
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			n := 0
			for ; rows.Next(); n++ {
				var id uint16
				var want value.Charset
				if err := rows.Scan(&id, &want.Name, &want.Width); err != nil {
					t.Fatal(err)
				}
				if got := value.CharsetOf(id); got != want {
					t.Errorf("collation %d: %+v, the server says %+v", id, got, want)
				}
			}
			if n < 200 {
				t.Errorf("only %d collations", n)
			}
		})
	}
}

// Text in latin1 is converted here as the servers convert it, byte by byte.
func TestLatin1(t *testing.T) {
	all := make([]byte, 255)
	for i := range all {
		all[i] = byte(i + 1)
	}
	for _, kind := range testserver.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var want []byte
			if err := testserver.Open(t, testserver.Start(t, kind)).QueryRow(fmt.Sprintf("SELECT CAST(CONVERT(_latin1 x'%x' USING utf8mb4) AS BINARY)", all)).Scan(&want); err != nil {
				t.Fatal(err)
			}
			c, err := value.NewComparison("varchar", "varchar(255)", "latin1", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.AppendAnswer(nil, all); err != nil || string(got) != string(want) {
				t.Errorf("%x, %v\nwant %x", got, err, want)
			}
			if q := c.Query("`c`"); q != "`c`" {
				t.Errorf("the server is asked for %s", q)
			}
		})
	}
}
