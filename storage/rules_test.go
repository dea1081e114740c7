package storage_test

import (
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/normalize"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// TestTheRealRulesMergeARepublishedReport takes an agency's report and a newspaper's copy
// of it all the way: normalised, marked, merged, restarted in between.
func TestTheRealRulesMergeARepublishedReport(t *testing.T) {
	path := t.TempDir() + "/sangam.db"
	real := func(o *storage.Options) {
		o.Decider, o.Fold = dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: true}, normalize.Fold
	}
	db := openAt(t, path, real)
	agency, paper := storagetest.Outlet("agency"), storagetest.Outlet("paper")
	agency.Credits = []string{"Seaside Press"}
	text := "<p>The ferry Aurora ran onto rocks near the northern lighthouse late on Tuesday and sank within forty minutes. " +
		"All ninety-two passengers were taken aboard fishing boats, the harbour master said, and nobody was hurt. " +
		"Divers will look at the wreck on Thursday, when the wind is expected to drop below twenty knots.</p>"
	put := func(o feed.Outlet, hour int, id, title, content, by string) feed.Report {
		t.Helper()
		at := start.Add(time.Duration(hour) * time.Hour)
		e := feed.Entry{ID: id, Link: id, Title: feed.Text{Value: title}, Content: feed.Text{Kind: feed.HTML, Value: content}, Published: at.Format(time.RFC1123Z)}
		if by != "" {
			e.Authors = []feed.Person{{Name: by}}
		}
		it, _ := normalize.Item(e, feed.Channel{Language: "en"}, o, at)
		items := []feed.Item{it}
		state := feed.State{Source: o.ID, Visited: at, Succeeded: at}
		state.Habits = dedupe.Mark(items, o, feed.Habits{})
		return merge(t, db, feed.Batch{At: at, Outlet: o, Items: items, State: state})
	}
	put(paper, 1, "https://paper.example/1", "Ninety-two saved as ferry sinks", text+"<p>Follow us on all our channels for more.</p>", "Seaside Press")
	put(paper, 2, "https://paper.example/2", "Bakers raise the price of bread by a third", "<p>From Monday a loaf costs four crowns, the guild of bakers announced after a long meeting about the price of flour.</p>", "")
	if err := db.Close(); err != nil { // the index of marks is made again from the file
		t.Fatal(err)
	}
	db = openAt(t, path, real)
	if r := put(agency, 3, "https://agency.example/a", "Ferry Aurora sinks, all passengers safe", text, ""); r.Copies != 1 {
		t.Errorf("the original, hours later: %+v, want a copy", r)
	}
	stories := all(t, db)
	if len(stories) != 2 {
		t.Fatalf("%d stories, want the ferry and the bread", len(stories))
	}
	st := stories[1]
	if st.Lead().Source != "agency" || st.ID != "https://paper.example/1" || len(st.Members) != 2 {
		t.Errorf("%s leads %s with %d members; want the credited agency, under the id it had", st.Lead().Source, st.ID, len(st.Members))
	}
	if len(st.Joins) == 0 || st.Joins[0].Because == "" {
		t.Errorf("no reason is kept: %+v", st.Joins)
	}
	healthy(t, db)
}
