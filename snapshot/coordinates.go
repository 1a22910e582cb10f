package snapshot

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"lifeboat/internal/binlog"
	"lifeboat/internal/binlog/gtid"
	"lifeboat/internal/schema"
)

// found is what one statement or comment tells of coordinates.
type found struct {
	position binlog.Position
	upstream bool // it names a host to connect to
	gtids    gtid.Set
}

// readCoordinates reads CHANGE MASTER TO, CHANGE REPLICATION SOURCE TO, SET
// … GTID_PURGED and SET … gtid_slave_pos; ok is false if it is none of them.
func readCoordinates(words []word, m schema.Mode) (f found, ok bool, err error) {
	switch {
	case len(words) < 2:
	case words[0].is("change"):
		return readChange(words, m)
	case words[0].is("set"):
		return readGTIDs(words[1:], m)
	}
	return found{}, false, nil
}

func readChange(words []word, m schema.Mode) (f found, ok bool, err error) {
	for i := 1; i+2 < len(words); i++ {
		if words[i].kind != schema.Ident || words[i+1].text != "=" {
			continue
		}
		value := words[i+2].text
		if words[i+2].kind == schema.String {
			value = unquoteString(value, m)
		}
		switch strings.ToUpper(words[i].text) {
		case "MASTER_LOG_FILE", "SOURCE_LOG_FILE":
			f.position.File = value[strings.LastIndexAny(value, `/\`)+1:]
		case "MASTER_LOG_POS", "SOURCE_LOG_POS":
			f.position.Offset, err = strconv.ParseUint(value, 10, 64)
			if err != nil {
				return found{}, false, fmt.Errorf("%q is not an offset in bytes", value)
			}
		case "MASTER_HOST", "SOURCE_HOST":
			f.upstream = true
		}
	}
	if f.position.File == "" {
		f.position = binlog.Position{} // CHANGE MASTER TO MASTER_USE_GTID=…
	}
	return f, true, nil
}

func readGTIDs(words []word, m schema.Mode) (f found, ok bool, err error) {
	for _, a := range assignments(words) {
		for i := 0; i+2 < len(a) && i < 2; i++ {
			name := strings.ToLower(strings.TrimPrefix(strings.ToLower(a[i].text), "@@global."))
			if name != "gtid_purged" && name != "gtid_slave_pos" || a[i+1].text != "=" {
				continue
			}
			none := session{}
			v := none.value(a[i+2:], m)
			if !v.known {
				return found{}, false, fmt.Errorf("%s is not set to a string", name)
			}
			set, err := gtid.ParseSet(strings.TrimPrefix(strings.TrimSpace(v.text), "+"))
			if err != nil {
				return found{}, false, err
			}
			return found{gtids: set}, true, nil
		}
	}
	return found{}, false, nil
}

// isCoordinates tells cheaply whether a comment's text could be a statement
// that gives coordinates, and returns it.
func coordinateComment(comment []byte) ([]byte, bool) {
	text := commentText(comment)
	if startsWithWord(text, "change") || startsWithWord(text, "set") {
		return bytes.TrimRight(text, "; \t\r\n"), true
	}
	return nil, false
}

// commentText is what a comment says, without its marks.
func commentText(comment []byte) []byte {
	switch {
	case bytes.HasPrefix(comment, []byte("--")):
		comment = comment[2:]
	case bytes.HasPrefix(comment, []byte("#")):
		comment = comment[1:]
	default:
		comment = bytes.TrimSuffix(bytes.TrimPrefix(comment, []byte("/*")), []byte("*/"))
	}
	return bytes.TrimSpace(comment)
}

// take adds what was found at offset. Two different sets of coordinates, as in
// dumps that were put one after the other, are none: only a person can choose.
func (d *reader) take(f found, text []byte, offset int64) {
	if f.position.IsZero() && f.gtids.IsEmpty() {
		return
	}
	c := &d.facts.Coordinates
	f.upstream = f.upstream || d.upstream
	same := true
	if !f.position.IsZero() {
		switch {
		case c.Position.IsZero() || c.Upstream && !f.upstream:
			c.Position, c.Upstream = f.position, f.upstream
		case c.Position != f.position && (c.Upstream || !f.upstream):
			same = false
		}
	}
	if !f.gtids.IsEmpty() {
		switch {
		case c.GTIDs.IsEmpty():
			c.GTIDs = f.gtids
		case !c.GTIDs.Equal(f.gtids):
			same = false
		}
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	source := fmt.Sprintf("byte %d: %s", offset, line)
	if c.Source != "" {
		source = c.Source + "\n" + source
	}
	c.Source = source
	if !same {
		d.conflict = true
	}
}
