package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// maxProblems is how many problems a check describes; the rest are counted.
const maxProblems = 100

// Health is what a check found.
type Health struct {
	Items    int64    `json:"items"`
	Stories  int64    `json:"stories"`
	Problems []string `json:"problems"` // at most a hundred
	More     int64    `json:"more"`     // problems beyond those described
}

// OK reports whether nothing is wrong.
func (h Health) OK() bool { return len(h.Problems) == 0 }

// Check reads the whole file: the tree of pages, every record and its checksum, and
// whether every index holds exactly what items and stories say. Visits that want to
// store something wait meanwhile; readers do not. Damage is in the Health, not in the error.
func (db *DB) Check(ctx context.Context, p Progress) (Health, error) {
	defer db.rest()()
	c := &checker{ctx: ctx, progress: p, health: Health{Problems: []string{}}}
	err := db.view(func(tx *bbolt.Tx) error { return c.run(db, tx) })
	var damaged *Damaged
	if errors.As(err, &damaged) {
		c.problem("%s", damaged.What)
		err = nil
	}
	if err != nil {
		return c.health, fmt.Errorf("check: %w", err)
	}
	return c.health, nil
}

type checker struct {
	ctx      context.Context
	db       *DB
	tx       *bbolt.Tx
	progress Progress
	total    int64
	seen     int64
	health   Health
	want     map[string]int64 // entries that each index must have
	marked   map[uint64]bool  // items that have marks and were not met yet
	reader   *itemReader
}

func (c *checker) problem(format string, args ...any) {
	if len(c.health.Problems) == maxProblems {
		c.health.More++
		return
	}
	c.health.Problems = append(c.health.Problems, fmt.Sprintf(format, args...))
}

func (c *checker) run(db *DB, tx *bbolt.Tx) error {
	c.db, c.tx, c.want, c.marked, c.reader = db, tx, map[string]int64{}, map[uint64]bool{}, db.itemReader(tx)
	c.total = int64(tx.Bucket([]byte(bItems)).Sequence() + tx.Bucket([]byte(bStories)).Sequence())
	if sane, err := c.pages(); err != nil || !sane {
		return err
	}
	for _, step := range []func() error{c.small, c.items, c.stories, c.counts} {
		if err := step(); err != nil {
			return err
		}
	}
	c.strays()
	return nil
}

