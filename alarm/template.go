package alarm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"text/template"
	"time"

	"sangam/feed"
)

// Notice is an event of a source, as templates and receivers meet it.
type Notice struct {
	ID      string       `json:"id"`     // the same for the same event, also when it is sent again
	Event   feed.Kind    `json:"event"`  // "several" when Events tells of more than one
	Source  string       `json:"source"` // id; "" when it tells of several
	Name    string       `json:"name"`
	At      time.Time    `json:"at"`
	Since   time.Time    `json:"since,omitzero"`
	Trouble feed.Trouble `json:"trouble,omitempty"`
	Detail  string       `json:"detail,omitempty"`
	Title   string       `json:"title"` // in one line
	Text    string       `json:"text"`  // what to know, and what to do
	Events  []Notice     `json:"events,omitempty"`
}

// several is the kind of a notice that tells of more than one event.
const several feed.Kind = "several"

// noticeOf puts an event of a source into words.
func noticeOf(src feed.Outlet, e feed.Event) Notice {
	return Notice{
		ID: e.URN(src.ID), Event: e.Kind, Source: src.ID, Name: src.Name, At: e.At, Since: e.Since, Trouble: e.Trouble, Detail: e.Detail,
		Title: e.Title(src.Called()), Text: strings.TrimSpace(e.Text()),
	}
}

// mostLines is how many events of a digest are written out in its text.
const mostLines = 20

// digest makes one notice of several.
func digest(list []Notice) Notice {
	if len(list) == 1 {
		return list[0]
	}
	last := list[len(list)-1]
	counts := map[feed.Kind]int{}
	var lines []string
	for i, n := range list {
		counts[n.Event]++
		if i < mostLines {
			lines = append(lines, n.Title+": "+n.Text)
		}
	}
	if more := len(list) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	var parts []string
	for _, kind := range feed.Kinds() {
		if counts[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[kind], kind))
		}
	}
	return Notice{
		ID: last.ID, Event: several, At: last.At, Events: list,
		Title: fmt.Sprintf("%d turns: %s", len(list), strings.Join(parts, ", ")), Text: strings.Join(lines, "\n"),
	}
}

// The templates that have a name.
const (
	JSON  = "json"
	Slack = "slack"
	Ntfy  = "ntfy"
)

// Templates are the names of the built-in templates.
func Templates() []string { return []string{JSON, Slack, Ntfy} }

// longestMessage bounds what a template makes, in bytes.
const longestMessage = 64 << 10

// form makes the body of a message, and what its headers should say.
type form func(Notice) (body []byte, header http.Header, err error)

// Check tells what is wrong with a template: the name of a built-in one, or a Go
// template over a Notice, with the function json.
func Check(text string) error {
	make, err := formOf(text)
	if err != nil {
		return err
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	one := noticeOf(feed.Outlet{ID: "source", Name: "Source"}, feed.Event{Kind: feed.Failing, At: at, Since: at, Trouble: feed.Timeout, Detail: "no answer"})
	for _, n := range []Notice{one, digest([]Notice{one, one})} {
		if _, _, err := make(n); err != nil {
			return err
		}
	}
	return nil
}

func formOf(text string) (form, error) {
	switch cmp.Or(text, JSON) {
	case JSON:
		return func(n Notice) ([]byte, http.Header, error) { return inJSON(n) }, nil
	case Slack:
		return func(n Notice) ([]byte, http.Header, error) {
			escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
			return inJSON(map[string]string{"text": "*" + escape.Replace(n.Title) + "*\n" + escape.Replace(n.Text)})
		}, nil
	case Ntfy:
		return inNtfy, nil
	}
	if !strings.Contains(text, "{{") {
		return nil, fmt.Errorf("is none of %s, and no template: that has {{ }} in it", strings.Join(Templates(), ", "))
	}
	t, err := template.New("webhook").Funcs(template.FuncMap{"json": asJSON}).Parse(text)
	if err != nil {
		return nil, plainly(err)
	}
	return func(n Notice) ([]byte, http.Header, error) {
		var b limited
		if err := t.Execute(&b, n); err != nil {
			return nil, nil, plainly(err)
		}
		kind := "text/plain; charset=utf-8"
		if json.Valid(b.Bytes()) {
			kind = "application/json"
		}
		return b.Bytes(), http.Header{"Content-Type": {kind}}, nil
	}, nil
}

// plainly takes from a template's error what names the template.
func plainly(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "template: webhook:"))
}

func asJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

func inJSON(v any) ([]byte, http.Header, error) {
	body, err := json.Marshal(v)
	return body, http.Header{"Content-Type": {"application/json"}}, err
}

// inNtfy is a message for ntfy: the text as the body, the rest in headers, where
// letters beyond ASCII are encoded words (RFC 2047).
func inNtfy(n Notice) ([]byte, http.Header, error) {
	tag, priority := "warning", "default"
	switch {
	case n.Event == feed.Recovered:
		tag, priority = "white_check_mark", "low"
	case n.Event == feed.Moved:
		tag, priority = "arrow_right", "low"
	case n.Event == feed.Gone || slices.ContainsFunc(n.Events, func(n Notice) bool { return n.Event == feed.Gone }):
		tag, priority = "x", "high"
	}
	return []byte(n.Text), http.Header{
		"Content-Type": {"text/plain; charset=utf-8"},
		"Title":        {mime.QEncoding.Encode("utf-8", n.Title)}, "Tags": {tag}, "Priority": {priority},
	}, nil
}

// limited is a buffer that refuses what is too long for a message.
type limited struct{ bytes.Buffer }

// Write takes p, as long as the message does not become too long.
func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > longestMessage {
		return 0, fmt.Errorf("makes a message of more than %d bytes", longestMessage)
	}
	return l.Buffer.Write(p)
}
