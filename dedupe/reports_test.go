package dedupe_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sangam/feed"
)

// ferry is a report in one of nine languages, written for this test, and beside it what
// is hard to tell from it or from each other: a follow-up that quotes the report as its
// background, two earthquakes, two matches, two verdicts told in the same words, a
// price that is reported daily, a page that is rewritten all day.
type ferry struct {
	Lang, Title, Retitle, Byline string
	Sentences, Boilerplate, Swap []string
	FollowTitle                  string `json:"follow_title"`
	Follow                       []string
	Quakes, Matches, Verdicts    []report
	Gold, Live                   report
}

type report struct{ Title, Text string }

// A speaker collects what outlets of one language say.
type speaker struct {
	lang  string
	items []feed.Item
}

const hour = 60 // in minutes

// add adds an item whose key begins with the story it tells, up to the first dot.
func (s *speaker) add(story, source string, minutes int, title, summary string, content ...string) {
	at := morning.Add(time.Duration(minutes) * time.Minute)
	key := fmt.Sprintf("%s.%s.%d", story, source, minutes)
	it := feed.Item{
		Key: key, Source: s.lang + source, ID: key, Link: "https://" + source + ".example/" + key,
		Title: title, Summary: summary, Published: at, Seen: at, Language: s.lang,
	}
	if len(content) > 0 {
		it.Content = "<p>" + strings.Join(content, "</p>\n<p>") + "</p>"
	}
	s.items = append(s.items, it)
}

// items are all that outlets say. close brings twins near in time.
func (f ferry) items(close bool) []feed.Item {
	say := speaker{lang: f.Lang}
	add := say.add
	gap := " "
	if f.Lang == "zh" || f.Lang == "ja" {
		gap = ""
	}
	swap := strings.NewReplacer(f.Swap...).Replace
	s, full := f.Sentences, strings.Join(f.Sentences, gap)
	begun := []rune(full)[:len([]rune(s[0]))*8/5]

	add("ferry", "desk", 0, f.Title, s[0]+gap+s[1])
	add("ferry", "awaz", 6*hour, f.Retitle, "", append([]string{f.Retitle, "user", f.Byline, swap(full)}, f.Boilerplate...)...)
	add("ferry", "mirror", 8*hour, f.Title+" - Mirror", "", full, f.Boilerplate[0])
	add("ferry", "daily", 11*hour, f.Retitle, s[1], s[0], s[2], s[4], s[5])
	add("ferry", "ticker", 12*hour, f.Retitle, swap(string(begun))+" [...]")
	add("ferry", "wire", 13*hour, f.Title, "")
	add("ferry", "post", 20*hour, swap(f.Title), "", s[0], s[1], s[4], s[3], s[5], s[2], f.Boilerplate[1])
	add("ferry", "echo", 26*hour, swap(f.Title), swap(s[0]))

	next, apart := f.FollowTitle, 24*hour
	if close {
		title := []rune(f.Title)
		next, apart = string(title[:len(title)/2])+": "+f.FollowTitle, 5*hour
	}
	add("follow", "desk", 18*hour+apart, next, f.Follow[0]+gap+f.Follow[1])
	add("follow", "awaz", 19*hour+apart, next, "", append([]string{strings.Join(f.Follow, gap) + gap + s[0] + gap + s[1]}, f.Boilerplate...)...)

	for i := range 2 {
		at := i * apart
		add(fmt.Sprint("quake", i), "desk", 2*hour+at, f.Quakes[i].Title, f.Quakes[i].Text)
		add(fmt.Sprint("quake", i), "awaz", 4*hour+at, f.Quakes[i].Title, "", swap(f.Quakes[i].Text), f.Boilerplate[0])
		add(fmt.Sprint("match", i), "desk", 3*hour+at, f.Matches[i].Title, f.Matches[i].Text)
		add(fmt.Sprint("match", i), "daily", 5*hour+at, f.Matches[i].Title, "", f.Matches[i].Text, f.Boilerplate[1])
	}
	for i := range 2 {
		at := 23 * hour * i // two verdicts in the same words on one day are not told apart in every language
		add(fmt.Sprint("verdict", i), "post", 9*hour+at, f.Verdicts[i].Title, f.Verdicts[i].Text)
		add(fmt.Sprint("verdict", i), "wire", 10*hour+at, f.Verdicts[i].Title, swap(f.Verdicts[i].Text))
	}
	for day := range 3 {
		gold := fmt.Sprintf(f.Gold.Text, 2410+37*day, 2066-19*day)
		add(fmt.Sprint("gold", day), "desk", (7+24*day)*hour, f.Gold.Title, gold)
		add(fmt.Sprint("gold", day), "awaz", (9+24*day)*hour, f.Gold.Title, "", gold)
	}
	lines := strings.Split(f.Live.Text, " ")
	add("live0", "post", 14*hour, f.Live.Title, lines[0])
	add("live1", "post", 15*hour, f.Live.Title, f.Live.Text)
	add("live2", "rival", 16*hour, f.Live.Title, strings.Join(lines[1:], " "))
	return say.items
}

