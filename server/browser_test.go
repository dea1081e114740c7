package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// browser is Debian's Chromium, driven by its own protocol.
type browser struct {
	*testing.T
	ws     *websocket.Conn
	last   int
	faults []string // what the console said
	asked  []string // addresses requested
	loaded bool     // the page asked for last is there
}

// browserPatience bounds every step; a cold start on a busy machine takes seconds.
const browserPatience = 30 * time.Second

func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := program(t, "chromium")
	profile := t.TempDir()
	var log bytes.Buffer
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+profile, "--remote-debugging-port=0", "--remote-allow-origins=*",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "about:blank")
	cmd.Stderr = &log
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		// Its children may write for a moment yet; the directory must be gone for the test to end well.
		for range 50 {
			if os.RemoveAll(profile) == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	var port string
	for began := time.Now(); port == ""; time.Sleep(20 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(profile, "DevToolsActivePort"))
		port, _, _ = strings.Cut(string(text), "\n")
		if time.Since(began) > browserPatience {
			t.Fatalf("the browser does not start: %s", &log)
		}
	}
	answer, err := http.Get("http://127.0.0.1:" + port + "/json/list")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var tabs []struct {
		Type string
		URL  string `json:"webSocketDebuggerUrl"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&tabs); err != nil || len(tabs) == 0 {
		t.Fatalf("no tab: %v", err)
	}
	ws, err := websocket.Dial(tabs[0].URL, "", "http://127.0.0.1/")
	if err != nil {
		t.Fatal(err)
	}
	ws.MaxPayloadBytes = 64 << 20
	t.Cleanup(func() { ws.Close() })
	b := &browser{T: t, ws: ws}
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct{ Message string }
}

// next reads one message and remembers what it tells of the page.
func (b *browser) next() message {
	b.Helper()
	_ = b.ws.SetDeadline(time.Now().Add(browserPatience))
	var m message
	if err := websocket.JSON.Receive(b.ws, &m); err != nil {
		b.Fatalf("the browser is silent: %v", err)
	}
	switch m.Method {
	case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled", "Page.javascriptDialogOpening":
		b.faults = append(b.faults, m.Method+" "+string(m.Params))
	case "Page.loadEventFired":
		b.loaded = true
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		if json.Unmarshal(m.Params, &p) == nil {
			b.asked = append(b.asked, p.Request.URL)
		}
	}
	return m
}

func (b *browser) call(method string, params map[string]any, result any) {
	b.Helper()
	b.last++
	if err := websocket.JSON.Send(b.ws, map[string]any{"id": b.last, "method": method, "params": params}); err != nil {
		b.Fatal(err)
	}
	for {
		m := b.next()
		if m.ID != b.last {
			continue
		}
		if m.Error != nil {
			b.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
}

// wear makes the window and the reader's taste what the next looks are taken with.
func (b *browser) wear(width int, scheme string) {
	b.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// open loads a page for a reader of a language.
func (b *browser) open(address, language string) {
	b.Helper()
	b.faults, b.asked, b.loaded = nil, nil, false
	b.call("Network.setExtraHTTPHeaders", map[string]any{"headers": map[string]string{"Accept-Language": language}}, nil)
	b.call("Page.navigate", map[string]any{"url": address}, nil)
	for !b.loaded {
		b.next()
	}
}

func (b *browser) eval(js string, result any) {
	b.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": js, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.Fatalf("%s: %s", js, r.ExceptionDetails)
	}
	if err := json.Unmarshal(r.Result.Value, result); err != nil {
		b.Fatalf("%s: %v", js, err)
	}
}

// shoot keeps a picture of the page when SCREENSHOTS names a directory.
func (b *browser) shoot(name string) {
	b.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	var r struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	png, err := base64.StdEncoding.DecodeString(r.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		b.Error(err)
	}
}
