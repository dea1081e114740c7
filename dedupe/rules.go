package dedupe

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sangam/feed"
)

// The thresholds below are where measurements on labelled pairs of Urdu, Arabic,
// Hindi, German and English items ended: between the weakest true copy and the
// strongest pair that only looks like one. Shares are of the windows of the shorter
// text that occur in the longer.
const (
	// minText is the width of the narrowest text that says anything about being a
	// copy or not: about a dozen words.
	minText = 60
	// minTeaser is the width of the narrowest text that an outlet repeats for no other
	// report on one day, if all of it is the same.
	minTeaser = 24
	// soleText is the width from which a text may join without its headline.
	soleText = 150

	// sureText joins by the text alone, plainText if it is not too short and its
	// lead takes part, pairedText if the headline agrees in pairedHead.
	sureText   = 0.60
	plainText  = 0.42
	pairedText = 0.20
	pairedHead = 0.30
	// shortPairedText is asked instead of pairedText or quotedText of texts narrower than soleText,
	// farPairedText and farHead when half a day has passed: by then the same matter is
	// told anew in the same words, and who fills a template uses the same headline
	// with other names. Such texts do not join by themselves, short of sureText.
	shortPairedText = 0.45
	farPairedText   = 0.35
	farHead         = 0.63
	// quotedHead is how much of one headline must stand in the text of the other to
	// count as agreeing with it: who retitles a report leaves the old headline in it.
	quotedHead = 0.80
	quotedText = 0.25
	// farQuotedText is asked instead of quotedText when a day has passed.
	farQuotedText = 0.48
	// minLead is how much of the lead must be shared; a shared background, or a sidebar,
	// shares none of it.
	minLead = 0.24

	// backLead is how much of the longer text's lead the shorter must hold in turn: a
	// follow-up quotes the first sentence of the report before it as its background.
	// More is asked of a summary, narrower than a lead and than the other text: all of it
	// may be quoted.
	backLead        = 0.15
	summaryBackLead = 0.30

	// nearHead and nearHeadBack join bare headlines that are nearly the same: the
	// share of the narrower, and of the wider one.
	nearHead     = 0.72
	nearHeadBack = 0.50
	// minNearHead is the narrowest headline that may be nearly the same.
	minNearHead = 26
	// turnedHead is asked of two headlines of which one holds every word of the other,
	// within halfDay: "City: Flood of letters" and "Flood of letters in city".
	turnedHead = 0.40
	// minTurned is the least number of words of the shorter.
	minTurned = 4
	// manyWords is from how many words on the same words in any order are one headline,
	// mostWords from how many they are if one of them is missing; they are turnedWords
	// of the longer.
	manyWords   = 6
	mostWords   = 7
	turnedWords = 0.85
	// placeWords is the greatest number of words that name a place, a night, a state.
	placeWords = 2
	// minStem is the least number of letters that two forms of a word share; "Niger" and
	// "Nigeria" are two places.
	minStem = 6
	// tailWords and minTail: a bare headline that another ends with, within quarterDay,
	// is the same without its first words.
	tailWords = 4
	minTail   = 20
	// longHead is the width from which a headline is one report's alone for as long as
	// the window reaches.
	longHead = 50
	// wholeHead and minCutHead: a long headline that is the beginning or end of the
	// other was cut short by a desk.
	wholeHead  = 0.95
	minCutHead = 40
	// minKickerRest is the narrowest rest of two headlines with different kickers;
	// "What we know so far" follows many.
	minKickerRest = 26

	// reissueText and reissueHead are asked of two items of one outlet.
	reissueText = 0.40
	reissueHead = 0.90
	// revisedText and revisedHead find an item under another id and an edited headline,
	// equalText and equalHead do where the text is short.
	revisedText = 0.85
	revisedHead = 0.40
	equalText   = 0.95
	equalHead   = 0.60
	// editedText and editedHead do within halfDay: a desk corrects both at once.
	editedText = 0.60
	editedHead = 0.72
	// numberHead, numberText: how much must agree when a number in the link is the same;
	// or mostWords of the headlines, in any order, that are numberShare of the shorter.
	// Under one number an agency's report becomes another one in the course of a day.
	numberHead  = 0.35
	numberText  = 0.30
	numberShare = 0.70
	// unlikeText parts two headlines that are nearly the same over two texts that have
	// nothing in common: "Gold price rises" on two days.
	unlikeText = 0.12

	// liveText lets two copies of one live page join that were taken at one moment.
	liveText = 0.95

	day        = 24 * time.Hour
	halfDay    = 12 * time.Hour
	quarterDay = 6 * time.Hour
	// headlineWithin is how close in time bare headlines must be.
	headlineWithin = 48 * time.Hour
)

