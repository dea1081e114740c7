// Package normalize makes what outlets wrote comparable and safe to show: entries
// become items, dates moments, markup safe HTML, addresses keys.
//
// Everything in it is a pure function of its arguments: no clock, network, store or
// logger, and the same whatever the host's time zone or language. Cleaning what is clean
// changes nothing. It knows Unicode, HTML, addresses and dates, and does not know
// which formats feeds have, whether two items are the same story, or who reads them.
package normalize

import (
	"fmt"
	"strings"
	"time"

	"sangam/feed"
)

// Item makes of an entry, as an outlet wrote it, an item that can be compared and
// shown, as of the moment at. The warnings say what was dropped or not understood, in
// words for the operator.
//
//   - Title, names, categories and credits are plain text on one line.
//   - Summary and Content are safe HTML (see HTML). An entry without a summary has none;
//     a summary that says word for word what the content says is dropped.
//   - Link, Via, Comments, Image and the addresses of enclosures and authors are absolute
//     http or https addresses or empty; the id is byte for byte as sent.
//   - Image is the entry's own, else the first one in its content, summary or enclosures.
//   - Published and Updated are in UTC. One that is missing, unreadable, before 1990 or
//     more than Tolerance after at is zero, and what was written is kept. An entry
//     that only says when it was updated was published then.
//   - Language is the source's, if the operator gave one (outlets often leave the default
//     of their software in their feeds), else the entry's, else the feed's, unless that
//     is written from left to right and the text from right to left.
//   - Key and Hash are as the functions of these names say; Seen and Revised are at.
//
// No more than 2 MiB of a summary or content are read, 64 KiB of a title or name. Who
// has a document of many entries uses a Reader.
func Item(e feed.Entry, ch feed.Channel, src feed.Outlet, at time.Time) (feed.Item, []string) {
	return new(Reader).Item(e, ch, src, at)
}

func (r *Reader) item(e feed.Entry, ch feed.Channel, src feed.Outlet, at time.Time, w *warnings) feed.Item {
	it := feed.Item{
		Source:     src.ID,
		ID:         e.ID,
		Link:       w.address("link", e.Link),
		Via:        w.address("origin's link", e.Via),
		Comments:   w.address("link to comments", e.Comments),
		Image:      w.address("image", e.Image),
		Title:      short(plain(e.Title)),
		Authors:    people(e.Authors),
		Categories: words(e.Categories),
		Credits:    words(e.Credits),
		Enclosures: enclosures(e.Enclosures, w),
		Origin:     origin(e.Origin),
		Language:   first(Language(src.Language), Language(e.Language), Language(ch.Language)),
		Extensions: extensions(e.Extensions),
		Seen:       at.UTC(),
		Revised:    at.UTC(),
	}
	r.fillTexts(&it, e)
	fillTimes(&it, e, at, w)
	it.Direction = direction(&it, src)
	if src.Language == "" && contradicts(it.Direction, it.Language) {
		w.add("language %q dropped: the text is written in letters of another", it.Language)
		it.Language = ""
	}
	it.Key = key(src.ID, e)
	it.Hash = Hash(&it)
	return it
}

func key(source string, e feed.Entry) string {
	if e.ID != "" || strings.TrimSpace(e.Link) != "" {
		return Key(source, e.ID, e.Link, "")
	}
	return Key(source, "", "", e.Title.Value+"\x00"+first(e.Content.Value, e.Summary.Value))
}

// Channel makes of a feed's own texts and addresses what Item makes of an entry's:
// plain text, absolute http or https addresses, and Updated read from what was written.
// The entries, the id and the pace stay as they are.
func Channel(ch feed.Channel) feed.Channel {
	ch.Title = short(guessed(ch.Title))
	ch.Description = guessed(ch.Description)
	ch.Rights = guessed(ch.Rights)
	ch.Generator = short(guessed(ch.Generator))
	ch.Link, ch.Self, ch.Image = webAddress(ch.Link), webAddress(ch.Self), webAddress(ch.Image)
	ch.Language = Language(ch.Language)
	if t, ok := Time(ch.UpdatedRaw); ok && t.Year() >= earliest {
		ch.Updated = t
	}
	ch.Authors = people(ch.Authors)
	ch.Categories = words(ch.Categories)
	var hubs []string
	for _, hub := range ch.Hubs {
		if hub = webAddress(hub); hub != "" {
			hubs = append(hubs, hub)
		}
	}
	ch.Hubs = hubs
	return ch
}

// fillTexts cleans summary and content, and takes the image from them if need be.
func (r *Reader) fillTexts(it *feed.Item, e feed.Entry) {
	var inSummary, inContent string
	it.Content, inContent = r.body(e.Content, e.Link)
	it.Summary, inSummary = r.body(e.Summary, e.Link)
	if saysTheSame(it.Summary, it.Content) {
		it.Summary = ""
	}
	it.Image = first(it.Image, inContent, inSummary)
	for i := 0; it.Image == "" && i < len(it.Enclosures); i++ {
		if strings.HasPrefix(it.Enclosures[i].Type, "image/") {
			it.Image = it.Enclosures[i].URL
		}
	}
}

// saysTheSame reports whether two pieces of HTML have the same text. Nearly always the
// beginnings tell that they do not.
func saysTheSame(summary, content string) bool {
	if summary == "" || content == "" || summary == content {
		return summary == content && summary != ""
	}
	text := Text(summary)
	for _, size := range [...]int{256, 2048} {
		head := Text(content[:min(len(content), size)])
		if sure := len(head) - 16; sure > 0 && !strings.HasPrefix(text, head[:sure]) { // behind it a tag may be cut
			return false
		}
	}
	return text == Text(content)
}

