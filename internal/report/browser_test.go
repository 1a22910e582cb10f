package report

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lifeboat/internal/testbrowser"
	"lifeboat/internal/ui/text"
)

var (
	desk  = testbrowser.View{Width: 1200, Height: 900}
	dark  = testbrowser.View{Width: 1200, Height: 900, Dark: true}
	phone = testbrowser.View{Width: 390, Height: 844, Scale: 2}
)

// saved writes the page of a to a file, as an attachment of a mail would be.
func saved(t *testing.T, a *Audit) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(htmlOf(t, a)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens the page of a, and sees at the end of the test that it had no problem and asked for nothing.
func open(t *testing.T, b *testbrowser.Browser, a *Audit, v testbrowser.View) *testbrowser.Page {
	t.Helper()
	path := saved(t, a)
	p := b.Open(path, v)
	t.Cleanup(func() {
		for _, x := range p.Problems() {
			t.Errorf("the browser complains: %.600s", x)
		}
		if asked := p.Requests(); len(asked) != 1 || !strings.HasSuffix(asked[0], "/report.html") {
			t.Errorf("the page asked for %q, want itself alone", asked)
		}
	})
	return p
}

// is fails the test unless a JavaScript expression has the value.
func is(t *testing.T, p *testbrowser.Page, expression, want string) {
	t.Helper()
	if got := p.String("String(" + expression + ")"); got != want {
		t.Errorf("%s = %q, want %q", expression, got, want)
	}
}

const status = `document.querySelector("#chart-status").textContent`

func TestInBrowser(t *testing.T) {
	b := testbrowser.Start(t)
	t.Run("every report renders", func(t *testing.T) {
		for name, a := range map[string]*Audit{"healthy": healthy(), "wipe": wipe(), "gap": gap(), "torn": torn(), "no snapshot": noSnapshot(), "story": story(), "crowd": crowd(), "empty": {}} {
			p := open(t, b, a, desk)
			want := a.Timeline != nil && a.Timeline.Buckets > 0
			if got := p.Int(`document.querySelectorAll("#chart svg").length`) == 2; got != want {
				t.Errorf("%s: a chart is drawn: %v, want %v", name, got, want)
			}
			p.View(dark)
			p.View(phone)
			p.Settle()
			if wide := p.Int("document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				t.Errorf("%s: on a phone the page is %d pixels too wide", name, wide)
			}
		}
	})
	t.Run("hostile names are text", func(t *testing.T) {
		a := crowd()
		p := open(t, b, a, desk)
		is(t, p, `document.scripts.length + " " + document.images.length + " " + document.querySelectorAll("[onerror],[onmouseover]").length`, "2 0 0")
		var got []string
		p.Eval(`[...document.querySelectorAll("#tables tbody th bdi")].map(e => e.textContent)`, &got)
		for i, name := range got {
			if want := text.Line(a.Tables[i].Database + "." + a.Tables[i].Name); name != want {
				t.Errorf("table %d is called %q, want %q", i, name, want)
			}
		}
		if len(got) != len(a.Tables) {
			t.Errorf("%d tables, want %d", len(got), len(a.Tables))
		}
		is(t, p, `[...document.querySelectorAll("#next pre code")].at(-2).textContent`, `lifeboat audit --binlogs '/a/</script><script>fail()</script>'`)
		is(t, p, `[...document.querySelectorAll("#next .command")].at(-1).querySelectorAll("button").length`, "0")
	})
	t.Run("contrast", func(t *testing.T) { contrast(t, b) })
	t.Run("sort and filter", func(t *testing.T) { sortAndFilter(t, b) })
	t.Run("keyboard", func(t *testing.T) { keyboard(t, b) })
	t.Run("mouse", func(t *testing.T) { mouse(t, b) })
	t.Run("paper", func(t *testing.T) { paper(t, b) })
	t.Run("without script", func(t *testing.T) {
		v := desk
		v.NoScript = true
		p := open(t, b, story(), v)
		is(t, p, `getComputedStyle(document.querySelector("#timeline")).display`, "none")
		is(t, p, `[...document.querySelectorAll(".controls, button")].filter(e => e.offsetHeight > 0).length`, "0")
		is(t, p, `[...document.querySelectorAll("tr.more")].filter(e => e.offsetHeight === 0).length`, "0")
		is(t, p, `document.querySelector("noscript").innerText.includes("JavaScript")`, "true")
	})
	t.Run("copy", func(t *testing.T) {
		p := open(t, b, story(), desk)
		p.Eval(`document.querySelector("#next button.copy").focus()`, nil)
		p.Press("Enter")
		is(t, p, `new Promise(done => setTimeout(() => done(document.querySelector("#next button.copy").textContent), 100))`, "[object Promise]")
		is(t, p, `document.querySelector("#next button.copy").textContent`, "Copied")
	})
}

// contrast computes, by WCAG 2, the contrast of each text with what it stands on: 4.5 is asked for.
func contrast(t *testing.T, b *testbrowser.Browser) {
	const poor = `(() => {
  const rgb = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3); };
  const light = (c) => { const [r, g, b] = c.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const out = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode());) {
    const e = n.parentElement;
    if (!n.textContent.trim() || e.closest("script, noscript, title, option") || e.offsetHeight === 0) continue;
    const svg = e.namespaceURI.includes("svg");
    let back = null, fore = rgb(svg ? getComputedStyle(e).fill : getComputedStyle(e).color);
    if (svg && e.previousElementSibling && e.classList.contains("chipt")) back = rgb(getComputedStyle(e.previousElementSibling).fill);
    for (let a = e; a && !back; a = a.parentElement) back = rgb(getComputedStyle(a).backgroundColor);
    const [hi, lo] = [light(fore), light(back || [255, 255, 255])].sort((x, y) => y - x);
    const ratio = (hi + 0.05) / (lo + 0.05);
    if (ratio < 4.5) out.push(ratio.toFixed(2) + " " + e.tagName + "." + (e.getAttribute("class") || "") + " " + n.textContent.trim().slice(0, 30));
  }
  return [...new Set(out)].slice(0, 20);
})()`
	for name, a := range map[string]*Audit{"healthy": healthy(), "story": story(), "crowd": crowd()} {
		p := open(t, b, a, desk)
		back := p.String(`getComputedStyle(document.body).backgroundColor`)
		for _, v := range []testbrowser.View{desk, dark} {
			p.View(v)
			p.Settle()
			var found []string
			p.Eval(poor, &found)
			for _, f := range found {
				t.Errorf("%s, dark %v: contrast %s", name, v.Dark, f)
			}
		}
		if p.String(`getComputedStyle(document.body).backgroundColor`) == back {
			t.Errorf("%s: dark is as light: %s", name, back)
		}
	}
}

func sortAndFilter(t *testing.T, b *testbrowser.Browser) {
	a := crowd()
	p := open(t, b, a, desk)
	column := func(n int) (out []string) {
		p.Eval(fmt.Sprintf(`[...document.querySelectorAll("#tables tbody.item:not([hidden])")].map(i => i.rows[0].cells[%d]).map(c => c.dataset.v ?? c.textContent.trim())`, n), &out)
		return out
	}
	rows := func() []string { return column(2) }
	head := func(list string, n int) {
		p.Eval(fmt.Sprintf(`document.querySelectorAll("#%s .scroll > table > thead th button")[%d].focus()`, list, n), nil)
		p.Press("Enter")
	}
	numbers := func(down bool) {
		t.Helper()
		last := -1
		for i, v := range rows() {
			n := 0
			if _, err := fmt.Sscan(v, &n); err != nil {
				t.Fatalf("row %d: %q: %v", i, v, err)
			}
			if i > 0 && (down && n > last || !down && n < last) {
				t.Fatalf("row %d: %d after %d", i, n, last)
			}
			last = n
		}
	}
	head("tables", 2)
	is(t, p, `document.querySelectorAll("#tables thead th")[2].getAttribute("aria-sort")`, "descending")
	numbers(true)
	head("tables", 2)
	is(t, p, `document.querySelectorAll("#tables thead th")[2].getAttribute("aria-sort")`, "ascending")
	numbers(false)
	head("tables", 0)
	is(t, p, `document.querySelectorAll("#tables thead th[aria-sort]").length`, "1")
	names := column(0)
	if at := func(name string) int { return slices.Index(names, text.Line("shop\u202e."+name)) }; at("t099") < 0 || at("t099") > at("t100") || at("t100") > at("t499") {
		t.Errorf("sorted by name, t099, t100 and t499 are rows %d, %d and %d", at("t099"), at("t100"), at("t499"))
	}
	p.Eval(`document.querySelector("#tables [data-find]").focus()`, nil)
	p.Type("t49")
	if n := len(rows()); n != 10 { // t490 to t499
		t.Errorf("%d tables match t49, want 10", n)
	}
	is(t, p, `document.querySelector("#tables .shown").textContent`, "10 of 508 rows")
	p.Eval(`(e => { e.value = "none"; e.dispatchEvent(new Event("input", {bubbles: true})) })(document.querySelector("#tables [data-key=base]"))`, nil)
	is(t, p, `document.querySelectorAll("#tables tbody.item:not([hidden])").length`, "3") // 491, 494, 497
	p.Eval(`document.querySelector("#tables [data-key=changed]").focus()`, nil)
	p.Press(" ")
	is(t, p, `document.querySelectorAll("#tables tbody.item:not([hidden])").length`, "2") // 494 had no change
	p.Eval(`document.querySelector("#incidents [data-find]").focus()`, nil)
	p.Type("nothing is called like this")
	is(t, p, `document.querySelectorAll("#incidents tbody.item:not([hidden])").length + " " + document.querySelector("#incidents .empty").hidden`, "0 false")
	// A link to an incident that is filtered out shows it.
	p.Eval(`document.querySelector("#chart a").dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}))`, nil)
	is(t, p, `document.querySelectorAll("#incidents tbody.item:not([hidden])").length`, "200")
	is(t, p, `document.querySelector(document.querySelector("#chart a").getAttribute("href")).querySelector("tr.more").hidden`, "false")
}

func keyboard(t *testing.T, b *testbrowser.Browser) {
	p := open(t, b, story(), desk)
	focus := func(want string) {
		t.Helper()
		is(t, p, `(e => e.id || e.dataset.do || e.getAttribute("href") || e.className || e.tagName)(document.activeElement)`, want)
	}
	p.Press("Tab")
	focus("#verdict")
	is(t, p, `document.activeElement.getBoundingClientRect().left >= 0`, "true") // the skip link shows when it has the focus
	p.Press("Tab")
	focus("#when")
	for range 5 {
		p.Press("Tab")
	}
	focus("#archive")
	p.Press("Tab")
	focus("in")
	for range 8 {
		p.Press("Tab")
	}
	focus("chart")
	whole := p.String(status)
	if !strings.HasSuffix(whole, "in view, 2026-03-02 00:00:00 to 2026-03-19 12:00:00 UTC") {
		t.Errorf("the whole log: %q", whole)
	}
	p.Press("+")
	is(t, p, status+`.split(", ").pop()`, "2026-03-06 09:00:00 to 2026-03-15 03:00:00 UTC")
	p.Press("ArrowRight")
	is(t, p, status+`.split(", ").pop()`, "2026-03-08 13:30:00 to 2026-03-17 07:30:00 UTC")
	p.Press("ArrowLeft", "-")
	is(t, p, status, whole)
	p.Press("n")
	if s := p.String(status); !strings.HasPrefix(s, "incident 1 at 2026-03-19 09:41:07 UTC: drop-table of") {
		t.Errorf("the next incident: %q", s)
	}
	p.Press("0", "ArrowDown", "ArrowDown")
	if s := p.String(status); !strings.HasPrefix(s, fmt.Sprintf("cart_items: %s row changes in view", text.Count(changesOf(story(), "cart_items")))) {
		t.Errorf("the second row: %q", s)
	}
	p.Press("Enter")
	is(t, p, `document.activeElement.getAttribute("aria-label") + " " + document.activeElement.getAttribute("aria-expanded")`, "Details of cart_items true")
	p.Press("Enter")
	is(t, p, `document.activeElement.getAttribute("aria-expanded") + " " + document.activeElement.closest("tbody").querySelector("tr.more").hidden`, "false true")
	// Nothing holds the focus: going on from the chart, Tab comes to the end of the page.
	seen := map[string]bool{}
	for range 200 {
		p.Press("Tab")
		if p.String("document.activeElement.tagName") == "BODY" {
			break
		}
		seen[p.String(`document.activeElement.closest("section")?.id ?? ""`)] = true
	}
	if !seen["archive"] {
		t.Errorf("Tab came only to %v", seen)
	}
	// Every control says what it is.
	is(t, p, `[...document.querySelectorAll("button, input, select, a, [tabindex='0']")].filter(e => !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.textContent.trim() || (e.labels && e.labels.length && e.labels[0].textContent.trim()))).length`, "0")
	is(t, p, `[...document.querySelectorAll("h1, h2, h3")].map(h => +h.tagName[1]).every((n, i, all) => i === 0 ? n === 1 : n <= all[i - 1] + 1)`, "true")
	is(t, p, `[...document.querySelectorAll("th")].every(th => th.scope === "col" || th.scope === "row")`, "true")
}

func changesOf(a *Audit, table string) (n int64) {
	for _, r := range a.Tables {
		if r.Name == table {
			n += r.Inserted + r.Updated + r.Deleted
		}
	}
	return n
}

func mouse(t *testing.T, b *testbrowser.Browser) {
	p := open(t, b, crowd(), desk)
	p.Eval(`document.querySelector("#chart").scrollIntoView()`, nil)
	var at struct{ X, Y, Width float64 }
	p.Eval(`(r => ({X: r.left, Y: r.top, Width: r.width}))(document.querySelector("#chart .head").getBoundingClientRect())`, &at)
	whole := p.String(status)
	x, y := at.X+at.Width*0.6, at.Y+150
	p.Mouse("mouseMoved", x, y, 0)
	p.Settle()
	if tip := p.String(`document.querySelector(".tip").innerText`); !strings.Contains(tip, "UTC, 2 h") || !strings.Contains(tip, "shop.") {
		t.Errorf("over a row it says %q", tip)
	}
	p.Mouse("mouseWheel", x, y, -100)
	p.Settle()
	is(t, p, status, whole) // without the focus the wheel is the page's
	p.Eval(`document.querySelector("#chart").scrollIntoView(); document.querySelector("#chart").focus()`, nil)
	p.Mouse("mouseWheel", x, y, -100)
	p.Eval(`new Promise(done => setTimeout(() => done(1), 300))`, nil)
	if p.String(status) == whole {
		t.Error("with the focus the wheel does not zoom")
	}
	p.Press("0")
	is(t, p, status, whole)
	p.Mouse("mousePressed", x, y, 0)
	p.Mouse("mouseMoved", x+60, y, 0)
	p.Mouse("mouseReleased", x+60, y, 0)
	p.Settle()
	if s := p.String(status); s == whole {
		t.Error("a drag does not zoom")
	}
	if part := p.Int(`Math.round(1000 * (chart.to - chart.from) / chart.data.seconds)`); part < 40 || part > 90 { // 60 of some 990 pixels
		t.Errorf("after a drag over 6 %% of the chart it shows %d per mille of the log", part)
	}
	p.Eval(`document.querySelector("button[data-do=all]").click()`, nil)
	is(t, p, status, whole)
	p.Eval(`document.querySelector("input[data-do=rows]").focus()`, nil)
	p.Type("T13")
	is(t, p, `[...document.querySelectorAll("#chart .body text title")].every(e => e.textContent.includes("t13"))`, "true")
	p.Eval(`document.querySelector("input[data-do=rows]").select()`, nil)
	p.Type("")
	p.Eval(`(e => { e.value = ""; e.dispatchEvent(new Event("input")) })(document.querySelector("input[data-do=rows]"))`, nil)
	is(t, p, `document.querySelectorAll("#chart .body text title").length`, "30")
	p.Eval(`document.querySelector(".rest button").click()`, nil)
	if n := p.Int(`document.querySelectorAll("#chart .body text title").length`); n < 400 {
		t.Errorf("all tables are %d rows", n)
	}
	// 500 rows stay fluent: a step of the view is a fraction of a second even on a busy machine.
	if ms := p.Int(`(() => { const t = performance.now(); for (let i = 0; i < 10; i++) { chart.zoom(0.9); chart.box.getBoundingClientRect(); } return Math.round((performance.now() - t) / 10) })()`); ms > 250 {
		t.Errorf("a step of zooming takes %d ms", ms)
	}
}

func paper(t *testing.T, b *testbrowser.Browser) {
	p := open(t, b, story(), dark)
	p.Eval(`document.querySelectorAll("button.open[aria-expanded=true]").forEach(b => b.click())`, nil)
	v := dark
	v.Print = true
	p.View(v)
	p.Settle()
	is(t, p, `getComputedStyle(document.body).backgroundColor + " " + getComputedStyle(document.body).color`, "rgb(255, 255, 255) rgb(0, 0, 0)")
	is(t, p, `[...document.querySelectorAll("button, input, select, nav")].filter(e => e.offsetHeight > 0 && !e.closest("thead")).length`, "0")
	is(t, p, `[...document.querySelectorAll("#tables .scroll > table > thead th")].map(e => e.innerText.trim()).join()`, "Table,Base,Base rows,Inserted,Updated,Deleted,Last change (UTC),Restorable (UTC),Note")
	is(t, p, `document.querySelector("#incidents tr.more").offsetHeight > 0`, "true")
	p.View(dark)
	if pdf := p.PDF(); !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) < 20_000 {
		t.Errorf("%d bytes of PDF", len(pdf))
	}
}

// The picture in docs shows the page of the story. -update takes it anew.
func TestPicture(t *testing.T) {
	const most = 300 << 10
	file := filepath.Join("..", "..", "docs", "audit.png")
	if *update {
		p := testbrowser.Start(t).Open(saved(t, story()), testbrowser.View{Width: 1200, Height: 1180})
		p.Eval(`document.documentElement.style.overflow = "hidden"`, nil)
		if err := os.WriteFile(file, p.Screenshot(false), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: make it with `make picture`", err)
	}
	c, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil || c.Width != 1200 || len(content) > most {
		t.Errorf("%d bytes, %d pixels wide, %v: want at most %d bytes", len(content), c.Width, err, most)
	}
}
