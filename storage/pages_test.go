package storage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// TestCheckSurvivesPagesThatLie makes what a few flipped bits make of a page's header, a pointer, a key and
// a head page. bbolt's own check counts as far as the first says, which takes hours and all
// memory, and follows the second until the process ends.
func TestCheckSurvivesPagesThatLie(t *testing.T) {
	whole := filled(t)
	ne := binary.NativeEndian
	const pageSize, branch, leaf = 4096, 1, 2
	used := map[int]bool{} // those that are part of a tree, not what is left of an earlier one
	path := filepath.Join(t.TempDir(), "sangam.db")
	err := os.WriteFile(path, whole, 0o600)
	bolt, openErr := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err := errors.Join(err, openErr); err != nil {
		t.Fatal(err)
	}
	err = bolt.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("bbolt's own check of a whole file: %v", err)
		}
		for id := range len(whole) / pageSize {
			page, err := tx.Page(id)
			if err != nil {
				return err
			}
			used[id] = page.Type == "leaf" || page.Type == "branch"
			id += page.OverflowCount
		}
		return nil
	})
	if err := errors.Join(err, bolt.Close()); err != nil {
		t.Fatal(err)
	}
	// first is where the first page of a kind begins.
	first := func(kind uint16) int {
		for id := range len(whole) / pageSize {
			p := whole[id*pageSize:]
			if used[id] && ne.Uint64(p) == uint64(id) && ne.Uint16(p[8:]) == kind && ne.Uint16(p[10:]) > 1 {
				return id * pageSize
			}
		}
		t.Fatalf("there is no page of kind %d", kind)
		return 0
	}
	aLeaf, aBranch := first(leaf), first(branch)
	for _, c := range []struct {
		what string
		lie  func(file []byte)
		want string
	}{
		{"nothing", func([]byte) {}, ""},
		{"a page that has a thousand million more", func(f []byte) { f[aLeaf+15] ^= 0x40 }, fmt.Sprintf("page %d, and 1073741824 after it", aLeaf/pageSize)},
		{"a page that leads to itself", func(f []byte) { ne.PutUint64(f[aBranch+24:], uint64(aBranch/pageSize)) }, fmt.Sprintf("page %d is used twice", aBranch/pageSize)},
		{"a page that leads out of the file", func(f []byte) { f[aBranch+31] ^= 0x80 }, fmt.Sprintf("the file has %d pages", len(whole)/pageSize)},
		{"a page that is another", func(f []byte) { f[aLeaf] ^= 1 }, fmt.Sprintf("page %d calls itself %d", aLeaf/pageSize, aLeaf/pageSize^1)},
		{"a key that stands elsewhere", func(f []byte) { f[aLeaf+16+7] ^= 0x40 }, "element 0 is not in it"},
		{"a head page of zeroes", func(f []byte) { clear(f[:pageSize]) }, "one of the two head pages is not readable"},
	} {
		hurt := bytes.Clone(whole)
		c.lie(hurt)
		if err := os.WriteFile(path, hurt, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := tryOpen(path)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		h, err := db.Check(t.Context(), nil)
		if _, compactErr := db.Compact(t.Context(), nil); (compactErr == nil) != (c.want == "") {
			t.Errorf("%s: compact says %v", c.what, compactErr)
		}
		if _, reindexErr := db.Reindex(t.Context(), nil); strings.Contains(c.what, "itself") && reindexErr == nil {
			t.Errorf("%s: there was a way to read it", c.what)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if found := strings.Join(h.Problems, "\n"); !strings.Contains(found, c.want) || h.OK() != (c.want == "") {
			t.Errorf("%s: found %.300q, want %q", c.what, found, c.want)
		}
	}
}

// TestCheckDoesNotGoDownForEver puts a hundred buckets into each other.
func TestCheckDoesNotGoDownForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	if err := os.WriteFile(path, filled(t), 0o600); err != nil {
		t.Fatal(err)
	}
	bolt, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = bolt.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("meta"))
		for range 100 {
			if b, err = b.CreateBucket([]byte("deeper")); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, bolt.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := tryOpen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	h, err := db.Check(t.Context(), nil)
	if found := strings.Join(h.Problems, "\n"); err != nil || !strings.Contains(found, "more than 64 levels down") {
		t.Errorf("found %.300q, %v; want to be told where it is too deep", found, err)
	}
}
