package main

import "testing"

func TestFoldShare(t *testing.T) {
	const mib = 1 << 20
	for memory, want := range map[int64]int64{16 * mib: 8 * mib, 128 * mib: 64 * mib, 192 * mib: 96 * mib, 256 * mib: 160 * mib, 512 * mib: 416 * mib} {
		if got := (effort{memory: memory}).fold(); got != want {
			t.Errorf("--memory %d: %d for the fold, not %d", memory, got, want)
		}
	}
}
