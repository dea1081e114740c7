package storage

import (
	"bytes"
	"encoding/binary"
	"slices"

	"sangam/feed"
)

// revise replaces a stored item by its new version. Its number, its story and when
// it was first seen stay.
func (m *merger) revise(old *stored, it *feed.Item) error {
	moved := bytes.Equal(old.Hash, it.Hash) // known again under another id: readers see no difference
	if moved {
		same := old.Item
		same.Key, same.ID, same.Marks, same.Habitual = it.Key, it.ID, it.Marks, it.Habitual
		it = &same
	} else {
		m.report.Revised++
	}
	st := m.story(old.StoryNo)
	next := &stored{Item: *it, No: old.No, StoryNo: old.StoryNo, Entry: old.Entry, Former: old.Former}
	next.Seen, next.Story = old.Seen, old.Story
	reworded := !moved && !relinked(&old.Item, it)
	if !reworded {
		next.Revised = old.Revised
	}
	if st != nil && old.No == old.StoryNo && next.Entry == "" && next.ID != old.ID {
		next.Entry = st.Entry
	}
	if err := m.rename(old, next); err != nil {
		return err
	}
	m.moveRefs(old, next)
	before, err := m.setMarks(old, next)
	if err != nil {
		return err
	}
	if err := m.putItem(next); err != nil {
		return err
	}
	if st != nil && renameJoins(st.Joins, old.Key, next.Key) && moved {
		return m.putStory(st)
	}
	if st == nil || moved {
		return nil // a story whose record is damaged is made anew by Reindex
	}
	if st.Lead == next.No && reworded {
		st.Updated = stamp(m.at)
	}
	if err := m.lead(st); err != nil {
		return err
	}
	return m.redecide(next, before)
}

// renameJoins lets the reasons of a story name an item by its present key, and reports
// whether any did.
func renameJoins(joins []feed.Ruling, from, to string) (any bool) {
	for i := range joins {
		j := &joins[i]
		if from != to && (j.Item == from || j.With == from) {
			any = true
			if j.Item == from {
				j.Item = to
			}
			if j.With == from {
				j.With = to
			}
		}
	}
	return any
}

// relinked reports whether only the link of an item changed: that is no new content.
func relinked(old, it *feed.Item) bool {
	return old.Link != it.Link && old.Title == it.Title && old.Summary == it.Summary && old.Content == it.Content
}

// rename lets an item go by the key of its new version. Its earlier keys still lead
// to it, as many as are remembered.
func (m *merger) rename(old, next *stored) error {
	if old.Key == next.Key {
		return nil
	}
	next.Former = append(slices.Clone(old.Former), old.Key)
	next.Former = slices.DeleteFunc(next.Former, func(k string) bool { return k == next.Key })
	for len(next.Former) > maxFormer {
		// The first stays: a story may be named after it.
		if err := m.names.Delete(nameKey(m.src, next.Former[1])); err != nil {
			return err
		}
		next.Former = slices.Delete(next.Former, 1, 2)
	}
	if err := m.moveVerdicts(old.Key, next.Key); err != nil {
		return err
	}
	return m.names.Put(nameKey(m.src, next.Key), binary.AppendUvarint(nil, old.No))
}
