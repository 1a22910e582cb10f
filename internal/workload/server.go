package workload

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// server is what the traffic needs to know of the server.
type server struct {
	mariaDB   bool
	version   int  // 90700, 101119
	json      bool // a binary JSON type; MariaDB's is text
	generated bool // generated columns
	multi     bool // several statements to a round trip
}

func describe(ctx context.Context, db *sql.DB) (server, error) {
	var s server
	var text string
	if err := db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&text); err != nil {
		return s, fmt.Errorf("asking for the server's version: %w", err)
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(text, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return s, fmt.Errorf("the server's version %q: %w", text, err)
	}
	s.version = major*10000 + minor*100 + patch
	s.mariaDB = strings.Contains(strings.ToLower(text), "mariadb")
	s.json = !s.mariaDB && s.version >= 50708
	s.generated = s.mariaDB && s.version >= 100200 || !s.mariaDB && s.version >= 50706
	_, err := db.ExecContext(ctx, "DO 1; DO 1")
	if s.multi = err == nil; err != nil && number(err) != errSyntax {
		return s, err
	}
	return s, nil
}

// The server's numbers of the errors that this traffic brings about.
const (
	errSyntax         = 1064
	errDuplicate      = 1062
	errLockWait       = 1205
	errDeadlock       = 1213
	errTableChanged   = 1412 // by DDL since the transaction's snapshot
	errHasChildren    = 1451
	errNoParent       = 1452
	errForeignKeyName = 1761 // REPLACE or a cascade would make a duplicate in the child
	errRowChanged     = 1020 // MariaDB, since the transaction's snapshot
)

// number is the server's number of an error, which the driver's text begins with.
func number(err error) (n int) {
	if _, scanErr := fmt.Sscanf(err.Error(), "Error %d", &n); scanErr != nil {
		return 0
	}
	return n
}

// passing reports errors after which the same transaction may succeed.
func passing(err error) bool {
	switch number(err) {
	case errLockWait, errDeadlock, errTableChanged, errRowChanged:
		return true
	}
	return false
}

// refused reports that a key stood in the way.
func refused(err error) bool {
	switch number(err) {
	case errDuplicate, errHasChildren, errNoParent, errForeignKeyName:
		return true
	}
	return false
}