// refilled reports whether the numbers of two texts tell that one template was
// filled twice: other numbers stand between the same words, and few equal ones do.
func refilled(agree, differ int) bool { return differ > 0 && 3*differ > agree }

// rule takes the first rule that applies to two items. Its names are stable: they
// are stored with each join.
func (r Rules) rule(a, b *reading, l likeness) feed.Ruling {
	join := func(rule, because string, args ...any) feed.Ruling {
		return feed.Ruling{Relation: feed.Copy, Rule: rule, Because: fmt.Sprintf(because, args...)}
	}
	part := func(rule, because string, args ...any) feed.Ruling {
		return feed.Ruling{Relation: feed.Apart, Rule: rule, Because: fmt.Sprintf(because, args...)}
	}
	text, back, lead, head := l.body.shorter(), l.body.longer(), l.body.lead(), l.head.shorter()
	percent := func(f float64) int { return int(f*100 + 0.5) }

	switch {
	case l.sameLink && !l.sameSource:
		return join("canonical-link", "both point to the same page")
	case l.sameLink && (l.variant != nil || head >= equalHead || text >= sureText):
		return feed.Ruling{Relation: feed.Same, Rule: "same-page", Because: "one outlet's page under another id"}
	case l.sameSource && l.sameID:
		return feed.Ruling{Relation: feed.Same, Rule: "stable-id", Because: "the outlet's own number of the article is the same; only headline or link were edited"}
	case l.apart > r.Near:
		return part("window", "published %.0f hours apart", l.apart.Hours())
	case l.live && l.variant != nil && !l.sameSource && l.short >= minText && min(text, back) >= liveText:
		return join("live-copy", "a live page, taken at the same moment")
	case l.live:
		return part("live", "one of them is a live page, rewritten all day under one headline")
	case refilled(l.agree, l.differ):
		return part("numbers", "%d numbers differ where the words around them are the same: a template filled anew", l.differ)
	case l.sameSource:
		return r.sameSource(a, b, l, join, part)
	}

	if l.common {
		return part("boilerplate", "what both share stands in items that have nothing else in common")
	}
	agree := l.variant != nil && !l.recurring
	same := agree || head >= farHead
	quoted := l.quoted >= quotedHead
	near := l.apart <= halfDay || same || quoted
	leads := lead >= minLead && l.bothLeads()
	switch {
	case agree && !(l.kickers && l.variant.width < minKickerRest) && (l.apart <= headlineWithin || l.variant.width >= longHead):
		return join("headline", "same headline")
	case !r.NearDuplicates:
		return part("unlike", "neither link nor headline agree")
	case l.short >= minText && text >= sureText && leads:
		return join("text", "%d %% of the shorter text is in the other too", percent(text))
	case l.short >= soleText && text >= plainText && leads && near:
		return join("text", "%d %% of the shorter text is in the other too, its lead among them", percent(text))
	case l.short >= minText && text >= l.pairedText() && (same && l.body.backLead() >= backLead || near && l.paired()):
		return join("text-and-headline", "%d %% of the shorter text and %d %% of the headline are in the other too", percent(text), percent(head))
	case l.short >= minText && text >= l.quotedText() && quoted && lead >= minLead:
		return join("quoted-headline", "%d %% of the shorter text is in the other too, and %d %% of one's headline in the other's text", percent(text), percent(l.quoted))
	case l.recurring:
		return part("recurring", "the same headline, but this outlet uses it again and again")
	case l.headsAlike(a, b) && l.nearHead(a, b):
		return join("near-headline", "%d %% of the headline is the same", percent(head))
	case l.headsAlike(a, b) && l.turnedHead(a, b):
		return join("turned-headline", "both headlines have the same words")
	}
	return part("unlike", "only %d %% of the shorter text and %d %% of the headline are in the other too", percent(text), percent(head))
}

