package render

import "sangam/feed"

type jsonFeed struct {
	Version     string       `json:"version"`
	Title       string       `json:"title"`
	Home        string       `json:"home_page_url,omitempty"`
	Self        string       `json:"feed_url,omitempty"`
	Description string       `json:"description,omitempty"`
	Language    string       `json:"language,omitempty"`
	Icon        string       `json:"icon,omitempty"`
	Next        string       `json:"next_url,omitempty"`
	Authors     []jsonAuthor `json:"authors,omitempty"`
	Hubs        []jsonHub    `json:"hubs,omitempty"`
}

type jsonHub struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type jsonAuthor struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url,omitempty"`
}

type jsonItem struct {
	ID          string       `json:"id"`
	URL         string       `json:"url,omitempty"`
	External    string       `json:"external_url,omitempty"`
	Title       string       `json:"title,omitempty"`
	Content     string       `json:"content_html"`
	Summary     string       `json:"summary,omitempty"`
	Image       string       `json:"image,omitempty"`
	Published   string       `json:"date_published,omitempty"`
	Modified    string       `json:"date_modified,omitempty"`
	Authors     []jsonAuthor `json:"authors,omitempty"`
	Tags        []string     `json:"tags,omitempty"`
	Language    string       `json:"language,omitempty"`
	Attachments []jsonFile   `json:"attachments,omitempty"`
	Sangam      jsonSangam   `json:"_sangam"`
}

type jsonFile struct {
	URL   string `json:"url"`
	Type  string `json:"mime_type"`
	Title string `json:"title,omitempty"`
	Size  int64  `json:"size_in_bytes,omitempty"`
}

// jsonSangam is our extension: who carried the story, and its page.
type jsonSangam struct {
	About   string       `json:"about"`
	Story   string       `json:"story"`
	Origin  string       `json:"origin,omitempty"`
	Outlets []jsonOutlet `json:"outlets"`
}

type jsonOutlet struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Site      string `json:"site,omitempty"`
	Feed      string `json:"feed,omitempty"`
	URL       string `json:"url,omitempty"`
	Title     string `json:"title,omitempty"`
	Published string `json:"published,omitempty"`
	Language  string `json:"language,omitempty"`
}

// JSON is JSON Feed 1.1. The extension _sangam of an item lists every outlet that
// carried it, the shown one first.
var JSON = &Format{
	Between: ",\n", Tail: "\n ]\n}\n",
	head: jsonHead, end: "\n}\n",
	entry: func(p *Page, e *entry) any { return e.json(p.Base) },
}

func jsonHead(p *Page) any {
	doc := jsonFeed{
		Version:     "https://jsonfeed.org/version/1.1",
		Title:       label(p.View.Title),
		Home:        p.Home,
		Self:        p.Self,
		Description: label(p.View.Description),
		Language:    languageTag(p.View.Language),
		Icon:        p.Icon,
		Next:        p.Prev,
	}
	for _, hub := range p.Hubs {
		doc.Hubs = append(doc.Hubs, jsonHub{Type: "WebSub", URL: hub})
	}
	return doc
}

func (e *entry) json(base string) jsonItem {
	it := jsonItem{
		ID:        e.id,
		URL:       e.link,
		Title:     e.title,
		Content:   e.content,
		Summary:   e.text(),
		Image:     uri(e.item.Image),
		Published: rfc3339(e.published),
		Modified:  rfc3339(e.updated),
		Tags:      e.categories,
		Language:  e.lang,
		Sangam:    jsonSangam{About: base, Story: e.page, Origin: e.via},
	}
	for _, a := range e.authors {
		if a.Name == e.outlet.Name {
			continue // many feeds name themselves
		}
		it.Authors = append(it.Authors, jsonAuthor{Name: a.Name, URL: a.URI})
	}
	outlet := func(o feed.Outlet, m *feed.Item) {
		it.Authors = append(it.Authors, jsonAuthor{Name: o.Name, URL: o.Site})
		jo := jsonOutlet{ID: o.ID, Name: o.Name, Site: o.Site, Feed: o.URL, URL: uri(m.Link), Title: label(m.Title), Language: languageTag(m.Language)}
		if at := m.Time(); !at.IsZero() {
			jo.Published = rfc3339(at)
		}
		it.Sangam.Outlets = append(it.Sangam.Outlets, jo)
	}
	outlet(e.outlet, e.item)
	for _, c := range e.others {
		outlet(c.outlet, c.item)
	}
	for _, x := range e.item.Enclosures {
		if address := uri(x.URL); address != "" {
			it.Attachments = append(it.Attachments, jsonFile{URL: address, Type: mediaType(x), Title: label(x.Title), Size: max(x.Length, 0)})
		}
	}
	return it
}
