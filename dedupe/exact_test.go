package dedupe_test

import (
	"reflect"
	"slices"
	"testing"

	"sangam/dedupe"
	"sangam/feed"
)

// Whoever looks for no copies by their text has the same items but for the marks of it.
func TestWithoutNearDuplicatesItemsGetNoMarksOfTheirText(t *testing.T) {
	items := func() []feed.Item {
		return []feed.Item{
			{
				Key: "1", ID: "1", Source: "herald", Link: "https://herald.example/ferry-sinks", Title: "Ferry sinks off the northern coast",
				Content: "<p>CITY (Seaside Press) – The ferry that left at dawn sank off the coast and 92 people were rescued. Follow us.</p>",
			},
			{Key: "2", ID: "2", Source: "herald", Link: "https://herald.example/tunnel", Title: "Mayor opens the long awaited tunnel", Summary: "Traffic moves. Follow us everywhere."},
			{Key: "3", ID: "3", Source: "herald", Link: "https://herald.example/swans", Title: "Seven swans counted on the lake", Summary: "Two more than last year. Follow us everywhere."},
			{Key: "4", ID: "4", Source: "herald", Link: "https://herald.example/bread", Title: "Bakers raise the price of bread", Summary: "By a third. Follow us everywhere."},
		}
	}
	whole, exact, src := items(), items(), feed.Outlet{ID: "herald", Name: "Herald"}
	wholeHabits := dedupe.Mark(whole, src, feed.Habits{})
	exactHabits := dedupe.Rules{}.Mark(exact, src, feed.Habits{})
	if !reflect.DeepEqual(wholeHabits, exactHabits) {
		t.Errorf("got habits %+v, want %+v", exactHabits, wholeHabits)
	}
	for i := range whole {
		weak := func(m feed.Mark) bool { return m[0] >= 'a' }
		if !slices.ContainsFunc(whole[i].Marks, weak) {
			t.Errorf("item %d has no marks of its text though it is looked at", i)
		}
		whole[i].Marks = slices.DeleteFunc(whole[i].Marks, weak)
		if !reflect.DeepEqual(whole[i], exact[i]) {
			t.Errorf("got %+v\nwant %+v", exact[i], whole[i])
		}
	}
	if len(exact[1].Habitual) == 0 || len(exact[0].Credits) == 0 {
		t.Errorf("what the source repeats, or whom it credits, is not noted: %+v", exact[:2])
	}
}
