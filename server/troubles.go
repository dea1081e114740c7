package server

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sangam/feed"
)

// mostTroubles is how many turns /status.xml lists, the newest.
const mostTroubles = 100

// trouble is a turn that a source has taken.
type trouble struct {
	feed.Event
	outlet feed.Outlet
}

// turnsOf are the last turns of all sources, the newest first.
func turnsOf(st Status) []trouble {
	var list []trouble
	for _, s := range st.Sources {
		for _, e := range s.State.Events {
			list = append(list, trouble{e, s.Outlet})
		}
	}
	slices.SortFunc(list, func(a, b trouble) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.outlet.ID, b.outlet.ID), cmp.Compare(a.Kind, b.Kind))
	})
	return list[:min(len(list), mostTroubles)]
}

// Elements of an Atom feed (RFC 4287).
type (
	atomFeed struct {
		XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
		ID      string      `xml:"id"`
		Title   string      `xml:"title"`
		Updated string      `xml:"updated"`
		Author  string      `xml:"author>name"`
		Links   []atomLink  `xml:"link"`
		Entries []atomEntry `xml:"entry"`
	}
	atomEntry struct {
		ID       string       `xml:"id"`
		Title    string       `xml:"title"`
		Updated  string       `xml:"updated"`
		Category atomCategory `xml:"category"`
		Links    []atomLink   `xml:"link"`
		Content  string       `xml:"content"`
	}
	atomLink struct {
		Rel  string `xml:"rel,attr"`
		Type string `xml:"type,attr,omitempty"`
		Href string `xml:"href,attr"`
	}
	atomCategory struct {
		Term string `xml:"term,attr"`
	}
)

// troubles answers with the feed of troubles and recoveries, for the operator's own
// reader. Its entries are what the sources' states remember, so that it tells the same
// after a restart.
func (a *admin) troubles(w http.ResponseWriter, r *http.Request) {
	st, _, err := a.gather(r.Context())
	if err != nil {
		a.Log.Error("no feed of troubles", "err", err)
		http.Error(w, "the status cannot be read", http.StatusInternalServerError)
		return
	}
	body := troubleFeed(a.Base, turnsOf(st))
	sum := sha256.Sum256(body)
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sum[:12]))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func troubleFeed(base string, list []trouble) []byte {
	f := atomFeed{
		ID: feed.Event{Kind: "feed"}.URN(base), Title: "Sangam: troubles and recoveries", Author: "Sangam",
		Updated: beginning.Format(time.RFC3339),
		Links:   []atomLink{{"self", "application/atom+xml", base + "status.xml"}, {"alternate", "text/html", base}},
	}
	for i, t := range list {
		at := t.At.UTC().Format(time.RFC3339)
		if i == 0 {
			f.Updated = at
		}
		f.Entries = append(f.Entries, atomEntry{
			ID: t.URN(t.outlet.ID), Title: t.Title(t.outlet.Called()), Updated: at, Category: atomCategory{string(t.Kind)},
			Links:   []atomLink{{"alternate", "text/html", base + "?source=" + url.QueryEscape(t.outlet.ID)}},
			Content: t.Text() + " (" + t.outlet.ID + ")",
		})
	}
	body, err := xml.MarshalIndent(f, "", " ")
	if err != nil {
		panic(err) // strings in structs
	}
	return slices.Concat([]byte(xml.Header), body, []byte("\n"))
}
