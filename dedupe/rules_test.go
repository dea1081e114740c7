package dedupe_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
)

// harbour is a report of some length.
var harbour = strings.Join(strings.Split(`The council of Greenhaven voted on Wednesday night to turn its old harbour into a public park.
The plan will cost 38 million crowns, and work is to begin next spring.
Twenty-one members were in favour and seventeen against after a debate of six hours.
The association of fishermen fears that no room will be left for its boats once the park is built.
The mayor promised that a new jetty would be built on the northern bank, where nobody would be charged for mooring.`, "\n"), " ")

// followUp is what a report that quotes it says before.
const followUp = "Some forty boats blocked the mouth of the river on Friday morning, and no freighter came through until noon. " +
	"Their spokesman said that they would come back every week unless the mayor gave them a jetty in writing. "

// verdict is a template without numbers.
func verdict(town, mayor, guilt string) string {
	return fmt.Sprintf("A court in %s on this day sentenced %s, the former mayor, to prison. Judges found the accused guilty of %s. The lawyers of the defence said that they would appeal.", town, mayor, guilt)
}

func TestRules(t *testing.T) {
	type told struct {
		source, key, title, text string
		hours                    int
	}
	gold := func(price int) string {
		return fmt.Sprintf("An ounce of gold closed at %d crowns at the exchange today, %d more than the day before, while silver stood at %d.", price, price%90, price/80)
	}
	for _, c := range []struct {
		name     string
		a, b     told
		relation feed.Relation
		rule     string
	}{
		{
			"the same text under another headline",
			told{"herald", "1", "Park to replace old harbour", harbour, 0},
			told{"gazette", "2", "Greenhaven decides after six hours", harbour, 5},
			feed.Copy, "text",
		},
		{
			"two days of gold prices",
			told{"herald", "1", "Gold price at the exchange today", gold(2410), 0},
			told{"gazette", "2", "Gold price at the exchange today", gold(2380), 24},
			feed.Apart, "numbers",
		},
		{
			"two nights of one festival",
			told{"herald", "1", "Harbour festival in pictures: Night One", "", 0},
			told{"gazette", "2", "Harbour festival in pictures: Night Two", "", 20},
			feed.Apart, "unlike",
		},
		{
			"two states of one country",
			told{"herald", "1", "Steigende Preise für Wohnungen in Hessen", "", 0},
			told{"gazette", "2", "Steigende Preise für Wohnungen in Saarland", "", 1},
			feed.Apart, "unlike",
		},
		{
			"a word that names a section",
			told{"herald", "1", "Weather", "", 0},
			told{"gazette", "2", "Weather", "", 1},
			feed.Apart, "unlike",
		},
		{
			"what follows many kickers",
			told{"herald", "1", "Harbour: What we know so far", "", 0},
			told{"gazette", "2", "Flood: What we know so far", "", 1},
			feed.Apart, "unlike",
		},
		{
			"a live page",
			told{"herald", "1", "Harbour vote: live updates", harbour, 0},
			told{"gazette", "2", "Park to replace old harbour", harbour, 1},
			feed.Apart, "live",
		},
		{
			"the same words in another order",
			told{"herald", "1", "Greenhaven: Flood of letters after harbour vote", "", 0},
			told{"gazette", "2", "Flood of letters after harbour vote in Greenhaven", "", 2},
			feed.Copy, "turned-headline",
		},
		{
			"the same words but for one, in another order",
			told{"herald", "1", "Harbour vote brings flood of letters to council of Greenhaven", "", 0},
			told{"gazette", "2", "Council of Greenhaven gets flood of letters to harbour vote", "", 2},
			feed.Apart, "unlike",
		},
		{
			"most words the same, in another order",
			told{"herald", "1", "Fewer letters to council of Greenhaven after end of harbour vote", "", 0},
			told{"gazette", "2", "Letters to council of Greenhaven decline after end of harbour vote", "", 2},
			feed.Copy, "turned-headline",
		},
		{
			"who did it to whom",
			told{"herald", "1", "Northland accuses Southland of attack on lighthouse", "", 0},
			told{"gazette", "2", "Southland accuses Northland of attack on lighthouse", "", 2},
			feed.Apart, "unlike",
		},
		{
			"another name of two words at the same place",
			told{"herald", "1", "Council of New Haven votes for park at the old harbour after long debate", "", 0},
			told{"gazette", "2", "Council of Port Ellis votes for park at the old harbour after long debate", "", 2},
			feed.Apart, "unlike",
		},
		{
			"a form of the same word",
			told{"herald", "1", "Fishermen of Greenhaven fear that a park will leave no room for their boats", "", 0},
			told{"gazette", "2", "Fisherman of Greenhaven fear that a park will leave no room for their boats", "", 2},
			feed.Copy, "near-headline",
		},
		{
			"a summary that the follow-up quotes",
			told{"herald", "1", "Park to replace old harbour", harbour[:160], 0},
			told{"gazette", "2", "Fishermen block the old harbour", followUp + harbour[:160], 5},
			feed.Apart, "unlike",
		},
		{
			"what was told on the day before in the same words",
			told{"herald", "1", "Former mayor of Easthaven jailed", verdict("Easthaven", "Hagen", "taking money from builders of the harbour"), 0},
			told{"gazette", "2", "Former mayor of Westhaven jailed", verdict("Westhaven", "Lund", "charging her holidays to the town hall"), 23},
			feed.Apart, "unlike",
		},
		{
			"a summary that begins with the other's headline",
			told{"herald", "1", "Greenhaven decides after a debate of six hours", "Old harbour to become a public park next spring. Greenhaven is to have gardens where cranes stand. " + harbour[:90], 0},
			told{"gazette", "2", "Old harbour to become a public park next spring", harbour[:180], 20},
			feed.Copy, "quoted-headline",
		},
		{
			"a few words of two live pages",
			told{"herald", "1", "Harbour vote: live updates", "The debate goes on.", 0},
			told{"gazette", "2", "Harbour vote: live updates", "The debate goes on.", 1},
			feed.Apart, "live",
		},
		{
			"one number in the link, and a turned headline",
			told{"herald", "harbour-park-4174679", "Flood of letters: how Greenhaven fights for its old harbour", "", 0},
			told{"herald", "letters-4174679", "How Greenhaven fights with a flood of letters to keep the harbour", "", 2},
			feed.Copy, "article-number",
		},
		{
			"one teaser of a few words, and a corrected headline",
			told{"herald", "1", "Harbour vote in Greenhaven: fishermen threaten with blockade of the river", "Tuesday's debate got loud at times.", 0},
			told{"herald", "2", "Harbour vote in Greenhaven: fishermen threaten with a blockade of the river mouth", "Tuesday's debate got loud at times.", 2},
			feed.Copy, "reissue",
		},
		{
			"one number in the link, and another report",
			told{"herald", "harbour-park-4174679", "Greenhaven turns old harbour into a park", "", 0},
			told{"herald", "letters-4174679", "Harbour of Greenhaven: many questions open after vote", "", 2},
			feed.Apart, "same-outlet",
		},
		{
			"one outlet's report again under another address",
			told{"herald", "1", "Council turns old harbour into a park", harbour, 0},
			told{"herald", "2", "Council turns old harbour into a park", harbour, 3},
			feed.Copy, "reissue",
		},
		{
			"one outlet's headline over another text",
			told{"herald", "1", "The day in Greenhaven in five minutes", harbour, 0},
			told{"herald", "2", "The day in Greenhaven in five minutes", strings.Repeat("The river rose again and families near the bank were asked to leave their homes. ", 4), 24},
			feed.Apart, "recurring",
		},
		{
			"an edited slug before a stable number",
			told{"herald", "council-votes/a-12345678", "Council votes", harbour, 0},
			told{"herald", "park-decided/a-12345678", "Park decided", harbour, 2},
			feed.Same, "stable-id",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := item(c.a.source, c.a.key, c.a.title, c.a.text, time.Duration(c.a.hours)*time.Hour)
			b := item(c.b.source, c.b.key, c.b.title, c.b.text, time.Duration(c.b.hours)*time.Hour)
			for _, got := range []feed.Ruling{ruling(t, a, b), ruling(t, b, a)} {
				if got.Relation != c.relation || got.Rule != c.rule {
					t.Errorf("got %s by %q (%s %v), want %s by %q", got.Relation, got.Rule, got.Because, got.Scores, c.relation, c.rule)
				}
			}
		})
	}
}

