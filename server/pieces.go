package server

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"sangam/feed"
	"sangam/internal/breath"
	"sangam/render"
)

// A piece is a story as it stands in a feed document. A document is made of pieces, and most
// of them stand in the next document too, where nothing of the story needs to be read
// or written again: it is the same as long as its version is.
type piece struct {
	key     string
	version feed.Version
	seq     uint64
	changed time.Time // by a revision, or by an outlet that joined
	at, end int       // where it is in the document's body
}

// scraps are what pieces are written into: grown once, used again.
var scraps = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// pieces returns the stories that were found, in a document of a format: those of the document
// before it that still hold, and the others written anew. text is where each stands.
func (s *Server) pieces(st *site, format *render.Format, page *render.Page, found []feed.Found, before *document, scrap *bytes.Buffer) (pieces []piece, text [][]byte, err error) {
	known := map[string]*piece{}
	if before != nil && before.language == page.View.Language {
		for i := range before.pieces {
			known[before.pieces[i].key] = &before.pieces[i]
		}
	}
	pieces, text = make([]piece, 0, len(found)), make([][]byte, 0, len(found))
	var air breath.Breath
	for i := range found {
		air.Take()
		f := &found[i]
		if p := known[f.Key]; p != nil && p.version == f.Version {
			pieces, text = append(pieces, *p), append(text, before.body[p.at:p.end])
			continue
		}
		story, err := f.Read()
		if st.missing(err) || err == nil && len(story.Members) == 0 {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		from := scrap.Len()
		if err := format.Entry(scrap, page, &story); err != nil {
			return nil, nil, err
		}
		pieces = append(pieces, piece{key: f.Key, version: f.Version, seq: story.Seq, changed: changed(&story), at: from, end: scrap.Len()})
		text = append(text, nil)
	}
	for i := range text { // now that the scrap does not grow any more
		if text[i] == nil {
			text[i] = scrap.Bytes()[pieces[i].at:pieces[i].end]
		}
	}
	return pieces, text, nil
}

// assemble writes a document, and notes where its pieces are.
func assemble(out *bytes.Buffer, format *render.Format, page *render.Page, pieces []piece, text [][]byte) error {
	if err := format.Head(out, page); err != nil {
		return err
	}
	room := len(format.Tail)
	for _, t := range text {
		room += len(t) + len(format.Between)
	}
	out.Grow(room)
	for i, t := range text {
		if i > 0 {
			out.WriteString(format.Between)
		}
		pieces[i].at = out.Len()
		out.Write(t)
		pieces[i].end = out.Len()
	}
	out.WriteString(format.Tail)
	return nil
}

// changed is when the newest change of a story was made: a revision, or another
// outlet that joined. It is read from the story, so a restart does not move it.
func changed(s *feed.Story) time.Time {
	at := s.Updated
	for i := range s.Members {
		for _, t := range []time.Time{s.Members[i].Seen, s.Members[i].Revised} {
			if t.After(at) {
				at = t
			}
		}
	}
	return at
}

// newest is when the newest change among pieces was made.
func newest(pieces []piece) time.Time {
	at := beginning
	for i := range pieces {
		if c := pieces[i].changed; i == 0 || c.After(at) {
			at = c
		}
	}
	if at.IsZero() {
		at = beginning
	}
	return at.UTC()
}

// beginning is when an empty feed was updated, since Atom must say a time: the
// month in which Atom became a standard.
var beginning = time.Date(2005, time.December, 1, 0, 0, 0, 0, time.UTC)

// collect finds the stories of a document: the first in the river, and whatever else
// arrived within a day of the last arrival among them. The last arrival, not the clock: a
// document changes only when its stories do.
func (s *Server) collect(ctx context.Context, q feed.Query, limit int) ([]feed.Found, error) {
	first, more, err := s.seek(ctx, q, limit)
	if err != nil || !more {
		return first, err
	}
	var last time.Time
	have := make(map[string]bool, len(first))
	for i := range first {
		have[first[i].Key] = true
		if first[i].Arrived.After(last) {
			last = first[i].Arrived
		}
	}
	end := first[len(first)-1]
	q.Since, q.Before = last.Add(-recent), feed.Cursor{Order: end.Order, Story: end.Key}
	rest, _, err := s.seek(ctx, q, maxStories-len(first))
	if err != nil {
		return nil, err
	}
	return append(first, slices.DeleteFunc(rest, func(f feed.Found) bool { return have[f.Key] })...), nil
}

// seek finds the first stories that match, at most limit, and tells whether there are more.
func (s *Server) seek(ctx context.Context, q feed.Query, limit int) (found []feed.Found, more bool, err error) {
	for f, err := range s.store.Find(ctx, q) {
		if err != nil {
			return nil, false, err
		}
		if len(found) == limit {
			return found, true, nil
		}
		found = append(found, f)
	}
	return found, false, nil
}
