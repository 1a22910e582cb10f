package text

import (
	"math"
	"reflect"
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 10188: "9.9 KiB", 10189: "10 KiB",
		1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB", 584 << 20: "584 MiB", 5 << 40: "5.0 TiB",
		math.MaxInt64: "8.0 EiB", -2048: "-2.0 KiB", math.MinInt64: "-8.0 EiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -100: "-100", -1000: "-1,000",
		math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	if got := Counted(1, "row") + ", " + Counted(0, "row"); got != "1 row, 0 rows" {
		t.Errorf("Counted: %q", got)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0s", 440 * time.Millisecond: "0.4s", 9940 * time.Millisecond: "9.9s", 9960 * time.Millisecond: "10s",
		59400 * time.Millisecond: "59s", 59600 * time.Millisecond: "1m00s", 185 * time.Second: "3m05s",
		time.Hour - time.Millisecond: "1h00m", 127 * time.Minute: "2h07m", 76 * time.Hour: "3d04h", -time.Minute: "-1m00s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestTimeIsUTC(t *testing.T) {
	at := time.Date(2024, 5, 3, 1, 30, 0, 0, time.FixedZone("CEST", 7200))
	if got := Time(at); got != "2024-05-02 23:30:00 UTC" {
		t.Errorf("got %q", got)
	}
	if got := Time(time.Time{}); got != "-" {
		t.Errorf("zero time: %q", got)
	}
}

func TestLineDisarmsWhatATerminalObeys(t *testing.T) {
	for in, want := range map[string]string{
		" DROP\n\tTABLE  订单 ":     "DROP TABLE 订单",
		"a\x1b[2Jb\a":             `a\x1b[2Jb\x07`,
		"\xff\xfe":                `\xff\xfe`,
		"kept \uFFFD":             "kept \uFFFD",
		"exe\u202egnp":            `exe\u202egnp`,
		"\u009b31m (a C1 escape)": `\u009b31m (a C1 escape)`,
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWidthFitPad(t *testing.T) {
	if got := Width("订单 x…"); got != 7 {
		t.Errorf("Width = %d, want 7", got)
	}
	for _, c := range []struct {
		s     string
		width int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"订单表", 5, "订单…"}, {"订单表", 4, "订…"}, {"订单表", 6, "订单表"},
		{"abc", 1, "…"}, {"abc", 0, ""}, {"", 0, ""},
	} {
		got := Fit(c.s, c.width)
		if got != c.want || Width(got) > c.width {
			t.Errorf("Fit(%q, %d) = %q, want %q", c.s, c.width, got, c.want)
		}
	}
	if got := Pad("订", 4) + "|" + Pad("abcde", 4); got != "订  |abcde" {
		t.Errorf("Pad: %q", got)
	}
}

func TestWrap(t *testing.T) {
	got := Wrap("the log ends\nat  binlog.000012:12345678 in a transaction", 12)
	want := []string{"the log ends", "at", "binlog.000012:12345678", "in a", "transaction"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Wrap(" ", 10); got != nil {
		t.Errorf("blank text gave %q", got)
	}
}