// body makes safe HTML of a text of whatever kind. In plain text an empty line parts
// paragraphs, and a line end is one.
func (r *Reader) body(t feed.Text, link string) (clean, image string) {
	if t.Value == "" {
		return "", ""
	}
	switch {
	case t.Kind == feed.Plain:
		return paragraphs(undoubled(t.Value)), ""
	case t.Kind == feed.Guess && !looksLikeHTML(t.Value):
		return escaped(undoubled(unescape(t.Value))), ""
	}
	clean, image = r.cleanHTML(undoubled(t.Value), first(t.Base, link))
	return undoubled(clean), image // references may have hidden it
}

func paragraphs(text string) string {
	text = strings.ReplaceAll(escaped(text), "\r", "")
	if !strings.Contains(text, "\n") {
		return text
	}
	var b strings.Builder
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b.WriteString("<p>")
			b.WriteString(strings.ReplaceAll(p, "\n", "<br>"))
			b.WriteString("</p>")
		}
	}
	return b.String()
}

// Tolerance is how far after a visit a date may lie that is taken at its word: as far
// as clocks differ. Beyond that somebody has mislabelled a zone or announced something,
// and the item would stand at the top until its time comes.
const Tolerance = 15 * time.Minute

// earliest is the year before which no item was published: there were no feeds, and the
// dates are defaults of software (1601, 1899, 1904, 1970, 1980).
const earliest = 1990

// fillTimes reads the dates of an entry.
func fillTimes(it *feed.Item, e feed.Entry, at time.Time, w *warnings) {
	it.Published, it.PublishedRaw = moments("published", e.Published, at, w)
	it.Updated, it.UpdatedRaw = moments("updated", e.Updated, at, w)
	if strings.TrimSpace(e.Published) == "" {
		it.Published = it.Updated
	}
}

// moments reads one date and keeps it as written if it is no plausible one.
func moments(name, raw string, at time.Time, w *warnings) (time.Time, string) {
	t, ok := Time(raw)
	if ok && t.Year() >= earliest && (at.IsZero() || !t.After(at.Add(Tolerance))) {
		return t, ""
	}
	kept := Line(raw)
	switch {
	case kept == "":
	case !ok:
		w.add("%s date not understood: %q", name, kept)
	case t.Year() < earliest:
		w.add("%s date before %d: %q", name, earliest, kept)
	default:
		w.add("%s date in the future: %q", name, kept)
	}
	return time.Time{}, kept
}

// longestTitle bounds a title in bytes: what is longer is a text, and still there as one.
const longestTitle = 2000

// short cuts a text behind a word so that it can stand as a title.
func short(s string) string {
	if len(s) <= longestTitle {
		return s
	}
	cut := strings.LastIndexByte(s[:longestTitle], ' ')
	if cut < longestTitle/2 {
		cut = longestTitle
	}
	return Line(strings.ToValidUTF8(s[:cut], "")) + "…"
}

// words makes a list of plain texts, each once.
func words(list []string) []string {
	var out []string
	for _, s := range list {
		s = short(guessed(s))
		if s == "" || hasActiveScheme(s) || contains(out, s) {
			continue
		}
		if out = append(out, s); len(out) == maxList {
			break
		}
	}
	return out
}

// maxList is how many categories, authors, credits or enclosures of an item are kept.
const maxList = 100

// hasActiveScheme reports whether a text is an address that runs or opens something.
func hasActiveScheme(s string) bool {
	scheme, _, found := strings.Cut(s, ":")
	if !found {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(scheme)) {
	case "javascript", "vbscript", "livescript", "data", "file", "jar", "mhtml":
		return true
	}
	return false
}

func enclosures(list []feed.Enclosure, w *warnings) []feed.Enclosure {
	var out []feed.Enclosure
next:
	for _, e := range list {
		if e.URL = w.address("enclosure", e.URL); e.URL == "" {
			continue
		}
		for _, o := range out {
			if o.URL == e.URL {
				continue next
			}
		}
		e.Type, e.Title, e.Length = mediaType(e.Type), short(guessed(e.Title)), max(e.Length, 0)
		if out = append(out, e); len(out) == maxList {
			break
		}
	}
	return out
}

// mediaType returns a media type (RFC 6838, 4.2) in lower case without parameters, ""
// if it is none.
func mediaType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	s = strings.ToLower(strings.TrimSpace(s))
	main, sub, found := strings.Cut(s, "/")
	if !found || main == "" || sub == "" || len(s) > 127 || strings.Trim(main+sub, "abcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+") != "" {
		return ""
	}
	return s
}

func origin(o feed.Origin) feed.Origin {
	return feed.Origin{Name: short(guessed(o.Name)), Link: webAddress(o.Link), ID: o.ID}
}

// extensions keeps what may be an id or a word of the outlet's own; a text it is not.
func extensions(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]string, len(in))
	for name, value := range in {
		if len(value) <= longestTitle {
			out[name] = legalOnly(value)
		}
	}
	return out
}

// first returns the first of its arguments that is not empty.
func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// warnings collects what the operator should know.
type warnings []string

func (w *warnings) add(format string, args ...any) {
	*w = append(*w, fmt.Sprintf(format, args...))
}

// longestQuoted is how much of a refused value a warning shows, in bytes.
const longestQuoted = 80

// address returns an address that a reader may follow, and warns of one that is not.
func (w *warnings) address(what, raw string) string {
	link := webAddress(raw)
	if link == "" && strings.TrimSpace(raw) != "" {
		if raw = Line(raw); len(raw) > longestQuoted {
			raw = strings.ToValidUTF8(raw[:longestQuoted], "") + "…"
		}
		w.add("%s dropped, it is no http or https address: %q", what, raw)
	}
	return link
}