// paired reports whether both headlines and leads agree in part, or the texts so much
// that it does not matter where they do.
func (l likeness) paired() bool {
	return l.head.shorter() >= pairedHead && l.bothLeads() && (l.body.lead() >= minLead || l.body.shorter() >= sureText)
}

// pairedText is how much of the text must agree, with the headline.
func (l likeness) pairedText() float64 {
	switch {
	case l.short < soleText:
		return shortPairedText
	case l.apart > halfDay:
		return farPairedText
	}
	return pairedText
}

// quotedText is how much of the text must agree, if it holds the headline.
func (l likeness) quotedText() float64 {
	switch {
	case l.apart > day:
		return farQuotedText
	case l.short < soleText:
		return shortPairedText
	}
	return quotedText
}

// bothLeads reports whether the shorter text holds enough of the lead of the longer
// not to be what that quotes as its background.
func (l likeness) bothLeads() bool {
	if l.short < leadWidth && 2*l.long >= 3*l.short {
		return l.body.backLead() >= summaryBackLead
	}
	return l.body.backLead() >= backLead
}

type rule = func(name, because string, args ...any) feed.Ruling

// sameSource judges two items of one outlet: it may publish a report again under
// another address, but repeats headlines and texts for other reasons too.
func (r Rules) sameSource(a, b *reading, l likeness, join, part rule) feed.Ruling {
	text, head := l.body.shorter(), l.head.shorter()
	headline := l.variant != nil || head >= reissueHead
	switch {
	case l.apart > reissueWithin:
		return part("same-outlet", "one outlet's, %.0f hours apart", l.apart.Hours())
	case l.recurring:
		return part("recurring", "the same headline, but this outlet uses it again and again")
	case l.variant != nil && l.short < minText, headline && l.short >= minText && text >= reissueText:
		return join("reissue", "one outlet published it again under another address")
	case l.sameNumber && (head >= numberHead || manyShared(a.title.runes, b.title.runes) || text >= numberText && l.short >= minText || text >= equalText && l.short >= minTeaser && l.apart <= halfDay):
		return join("article-number", "the number of the article in both links is the same")
	case r.NearDuplicates && l.edited(a, b):
		return join("reissue", "one outlet published the same text again under an edited headline")
	}
	return part("same-outlet", "two items of one outlet with different headlines or texts")
}

// edited reports whether one outlet's two items are one text under an edited headline.
func (l likeness) edited(a, b *reading) bool {
	text, head := min(l.body.shorter(), l.body.longer()), l.head.shorter()
	switch {
	case l.short >= soleText && text >= revisedText && head >= revisedHead:
		return true
	case substituted(a.title.runes, b.title.runes):
		return false
	case l.short >= minText && text >= equalText:
		return head >= equalHead
	case l.short >= minText && text >= editedText, l.short >= minTeaser && text >= equalText:
		return head >= editedHead && l.apart <= halfDay
	}
	return false
}

// headsAlike reports whether nothing speaks against judging two items by headlines that
// are not the same.
func (l likeness) headsAlike(a, b *reading) bool {
	if l.apart > day || substituted(a.title.runes, b.title.runes) || exchanged(a.title.runes, b.title.runes) {
		return false
	}
	cut := l.head.shorter() >= wholeHead && min(widthOf(a.title.runes, minCutHead), widthOf(b.title.runes, minCutHead)) >= minCutHead
	return l.short < minText || l.body.shorter() >= unlikeText || cut
}

// nearHead reports whether two headlines are the same but for a word or two.
func (l likeness) nearHead(a, b *reading) bool {
	return l.short < minText && l.apart <= quarterDay && endsWith(a.title.runes, b.title.runes) ||
		enoughHead(a, b) && l.head.shorter() >= nearHead && l.head.longer() >= nearHeadBack
}

// turnedHead reports whether two headlines say the same in another order.
func (l likeness) turnedHead(a, b *reading) bool {
	return l.apart <= halfDay && enoughHead(a, b) && turned(a.title.runes, b.title.runes, l.head.shorter() >= turnedHead)
}

