package storage

import (
	"bytes"
	"slices"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// A quota holds back from merged feeds what a source carries beyond its MaxPerDay.
//
// Of the stories that a source carries whose place in the river is on one day (UTC), it
// brings the first ones into a feed, in the order in which they arrived: so what readers
// have seen stays, whatever comes after it. A story that several sources carry is
// there if one of them brings it.
type quota struct {
	limits map[uint32]int
	last   map[sourceDay]uint64 // number of the last story that a source brings on a day
}

type sourceDay struct {
	src uint32
	day uint64
}

// quotaFor is nil if the query holds nothing back: nobody has a limit, or what it asks
// for is no merged feed but one source's own, or a search.
func quotaFor(r *roster, q feed.Query) *quota {
	if q.Text != "" || len(q.Sources) == 1 {
		return nil
	}
	limits := map[uint32]int{}
	for num, o := range r.byNum {
		if o.Outlet.MaxPerDay > 0 {
			limits[num] = o.Outlet.MaxPerDay
		}
	}
	if len(limits) == 0 {
		return nil
	}
	return &quota{limits: limits, last: map[sourceDay]uint64{}}
}

// brings says whether one of the sources that the query is about brings the story.
func (w *walk) brings(tx *bbolt.Tx, p place) bool {
	q := w.f.quota
	if q == nil {
		return true
	}
	st := w.f.db.readStory(tx.Bucket([]byte(bStories)), p.no)
	if st == nil {
		return false
	}
	return slices.ContainsFunc(st.Sources, func(src uint32) bool {
		if !w.f.wants(src) || !w.f.roster.shown(src) {
			return false
		}
		limit, limited := q.limits[src]
		return !limited || p.no <= q.lastOf(tx, src, limit, p.order/stampsPerDay)
	})
}

// lastOf is the number of the last story that the source brings on that day.
func (q *quota) lastOf(tx *bbolt.Tx, src uint32, limit int, day uint64) uint64 {
	key := sourceDay{src, day}
	if no, known := q.last[key]; known {
		return no
	}
	var numbers []uint64
	c := tx.Bucket([]byte(bBySource)).Cursor()
	end := sourceKey(src, (day+1)*stampsPerDay, 0)
	for k, _ := c.Seek(sourceKey(src, day*stampsPerDay, 0)); k != nil && bytes.Compare(k, end) < 0; k, _ = c.Next() {
		numbers = append(numbers, num(k[12:]))
	}
	slices.Sort(numbers)
	last := ^uint64(0)
	if len(numbers) > limit {
		last = numbers[limit-1]
	}
	q.last[key] = last
	return last
}
