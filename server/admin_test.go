package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sangam/feed"
	"sangam/server"
)

type refused struct{ error }

func (refused) Status() int { return http.StatusConflict }

func office(token feed.Secret) http.Handler {
	return server.NewAdmin(server.AdminOptions{
		Token: token, Store: town(), Now: nowFunc,
		Commands: map[string]server.Command{
			"reload": func(context.Context, *http.Request) (any, error) { return map[string]int{"sources": 5}, nil },
			"broken": func(context.Context, *http.Request) (any, error) { return nil, errors.New("no such thing") },
			"taken":  func(context.Context, *http.Request) (any, error) { return nil, refused{errors.New("it is taken")} },
		},
		Queries: map[string]server.Command{
			"echo": func(_ context.Context, r *http.Request) (any, error) { return r.URL.Query().Get("q"), nil },
		},
	})
}

func TestATurnIsLoggedOnceHoweverOftenSomebodyAsks(t *testing.T) {
	var log strings.Builder
	var problem error
	desk := server.NewAdmin(server.AdminOptions{
		Store: town(), Now: nowFunc, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Ready: func() error { return problem },
	})
	ask := func(want int) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8081/readyz", nil)
		r.RemoteAddr = "127.0.0.1:9"
		w := httptest.NewRecorder()
		if desk.ServeHTTP(w, r); w.Code != want {
			t.Errorf("status %d, want %d", w.Code, want)
		}
	}
	for range 2 {
		ask(http.StatusOK)
	}
	for _, what := range []string{"3 of 9 entries", "7 of 9 entries"} {
		problem = errors.New(what)
		ask(http.StatusServiceUnavailable)
	}
	problem = nil
	for range 2 {
		ask(http.StatusOK)
	}
	for what, want := range map[string]int{"not well": 1, "well again": 1, "\n": 2} {
		if got := strings.Count(log.String(), what); got != want {
			t.Errorf("%q stands %d times in the log, want %d:\n%s", what, got, want, log.String())
		}
	}
}

func TestOfficeHearsOnlyWhomItShould(t *testing.T) {
	for _, row := range []struct {
		name   string
		token  feed.Secret
		from   string
		method string
		url    string
		header []string
		want   int
	}{
		{"a caller on this machine", "", "127.0.0.1:9", "GET", "http://127.0.0.1:8081/", nil, 200},
		{"by its name", "", "[::1]:9", "POST", "http://localhost:8081/api/reload", nil, 200},
		{"from elsewhere", "", "192.0.2.7:9", "GET", "http://127.0.0.1:8081/", nil, 403},
		{"from elsewhere, with a forged header", "", "192.0.2.7:9", "GET", "http://127.0.0.1:8081/", []string{"X-Forwarded-For", "127.0.0.1", "Forwarded", "for=127.0.0.1"}, 403},
		{"a page that rebinds its name", "", "127.0.0.1:9", "GET", "http://evil.example:8081/", nil, 403},
		{"a page of another site", "", "127.0.0.1:9", "POST", "http://127.0.0.1:8081/api/reload", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"an old browser's page of another site", "", "127.0.0.1:9", "POST", "http://127.0.0.1:8081/api/reload", []string{"Origin", "https://evil.example"}, 403},
		{"a sandboxed page", "", "127.0.0.1:9", "POST", "http://127.0.0.1:8081/api/reload", []string{"Origin", "null"}, 403},
		{"a change by GET", "", "127.0.0.1:9", "GET", "http://127.0.0.1:8081/api/reload", nil, 405},
		{"a question by POST", "", "127.0.0.1:9", "POST", "http://127.0.0.1:8081/api/echo", nil, 405},
		{"no such command", "", "127.0.0.1:9", "POST", "http://127.0.0.1:8081/api/none", nil, 404},
		{"a command that fails", "", "127.0.0.1:9", "POST", "http://127.0.0.1:8081/api/broken", nil, 500},
		{"a command that is refused", "", "127.0.0.1:9", "POST", "http://127.0.0.1:8081/api/taken", nil, 409},
		{"no token", "s3cret", "127.0.0.1:9", "GET", "http://127.0.0.1:8081/status.json", nil, 401},
		{"a wrong token", "s3cret", "127.0.0.1:9", "GET", "http://127.0.0.1:8081/", []string{"Authorization", "Bearer s3cre"}, 401},
		{"a token as a password", "s3cret", "127.0.0.1:9", "GET", "http://127.0.0.1:8081/", []string{"Authorization", "s3cret"}, 401},
		{"the token", "s3cret", "192.0.2.7:9", "GET", "http://ops.example/", []string{"Authorization", "Bearer s3cret"}, 200},
		{"the token, cross-origin", "s3cret", "192.0.2.7:9", "POST", "http://ops.example/api/reload", []string{"Authorization", "Bearer s3cret", "Origin", "https://evil.example"}, 403},
		{"health without a token", "s3cret", "192.0.2.7:9", "GET", "http://ops.example/healthz", nil, 200},
		{"readiness without a token", "", "192.0.2.7:9", "GET", "http://ops.example/readyz", nil, 200},
		{"metrics", "", "127.0.0.1:9", "GET", "http://127.0.0.1:8081/metrics", nil, 200},
		{"a profile", "", "127.0.0.1:9", "GET", "http://127.0.0.1:8081/debug/pprof/goroutine?debug=1", nil, 200},
	} {
		r := httptest.NewRequest(row.method, row.url, nil)
		r.RemoteAddr = row.from
		for i := 0; i < len(row.header); i += 2 {
			r.Header.Set(row.header[i], row.header[i+1])
		}
		w := httptest.NewRecorder()
		office(row.token).ServeHTTP(w, r)
		if w.Code != row.want || w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s, want %d", row.name, w.Code, strings.TrimSpace(w.Body.String()), row.want)
		}
	}
}

func TestStatusTellsHowSourcesFare(t *testing.T) {
	r := httptest.NewRequest("GET", "http://127.0.0.1:8081/status.json", nil)
	r.RemoteAddr = "127.0.0.1:9"
	w := httptest.NewRecorder()
	office("").ServeHTTP(w, r)
	var st server.Status
	if err := json.Unmarshal(w.Body.Bytes(), &st); err != nil {
		t.Fatal(err)
	}
	health := map[string]string{}
	for _, s := range st.Sources {
		health[s.Outlet.ID] = s.Health
	}
	if health["bote"] != "failing" || health["herald"] != "ok" || len(health) != 5 || st.Sequence == 0 || !st.Now.Equal(noon) {
		t.Errorf("status %+v", st)
	}
	r = httptest.NewRequest("GET", "http://127.0.0.1:8081/", nil)
	r.RemoteAddr = "127.0.0.1:9"
	w = httptest.NewRecorder()
	office("").ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "no answer within 30s") {
		t.Error("the status page does not say why a source fails")
	}
}
