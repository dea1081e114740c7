package dedupe_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
)

// story is one report in one of nine languages, written for this test, with what
// desks do to reports: others' headlines, code points, bylines, boilerplate; beside
// it a follow-up and a template that is filled anew every day.
type story struct {
	Lang          string
	Title         string
	Retitle       string
	Sentences     []string
	Byline        string
	Boilerplate   string
	Swap          []string
	OtherTitle    string `json:"other_title"`
	Other         []string
	TemplateTitle string `json:"template_title"`
	Template      string
}

// told are the items that tell the story, and those that tell something else.
func (s story) told() (copies, others []feed.Item) {
	p := func(sentences ...string) string { return "<p>" + strings.Join(sentences, "</p>\n<p>") + "</p>" }
	swap := strings.NewReplacer(s.Swap...).Replace
	full := strings.Join(s.Sentences, " ")
	add := func(list *[]feed.Item, source string, hours int, title, summary, content string) {
		at := morning.Add(time.Duration(hours) * time.Hour)
		key := fmt.Sprintf("%s/%s/%d", s.Lang, source, hours)
		*list = append(*list, feed.Item{
			Key: key, Source: s.Lang + source, ID: key, Link: "https://" + source + ".example/" + key,
			Title: title, Summary: summary, Content: content, Published: at, Seen: at, Language: s.Lang,
		})
	}
	add(&copies, "desk", 0, s.Title, s.Sentences[0]+" "+s.Sentences[1], "")
	add(&copies, "awaz", 5, s.Title, "", p(s.Title, "user", s.Byline, full, s.Boilerplate))
	add(&copies, "mirror", 7, swap(s.Retitle), "", p(swap(full), s.Boilerplate))
	add(&copies, "daily", 9, s.Retitle, s.Sentences[0], p(s.Sentences[0], s.Sentences[1], s.Sentences[3], s.Sentences[4], s.Sentences[5]))
	add(&copies, "echo", 20, s.Lang+": "+swap(s.Title), swap(s.Sentences[0]+" "+s.Sentences[1]), "")

	followUp := strings.Join(s.Other, " ") + " " + s.Sentences[0]
	add(&others, "desk", 30, s.OtherTitle, s.Other[0]+" "+s.Other[1], "")
	add(&others, "daily", 31, s.OtherTitle+" …", "", p(followUp))
	for day := range 3 {
		text := fmt.Sprintf(s.Template, 210+17*day, 96+5*day)
		add(&others, "desk", 3+22*day, s.TemplateTitle, text, "")
	}
	return copies, others
}

// TestNineLanguages joins what is one report, and nothing else, in Urdu, Arabic,
// Persian, Hindi, German, English, Chinese, Japanese and Thai.
func TestNineLanguages(t *testing.T) {
	for _, s := range read[story](t, "testdata/nine.json") {
		t.Run(s.Lang, func(t *testing.T) {
			copies, others := s.told()
			clusters := decideAll(append(copies, others...))
			for _, c := range copies[1:] {
				if clusters[c.Key] != clusters[copies[0].Key] {
					t.Errorf("%s is not joined to %s: %+v", c.Key, copies[0].Key, rules.Explain(&copies[0], &c).Ruling)
				}
			}
			for i, o := range others {
				for _, c := range copies {
					if clusters[o.Key] == clusters[c.Key] {
						t.Errorf("%s is joined to %s: %+v", o.Key, c.Key, rules.Explain(&o, &c).Ruling)
					}
				}
				for _, p := range others[:i] {
					if (i >= 2 || o.Title[:10] != p.Title[:10]) && clusters[o.Key] == clusters[p.Key] {
						t.Errorf("%s is joined to %s: %+v", o.Key, p.Key, rules.Explain(&o, &p).Ruling)
					}
				}
			}
		})
	}
}

// decideAll marks items in order of time, each as a visit of its own, decides them
// through a window as storage does, and returns the cluster of each by key.
func decideAll(items []feed.Item) map[string]string {
	habits := map[string]feed.Habits{}
	w := newWindow(rules.Near)
	parent := map[string]string{}
	var find func(string) string
	find = func(k string) string {
		if parent[k] != k {
			parent[k] = find(parent[k])
		}
		return parent[k]
	}
	byTime(items)
	for i := range items {
		it := &items[i]
		habits[it.Source] = dedupe.Mark(items[i:i+1], feed.Outlet{ID: it.Source, Name: it.Source}, habits[it.Source])
		parent[it.Key] = it.Key
		v := rules.Decide(it, w.near(it))
		for _, j := range v.Joins {
			parent[find(it.Key)] = find(j.With)
		}
		w.add(it)
	}
	out := map[string]string{}
	for k := range parent {
		out[k] = find(k)
	}
	return out
}