func TestAnEditedItemIsARevisionNotANewOne(t *testing.T) {
	old := item("herald", "council-votes/a-12345678", "Council votes", harbour, 0)
	v := rules.Decide(item("herald", "park-decided/a-12345678", "Park decided", harbour, time.Hour), []*feed.Item{old})
	if v.Revises != old.Key {
		t.Errorf("revises %q, want %q", v.Revises, old.Key)
	}
}

func TestAnotherIDForTheSamePageIsARevision(t *testing.T) {
	old := item("herald", "1", "Council turns old harbour into a park", harbour, 0)
	now := item("herald", "2", "Council turns old harbour into a park", harbour, time.Hour)
	now.Link = old.Link
	if v := rules.Decide(now, []*feed.Item{old}); v.Revises != old.Key {
		t.Errorf("revises %q, want %q", v.Revises, old.Key)
	}
	other := item("herald", "3", "River rises over night", "Families near the bank were asked to leave.", time.Hour)
	other.Link = old.Link
	if v := rules.Decide(other, []*feed.Item{old}); v.Revises != "" || len(v.Joins) > 0 {
		t.Errorf("an item that only shares its link is taken for %+v", v)
	}
}

func TestTheFrontPageIsNoArticle(t *testing.T) {
	a, b := item("herald", "1", "River rises over night", "", 0), item("gazette", "2", "Council turns old harbour into a park", "", 0)
	a.Link, b.Link = "https://portal.example/", "https://portal.example"
	if got := ruling(t, a, b); got.Relation != feed.Apart {
		t.Errorf("got %s by %q, want apart", got.Relation, got.Rule)
	}
}

