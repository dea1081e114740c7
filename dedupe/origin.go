package dedupe

import (
	"strings"

	"sangam/feed"
)

// Origin names the outlet that a story's members say it is from. An outlet with an
// ID is one of the outlets given; one without is an agency or paper known only by
// name. ok is false when nobody says, or they disagree: an origin is never guessed.
func Origin(members []*feed.Item, outlets map[string]feed.Outlet) (origin feed.Outlet, ok bool) {
	for _, it := range members {
		for _, credit := range it.Credits {
			for _, o := range outlets {
				if o.ID == it.Source {
					continue
				}
				for _, name := range append([]string{o.Name}, o.Credits...) {
					if name != "" && string(plain(name).runes) == string(plain(credit).runes) {
						return o, true
					}
				}
			}
		}
	}
	return feed.Outlet{}, false
}

// creditsOf lists who an item says it is from, as written.
func creditsOf(it *feed.Item, src feed.Outlet) []string {
	var out []string
	if it.Origin.Name != "" {
		out = append(out, it.Origin.Name)
	}
	for _, c := range it.Credits {
		if c = strings.TrimSpace(c); c != "" {
			out = append(out, c)
		}
	}
	return out
}
