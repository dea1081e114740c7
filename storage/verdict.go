package storage

import (
	"sangam/feed"
)

// overrule lets what the operator ruled override what the rules found.
func (m *merger) overrule(it *feed.Item, v feed.Verdict, near map[string]*stored) feed.Verdict {
	return v
}

// forbidden reports whether the operator keeps two stories apart.
func (m *merger) forbidden(it *feed.Item, a, b *story) bool { return false }
