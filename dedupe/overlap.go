package dedupe

import "math/bits"

// An index finds the windows of one text. It lies on the desk.
type index struct {
	of    shingled
	desk  *desk
	slots []slot
	mask  uint32
	total int // different windows
	leads int // different windows that begin in the lead
}

type slot struct {
	hash uint32
	at   int32 // the first window with this hash, counted from 1; 0 = empty
}

func newIndex(s shingled, d *desk) *index {
	ix := &index{of: s, desk: d}
	if len(s.hashes) == 0 {
		return ix
	}
	size := 1 << bits.Len(uint(2*len(s.hashes)))
	ix.slots, ix.mask = d.slots.zeroed(size), uint32(size-1)
	for i, h := range s.hashes {
		at := h & ix.mask
		for ix.slots[at].at != 0 && ix.slots[at].hash != h {
			at = (at + 1) & ix.mask
		}
		if ix.slots[at].at == 0 {
			ix.slots[at] = slot{h, int32(i + 1)}
			ix.total++
			if i < s.lead {
				ix.leads++
			}
		}
	}
	return ix
}

// find returns the number of the first window with the hash, or -1.
func (ix *index) find(h uint32) int {
	if len(ix.slots) == 0 {
		return -1
	}
	for at := h & ix.mask; ; at = (at + 1) & ix.mask {
		switch s := ix.slots[at]; {
		case s.at == 0:
			return -1
		case s.hash == h:
			return int(s.at - 1)
		}
	}
}

// An overlap is how much of two texts occurs in the other, in windows.
type overlap struct {
	a, b         int // windows of each
	aInB, bInA   int // of them found in the other
	aLead, bLead int // windows of each lead
	aLeadIn      int // of them found near the beginning of the other
	bLeadIn      int
	hit          []bool // which windows of the indexed text were found
}

// leadReach is how far into the other text, in leads, a lead is looked for.
const leadReach = 3

func (ix *index) overlap(o shingled) overlap {
	v := overlap{a: ix.total, b: len(o.hashes), aLead: ix.leads, bLead: o.lead}
	if ix.total == 0 || len(o.hashes) == 0 {
		return v
	}
	v.hit = ix.desk.hits.zeroed(len(ix.of.hashes))
	for i, h := range o.hashes {
		at := ix.find(h)
		if at < 0 {
			continue
		}
		v.bInA++
		if i < o.lead && at < leadReach*ix.of.lead {
			v.bLeadIn++
		}
		if !v.hit[at] {
			v.hit[at] = true
			v.aInB++
			if at < ix.of.lead && i < leadReach*o.lead {
				v.aLeadIn++
			}
		}
	}
	return v
}

// holds is the share of a text, such as a headline, that occurs in the indexed one.
func (ix *index) holds(part shingled) float64 {
	found := 0
	for _, h := range part.hashes {
		if ix.find(h) >= 0 {
			found++
		}
	}
	return share(found, len(part.hashes))
}

// shorter is the share of the shorter text that the longer holds.
func (v overlap) shorter() float64 {
	if v.a <= v.b {
		return share(v.aInB, v.a)
	}
	return share(v.bInA, v.b)
}

// longer is the share of the longer text that the shorter holds.
func (v overlap) longer() float64 {
	if v.a <= v.b {
		return share(v.bInA, v.b)
	}
	return share(v.aInB, v.a)
}

// lead is the share of the shorter text's lead that the longer holds near its
// beginning.
func (v overlap) lead() float64 {
	if v.a <= v.b {
		return share(v.aLeadIn, v.aLead)
	}
	return share(v.bLeadIn, v.bLead)
}

// backLead is the share of the longer text's lead that the shorter holds near its
// beginning.
func (v overlap) backLead() float64 {
	if v.a <= v.b {
		return share(v.bLeadIn, v.bLead)
	}
	return share(v.aLeadIn, v.aLead)
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