// pages checks the tree of pages, before anything is read by way of it.
func (c *checker) pages() (sane bool, err error) {
	file, err := os.Open(c.db.path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	c.total += c.tx.Size() / int64(c.tx.DB().Info().PageSize)
	return walkPages(file, c.problem, c.tick)
}

// walk reads the pages of the file and nothing by way of them, and describes what is wrong. The caller has whoever writes
// wait. If the file is not sane, what reads it by its pages may never come to an end.
func (db *DB) walk(ctx context.Context) (problems []string, sane bool, err error) {
	c := &checker{ctx: ctx, db: db}
	err = db.view(func(tx *bbolt.Tx) error {
		c.tx = tx
		sane, err = c.pages()
		return err
	})
	return c.health.Problems, sane, err
}

// damage is the error that problems found in the file make, if there are any.
func (db *DB) damage(problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	return &Damaged{Path: db.path, What: fmt.Sprintf("%d problems, the first: %s", len(problems), problems[0]), Backup: newestBackup(db.path, db.opts)}
}

// strays looks for buckets where none belongs: one flipped bit makes a bucket of any value.
func (c *checker) strays() {
	stray := func(in string) func([]byte) error {
		return func(k []byte) error {
			c.problem("%s %x: a bucket where none belongs", in, k)
			return nil
		}
	}
	for _, name := range allBuckets {
		b, each := c.tx.Bucket([]byte(name)), stray(name)
		if name == bMarks || name == bRefs { // which have one for each day
			each = func(day []byte) error {
				return b.Bucket(day).ForEachBucket(stray(fmt.Sprintf("%s %x", name, day)))
			}
		}
		_ = b.ForEachBucket(each) // none of them fails
	}
}

func (c *checker) tick() error {
	if c.seen++; c.seen%1024 == 0 {
		c.progress.tell(c.seen, max(c.total, c.seen))
		return c.ctx.Err()
	}
	return nil
}

// small checks the records of the small buckets.
func (c *checker) small() error {
	each := func(bucket string, v any) error {
		return c.tx.Bucket([]byte(bucket)).ForEach(func(k, rec []byte) error {
			if err := decode(bucket, k, rec, v); err != nil {
				c.problem("%s %q: %v", bucket, k, err)
			}
			return nil
		})
	}
	return errors.Join(
		c.marks(),
		each(bOutlets, &outletRecord{}), each(bVerdicts, &overrideRecord{}),
		each(bStates, &feed.State{}), each(bHabits, &feed.Habits{}),
	)
}

// marks checks that what is compared with new items is there.
func (c *checker) marks() error {
	marks := c.tx.Bucket([]byte(bMarks))
	return marks.ForEachBucket(func(d []byte) error {
		bad := func(k []byte, err error) {
			c.problem("marks of day %d, of items from %d: %v", num(append(make([]byte, 4), d...)), num(k), err)
		}
		return marks.Bucket(d).ForEach(func(k, v []byte) error {
			eachHolder(k, v, bad, func(h holder) {
				if h.seen == 0 {
					delete(c.marked, h.no)
				} else {
					c.marked[h.no] = true
				}
			})
			return nil
		})
	})
}

// items checks every item, and that it can be found by every name.
func (c *checker) items() error {
	names, refs := c.tx.Bucket([]byte(bNames)), c.tx.Bucket([]byte(bRefs))
	stories := c.tx.Bucket([]byte(bStories))
	roster := c.db.outlets.Load()
	bad := func(key []byte, err error) error {
		c.problem("items from %d: %v", num(key), err)
		return c.tick()
	}
	err := eachItem(c.tx.Bucket([]byte(bItems)), 0, bad, func(it *stored) error {
		c.health.Items++
		delete(c.marked, it.No)
		o := roster.byID[it.Source]
		if o == nil {
			c.problem("item %d (%s) is of the unknown source %q", it.No, it.Key, it.Source)
			return c.tick()
		}
		for _, key := range append([]string{it.Key}, it.Former...) {
			c.want[bNames]++
			if no, _ := readName(names.Get(nameKey(o.Num, key))); no != it.No {
				c.problem("item %d cannot be found by its key %q", it.No, key)
			}
		}
		d := refs.Bucket(be32(day(it.Seen)))
		for _, h := range refsOf(nil, it) {
			c.want[bRefs]++
			if d == nil || !hasRef(d, h, it.No) {
				c.problem("item %d (%s) is missing in the references of its day", it.No, it.Key)
			}
		}
		st := c.db.readStory(stories, it.StoryNo)
		switch i := -1; {
		case st == nil:
			c.problem("the story %d of item %d (%s) is missing", it.StoryNo, it.No, it.Key)
		default:
			if i = slices.Index(st.Members, it.No); i < 0 || st.Sources[i] != o.Num || st.Key != it.Story {
				c.problem("story %d and its item %d (%s) disagree", it.StoryNo, it.No, it.Key)
			}
		}
		return c.tick()
	})
	if left := sortedKeys(c.marked); err == nil && len(left) > 0 {
		c.problem("there are marks of %d items that are not there, the first is %d", len(left), left[0])
	}
	return err
}

// stories checks every story, and that it is filed where it belongs.
func (c *checker) stories() error {
	return c.tx.Bucket([]byte(bStories)).ForEach(func(k, v []byte) error {
		st, err := decodeStory(k, v)
		if err != nil {
			c.problem("story %d: %v", num(k), err)
			return c.tick()
		}
		c.named(st)
		if st.Into != 0 {
			if c.db.resolve(c.tx, st.no) == nil {
				c.problem("story %d became part of %d, which is missing", st.no, st.Into)
			}
			return c.tick()
		}
		c.health.Stories++
		c.filed(st)
		return c.tick()
	})
}

// named checks that the story can be found by its key and its entry id.
func (c *checker) named(st *story) {
	h, _ := storyHash(st.Key)
	d := c.tx.Bucket([]byte(bRefs)).Bucket(be32(day(unstamp(st.Born))))
	if d == nil || !hasRef(d, h, st.no) {
		c.problem("story %d cannot be found by its key %q", st.no, st.Key)
	}
	if founder := c.reader.item(st.no); founder == nil || !slices.Contains(refsOf(nil, founder), h) {
		c.want[bRefs]++
	}
	if _, yes := minted(st.Entry); !yes {
		c.want[bEntries]++
		if numberIn(c.tx.Bucket([]byte(bEntries)), entryKey(st.Entry)) != st.no {
			c.problem("the entry id of story %d is not noted as taken", st.no)
		}
	}
}

// filed checks that the story stands in the river, under its sources and in the change log.
func (c *checker) filed(st *story) {
	srcs := distinct(st.Sources)
	if len(st.Members) != len(st.Sources) || len(st.Members) == 0 || !slices.Contains(st.Members, st.Lead) {
		c.problem("story %d has %d members of %d sources and %d as lead", st.no, len(st.Members), len(st.Sources), st.Lead)
	}
	for _, no := range st.Members {
		if !c.reader.has(no) {
			c.problem("member %d of story %d is missing", no, st.no)
		}
	}
	c.want[bTimeline]++
	if !bytes.Equal(c.tx.Bucket([]byte(bTimeline)).Get(placeKey(st.Order, st.no)), packSources(nil, srcs)) {
		c.problem("story %d is not in the river, or under other sources", st.no)
	}
	for _, src := range srcs {
		c.want[bBySource]++
		if c.tx.Bucket([]byte(bBySource)).Get(sourceKey(src, st.Order, st.no)) == nil {
			c.problem("story %d is not filed under source %d", st.no, src)
		}
	}
	c.want[bChanges]++
	if no, _ := splitChange(c.tx.Bucket([]byte(bChanges)).Get(be64(st.Seq))); no != st.no {
		c.problem("the change %d of story %d is not in the log", st.Seq, st.no)
	}
}

// counts checks that no index has more than it should.
func (c *checker) counts() error {
	got := map[string]int64{}
	count := func(bucket string, counts func(v []byte) bool) error {
		return c.tx.Bucket([]byte(bucket)).ForEach(func(_, v []byte) error {
			if counts(v) {
				got[bucket]++
			}
			return c.tick()
		})
	}
	all := func([]byte) bool { return true }
	err := errors.Join(
		count(bNames, func(v []byte) bool { no, _ := readName(v); return no != 0 }),
		count(bEntries, all), count(bTimeline, all), count(bBySource, all),
		count(bChanges, func(v []byte) bool { no, _ := splitChange(v); return no != 0 }),
		c.tx.Bucket([]byte(bRefs)).ForEachBucket(func(d []byte) error {
			return c.tx.Bucket([]byte(bRefs)).Bucket(d).ForEach(func(_, slot []byte) error {
				got[bRefs] += int64(len(slot) / refLen)
				return c.tick()
			})
		}),
	)
	for _, bucket := range []string{bNames, bRefs, bEntries, bTimeline, bBySource, bChanges} {
		if got[bucket] != c.want[bucket] {
			c.problem("%s has %d entries where items and stories make %d", bucket, got[bucket], c.want[bucket])
		}
	}
	return err
}