// slopes is another report in one of nine languages, with a teaser in words of its own, an
// edited headline, another report of the same matter that has a quote in common, and the
// weather of two days.
type slopes struct {
	Lang, Title, Edited, Retitle, Teaser string
	Sentences, Other, Weather            []string
	OtherTitle                           string `json:"other_title"`
	WeatherTitle                         string `json:"weather_title"`
}

func (r slopes) items() []feed.Item {
	say := speaker{lang: r.Lang}
	s := r.Sentences
	say.add("slopes", "desk", 0, r.Title, r.Teaser)
	say.add("slopes", "wire", 3*hour, r.Edited, "")
	say.add("slopes", "echo", 5*hour, r.Edited, s[0])
	say.add("slopes", "awaz", 9*hour, r.Retitle, "", append([]string{r.Retitle, "user", r.Teaser}, s...)...)
	say.add("slopes", "mirror", 15*hour, r.Title, "", s...)
	say.add("slopes", "post", 22*hour, r.Retitle, "", s...)
	say.add("slopes", "daily", 30*hour, r.Retitle, "", s[0], s[1], s[3])
	say.add("other", "rival", 12*hour, r.OtherTitle, "", r.Other...)
	say.add("other", "echo", 14*hour, r.OtherTitle, r.Other[0]+" "+r.Other[1])
	for day, text := range r.Weather {
		say.add(fmt.Sprint("weather", day), "desk", (1+24*day)*hour, r.WeatherTitle, text)
		say.add(fmt.Sprint("weather", day), "awaz", (2+24*day)*hour, r.WeatherTitle, text)
	}
	return say.items
}

// read reads a file of stories.
func read[T any](t *testing.T, name string) (all []T) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestReportsAndWhatLooksLikeThem joins each report of the nine languages with its copies,
// and with nothing that is told in the same words.
func TestReportsAndWhatLooksLikeThem(t *testing.T) {
	for _, f := range read[ferry](t, "testdata/ferry.json") {
		t.Run("ferry/"+f.Lang, func(t *testing.T) { joinsCopies(t, f.items(false)) })
		t.Run("ferry on one day/"+f.Lang, func(t *testing.T) { joinsCopies(t, f.items(true)) })
	}
	for _, s := range read[slopes](t, "testdata/slopes.json") {
		t.Run("slopes/"+s.Lang, func(t *testing.T) { joinsCopies(t, s.items()) })
	}
}

// joinsCopies checks that those items are one story whose keys begin alike.
func joinsCopies(t *testing.T, items []feed.Item) {
	clusters := decideAll(items)
	for i := range items {
		for j := range i {
			a, b := &items[i], &items[j]
			storyA, _, _ := strings.Cut(a.Key, ".")
			storyB, _, _ := strings.Cut(b.Key, ".")
			if want, got := storyA == storyB, clusters[a.Key] == clusters[b.Key]; got != want {
				t.Errorf("%s and %s are one story: %v, want %v: %+v", a.Key, b.Key, got, want, rules.Explain(a, b).Ruling)
			}
		}
	}
}