// enoughHead reports whether both headlines are wide enough to be nearly the same.
func enoughHead(a, b *reading) bool {
	return min(widthOf(a.title.runes, minNearHead), widthOf(b.title.runes, minNearHead)) >= minNearHead
}

// endsWith reports whether one headline ends with all of the other.
func endsWith(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	rest := len(b) - len(a)
	return rest > 0 && b[rest-1] == ' ' && slices.Equal(b[rest:], a) &&
		len(words(a)) >= tailWords && widthOf(a, minTail) >= minTail
}

// turned reports whether two headlines say the same in another order: one holds every
// word of the other and agrees with it in its windows, or in many words and hardly has
// more; or but for a word all of many words are the same.
func turned(a, b []rune, agree bool) bool {
	shared, fewer, more := sharedWords(a, b)
	switch {
	case shared < minTurned:
		return false
	case shared < fewer:
		return shared >= mostWords && share(shared, more) >= turnedWords && !refitted(words(a), words(b))
	}
	return agree || shared >= manyWords && more <= fewer+2
}

// sharedWords counts the words of the shorter headline that the other has too, and the
// words of both.
func sharedWords(a, b []rune) (shared, fewer, more int) {
	wa, wb := words(a), words(b)
	if len(wa) > len(wb) {
		wa, wb = wb, wa
	}
	for _, w := range wa {
		if slices.Contains(wb, w) {
			shared++
		}
	}
	return shared, len(wa), len(wb)
}

// substituted reports whether two headlines are the same but for what stands at one
// place of both: "Night One" and "Night Two", "… in Hessen" and "… in Saarland".
func substituted(a, b []rune) bool {
	wa, wb := words(a), words(b)
	for len(wa) > 0 && len(wb) > 0 && wa[0] == wb[0] {
		wa, wb = wa[1:], wb[1:]
	}
	for len(wa) > 0 && len(wb) > 0 && wa[len(wa)-1] == wb[len(wb)-1] {
		wa, wb = wa[:len(wa)-1], wb[:len(wb)-1]
	}
	na, nb := len(wa), len(wb)
	return 0 < na && na <= placeWords && 0 < nb && nb <= placeWords && !oneStem(strings.Join(wa, ""), strings.Join(wb, ""))
}

// refitted reports whether two rows of words in one order have other words at one or
// more places: "City jails mayor for six years", "Town jails mayor for four years".
func refitted(a, b []string) bool {
	for len(a) > 0 && len(b) > 0 {
		i, j := nextCommon(a, b)
		if i > 0 && j > 0 {
			return true
		}
		a, b = a[min(i+1, len(a)):], b[min(j+1, len(b)):]
	}
	return false
}

// nextCommon is where the nearest word stands that two rows of words have in common;
// at their ends, if there is none.
func nextCommon(a, b []string) (i, j int) {
	for far := 0; far <= len(a)+len(b)-2; far++ {
		for i := max(0, far-len(b)+1); i <= min(far, len(a)-1); i++ {
			if a[i] == b[far-i] {
				return i, far - i
			}
		}
	}
	return len(a), len(b)
}

// exchanged reports whether two words that headlines have in common changed places
// around others that did not: "A accuses B of attack" and "B accuses A of attack".
func exchanged(a, b []rune) bool {
	wb := words(b)
	var order []int // of the words of b, as they stand in a
	for _, w := range words(a) {
		if i := slices.Index(wb, w); i >= 0 && !slices.Contains(order, i) {
			order = append(order, i)
		}
	}
	sorted := slices.Sorted(slices.Values(order))
	var moved []int
	for i, at := range order {
		if at != sorted[i] {
			moved = append(moved, i)
		}
	}
	return len(moved) == 2 && moved[1]-moved[0] > 1
}

// manyShared reports whether two headlines have most of their words in common.
func manyShared(a, b []rune) bool {
	shared, fewer, _ := sharedWords(a, b)
	return shared >= mostWords && share(shared, fewer) >= numberShare
}

// oneStem reports whether two words are forms of one: "scuffle" and "scuffles".
func oneStem(a, b string) bool {
	ra, rb := []rune(a), []rune(b)
	n, shorter := 0, min(len(ra), len(rb))
	for n < shorter && ra[n] == rb[n] {
		n++
	}
	return n >= minStem && 4*n >= 3*shorter
}
