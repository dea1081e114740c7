package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sangam/feed"
)

// Command answers one call of the operators' interface. What it returns is sent as
// JSON; an error with a method Status() int chooses the answer's status, any other
// is 500.
type Command func(context.Context, *http.Request) (any, error)

// AdminOptions say what operators can do.
type AdminOptions struct {
	Token    feed.Secret          // "" = only callers on this machine are heard, by loopback address
	Base     string               // the operators' side's own address, as in "http://127.0.0.1:8081/", for /status.xml
	Store    Store                // for the status
	Sources  func() []feed.Source // the configured sources, for what only the configuration knows; may be nil
	Views    func() []feed.View   // the configured feeds, for what their filters do; may be nil
	Program  func() Program       // what the program says of itself; may be nil
	Commands map[string]Command   // changes, under /api/NAME, by POST
	Queries  map[string]Command   // questions that change nothing, under /api/NAME, by GET
	Ready    func() error         // nil = ready as soon as the store answers
	Metrics  prometheus.Gatherer  // nil = the default registry
	Now      func() time.Time     // nil = time.Now
	Log      *slog.Logger         // nil = none
}

// maxCommand bounds the body of a command; an OPML of 100,000 outlines fits.
const maxCommand = 64 << 20

type admin struct {
	AdminOptions
	token   [sha256.Size]byte
	mux     *http.ServeMux
	filters filterWatch

	mu     sync.Mutex
	unwell map[string]bool // by path: it has been told that not all is well
}

// NewAdmin returns the operators' side: a status page at "/", /status.json,
// /status.xml (a feed of troubles and recoveries), /metrics, /healthz, /readyz, the commands under /api/, and /debug/pprof/.
//
// With a token, callers must send it as "Authorization: Bearer TOKEN", or as the
// password of any user, so that browsers and feed readers can; except for /healthz and
// /readyz. Without one, only callers from a loopback address are
// heard, and only under a loopback name, so that a page in the operator's browser
// cannot reach it through a name of its own. Changes need POST and must not come
// from another site. Forwarded headers are never believed.
func NewAdmin(o AdminOptions) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.DefaultGatherer
	}
	a := &admin{AdminOptions: o, token: sha256.Sum256([]byte(o.Token.Reveal())), mux: http.NewServeMux(), unwell: map[string]bool{}}
	a.mux.HandleFunc("GET /healthz", a.health)
	a.mux.HandleFunc("GET /readyz", a.ready)
	a.mux.HandleFunc("GET /{$}", a.page)
	a.mux.HandleFunc("GET /assets/{name}", a.asset)
	a.mux.HandleFunc("POST /do", a.do)
	a.mux.HandleFunc("GET /status.json", a.status)
	a.mux.HandleFunc("GET /status.xml", a.troubles)
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	a.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	a.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	a.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	a.mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	a.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	for name, c := range o.Commands {
		a.mux.HandleFunc("POST /api/"+name, a.command(c))
	}
	for name, c := range o.Queries {
		a.mux.HandleFunc("GET /api/"+name, a.command(c))
	}
	return a
}

// ServeHTTP lets in whom it may and passes them on.
func (a *admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	harden(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	if status, why := a.admit(r); status != 0 {
		if status == http.StatusUnauthorized {
			w.Header()["Www-Authenticate"] = []string{`Bearer realm="sangam"`, `Basic realm="sangam", charset="UTF-8"`}
		}
		http.Error(w, why, status)
		return
	}
	// Profiles and commands on large stores take their time; the listener is private.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	a.mux.ServeHTTP(w, r)
}

// admit returns 0 for a caller who may ask, else the status and the reason.
func (a *admin) admit(r *http.Request) (status int, why string) {
	if origin := r.Header.Get("Sec-Fetch-Site"); origin != "" && origin != "same-origin" && origin != "none" {
		return http.StatusForbidden, "requests from other sites are refused"
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host {
		return http.StatusForbidden, "requests from other sites are refused"
	}
	if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		return 0, ""
	}
	if a.Token != "" {
		got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, password, basic := r.BasicAuth(); basic {
			got, ok = password, true
		}
		sum := sha256.Sum256([]byte(got))
		if subtle.ConstantTimeCompare(sum[:], a.token[:]) != 1 || !ok {
			return http.StatusUnauthorized, "a token is needed"
		}
		return 0, ""
	}
	if !loopback(r.RemoteAddr) || !loopback(r.Host) {
		return http.StatusForbidden, "only callers on this machine are heard; set a token to allow others"
	}
	return 0, ""
}

// loopback says whether an address, with a port or without, is this machine.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

func (a *admin) command(c Command) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxCommand)
		answer, err := c(r.Context(), r)
		if err != nil {
			status := http.StatusInternalServerError
			var s interface{ Status() int }
			if errors.As(err, &s) {
				status = s.Status()
			}
			writeJSON(w, status, map[string]string{"error": err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error": "the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the caller may have left
}

func (a *admin) health(w http.ResponseWriter, r *http.Request) {
	a.say(w, r, func() error { _, _, err := a.Store.Sequence(r.Context()); return err })
}

func (a *admin) ready(w http.ResponseWriter, r *http.Request) {
	a.say(w, r, func() error {
		if a.Ready != nil {
			if err := a.Ready(); err != nil {
				return err
			}
		}
		_, _, err := a.Store.Sequence(r.Context())
		return err
	})
}

func (a *admin) say(w http.ResponseWriter, r *http.Request, ask func() error) {
	err := ask()
	a.turn(r.URL.Path, err)
	if err != nil {
		http.Error(w, "not yet", http.StatusServiceUnavailable)
		return
	}
	_ = text(w, r, "no-store", "ok\n")
}

// turn logs when it begins not to be well, and when that is over: supervisors ask every
// few seconds.
func (a *admin) turn(path string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch unwell := err != nil; {
	case unwell == a.unwell[path]:
		return
	case unwell:
		a.Log.Warn("not well", "path", path, "err", err)
	default:
		a.Log.Info("well again", "path", path)
	}
	a.unwell[path] = err != nil
}

func (a *admin) status(w http.ResponseWriter, r *http.Request) {
	st, _, err := a.gather(r.Context())
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, map[string]string{"error": fmt.Sprintf("reading the store: %v", err)})
		return
	}
	writeJSON(w, http.StatusOK, st)
}
