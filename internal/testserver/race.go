//go:build race

package testserver

// Race reports that the race detector is in the tests; programs that they build have it too. It takes several times the memory.
const Race = true
