// Package value reads the column values of MySQL and MariaDB row images and
// writes them as SQL that stores the same bytes again.
//
// The literals are for a session with
//
//	SET NAMES binary, time_zone = '+00:00',
//	sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,…'
//
// with neither NO_BACKSLASH_ESCAPES nor NO_ZERO_DATE nor NO_ZERO_IN_DATE nor PAD_CHAR_TO_FULL_LENGTH
// in its sql_mode. Under the binary character set the server reads a statement byte by byte and
// converts nothing on the way into a column, whatever that column's character set is.
//
// A deprecation warning (1287) draws only the introducer of a character set that the server is about to
// drop: macroman, macce, dec8 and hp8 in MySQL 9. Warning 1300 comes of comparing text with
// bytes that are no letter of their one-byte character set; the row is found all the same.
//
// MariaDB with mysql56_temporal_format=OFF, as before 10.1, writes TIME, DATETIME and TIMESTAMP columns
// that have digits of a second in the types of before 5.6.4, but wider, and the table map does not say so. Where a
// definition has such digits and the table map has type 7, 11 or 12, the row must not be read.
//
// A value that SQL cannot rebuild gives an error that is [ErrUnsupported], never a changed value.
package value

import "errors"

// ErrCorrupt marks bytes that no server writes: an image cut short, a length or an offset that points
// outside, a digit that is none.
var ErrCorrupt = errors.New("damaged row image")

// ErrUnsupported marks a value or type that cannot be written as SQL without a change.
var ErrUnsupported = errors.New("unsupported value")
