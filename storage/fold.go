package storage

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// Position is how far a store has folded a log that it shares with other stores.
type Position struct {
	Log   string // which log; "" = the store follows none
	Seq   uint64 // of the last step folded
	Terms string // what the last step that had any said of those to come; nobody here reads it
}

// A Step is one entry of such a log. It holds all that deciding needs besides what is
// stored, so every store that folds the same steps holds the same in the end. At most
// one of the fields from Batch to Forget is set; a step without any only moves the position.
type Step struct {
	Seq uint64    // its place in the log, growing
	At  time.Time // when it was written: the only clock

	Batch   *feed.Batch // as for Merge
	Outlets *Roll       // as for SetOutlets
	Ruling  *Ruled      // what the operator ruled
	Delete  *Doomed     // what is not kept any more
	Forget  string      // a source: what is left of it goes, as the last step of a purge

	Terms string // for the Position, whatever else the step says; "" = as before
}

// Roll is the whole list of configured outlets.
type Roll struct {
	Outlets []feed.Outlet `cbor:"1,keyasint"`
}

// Ruled is what the operator ruled about two items: that they are one story, that they never are,
// or, with Undo, that the rules decide again.
type Ruled struct {
	A      string `cbor:"1,keyasint"`
	B      string `cbor:"2,keyasint"`
	By     string `cbor:"3,keyasint,omitempty"`
	Always bool   `cbor:"4,keyasint,omitempty"`
	Undo   bool   `cbor:"5,keyasint,omitempty"`
}

// Doomed names what is to be deleted, by numbers and keys that mean the same in every
// store that folded the same steps.
type Doomed struct {
	Items []uint64 `cbor:"1,keyasint,omitempty"`
	Names [][]byte `cbor:"2,keyasint,omitempty"` // expired tombstones
	Purge bool     `cbor:"3,keyasint,omitempty"` // leave no tombstones
}

// Empty reports whether there is nothing to delete.
func (d Doomed) Empty() bool { return len(d.Items)+len(d.Names) == 0 }

// Folded is what came of a step.
type Folded struct {
	Known  bool        // it had been folded before and changed nothing now
	Report feed.Report // of a batch
	// Err says why the step could not be done. It would be the same in every store; the
	// position has moved past it and nothing else has changed.
	Err error
}

// Fold takes the next steps of a log into the store, all in one transaction together
// with the position of the last one, and returns what came of each. Steps at or below
// the position change nothing. An error means that nothing has happened at all.
func (db *DB) Fold(ctx context.Context, log string, steps []Step) ([]Folded, error) {
	if err := ctx.Err(); err != nil || len(steps) == 0 {
		return nil, err
	}
	db.work.Lock()
	defer db.work.Unlock()
	if err := db.loadWindow(); err != nil {
		return nil, err
	}
	results := make([]Folded, len(steps))
	for {
		bad, err := db.tryFold(log, steps, results)
		if bad < 0 {
			if err != nil {
				return nil, fmt.Errorf("fold the log up to %d: %w", steps[len(steps)-1].Seq, err)
			}
			return results, nil
		}
		results[bad].Err = err // and again, without it
	}
}

// tryFold folds the steps that have no error yet in one transaction. It returns the index of
// a step that cannot be done, or -1.
func (db *DB) tryFold(log string, steps []Step, results []Folded) (bad int, err error) {
	bad = -1
	var m *merger
	err = db.updateRoster(func(tx *bbolt.Tx) (*roster, error) {
		pos := readPosition(tx)
		if pos.Log != log {
			return nil, fmt.Errorf("the store follows %s, not the log %q", pos, log)
		}
		m = db.newMerger(tx)
		for i := range steps {
			if results[i].Known = steps[i].Seq <= pos.Seq; results[i].Known {
				continue
			}
			pos.Terms = cmp.Or(steps[i].Terms, pos.Terms)
			if results[i].Err != nil {
				continue
			}
			report, err := m.step(steps[i])
			if err != nil {
				bad = i
				return nil, err
			}
			results[i].Report = report
		}
		if err := m.finish(); err != nil {
			return nil, err
		}
		return m.roster, putPosition(tx, Position{log, max(pos.Seq, steps[len(steps)-1].Seq), pos.Terms})
	})
	if err != nil {
		if bad >= 0 {
			db.win.rollback()
		} else {
			db.win = nil // what reached the disk is unknown
		}
		return bad, err
	}
	db.win.settle()
	db.win.expire(m.horizon())
	return -1, nil
}

