package server_test

import (
	"fmt"
	"time"

	"sangam/feed"
)

// noon is when the tests take place.
var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// town is a shelf with the news of an invented town: five outlets in three
// languages, a story that three of them carried, and two days of news.
func town() *shelf {
	s := &shelf{outlets: map[string]feed.Outlet{
		"darya":   {ID: "darya", Name: "دریا نیوز", Site: "https://darya.example/", URL: "https://darya.example/rdf", Language: "ur", Categories: []string{"world"}, Priority: 10},
		"qasba":   {ID: "qasba", Name: "قصبہ ٹائمز", Site: "https://qasba.example/", URL: "https://qasba.example/rss", Language: "ur", Categories: []string{"town"}},
		"herald":  {ID: "herald", Name: "Harbour Herald", Site: "https://herald.example/", URL: "https://herald.example/feed", Language: "en", Categories: []string{"town", "sea & coast"}},
		"bote":    {ID: "bote", Name: "Der Küstenbote", Site: "https://bote.example/", URL: "https://bote.example/atom", Language: "de", Categories: []string{"sea & coast"}},
		"gazette": {ID: "gazette", Name: "Gazette", Site: "https://gazette.example/", URL: "https://gazette.example/feed.json", Language: "en", Categories: []string{"world"}},
	}, states: map[string]feed.State{}}
	for id := range s.outlets {
		s.states[id] = feed.State{Source: id, Visited: noon.Add(-5 * time.Minute), Succeeded: noon.Add(-5 * time.Minute), Changed: noon.Add(-time.Hour)}
	}
	s.states["bote"] = feed.State{Source: "bote", Visited: noon, FailingSince: noon.Add(-7 * time.Hour), Failures: 3, Trouble: feed.Timeout, Problem: "no answer within 30s"}
	s.states["gazette"] = feed.State{Source: "gazette", Visited: noon, Succeeded: noon, Changed: noon.Add(-6 * 24 * time.Hour)}

	bridge := `دریا پر نیا پل منگل کو کھول دیا گیا۔ انجینئروں کے مطابق یہ پل ایک سو بیس برس پرانے پل کی جگہ بنایا گیا ہے اور روزانہ بیس ہزار گاڑیاں اس سے گزر سکیں گی۔`
	s.put(story("bridge", noon.Add(-40*time.Minute),
		item("darya", "b1", "شہر کے نئے پل کا افتتاح، بیس ہزار گاڑیوں کی گنجائش", bridge, "ur", feed.RightToLeft, -40),
		item("qasba", "q7", "نئے پل کا افتتاح", bridge+" قصبہ ٹائمز کو فالو کریں۔", "ur", feed.RightToLeft, -10),
		item("herald", "h9", "New bridge opens after three years", "The river crossing opened on Tuesday. It replaces a bridge of 1906.", "en", feed.LeftToRight, -5)))
	s.change(noon, func() {
		s.stories[0].Joins = []feed.Ruling{{Item: "qasba/q7", With: "darya/b1", Relation: feed.Copy, Rule: "near-duplicate", Because: "The texts share 92 % of their passages.", Scores: map[string]float64{"containment": .92}}}
		s.stories[0].Members[0].Image = "https://darya.example/bridge.jpg"
	})
	s.put(story("ferry", noon.Add(-3*time.Hour), item("herald", "h1", "Ferry timetable changes on 1 April: <b>what</b> to know & whom to ask",
		`<p>The harbour board moves the last ferry to 22:40. Season tickets stay valid, and bicycles travel free from April on.</p><p>Read the whole timetable at <a href="https://herald.example/t?a=1&amp;b=2">our page</a>.</p>`, "en", feed.LeftToRight, -180)))
	s.put(story("sturm", noon.Add(-5*time.Hour), item("bote", "s1", "Sturmflut bleibt aus: Deiche halten dem Frühlingssturm stand",
		`<p>Der Pegel stieg bis Mitternacht auf 3,20 Meter und fiel danach rasch. Die Feuerwehr zählte elf Einsätze, meist wegen umgestürzter Bäume.</p>`, "de", feed.LeftToRight, -300)))
	s.put(story("weather", noon.Add(-26*time.Hour), item("qasba", "q1", "بارش کے بعد موسم خوشگوار، سیاحوں کی آمد میں اضافہ",
		"دو دن کی بارش کے بعد آسمان صاف ہو گیا۔ محکمۂ موسمیات نے کہا ہے کہ ہفتے کے آخر تک موسم خشک رہے گا۔", "ur", feed.RightToLeft, -26*60)))
	for i := range 60 {
		at := -27*60 - i*30
		s.put(story(fmt.Sprintf("old%02d", i), noon.Add(time.Duration(at)*time.Minute),
			item("gazette", fmt.Sprintf("g%d", i), fmt.Sprintf("Council minutes, part %d of the spring session", i+1), "<p>The council met and spoke of roads, trees and the budget.</p>", "en", feed.LeftToRight, at)))
	}
	return s
}

func item(source, id, title, content, lang string, dir feed.Direction, minutes int) feed.Item {
	at := noon.Add(time.Duration(minutes) * time.Minute)
	return feed.Item{
		Key: source + "/" + id, Source: source, ID: id, Link: "https://" + source + ".example/" + id,
		Title: title, Content: content, Language: lang, Direction: dir, Published: at, Seen: at, Revised: at,
	}
}

func story(key string, order time.Time, members ...feed.Item) feed.Story {
	s := feed.Story{Key: key, ID: "tag:" + members[0].Source + ".example,2026:" + members[0].ID, Members: members, Order: order}
	for _, m := range members {
		if m.Revised.After(s.Updated) {
			s.Updated = m.Revised
		}
	}
	return s
}
