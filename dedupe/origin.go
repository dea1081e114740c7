package dedupe

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"sangam/feed"
)

// Origin names the outlet that a story's members say it is from. An outlet with an
// ID is one of the outlets given; one without is an agency known only by its Name.
// ok is false when nobody says, or when they disagree: an origin is never guessed.
// Where one credited outlet itself credits another, the last of the row is the
// origin.
func Origin(members []*feed.Item, outlets map[string]feed.Outlet) (origin feed.Outlet, ok bool) {
	named := namesOf(outlets)
	credited := map[string]feed.Outlet{} // by identity
	passes := map[string]string{}        // from the source of a member to whom it credits
	for _, it := range members {
		o, ok := named.creditedBy(it)
		if !ok {
			continue
		}
		credited[identity(o)] = o
		passes[it.Source] = identity(o)
	}
	if len(credited) > 1 {
		maps.DeleteFunc(credited, func(_ string, o feed.Outlet) bool {
			next, passed := passes[o.ID]
			return passed && o.ID != "" && passes[credited[next].ID] != identity(o)
		})
	}
	if len(credited) != 1 {
		return feed.Outlet{}, false
	}
	for _, o := range credited {
		return o, true
	}
	return feed.Outlet{}, false
}

func identity(o feed.Outlet) string { return cmp.Or(o.ID, "agency "+o.Name) }

// A directory finds outlets and agencies by what they are called.
type directory struct {
	byName map[string]feed.Outlet // folded, without spaces
	byHost map[string]feed.Outlet
}

func namesOf(outlets map[string]feed.Outlet) directory {
	d := directory{byName: map[string]feed.Outlet{}, byHost: map[string]feed.Outlet{}}
	// In order of ids, so that of two outlets with one name always the same is found.
	for _, id := range slices.Sorted(maps.Keys(outlets)) {
		o := outlets[id]
		o.ID = id
		for _, name := range append([]string{o.Name}, o.Credits...) {
			d.name(name, o)
			if agency, known := agencyByName[solid(name)]; known {
				for _, a := range agencies {
					if a.name == agency {
						for _, other := range a.names {
							d.name(other, o)
						}
					}
				}
			}
		}
		for _, address := range []string{o.Site, o.URL} {
			if host, _ := hostAndPath(address); host != "" && d.byHost[host].ID == "" {
				d.byHost[host] = o
			}
		}
	}
	return d
}

func (d directory) name(name string, o feed.Outlet) {
	if key := solid(name); key != "" && d.byName[key].ID == "" {
		d.byName[key] = o
	}
}

// creditedBy is who an item says it is from, unless that is its own outlet. Its
// credits are asked in their order, the plainest first.
func (d directory) creditedBy(it *feed.Item) (feed.Outlet, bool) {
	for _, credit := range it.Credits {
		if o, ok := d.find(credit); ok && o.ID != it.Source {
			return o, true
		}
	}
	return feed.Outlet{}, false
}

// find resolves a credit: a host, or words among which a name stands as a whole.
func (d directory) find(credit string) (feed.Outlet, bool) {
	if !strings.ContainsAny(credit, " ") && strings.Contains(credit, ".") {
		if o, ok := d.byHost[strings.TrimPrefix(strings.ToLower(credit), "www.")]; ok {
			return o, true
		}
	}
	if agency, ok := agencyAlone[credit]; ok {
		return d.named(agency), true
	}
	// The longest name at each place counts: "AP" is not meant by "AP of Pakistan".
	var found feed.Outlet
	ok := false
	tokens := words(plain(credit).runes)
	for i := 0; i < len(tokens); {
		o, n := d.longest(tokens[i:])
		if n == 0 {
			i++
			continue
		}
		i += n
		switch {
		case !ok || found.ID == "" && o.ID != "":
			found, ok = o, true
		case identity(o) != identity(found) && (o.ID != "" || found.ID == ""):
			return feed.Outlet{}, false // two are named: it is from neither alone
		}
	}
	return found, ok
}

// longest finds the longest name that the words begin with, and of how many it is.
func (d directory) longest(tokens []string) (feed.Outlet, int) {
	for n := min(len(tokens), maxNameWords); n > 0; n-- {
		name := strings.TrimPrefix(strings.Join(tokens[:n], ""), thaiAgency)
		if o, ok := d.byName[name]; ok {
			return o, n
		}
		if agency, ok := agencyByName[name]; ok {
			return feed.Outlet{Name: agency}, n
		}
	}
	return feed.Outlet{}, 0
}

// thaiAgency is "news agency", which Thai does not part from the name.
var thaiAgency = solid("สำนักข่าว")

// named is the configured outlet that has the name of an agency, else that agency.
func (d directory) named(agency string) feed.Outlet {
	if o, ok := d.byName[solid(agency)]; ok {
		return o
	}
	return feed.Outlet{Name: agency}
}

// maxNameWords is the length of the longest name of an outlet that is looked for.
const maxNameWords = 6

// solid folds a name and takes its spaces out: "Deutsche Presse-Agentur" is written
// with and without its hyphen.
func solid(name string) string { return strings.ReplaceAll(string(plain(name).runes), " ", "") }
