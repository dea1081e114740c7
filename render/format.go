package render

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"
	"sync"

	"sangam/feed"
)

// A Format is a way to write a feed down. A document is its head, the entries of the stories
// with Between between them, and Tail. An entry follows from its story and from what the
// page says of all stories: not from its neighbours, nor from what the head tells. So
// what was written of a story once can stand in the next document too.
type Format struct {
	Between, Tail string

	head  func(*Page) any // the document without entries
	end   string          // of what is written of that
	entry func(*Page, *entry) any
	name  string // of an entry's element; "" = this is JSON
	depth int    // of it

	pens sync.Pool
}

// Head writes what comes before the entries.
func (f *Format) Head(w *bytes.Buffer, p *Page) error {
	begin, err := "", error(nil)
	if f.name != "" {
		err = writeXML(w, f.head(p), p.Stylesheet)
	} else {
		begin, err = ",\n \"items\": [\n", jsonTo(w, "").Encode(f.head(p))
	}
	if err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	if !bytes.HasSuffix(w.Bytes(), []byte(f.end)) {
		return errors.New("writing the document: it does not end as documents do")
	}
	w.Truncate(w.Len() - len(f.end))
	w.WriteString(begin)
	return nil
}

// writeXML writes a whole document. The names of stylesheets are ours, so they need no escaping.
func writeXML(w io.Writer, doc any, stylesheet string) error {
	head := xml.Header
	if stylesheet != "" {
		head += `<?xml-stylesheet type="text/css" href="` + html.EscapeString(stylesheet) + `"?>` + "\n"
	}
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func jsonTo(w io.Writer, prefix string) *json.Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, " ")
	return enc
}

// Entry writes one story. It must have members.
func (f *Format) Entry(w *bytes.Buffer, p *Page, s *feed.Story) error {
	e := p.entry(s)
	pen, _ := f.pens.Get().(*pen)
	if pen == nil {
		pen = f.newPen()
	}
	pen.paper.Reset()
	if err := pen.write(f.entry(p, &e)); err != nil {
		return fmt.Errorf("writing %s: %w", s.Key, err)
	}
	w.Write(bytes.Trim(pen.paper.Bytes(), "\n"))
	f.pens.Put(pen)
	return nil
}

// A pen writes entries one after the other: the encoders have buffers, which are grown
// once.
type pen struct {
	paper bytes.Buffer
	write func(any) error
}

func (f *Format) newPen() *pen {
	p := &pen{}
	if f.name == "" {
		enc := jsonTo(&p.paper, "  ")
		p.write = func(v any) error {
			p.paper.WriteString("  ")
			return enc.Encode(v)
		}
		return p
	}
	enc := xml.NewEncoder(&p.paper)
	enc.Indent(strings.Repeat(" ", f.depth), " ")
	start := xml.StartElement{Name: xml.Name{Local: f.name}}
	p.write = func(v any) error { return enc.EncodeElement(v, start) }
	return p
}

// Write writes a whole document.
func (f *Format) Write(w io.Writer, p Page) error {
	var b bytes.Buffer
	if err := f.Head(&b, &p); err != nil {
		return err
	}
	between := ""
	for i := range p.Stories {
		if len(p.Stories[i].Members) > 0 {
			b.WriteString(between)
			if err := f.Entry(&b, &p, &p.Stories[i]); err != nil {
				return err
			}
			between = f.Between
		}
	}
	b.WriteString(f.Tail)
	_, err := w.Write(b.Bytes())
	return err
}
