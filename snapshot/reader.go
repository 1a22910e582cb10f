package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"lifeboat/internal/schema"
)

// reader makes Statements of the pieces of a dump: which database and object
// each is about, and under what session settings.
type reader struct {
	path string
	s    *splitter
	want func(db string) bool // whose rows are wanted in full
	seen func(*piece)         // is told of each statement; may be nil
	only string               // the database whose statements must all be understood; "" for every one

	facts Index // what header and comments told so far
	sess  session
	mode  schema.Mode
	db    string // of the header, or of the last USE

	version   int       // of the server, as 90704; 0 if not known
	header    bool      // a tool's header was seen
	completed bool      // its end mark too, and no other header since
	footer    footer    // the other sign of completeness
	upstream  bool      // the comment before coordinates says that they are another server's
	conflict  bool      // coordinates that contradict one another
	where     string    // of the table whose data comes next
	dataFor   string    // table that a comment announced data for
	statement int64     // how many were read
	size      int64     // of the last statement, with what was dropped of it
	inForce   Statement // the settings that hold for the next
	// ansi says that the tool kept no sql_mode, and quoted names as the object's own mode has it.
	ansi bool

	// Target of the INSERT that begin looked at. Names are kept from one
	// statement to the next, so that they are made once a table.
	insertDB, insertTable string
	rawDB, rawTable       []byte
	insertOK              bool
}

// footer follows @OLD_SQL_NOTES, which dumps save near their start and restore
// in their last statement; MariaDB 11 calls it @OLD_NOTE_VERBOSITY.
type footer uint8

const (
	noFooter footer = iota
	footerDue
	footerSeen
)

func (f *footer) follow(words []word) {
	for i := range words {
		name := strings.ToLower(words[i].text)
		if name != "@old_sql_notes" && name != "@old_note_verbosity" {
			continue
		}
		if i+1 < len(words) && words[i+1].text == "=" {
			*f = footerDue
		} else if *f == footerDue {
			*f = footerSeen
		}
	}
}

func newReader(path string, r io.Reader, want func(string) bool) *reader {
	d := &reader{path: path, want: want, sess: newSession()}
	d.facts.Path = path
	d.s = newSplitter(r, d.begin)
	d.s.dollar = true
	return d
}

