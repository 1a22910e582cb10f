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
// A value that SQL cannot rebuild gives an error that is [ErrUnsupported], never a changed value.
package value

import "errors"

// ErrCorrupt marks bytes that no server writes: an image cut short, a length or an offset that points
// outside, a digit that is none.
var ErrCorrupt = errors.New("damaged row image")

// ErrUnsupported marks a value or type that cannot be written as SQL without a change.
var ErrUnsupported = errors.New("unsupported value")
