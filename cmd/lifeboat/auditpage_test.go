package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lifeboat/internal/testbrowser"
)

// checkPage looks at the page of an audit of a real archive in a real browser. args are those of the audit.
func checkPage(t *testing.T, args []string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "report.html")
	o := lifeboat(t, append(args, "--format", "html", "-o", path)...).want(t, 0)
	if o.out != "" {
		t.Errorf("with -o there is something on stdout:\n%s", o)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v, want a file with mode 0600", info, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%v beside the report, %v", files, err)
	}
	p := testbrowser.Start(t).Open(path, testbrowser.View{Width: 1200, Height: 900})
	for expression, want := range map[string]string{
		`document.querySelectorAll("#incidents tbody.item").length`:                                               "1",
		`document.querySelectorAll("#tables tbody.item").length`:                                                  "3",
		`document.querySelectorAll("#chart .body text title").length`:                                             "3",
		`[...document.querySelectorAll("#chart .chipt")].map(e => e.textContent).join()`:                          "backup,incident 1",
		`[...document.querySelectorAll("#chart .ins")].filter(e => e.getAttribute("d")).length > 1`:               "true",
		`document.querySelector("#next code").textContent.includes("--stop-before incident:1")`:                   "true",
		`document.querySelector("#incidents tr.more").offsetHeight > 0 && document.title.startsWith("shop: com")`: "true",
	} {
		if got := p.String("String(" + expression + ")"); got != want {
			t.Errorf("%s = %q, want %q", expression, got, want)
		}
	}
	if x := p.Problems(); len(x) > 0 {
		t.Errorf("the browser complains: %q", x)
	}
	if asked := p.Requests(); len(asked) != 1 {
		t.Errorf("the page asked for %q", asked)
	}
}

func TestPageIsNoneForATerminal(t *testing.T) {
	var out strings.Builder
	e := &env{stdout: &out, stderr: &out, stdoutTerminal: true, version: "v0-test"}
	if code := run(t.Context(), e, []string{"lifeboat", "audit", "--binlogs", t.TempDir(), "--format", "html"}); code != exitUsage || !strings.Contains(out.String(), "-o report.html") {
		t.Errorf("exit %d: %s", code, out.String())
	}
}

// A pipe or a device is written to, and not replaced by a file.
func TestReportIntoWhatIsNoFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		content, err := os.ReadFile(pipe)
		read <- fmt.Sprint(string(content), err)
	}()
	if err := publish(pipe, []byte("page")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "page<nil>" {
		t.Errorf("the pipe's reader got %q", got)
	}
	if info, err := os.Stat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("%v, %v", info, err)
	}
	path := filepath.Join(t.TempDir(), "report")
	for _, content := range []string{"first", "second"} {
		if err := publish(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("%q, %v", got, err)
		}
	}
}
