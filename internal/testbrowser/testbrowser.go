// Package testbrowser gives tests a real browser: the one that `make servers` unpacks into .servers at the root of the
// repository. A test that needs it fails where it is missing; it does not skip. It speaks the browser's DevTools protocol
// over a pair of pipes (https://chromedevtools.github.io/devtools-protocol/), of which a handful of calls is enough.
package testbrowser

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long one call may take on a busy machine.
const patience = time.Minute

// Browser is a running browser without a window. It ends with the test that started it.
type Browser struct {
	t   testing.TB
	out io.WriteCloser // commands, each closed by a zero byte

	mu      sync.Mutex
	last    int
	waiting map[int]chan answer
	pages   map[string]*Page // by session
	gone    error            // why no more answers come
}

type message struct {
	ID      int             `json:"id"`
	Method  string          `json:"method"`
	Session string          `json:"sessionId"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
}

type answer struct {
	result json.RawMessage
	err    error
}

func program(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod in the working folder or above it")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, ".servers", "chromium", "bin", "chromium")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run `make servers` first", err)
	}
	return path
}

// Start starts a browser that can reach no network.
func Start(t testing.TB) *Browser {
	t.Helper()
	var log tail
	cmd := exec.Command(program(t), "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "--no-sandbox", // its sandbox needs what a CI machine may not give
		"--no-zygote", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--force-color-profile=srgb", "--font-render-hinting=none", "--lang=en-US")
	cmd.Stderr = &log
	in, out, err := pipes(cmd)
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t, out: out, waiting: map[int]chan answer{}, pages: map[string]*Page{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.read(in)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the browser said:\n%s", log.text())
		}
		b.call("", "Browser.close", nil)
		kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // an error: it has gone
		_ = cmd.Wait()                                                      // how it ends says nothing of the page
		kill.Stop()
		_ = out.Close()
		_ = in.Close()
		<-done
	})
	return b
}

// pipes starts cmd with file descriptor 3 for reading commands and 4 for writing answers.
func pipes(cmd *exec.Cmd) (in io.ReadCloser, out io.WriteCloser, err error) {
	commandsIn, commandsOut, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	answersIn, answersOut, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, commandsIn.Close(), commandsOut.Close())
	}
	cmd.ExtraFiles = []*os.File{commandsIn, answersOut}
	err = cmd.Start()
	err = errors.Join(err, commandsIn.Close(), answersOut.Close())
	if err != nil {
		return nil, nil, errors.Join(err, commandsOut.Close(), answersIn.Close())
	}
	return answersIn, commandsOut, nil
}

func (b *Browser) read(in io.Reader) {
	r := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := r.ReadBytes(0)
		if err != nil {
			b.end(err)
			return
		}
		var m message
		if err := json.Unmarshal(line[:len(line)-1], &m); err != nil {
			b.end(err)
			return
		}
		b.mu.Lock()
		wait, page := b.waiting[m.ID], b.pages[m.Session]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		switch {
		case m.ID != 0 && wait != nil:
			a := answer{result: m.Result}
			if m.Error != nil {
				a.err = errors.New(m.Error.Message)
			}
			wait <- a
		case page != nil:
			page.event(m.Method, m.Params)
		}
	}
}

func (b *Browser) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = fmt.Errorf("the browser has gone: %w", err)
	for id, wait := range b.waiting {
		wait <- answer{err: b.gone}
		delete(b.waiting, id)
	}
}

func (b *Browser) call(session, method string, params any) (json.RawMessage, error) {
	wait := make(chan answer, 1)
	b.mu.Lock()
	if b.gone != nil {
		defer b.mu.Unlock()
		return nil, b.gone
	}
	b.last++
	id := b.last
	b.waiting[id] = wait
	b.mu.Unlock()
	text, err := json.Marshal(struct {
		ID      int    `json:"id"`
		Method  string `json:"method"`
		Session string `json:"sessionId,omitempty"`
		Params  any    `json:"params,omitempty"`
	}{id, method, session, params})
	if err != nil {
		return nil, err
	}
	if _, err := b.out.Write(append(text, 0)); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	select {
	case a := <-wait:
		if a.err != nil {
			return nil, fmt.Errorf("%s: %w", method, a.err)
		}
		return a.result, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("%s: no answer in %s", method, patience)
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	all []byte
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, p...)
	const most = 4 << 10
	l.all = l.all[max(0, len(l.all)-most):]
	return len(p), nil
}

func (l *tail) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(string(l.all))
}