// step does what one entry of the log says.
func (m *merger) step(s Step) (report feed.Report, err error) {
	defer catchBug(&err)
	m.at = s.At
	switch {
	case s.Batch != nil:
		b := *s.Batch
		b.State.Source = b.Outlet.ID
		if b.State.Visited.IsZero() {
			b.State.Visited = b.At
		}
		return m.merge(b, false)
	case s.Outlets != nil:
		return report, m.setOutlets(s.Outlets.Outlets, s.At)
	case s.Ruling != nil:
		r := *s.Ruling
		if r.Undo {
			return report, m.undoVerdict(r.A, r.B)
		}
		return report, m.rule(r.A, r.B, r.By, r.Always, s.At)
	case s.Delete != nil:
		return report, m.delete(*s.Delete, s.At)
	case s.Forget != "":
		if o := m.roster.byID[s.Forget]; o != nil {
			return report, m.purge(o, s.At)
		}
	}
	return report, nil
}

func (m *merger) setOutlets(outlets []feed.Outlet, at time.Time) error {
	next, changed := m.roster.with(outlets)
	if next == m.roster {
		return nil
	}
	if err := putOutlets(m.tx, changed, at); err != nil {
		return err
	}
	m.roster = next
	return nil
}

// delete deletes what is doomed and still there.
func (m *merger) delete(d Doomed, at time.Time) error {
	k := &keeper{db: m.db, now: at, tomb: !d.Purge}
	for _, no := range d.Items {
		if err := k.deleteOne(m, no); err != nil {
			return err
		}
	}
	for _, key := range d.Names {
		if no, _ := readName(m.names.Get(key)); no != 0 || m.names.Get(key) == nil {
			continue // it has come to life since
		}
		if err := m.names.Delete(key); err != nil {
			return err
		}
	}
	if err := m.flush(); err != nil || len(d.Items) == 0 {
		return err
	}
	return logGeneral(m.tx, at)
}

// purge deletes what is left of a source: a batch may have come after its items were named.
func (m *merger) purge(o *outletRecord, at time.Time) error {
	for left := m.db.itemsOf(m.tx, o.Num); len(left) > 0; left = m.db.itemsOf(m.tx, o.Num) {
		if err := m.delete(Doomed{Items: left, Purge: true}, at); err != nil {
			return err
		}
	}
	return m.forgetSource(o)
}

// Doomed finds what Keep would delete, at most so many items and as many tombstones, the
// oldest first. It changes nothing: a Step deletes it.
func (db *DB) Doomed(ctx context.Context, age time.Duration, perSource int, now time.Time, most int) (Doomed, error) {
	var d Doomed
	enough := errors.New("enough")
	k := &keeper{db: db, now: now}
	k.instead = func(nos []uint64, names [][]byte) error {
		d.Items, d.Names = append(d.Items, nos...), append(d.Names, names...)
		if len(d.Items) >= most || len(d.Names) >= most {
			return enough
		}
		return nil
	}
	for _, find := range []func() error{
		func() error { return k.byAge(ctx, age) },
		func() error { return k.byCount(ctx, perSource) },
		func() error { return k.tombstones(ctx) },
	} {
		if err := find(); errors.Is(err, enough) {
			break
		} else if err != nil {
			return Doomed{}, fmt.Errorf("keep: %w", err)
		}
	}
	d.Items, d.Names = d.Items[:min(len(d.Items), most)], d.Names[:min(len(d.Names), most)]
	return d, nil
}

