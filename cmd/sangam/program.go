package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"sangam/config"
	"sangam/feed"
	"sangam/server"
	"sangam/storage"
)

// programStatus is what the daemon says of itself in /status.json.
type programStatus struct {
	Version string       `json:"version"`
	Config  configStatus `json:"config"`
	Store   storeStatus  `json:"store"`
	Visits  queueStatus  `json:"visits"`
}

// storeStatus is how large the store is.
type storeStatus struct {
	Bytes  int64  `json:"bytes"`                    // of the file
	Free   int64  `json:"free"`                     // of those, room that will be used again
	Growth *int64 `json:"growth_per_day,omitempty"` // bytes; nil = not known before a day has passed
}

// queueStatus is what the agenda holds.
type queueStatus struct {
	Running int `json:"running"` // under way
	Waiting int `json:"waiting"` // sources that have a visit ahead of them
}

// programOf asks every part of the daemon how it is.
func programOf(cfg configStatus, db *storage.DB, v *visits, backups *backupWatch, now time.Time) server.Program {
	st := programStatus{
		Version: version, Config: cfg, Store: storeOf(db, now),
		Visits: queueStatus{v.agenda.Visiting(), v.agenda.Waiting()},
	}
	return server.Program{Report: st, Notices: slices.Concat(cfg.notices(), storeNotices(db), backups.notices()), Facts: st.facts()}
}

// facts are what a person wants to know of the daemon, each with its name.
func (st programStatus) facts() [][2]string {
	file := st.Config.File + ", read " + st.Config.Loaded.Format(clock)
	if !st.Config.Refused.IsZero() {
		file += "; its newer version is refused"
	}
	return [][2]string{
		{"version", st.Version},
		{"configuration", file},
		{"store", st.Store.String()},
		{"visits", fmt.Sprintf("%d under way, %d ahead", st.Visits.Running, st.Visits.Waiting)},
	}
}

// String is the size of the store in words.
func (st storeStatus) String() string {
	s := fmt.Sprintf("%s, of which %s are free", feed.Size(st.Bytes), feed.Size(st.Free))
	if st.Growth != nil {
		s += fmt.Sprintf("; grows by %s a day", feed.Size(*st.Growth))
	}
	return s
}

// storeNotices is what an operator should know first of the store.
func storeNotices(db *storage.DB) (notices []string) {
	if since, err := db.Writable(); err != nil {
		notices = append(notices, fmt.Sprintf("since %s nothing can be stored; readers are served, and visits go on and fail until it can: %v", since.Format(clock), err))
	}
	if n := db.Spoilt(); n > 0 {
		notices = append(notices, fmt.Sprintf("records of the store are damaged, and skipped, %d that were met so far: \"sangam db check\" lists them; "+
			"\"sangam restore\" of a backup brings them back, \"sangam reindex\" goes on without them", n))
	}
	return notices
}

// storeOf is the zero storeStatus if the size cannot be told.
func storeOf(db *storage.DB, now time.Time) storeStatus {
	size, err := db.Size(now)
	if err != nil {
		return storeStatus{}
	}
	st := storeStatus{Bytes: size.Bytes, Free: size.Free}
	sizes, err := db.Sizes(context.Background())
	if perDay, known := storage.Growth(sizes, size); known && err == nil {
		st.Growth = &perDay
	}
	return st
}

// commands are what operators can have done to the configuration.
func (r *reloader) commands() map[string]server.Command {
	pausing := func(paused bool, because string) server.Command {
		return func(ctx context.Context, req *http.Request) (any, error) {
			id := req.URL.Query().Get("source")
			path := r.config.get().Path
			if err := config.Edit(path, os.LookupEnv, func(f *config.File) error { return f.SetPaused(id, paused) }); err != nil {
				return nil, badConfig{err}
			}
			return r.reload(context.WithoutCancel(ctx), because)
		}
	}
	return map[string]server.Command{
		"reload": func(ctx context.Context, _ *http.Request) (any, error) {
			return r.reload(context.WithoutCancel(ctx), "sangam reload")
		},
		"pause":  pausing(true, "paused on the status page"),
		"resume": pausing(false, "resumed on the status page"),
	}
}
