package report

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/ui/text"
)

func htmlOf(t *testing.T, a *Audit) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteAudit(&out, a, HTML, false); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What the reader must know is in the page itself, for viewers of mail that run no scripts.
func TestPageTellsTheEssentialsWithoutScript(t *testing.T) {
	a := wipe()
	content := htmlOf(t, a)
	body := content[:strings.Index(content, `<script`)]
	for _, want := range []string{"Complete, with a wipe", "wipe-1", "wipe-2", "ci@10.0.3.7", "2024-05-03 02:14:07", "1,284,000 rows", "--stop-before incident:wipe-1", "订单备注", "1,234,567",
		"binlog.000012", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5000", "TRUNCATE TABLE b", "Leave the wipe&#39;s own transactions out", "lifeboat restore --database shop --skip incident:wipe-1"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// Nothing that a name holds becomes markup: the page has exactly the elements that its template has.
func TestHostileNamesStayText(t *testing.T) {
	content := htmlOf(t, crowd())
	if n := strings.Count(content, "<script"); n != 2 {
		t.Errorf("%d script elements, want the data and the script", n)
	}
	if n := strings.Count(content, "</script"); n != 2 {
		t.Errorf("%d ends of script elements, want 2", n)
	}
	for _, bad := range []string{"<img", "<b>", "<!--", "onerror=fail()>", "\u202e", "\u2028", "\x1b", "\x00", `href="javascript`, "ZgotmplZ"} {
		if strings.Contains(content, bad) {
			i := strings.Index(content, bad)
			t.Errorf("the page holds %q: %q", bad, content[max(0, i-80):i+40])
		}
	}
	attribute := regexp.MustCompile(`<[a-z]+(\s+[a-z-]+(="[^"<>]*")?)*\s*>|</[a-z0-9]+>|<h[1-3][^<>]*>|<!DOCTYPE html>`)
	markup := content[:strings.Index(content, `<script type="application/json"`)]
	markup = regexp.MustCompile(`(?s)<style>.*</style>`).ReplaceAllString(markup, "")
	if rest := attribute.ReplaceAllString(markup, ""); strings.ContainsAny(rest, "<>") {
		i := strings.IndexAny(rest, "<>")
		t.Errorf("something is no element that the template writes: %q", rest[max(0, i-80):min(len(rest), i+80)])
	}
}

func TestPageLoadsNothing(t *testing.T) {
	content := htmlOf(t, crowd())
	for _, m := range regexp.MustCompile(`(?:src|href|action|data)="([^"]*)"`).FindAllStringSubmatch(content, -1) {
		if !strings.HasPrefix(m[1], "#") && m[1] != "data:," {
			t.Errorf("the page refers to %q", m[1])
		}
	}
	for _, bad := range []string{"@import", "fetch(", "XMLHttpRequest", "sendBeacon", "innerHTML", "eval("} {
		if strings.Contains(htmlStyle+htmlScript+htmlPage, bad) {
			t.Errorf("the page's own parts hold %q", bad)
		}
	}
	if !strings.Contains(content, `content="default-src &#39;none&#39;;`) {
		t.Error("the page does not forbid the network")
	}
}

func TestTimelineData(t *testing.T) {
	a := crowd()
	content := htmlOf(t, a)
	_, data, _ := strings.Cut(content, `<script type="application/json" id="data">`)
	data, _, _ = strings.Cut(data, "</script>")
	var got timelineView
	if err := json.Unmarshal([]byte(data), &got); err != nil {
		t.Fatal(err)
	}
	if want := newTimelineView(a); len(got.Rows) != len(want.Rows) || len(got.Rows)+got.Quiet != len(a.Tables) || len(got.Marks) != len(a.Timeline.Marks) {
		t.Errorf("%d rows and %d quiet tables of %d, %d marks of %d", len(got.Rows), got.Quiet, len(a.Tables), len(got.Marks), len(a.Timeline.Marks))
	}
	for i, r := range got.Rows {
		if i > 0 && len(r.Hit) > 0 && len(got.Rows[i-1].Hit) == 0 {
			t.Errorf("%q was struck by an incident and comes after tables that were not", r.Name)
		}
	}
	for _, name := range hostile {
		want := text.Line("shop\u202e." + name)
		if !slices.ContainsFunc(got.Rows, func(r rowView) bool { return r.Name == want }) {
			t.Errorf("no row for %q", name)
		}
	}
	var sum int64
	for _, b := range got.Total {
		sum += b[1] + b[2] + b[3]
	}
	for _, s := range a.Timeline.Tables {
		for _, b := range s.Buckets {
			sum -= b.Inserted + b.Updated + b.Deleted
		}
	}
	if sum != 0 {
		t.Errorf("the sum of all tables is off by %d", sum)
	}
}

func TestExisted(t *testing.T) {
	zero := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	since := func(at time.Time) int64 { return int64(at.Sub(zero).Seconds()) }
	life := func(events ...string) (out []Lifetime) {
		for i, e := range events {
			out = append(out, Lifetime{Event: e, Time: zero.Add(time.Duration(i+1) * 10 * time.Second)})
		}
		return out
	}
	for _, c := range []struct {
		name    string
		life    []Lifetime
		dropped bool
		want    [][2]int64
	}{
		{"always", nil, false, [][2]int64{{0, 100}}},
		{"altered", life(LifeAlter, LifeTruncate), false, [][2]int64{{0, 100}}},
		{"made", life(LifeCreate), false, [][2]int64{{10, 100}}},
		{"dropped and made again", life(LifeDrop, LifeCreate), false, [][2]int64{{0, 10}, {20, 100}}},
		{"made and dropped", life(LifeCreate, LifeDrop), true, [][2]int64{{10, 20}}},
		{"renamed away and back", life(LifeRenameTo, LifeRenameFrom), false, [][2]int64{{0, 10}, {20, 100}}},
		{"gone, and the log does not say when", nil, true, [][2]int64{{0, 50}}},
	} {
		row := TableRow{Lifetimes: c.life, Dropped: c.dropped, LastChange: zero.Add(50 * time.Second)}
		if got := existed(row, 100, since); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestFactsOfTheVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		audit *Audit
		level string
		want  []string
	}{
		"healthy": {healthy(), "ok", []string{"Incidents none", "3 of 3"}},
		"wipe":    {wipe(), "warn", []string{"Incidents 2 at least 2,568,000 rows lost"}},
		"gap":     {gap(), "bad", []string{"1 file with a damaged copy", "a place in the log that it does not tell"}},
		"story":   {story(), "warn", []string{"2026-03-03 02:00 to 2026-03-19 11:02 UTC", "2,316,408 rows lost", "8 of 8"}},
		"nothing": {noSnapshot(), "warn", []string{"Full backup none given"}},
	} {
		if got := level(c.audit); got != c.level {
			t.Errorf("%s: %s, want %s", name, got, c.level)
		}
		said := ""
		for _, f := range facts(c.audit) {
			said += f.Name + " " + strings.Join(f.Value, " ") + " " + f.More + "\n"
		}
		for _, w := range c.want {
			if !strings.Contains(said, w) {
				t.Errorf("%s: does not say %q:\n%s", name, w, said)
			}
		}
	}
}