// ItemsOf finds some items of a source, so that a purge can delete them step by step.
// ErrNotFound if there is no such source.
func (db *DB) ItemsOf(ctx context.Context, source string) (Doomed, error) {
	o := db.outlets.Load().byID[source]
	if o == nil {
		return Doomed{}, fmt.Errorf("purge %s: %w", source, ErrNotFound)
	}
	d := Doomed{Purge: true}
	err := errors.Join(ctx.Err(), db.view(func(tx *bbolt.Tx) error {
		d.Items = db.itemsOf(tx, o.Num)
		return nil
	}))
	return d, err
}

func (p Position) String() string {
	if p.Log == "" {
		return "no log"
	}
	return fmt.Sprintf("the log %q up to %d", p.Log, p.Seq)
}

// Position is how far the store has folded the log it follows; zero if it follows none.
func (db *DB) Position(ctx context.Context) (Position, error) {
	var pos Position
	err := errors.Join(ctx.Err(), db.view(func(tx *bbolt.Tx) error {
		pos = readPosition(tx)
		return nil
	}))
	return pos, err
}

// Follow has the store follow a log from a position on; from then on only Fold is to
// change it. The zero Position has it follow none.
func (db *DB) Follow(ctx context.Context, pos Position) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	db.work.Lock()
	defer db.work.Unlock()
	return db.update(func(tx *bbolt.Tx) error { return putPosition(tx, pos) })
}

func readPosition(tx *bbolt.Tx) Position {
	v := tx.Bucket([]byte(bMeta)).Get([]byte("log"))
	if len(v) < 8 {
		return Position{}
	}
	return Position{Log: string(v[8:]), Seq: num(v[:8]), Terms: string(tx.Bucket([]byte(bMeta)).Get([]byte("terms")))}
}

func putPosition(tx *bbolt.Tx, pos Position) error {
	meta := tx.Bucket([]byte(bMeta))
	return errors.Join(
		meta.Put([]byte("log"), append(be64(pos.Seq), pos.Log...)),
		meta.Put([]byte("terms"), []byte(pos.Terms)))
}

// Digest is a fingerprint of everything that folding decides: equal for all stores that
// folded the same log up to the same position, which it returns with it. It reads the whole file.
func (db *DB) Digest(ctx context.Context) (digest [sha256.Size]byte, pos Position, err error) {
	h := sha256.New()
	err = db.view(func(tx *bbolt.Tx) error {
		pos = readPosition(tx)
		for _, name := range allBuckets {
			if name == bMeta || name == bMarks { // marks expire with commits, which are each store's own
				continue
			}
			if err := hashBucket(ctx, h, tx.Bucket([]byte(name)), name); err != nil {
				return err
			}
		}
		return nil
	})
	return [sha256.Size]byte(h.Sum(nil)), pos, err
}

func hashBucket(ctx context.Context, h interface{ Write([]byte) (int, error) }, b *bbolt.Bucket, name string) error {
	var length []byte
	part := func(p []byte) {
		length = binary.AppendUvarint(length[:0], uint64(len(p)))
		_, _ = h.Write(length) // a hash takes everything
		_, _ = h.Write(p)
	}
	part([]byte(name))
	return b.ForEach(func(k, v []byte) error {
		part(k)
		if v == nil {
			return errors.Join(ctx.Err(), hashBucket(ctx, h, b.Bucket(k), name))
		}
		part(v)
		return ctx.Err()
	})
}

// PositionOf is how far a store in a file that nobody has open has folded the log it follows.
func PositionOf(file string) (Position, error) {
	bolt, err := openReadOnly(file)
	if err != nil {
		return Position{}, err
	}
	var pos Position
	err = bolt.View(func(tx *bbolt.Tx) error {
		if err := checkSchemaOf(tx); err != nil {
			return err
		}
		pos = readPosition(tx)
		return nil
	})
	return pos, errors.Join(err, bolt.Close())
}

func checkSchemaOf(tx *bbolt.Tx) error {
	if tx.Bucket([]byte(bMeta)) == nil {
		return errors.New("it is no store")
	}
	return nil
}
