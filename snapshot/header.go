package snapshot

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// comment reads a comment that stands between statements: the tool's header and
// footer, and coordinates. Comments inside statements never come here.
func (d *reader) comment(p piece) error {
	text := string(commentText(p.text))
	switch {
	case text == "":
		return nil
	case sandbox(p.text):
		d.facts.Format, d.facts.MariaDB = "mariadb-dump", true // what follows may refine it
		d.settle()
	case strings.HasPrefix(text, "MySQL dump "), strings.HasPrefix(text, "MariaDB dump "), strings.HasPrefix(text, "lifeboat dump "):
		return d.headerLine(text, p.offset)
	case d.header && strings.HasPrefix(text, "Host: "):
		d.hostLine(text)
	case d.header && strings.HasPrefix(text, "Server version"):
		d.versionLine(strings.TrimSpace(text[len("Server version"):]))
	case text == "Dump completed", strings.HasPrefix(text, "Dump completed on "):
		d.completedLine(text)
	case strings.HasPrefix(text, "Current Database: "):
		d.listDatabase(unquoteName([]byte(strings.TrimSpace(text[len("Current Database: "):]))))
	case strings.HasPrefix(text, "Dumping data for table "):
		d.dataFor, d.where = unquoteName([]byte(text[len("Dumping data for table "):])), ""
	case strings.HasPrefix(text, "WHERE: "):
		d.where = strings.TrimSpace(text[len("WHERE: "):])
	case d.aboutCoordinates(text):
	default:
		d.commentedCoordinates(p)
	}
	return nil
}

// sandbox tells MariaDB's first line, which is there even without comments.
func sandbox(comment []byte) bool {
	return bytes.HasPrefix(comment, []byte(`/*M!999999\-`)) || bytes.HasPrefix(comment, []byte(`/*!999999\-`))
}

// headerLine begins a dump: -- MySQL dump 10.13  Distrib 9.7.4, for Linux (x86_64)
func (d *reader) headerLine(text string, offset int64) error {
	if d.header && !d.completed {
		return d.fail(offset, ErrIncomplete, "another dump begins here, and the one before it has no \"-- Dump completed\": take another copy, or make it again")
	}
	d.header, d.completed, d.upstream = true, false, false
	d.facts.Format = "mysqldump"
	if strings.HasPrefix(text, "MariaDB") {
		d.facts.Format = "mariadb-dump"
	}
	if strings.HasPrefix(text, "lifeboat") {
		d.facts.Format = "lifeboat"
	}
	if _, distrib, ok := strings.Cut(text, "Distrib "); ok {
		distrib, _, _ = strings.Cut(distrib, ",")
		d.facts.MariaDB = strings.Contains(distrib, "MariaDB")
	}
	d.settle()
	return nil
}

// hostLine reads "Host: h    Database: shop". The name is empty with
// --all-databases, and the first of several with --databases.
func (d *reader) hostLine(text string) {
	host, db, ok := strings.Cut(strings.TrimPrefix(text, "Host: "), "    Database:")
	if !ok {
		return
	}
	d.facts.Host = strings.TrimSpace(host)
	if db = strings.TrimPrefix(db, " "); db != "" {
		d.db = db
		d.listDatabase(db)
	}
}

func (d *reader) versionLine(version string) {
	d.facts.ServerVersion = version
	d.facts.MariaDB = strings.Contains(version, "MariaDB")
	d.version = versionNumber(version)
	d.settle()
}

// versionNumber gives 90704 for "9.7.4-log", 0 if it is no version.
func versionNumber(version string) int {
	end := strings.IndexFunc(version, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end >= 0 {
		version = version[:end]
	}
	n := 0
	for _, part := range append(strings.SplitN(version, ".", 3), "0", "0")[:3] {
		v, err := strconv.Atoi(part)
		if err != nil || v > 999 {
			return 0
		}
		n = n*100 + v
	}
	return n
}

// completedLine reads "Dump completed on 2025-11-24 12:30:00"; mysqldump writes hours without a leading zero.
func (d *reader) completedLine(text string) {
	date := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(text, "Dump completed"), " on"))
	if date != "" {
		for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02  15:04:05"} {
			if t, err := time.Parse(layout, date); err == nil {
				d.facts.Taken = t
				break
			}
		}
	}
	d.completed = true
}

// aboutCoordinates reads the remarks that tell whose coordinates follow.
func (d *reader) aboutCoordinates(text string) bool {
	switch {
	case strings.Contains(text, "SHOW SLAVE STATUS"), strings.Contains(text, "SHOW REPLICA STATUS"),
		strings.HasSuffix(text, "of this slave)"), strings.HasSuffix(text, "for this replica)"), strings.HasSuffix(text, "of this replica)"):
		d.upstream = true
	case strings.Contains(text, "SHOW MASTER STATUS"), strings.HasSuffix(text, "point-in-time recovery from"):
		d.upstream = false
	default:
		return false
	}
	return true
}

// commentedCoordinates reads -- CHANGE MASTER TO …; and /* SET @@GLOBAL.GTID_PURGED='…';*/
func (d *reader) commentedCoordinates(p piece) {
	sql, ok := coordinateComment(p.text)
	if !ok {
		return
	}
	words, err := tokens(sql, d.mode)
	if err != nil {
		return // prose with an apostrophe
	}
	f, ok, err := readCoordinates(words, d.mode)
	switch {
	case err != nil:
		d.facts.Notes = append(d.facts.Notes, fmt.Sprintf("coordinates in the comment at byte %d cannot be read: %v", p.offset, err))
	case ok:
		line, _, _ := bytes.Cut(p.text, []byte("\n"))
		d.take(f, line, p.offset)
	}
}
