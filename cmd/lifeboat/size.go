package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseSize reads a number of bytes: a number and, after it, one of K, M, G, KiB, MiB, GiB or B. All units are
// powers of 1024.
func parseSize(s string) (int64, error) {
	t := strings.TrimSpace(s)
	digits := strings.TrimRight(t, "KMGTiBkmgtIb ")
	shift := 0
	switch strings.ToLower(strings.TrimSpace(t[len(digits):])) {
	case "", "b":
	case "k", "kb", "kib":
		shift = 10
	case "m", "mb", "mib":
		shift = 20
	case "g", "gb", "gib":
		shift = 30
	case "t", "tb", "tib":
		shift = 40
	default:
		return 0, fmt.Errorf("%q is not a size: write a number and KiB, MiB or GiB, as in 512MiB", s)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("%q is not a size: write a number and KiB, MiB or GiB, as in 512MiB", s)
	}
	return n << shift, nil
}
