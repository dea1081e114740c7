package outlet_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sangam/internal/outlet"
)

func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func get(t *testing.T, address string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func start(t *testing.T, opts outlet.Options) *outlet.Outlet {
	t.Helper()
	o, err := outlet.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}

func TestEveryFormatIsWellFormedAndHasItsItems(t *testing.T) {
	for _, format := range []outlet.Format{outlet.RSS2, outlet.RSS1, outlet.Atom, outlet.JSON} {
		o := start(t, outlet.Options{Format: format, Title: "Herald & Sons", Language: "ur", Tail: "?maca=urd-rss", Period: "hourly", TTL: 5})
		o.Publish(outlet.Item{ID: "1", Title: "ایک <b>", Summary: "<p>خلاصہ & more</p>", Content: "<p>متن ]]> end</p>", Section: "عالمی", Author: "Dw"})
		o.Publish(outlet.Line("2 | /second | Two | Short"))
		_, body := get(t, o.Feed())
		if strings.Index(body, "Two") > strings.Index(body, "ایک") {
			t.Errorf("%s: the newest item is not first:\n%s", format, body)
		}
		var err error
		if format == outlet.JSON {
			var any map[string]any
			err = json.Unmarshal([]byte(body), &any)
		} else {
			for dec := xml.NewDecoder(strings.NewReader(body)); err == nil; _, err = dec.Token() {
			}
			if err == io.EOF {
				err = nil
			}
		}
		if err != nil || !strings.Contains(body, "maca=urd-rss") {
			t.Errorf("%s: %v in\n%s", format, err, body)
		}
		if page, text := get(t, o.Base()+"/second"); page.StatusCode != 200 || !strings.Contains(text, "Two") {
			t.Errorf("%s: the link leads to %s", format, page.Status)
		}
	}
}

func TestValidatorsChangeExactlyWithTheFeed(t *testing.T) {
	o := start(t, outlet.Options{})
	o.Publish(outlet.Line("1 | /1 | One"))
	first, _ := get(t, o.Feed())
	etag, modified := first.Header.Get("ETag"), first.Header.Get("Last-Modified")
	for _, header := range [][]string{{"If-None-Match", etag}, {"If-None-Match", `"x", W/` + etag}, {"If-Modified-Since", modified}} {
		if resp, body := get(t, o.Feed(), header...); resp.StatusCode != 304 || body != "" {
			t.Errorf("%v: got %s, want 304", header, resp.Status)
		}
	}
	o.Publish(outlet.Line("1 | /1 | One, revised"))
	if resp, _ := get(t, o.Feed(), "If-None-Match", etag); resp.StatusCode != 200 {
		t.Errorf("after a revision: got %s, want 200", resp.Status)
	}
	if got := len(o.Requests()); got != 5 {
		t.Errorf("%d requests noted, want 5", got)
	}
	if got := o.Requests()[1].Header.Get("If-None-Match"); got != etag {
		t.Errorf("noted If-None-Match %q, want %q", got, etag)
	}
}

func TestOutletHasAnAddressOfItsOwnAndNeverAPublicOne(t *testing.T) {
	if _, err := outlet.New(outlet.Options{Address: "0.0.0.0:0"}); err == nil {
		t.Error("listens on every interface")
	}
	o := start(t, outlet.Options{Address: "127.44.0.9:0"})
	if resp, _ := get(t, o.Base()+"/"); resp.StatusCode != 200 {
		t.Errorf("%s: got %s", o.Base(), resp.Status)
	}
	o.Behave(http.NotFoundHandler())
	if resp, _ := get(t, o.Feed()); resp.StatusCode != 404 {
		t.Errorf("misbehaving: got %s, want 404", resp.Status)
	}
}
