package server

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"sangam/feed"
	"sangam/render"
)

const (
	// maxFailing is how many failing sources an empty page names, and maxWaiting how
	// many that are still to be visited; the sources' own page has them all.
	maxFailing = 12
	maxWaiting = 6
)

// within are the outlets whose stories a place shows.
func within(p place, outlets map[string]feed.Outlet) []feed.Outlet {
	q := p.view.Query
	return slices.DeleteFunc(sorted(outlets), func(o feed.Outlet) bool {
		return len(q.Sources) > 0 && !slices.Contains(q.Sources, o.ID) ||
			len(q.Categories) > 0 && !slices.ContainsFunc(o.Categories, func(c string) bool { return slices.Contains(q.Categories, c) })
	})
}

// whyEmpty says why outlets have brought no stories: there are none, they are being
// visited for the first time, they cannot be read, or they had nothing.
func (s *Server) whyEmpty(ctx context.Context, st *site, outlets []feed.Outlet, words *render.Text) (render.Empty, error) {
	if len(outlets) == 0 {
		return render.Empty{Why: []string{words.NoSources}}, nil
	}
	states, err := s.states(ctx)
	if err != nil {
		return render.Empty{}, err
	}
	var e render.Empty
	var waiting []string
	failing := 0
	for _, o := range outlets {
		switch state := states[o.ID]; {
		case state.Visited.IsZero():
			waiting = append(waiting, o.Name)
		case state.Trouble != feed.NoTrouble:
			if failing++; failing <= maxFailing {
				e.Failing = append(e.Failing, render.Failing{Link: st.outletLink(o), Why: words.Why(state.Trouble)})
			}
		}
	}
	e.More = failing - len(e.Failing)
	if len(waiting) > 0 {
		e.Visited, e.Total = len(outlets)-len(waiting), len(outlets)
		e.Why = append(e.Why, words.FirstStart, fmt.Sprintf(words.Waiting, e.Visited, e.Total))
		rest := ""
		if len(waiting) > maxWaiting {
			waiting, rest = waiting[:maxWaiting], words.Comma+"…"
		}
		e.Why = append(e.Why, fmt.Sprintf(words.StillWaiting, strings.Join(waiting, words.Comma)+rest))
	}
	switch {
	case failing == len(outlets):
		e.Why, e.Hint = append(e.Why, words.AllFailing), words.AskOperator
	case failing > 0:
		e.Why, e.Hint = append(e.Why, words.SomeFailing), words.AskOperator
	case len(waiting) == 0:
		e.Why = append(e.Why, words.NothingYet)
	}
	return e, nil
}

// health says how the one source of a page fares.
func (s *Server) health(ctx context.Context, st *site, id string, words *render.Text) (*render.Health, error) {
	state, err := s.store.State(ctx, id)
	if err != nil {
		return nil, err
	}
	h := freshness(state, st.Now(), words)
	return &h, nil
}

// freshness says in words how a source fares. What exactly its server answered is
// for operators, not for readers.
func freshness(state feed.State, now time.Time, words *render.Text) render.Health {
	switch {
	case state.Gone:
		return render.Health{Words: words.Gone, Bad: true}
	case !state.FailingSince.IsZero():
		return render.Health{Words: words.Failing, At: state.FailingSince, Since: true, Bad: true, Why: words.Why(state.Trouble)}
	case state.Visited.IsZero():
		return render.Health{Words: words.NotYet}
	case !state.Tally.Silent.IsZero():
		return render.Health{Words: words.SilentSince, At: state.Tally.News, Since: true}
	case state.Changed.IsZero():
		return render.Health{Words: words.Fresh, At: state.Succeeded}
	}
	if _, known := state.Tally.Patience(now); !known && now.Sub(state.Changed) > silent {
		return render.Health{Words: words.SilentSince, At: state.Changed, Since: true}
	}
	return render.Health{Words: words.LastItem, At: state.Changed}
}

func (st *site) outletLink(o feed.Outlet) render.Link {
	return render.Link{Name: o.Name, Lang: o.Language, Href: st.root + "sources/" + url.PathEscape(o.ID) + "/"}
}