// fail adds file and offset to an error; those of the input have them already.
func (d *reader) fail(offset int64, kind error, format string, args ...any) error {
	return &ReadError{Path: d.path, Offset: offset, Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// next returns the next statement, and io.EOF after the last.
func (d *reader) next() (Statement, error) {
	for {
		p, err := d.s.next()
		if err != nil {
			return Statement{}, d.splitFailure(err)
		}
		if p.comment {
			if err := d.comment(p); err != nil {
				return Statement{}, err
			}
			continue
		}
		st := d.inForce
		st.DB, st.SQL, st.Offset = d.db, p.text, p.offset
		if err := d.classify(p, &st); err != nil {
			if d.only == "" || d.db == "" || d.db == d.only || !errors.Is(err, ErrUnsupported) {
				return Statement{}, err
			}
			st.Part = PartOther
		}
		d.statement++
		d.size = p.size
		if d.seen != nil {
			d.seen(&p)
		}
		return st, nil
	}
}

func (d *reader) splitFailure(err error) error {
	var known *ReadError
	switch {
	case err == io.EOF, errors.As(err, &known):
		return err
	case d.statement == 0 && !d.header && (err == errUnterminated || err == errNUL || err == errClientCommand):
		return d.fail(0, ErrNotDump, "it begins with neither a dump's header nor SQL")
	case err == errUnterminated:
		return d.fail(d.s.offset, ErrIncomplete, "the file ends inside the statement that begins here: take another copy of the dump, or make it again")
	case err == errClientCommand:
		return d.fail(d.s.here(), ErrUnsupported, "a command for the mysql client, which lifeboat never runs: %s; remove it if it is not needed", excerpt(d.s.buf[d.s.pos:d.s.end]))
	case err == errNUL:
		return d.fail(d.s.here(), ErrCorrupt, "a NUL byte outside any string: the file was damaged, perhaps by a full disk or a crash while it was written; take another copy")
	}
	return d.fail(d.s.here(), err, "")
}

// firstWords are those that a dump's statements, and ordinary SQL scripts, begin with.
var firstWords = map[string]bool{
	"alter": true, "analyze": true, "begin": true, "binlog": true, "cache": true, "call": true, "change": true, "check": true,
	"checksum": true, "commit": true, "create": true, "deallocate": true, "delete": true, "do": true, "drop": true,
	"execute": true, "flush": true, "grant": true, "insert": true, "install": true, "load": true, "lock": true,
	"optimize": true, "prepare": true, "purge": true, "release": true, "rename": true, "repair": true, "replace": true,
	"reset": true, "revoke": true, "rollback": true, "savepoint": true, "select": true, "set": true, "show": true, "start": true,
	"stop": true, "truncate": true, "uninstall": true, "unlock": true, "update": true, "use": true, "with": true, "xa": true,
}

// clientWords begin commands of the mysql client.
var clientWords = map[string]bool{"source": true, "system": true, "tee": true, "notee": true, "pager": true, "nopager": true, "edit": true, "connect": true}

// begin looks at a statement's first bytes before the rest is read, so that a
// file of something else is not taken for one long statement.
func (d *reader) begin(head []byte, offset int64) (drop bool, err error) {
	if startsWithWord(head, "insert") || startsWithWord(head, "replace") {
		d.target(head)
		db := d.insertDB
		if db == "" {
			db = d.db
		}
		return !d.want(db), nil
	}
	w := firstWord(head)
	switch word := strings.ToLower(string(w)); {
	case firstWords[word]:
		return false, nil
	case clientWords[word]:
		return false, d.fail(offset, ErrUnsupported, "a command for the mysql client, which lifeboat never runs: %s; remove it if it is not needed", excerpt(head))
	case len(w) == 0 && versionedEmpty(head):
		return false, nil
	case bytes.HasPrefix(head, []byte("mysqldump:")), bytes.HasPrefix(head, []byte("mariadb-dump:")):
		return false, d.fail(offset, ErrUnsupported, "a message of the dump tool was written into the file: %s; if it is only a warning, remove the line, else make the dump again", excerpt(head))
	}
	if len(head) < headSize && !bytes.Contains(head, d.s.delim) && (d.statement > 0 || d.header) {
		return false, errUnterminated // the file ends here, perhaps inside a word
	}
	if d.statement == 0 && !d.header {
		return false, d.fail(offset, ErrNotDump, "%s is no SQL statement", excerpt(head))
	}
	return false, d.fail(offset, ErrCorrupt, "%s is no SQL statement: the file was damaged or edited; take another copy", excerpt(head))
}

// target finds the table of an INSERT.
func (d *reader) target(head []byte) {
	db, table, ok := insertTarget(head)
	d.insertOK = ok
	if !bytes.Equal(db, d.rawDB) {
		d.rawDB, d.insertDB = bytes.Clone(db), unquoteName(db)
	}
	if !bytes.Equal(table, d.rawTable) {
		d.rawTable, d.insertTable = bytes.Clone(table), unquoteName(table)
	}
}

// firstWord is the first keyword, in or after a versioned comment's opening.
func firstWord(b []byte) []byte {
	for i := 0; i < len(b); {
		switch {
		case isSpace(b[i]):
			i++
		case b[i] == '/' && i+1 < len(b) && b[i+1] == '*':
			if n, ok := versioned(b[i:]); ok {
				for i += n; i < len(b) && isDigit(b[i]); i++ {
				}
				continue
			}
			n := bytes.Index(b[i:], []byte("*/"))
			if n < 0 {
				return nil
			}
			i += n + 2
		default:
			return b[i:skipWord(b, i)]
		}
	}
	return nil
}

// versionedEmpty tells whether b begins a versioned comment of whose contents
// the first bytes show no word: another comment may fill them.
func versionedEmpty(b []byte) bool {
	if !bytes.HasPrefix(b, []byte("/*")) {
		return false
	}
	_, ok := versioned(b)
	return ok
}

// excerpt shows what stands at a place: one line, printable, short.
func excerpt(b []byte) string {
	const most = 60
	line, _, more := bytes.Cut(b, []byte("\n"))
	if len(line) > most {
		line, more = line[:most], true
	}
	if more {
		return fmt.Sprintf("%q…", bytes.TrimSpace(line))
	}
	return fmt.Sprintf("%q", bytes.TrimSpace(line))
}

// settle carries what SETs changed over to how the next statements are read.
func (d *reader) settle() {
	mode := d.sess.vars["sql_mode"]
	d.inForce.SQLMode, d.inForce.SQLModeSet = mode.text, mode.known
	d.inForce.ClientCharset = d.sess.get("character_set_client")
	d.inForce.CollationConnection = d.sess.get("collation_connection")
	d.inForce.TimeZone = d.sess.get("time_zone")
	d.inForce.ExplicitTimestamp = d.sess.get("explicit_defaults_for_timestamp")
	d.inForce.UTF8MB4Collation = d.sess.get("default_collation_for_utf8mb4")
	d.inForce.CharsetCollations = d.sess.collations
	d.mode = d.sess.mode(d.facts.MariaDB)
	d.s.noBackslash = d.mode.NoBackslashEscapes
	d.s.ansiQuotes = d.mode.ANSIQuotes
	d.s.multi = multibyte(d.mode.Charset)
	d.s.dollar = !d.facts.MariaDB && (d.version == 0 || d.version >= 80032)
}
