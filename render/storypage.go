package render

import (
	"cmp"
	"html/template"
	"io"
	"strings"

	"sangam/feed"
)

// StoryPage shows one story and everything known about it.
type StoryPage struct {
	Frame
	Story   feed.Story
	Outlets map[string]feed.Outlet
}

type carrierRow struct {
	outletLink
	W, Own *Text // of what stands beside the headline, and of the frame
	Tongue string
	Dir    feed.Direction
	Origin bool
	Title  string
	Link   string
	When   moment
}

type joinRow struct {
	Own           *Text // the frame's words
	A, B          outletLink
	Because, Rule string
	Foreign       bool // the reason is in English, since nobody has translated it
	Passages      []passage
}

// Story writes the page of one story: its text, who carried it, and why the
// reports were taken for one.
func Story(w io.Writer, p StoryPage) error {
	page := Page{Outlets: p.Outlets, Base: p.Root, NoCredits: true}
	e := page.entry(&p.Story)
	p.Heading = e.title
	data := struct {
		Frame
		Next           string
		Lang           string
		Dir            feed.Direction
		Beside         *Text
		Lead           outletLink
		Authors, Image string
		When           moment
		Content        template.HTML
		Link           string
		Files          []Link
		Carriers       []carrierRow
		MoreCarriers   []carrierRow // folded away, as are the joins behind these
		Joins          []joinRow
		MoreJoins      []joinRow
	}{
		Frame: p.Frame, Lang: e.lang, Dir: e.dir, Lead: p.outlet(e.outlet),
		Beside: p.beside(e.lang, e.dir), When: p.moment(e.published, p.beside(e.lang, e.dir)),
		// Safe by the promise of feed.Item: sanitised before it was stored.
		Content: template.HTML(reading(clean(cmp.Or(e.item.Content, e.item.Summary)), !p.NoPictures)), //nolint:gosec
		Link:    uri(e.item.Link),
	}
	data.Carriers, data.MoreCarriers = fold(p.carriers(), carriersShown)
	data.Joins, data.MoreJoins = fold(p.joins(), joinsShown)
	if names := e.creator(); names != e.outlet.Name {
		data.Authors = names
	}
	if image := uri(e.item.Image); !p.NoPictures && !strings.Contains(string(data.Content), "<img") {
		data.Image = image
	}
	for _, x := range e.item.Enclosures {
		if href := uri(x.URL); href != "" {
			data.Files = append(data.Files, Link{Href: href, Name: cmp.Or(label(x.Title), mediaType(x))})
		}
	}
	return write(w, "story", data)
}

func (p *StoryPage) carriers() []carrierRow {
	var rows []carrierRow
	for i := range p.Story.Members {
		it := &p.Story.Members[i]
		words := p.beside(languageTag(it.Language), it.Direction)
		rows = append(rows, carrierRow{
			W: words, Own: p.W(),
			outletLink: p.outlet(outletOf(p.Outlets, it.Source)),
			Tongue:     languageTag(it.Language), Dir: it.Direction,
			Origin: i == 0 && len(p.Story.Members) > 1,
			Title:  cmp.Or(label(it.Title), excerpt(cmp.Or(it.Summary, it.Content), titleLength)),
			Link:   uri(it.Link), When: p.moment(it.Time(), words),
		})
	}
	return rows
}

func (p *StoryPage) joins() []joinRow {
	byKey := map[string]*feed.Item{}
	for i := range p.Story.Members {
		byKey[p.Story.Members[i].Key] = &p.Story.Members[i]
	}
	name := func(it *feed.Item) outletLink {
		if it == nil {
			return outletLink{Name: "–"} // a member that has aged out
		}
		return p.outlet(outletOf(p.Outlets, it.Source))
	}
	var rows []joinRow
	for _, r := range p.Story.Joins {
		a, b := byKey[r.Item], byKey[r.With]
		words, translated := p.W().because(r)
		row := joinRow{Own: p.W(), A: name(a), B: name(b), Because: words, Rule: label(r.Rule), Foreign: !translated}
		if a != nil && b != nil && len(rows) < passagesSought {
			if b == &p.Story.Members[0] {
				a, b = b, a // the origin speaks first
			}
			row.Passages = shared(a, b)
			for i, it := range []*feed.Item{a, b}[:len(row.Passages)] {
				row.Passages[i].Outlet = name(it)
			}
			if row.alike() {
				row.Passages = row.Passages[:1]
				row.Passages[0].Outlet = outletLink{} // it is either's
			}
		}
		rows = append(rows, row)
	}
	return rows
}

const (
	// carriersShown and joinsShown are how much of a story's history is seen at once;
	// the rest unfolds.
	carriersShown, joinsShown = 6, 3
	// passagesSought bounds the joins of one story whose passage is looked for, which
	// takes about two milliseconds for each.
	passagesSought = 50
)

// fold parts a long list into what is shown and what unfolds. One more row than are to
// be shown is no long list.
func fold[T any](rows []T, shown int) (first, rest []T) {
	if len(rows) <= shown+1 {
		return rows, nil
	}
	return rows[:shown], rows[shown:]
}

// alike says whether both reports have the passage in the very same letters, so that
// one of them shows it all.
func (r *joinRow) alike() bool {
	return len(r.Passages) == 2 && r.Passages[0].Shared == r.Passages[1].Shared
}
