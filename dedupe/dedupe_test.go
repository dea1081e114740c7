package dedupe_test

import (
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
)

var morning = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

// outlets are invented.
var outlets = map[string]feed.Outlet{
	"herald":  {ID: "herald", Name: "The Herald"},
	"gazette": {ID: "gazette", Name: "Evening Gazette"},
	"dariya":  {ID: "dariya", Name: "دریا نیوز", Credits: []string{"Dariya", "دریا"}},
}

// item makes a marked item of an outlet.
func item(source, key, title, text string, after time.Duration) *feed.Item {
	batch := []feed.Item{{
		Key: source + "/" + key, Source: source, ID: key, Link: "https://" + source + ".example/" + key,
		Title: title, Content: text, Published: morning.Add(after), Seen: morning.Add(after),
	}}
	dedupe.Mark(batch, outlets[source], feed.Habits{})
	return &batch[0]
}

var rules = dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: true}

func ruling(t *testing.T, a, b *feed.Item) feed.Ruling {
	t.Helper()
	return rules.Explain(a, b).Ruling
}

func TestSameLinkIsOneStory(t *testing.T) {
	a := item("herald", "1", "Ferry aground off the northern coast", "", 0)
	b := item("gazette", "2", "Captain praised", "", time.Hour)
	b.Link = a.Link + "?utm_source=feed&amp;utm_medium=rss"
	if got := ruling(t, a, b); got.Rule != "canonical-link" || got.Relation != feed.Copy {
		t.Errorf("got %s by %q, want a copy by canonical-link", got.Relation, got.Rule)
	}
}

func TestSameHeadlineAcrossOutletsIsOneStory(t *testing.T) {
	a := item("herald", "1", "Ferry aground off the northern coast", "", 0)
	for _, title := range []string{"FERRY AGROUND, off the Northern Coast!", "Shipping: Ferry aground off the northern coast", "Ferry aground off the northern coast - Evening Gazette"} {
		b := item("gazette", "2", title, "", time.Hour)
		if got := ruling(t, a, b); got.Relation != feed.Copy {
			t.Errorf("%q: got %s by %q, want a copy", title, got.Relation, got.Rule)
		}
	}
}

func TestOutsideTheWindowNothingIsACopy(t *testing.T) {
	a := item("herald", "1", "Ferry aground off the northern coast", "", 0)
	b := item("gazette", "2", "Ferry aground off the northern coast", "", 73*time.Hour)
	if got := ruling(t, a, b); got.Rule != "window" || got.Relation != feed.Apart {
		t.Errorf("got %s by %q, want apart by window", got.Relation, got.Rule)
	}
}
