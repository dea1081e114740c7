package render

import (
	"io"
	"strconv"
	"strings"

	"sangam/feed"
)

// ListPage shows outlets, topics or feeds.
type ListPage struct {
	Frame
	Rows    []Row
	Nothing string
	Legend  string // what the charts show; "" = there are none
}

// Row is one line of such a list.
type Row struct {
	Name, Lang, About string
	Page              string // path of its river
	Site              string
	Feeds             Feeds
	Tags              []Link
	More              string  // how many tags besides those, in words
	Health            *Health // nil = nothing is said of it
	Rate              string  // stories a day, in words
	Counts            []int   // stories a day, oldest first; nil = no chart
}

// aboutLength bounds what a feed says of itself: two lines or three.
const aboutLength = 160

// maxTags is how many outlets or topics a row names; the page it leads to has all.
const maxTags = 12

type listRow struct {
	Row
	W     *Text          // the frame's
	Dir   feed.Direction // of the name; Unknown = the frame's
	Since *moment
	Chart *chart
}

type chart struct {
	Label string
	Width int
	Bars  []struct{ X, Y, H int }
}

// List writes a page of outlets, topics or feeds.
func List(w io.Writer, p ListPage) error {
	data := struct {
		Frame
		Next, Nothing, Legend string
		Rows                  []listRow
	}{Frame: p.Frame, Nothing: p.Nothing, Legend: p.Legend}
	for _, r := range p.Rows {
		r.Name, r.About, r.Site = label(r.Name), shorten(label(r.About), aboutLength), uri(r.Site)
		if r.About == r.Name {
			r.About = "" // many feeds have nothing to say but their name
		}
		r.Name = shorten(r.Name, nameLength)
		if len(r.Tags) > maxTags {
			r.More = p.W().More(len(r.Tags) - maxTags)
			r.Tags = r.Tags[:maxTags]
		}
		r.Lang, r.Tags = languageTag(r.Lang), plain(r.Tags)
		row := listRow{Row: r, W: p.W(), Dir: direction(r.Name), Chart: p.chart(r.Counts)}
		row.Since = p.since(r.Health)
		data.Rows = append(data.Rows, row)
	}
	return write(w, "list", data)
}

// chart draws counts as bars, for those who see, and says them, for those who listen.
func (f *Frame) chart(counts []int) *chart {
	if counts == nil {
		return nil
	}
	const height, step = 30, 11
	top := 1
	said := make([]string, len(counts))
	for i, n := range counts {
		top = max(top, n)
		said[i] = strconv.Itoa(n)
	}
	c := &chart{Label: f.W().PerDay + ": " + strings.Join(said, f.W().Comma), Width: step * len(counts)}
	for i, n := range counts {
		h := max(2, n*height/top) // a day without stories is a low line, not a gap
		c.Bars = append(c.Bars, struct{ X, Y, H int }{i * step, 32 - h, h})
	}
	return c
}