func TestWithoutNearDuplicatesOnlyLinksAndHeadlinesCount(t *testing.T) {
	exact := dedupe.Rules{Near: 72 * time.Hour}
	a := item("herald", "1", "Park to replace old harbour", harbour, 0)
	b := item("gazette", "2", "Greenhaven decides after six hours", harbour, time.Hour)
	if got := exact.Explain(a, b).Ruling; got.Relation != feed.Apart {
		t.Errorf("got %s by %q, want apart", got.Relation, got.Rule)
	}
}

func TestTheSharedPassageIsShown(t *testing.T) {
	a := item("herald", "1", "Park to replace old harbour", harbour, 0)
	b := item("gazette", "2", "Greenhaven decides", "<p>Our own correspondent adds a remark of some length here.</p><p>"+harbour+"</p>", time.Hour)
	e := rules.Explain(a, b)
	if len(e.A.Shared) != 1 || e.A.Longest() != e.A.Text || e.B.Longest() != e.A.Text {
		t.Errorf("shared passages are %q and %q, want the whole of %q", e.A.Longest(), e.B.Longest(), e.A.Text)
	}
	gold := rules.Explain(
		item("herald", "1", "Gold", "An ounce of gold closed at 2,410 crowns today.", 0),
		item("gazette", "2", "Gold", "An ounce of gold closed at 2,380 crowns today.", 0))
	if fmt.Sprint(gold.A.Numbers, gold.B.Numbers) != "[at 2410 crowns] [at 2380 crowns]" {
		t.Errorf("numbers are %v and %v", gold.A.Numbers, gold.B.Numbers)
	}
}
