package testbrowser

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// View is how a page is looked at.
type View struct {
	Width, Height int // CSS pixels
	Scale         float64
	Dark          bool
	Print         bool // as on paper
	NoScript      bool
}

// Page is one tab. Its methods fail the test on errors.
type Page struct {
	t       testing.TB
	b       *Browser
	session string
	loaded  chan struct{}

	mu       sync.Mutex
	problems []string
	requests []string
}

// Open opens a file in a tab of its own.
func (b *Browser) Open(path string, v View) *Page {
	b.t.Helper()
	var target struct {
		ID string `json:"targetId"`
	}
	b.must("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		Session string `json:"sessionId"`
	}
	b.must("", "Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached)
	p := &Page{t: b.t, b: b, session: attached.Session, loaded: make(chan struct{}, 1)}
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		p.call(domain+".enable", nil, nil)
	}
	p.View(v)
	var navigated struct {
		Error string `json:"errorText"`
	}
	p.call("Page.navigate", map[string]any{"url": (&url.URL{Scheme: "file", Path: path}).String()}, &navigated)
	if navigated.Error != "" {
		b.t.Fatalf("%s: %s", path, navigated.Error)
	}
	select {
	case <-p.loaded:
	case <-time.After(patience):
		b.t.Fatalf("%s was not loaded in %s", path, patience)
	}
	return p
}

func (b *Browser) must(session, method string, params, result any) {
	b.t.Helper()
	raw, err := b.call(session, method, params)
	if err == nil && result != nil {
		err = json.Unmarshal(raw, result)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (p *Page) call(method string, params, result any) {
	p.t.Helper()
	p.b.must(p.session, method, params, result)
}

// event runs on the browser's reading goroutine.
func (p *Page) event(method string, params json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch method {
	case "Page.loadEventFired":
		select {
		case p.loaded <- struct{}{}:
		default:
		}
	case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
		p.problems = append(p.problems, method+" "+string(params))
	case "Network.requestWillBeSent":
		var r struct {
			Request struct {
				URL string `json:"url"`
			} `json:"request"`
		}
		if err := json.Unmarshal(params, &r); err != nil {
			p.problems = append(p.problems, err.Error())
		}
		p.requests = append(p.requests, r.Request.URL)
	}
}

// Problems are the exceptions, console messages and policy violations so far.
func (p *Page) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.problems...)
}

// Requests are the addresses the page has asked for, its own among them.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// View changes how the page is looked at. NoScript counts for a page that is opened with it.
func (p *Page) View(v View) {
	p.t.Helper()
	if v.Scale == 0 {
		v.Scale = 1
	}
	scheme, media := "light", "screen"
	if v.Dark {
		scheme = "dark"
	}
	if v.Print {
		media = "print"
	}
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": v.Width, "height": v.Height, "deviceScaleFactor": v.Scale, "mobile": false}, nil)
	p.call("Emulation.setEmulatedMedia", map[string]any{"media": media, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	p.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": v.NoScript}, nil)
	p.call("Page.bringToFront", nil, nil)
}

// Eval runs a JavaScript expression in the page, waits for it if it is a promise, and stores its value in result, if that is not nil.
func (p *Page) Eval(expression string, result any) {
	p.t.Helper()
	var r struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	p.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true}, &r)
	if x := r.Exception; x != nil {
		p.t.Fatalf("%s: %s %s", expression, x.Text, x.Exception.Description)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(r.Result.Value, result); err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
}

// String is Eval for an expression that is a string.
func (p *Page) String(expression string) (s string) {
	p.t.Helper()
	p.Eval(expression, &s)
	return s
}

// Int is Eval for an expression that is a whole number.
func (p *Page) Int(expression string) (n int) {
	p.t.Helper()
	p.Eval(expression, &n)
	return n
}

// Settle waits until what was asked for is drawn.
func (p *Page) Settle() {
	p.t.Helper()
	p.Eval("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))", nil)
}

// codes are the Windows key codes of the keys that are no characters; a browser acts on some of them only with the code.
var codes = map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}

// Press presses and releases keys, one after the other: characters, or names such as ArrowLeft. "Shift+Tab" is Tab with shift.
func (p *Page) Press(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		params := map[string]any{}
		if k, ok := strings.CutPrefix(key, "Shift+"); ok {
			key, params["modifiers"] = k, 8
		}
		params["key"] = key
		switch {
		case codes[key] != 0:
			params["code"], params["windowsVirtualKeyCode"] = key, codes[key]
			if key == "Enter" {
				params["text"] = "\r"
			}
		case len([]rune(key)) == 1:
			params["text"] = key
			if key == " " {
				params["code"], params["windowsVirtualKeyCode"] = "Space", 32
			}
		default:
			p.t.Fatalf("no key is named %q here", key)
		}
		params["type"] = "keyDown"
		p.call("Input.dispatchKeyEvent", params, nil)
		delete(params, "text")
		params["type"] = "keyUp"
		p.call("Input.dispatchKeyEvent", params, nil)
	}
	p.Settle()
}

// Type types text where the focus is.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.call("Input.insertText", map[string]any{"text": text}, nil)
	p.Settle()
}

// Mouse sends a mouse event: mouseMoved, mousePressed, mouseReleased or mouseWheel, at a place of the window.
func (p *Page) Mouse(kind string, x, y float64, wheel float64) {
	p.t.Helper()
	params := map[string]any{"type": kind, "x": x, "y": y, "deltaX": 0, "deltaY": wheel}
	if kind == "mousePressed" || kind == "mouseReleased" {
		params["button"], params["clickCount"] = "left", 1
	}
	p.call("Input.dispatchMouseEvent", params, nil)
}

// Screenshot is a PNG of what the window shows, or of the whole page.
func (p *Page) Screenshot(whole bool) []byte {
	p.t.Helper()
	p.Settle()
	params := map[string]any{"format": "png", "captureBeyondViewport": whole, "optimizeForSpeed": false}
	if whole {
		var size struct{ Width, Height float64 }
		p.Eval("({Width: document.documentElement.scrollWidth, Height: document.documentElement.scrollHeight})", &size)
		params["clip"] = map[string]any{"x": 0, "y": 0, "width": size.Width, "height": size.Height, "scale": 1}
	}
	return p.data("Page.captureScreenshot", params)
}

// PDF is the page as it prints.
func (p *Page) PDF() []byte {
	p.t.Helper()
	return p.data("Page.printToPDF", map[string]any{"printBackground": true, "preferCSSPageSize": true})
}

func (p *Page) data(method string, params any) []byte {
	p.t.Helper()
	var r struct {
		Data string `json:"data"`
	}
	p.call(method, params, &r)
	out, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		p.t.Fatal(fmt.Errorf("%s: %w", method, err))
	}
	return out
}
