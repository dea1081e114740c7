package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// Of pages, see inspect.go for the meta pages: a header (its own number, flags, count of elements, how many pages
// more it has), then elements of 16 bytes that say where, counted from the element, the key and the value stand.
const (
	offFlags    = 8
	offCount    = 10
	offOverflow = 12

	offRoot     = 16 // in meta pages
	offFreelist = 32

	branchPage   = 1
	leafPage     = 2
	freelistPage = 16

	elementSize  = 16
	bucketFlag   = 1  // of an element in a leaf: its value is a bucket
	bucketHeader = 16 // at the beginning of such a value: the bucket's root page, 0 = what follows is its only page
)

// noFreelist stands in a meta page for the page of free pages, if none has been written.
const noFreelist = math.MaxUint64

// A pageWalk reads the tree of pages of a file that nobody writes to, from the file itself. It does what bbolt's own
// check does, for files of which nothing can be believed: that one counts as far as a flipped bit says,
// and follows pages that lead back to themselves until the process ends.
type pageWalk struct {
	file    io.ReaderAt
	size    int64  // of a page
	end     uint64 // the first page that was never used
	is      []pageUse
	twice   bool // a page is part of the tree in two places
	level   int  // how far down it is
	problem func(format string, args ...any)
	tick    func() error
}

// pageUse is what a page has been found to be.
type pageUse byte

const (
	unknownPage pageUse = iota
	headPage
	freePage
	treePage
)

// mostBytes is how much is read at once: no record is so big, and no list of free pages of a file that is not of terabytes.
const mostBytes = 256 << 20

// mostLevels is how far down pages and buckets are followed: no tree that fits on a disk is so deep.
const mostLevels = 64

// walkPages tells what is wrong with the pages of a file. sane is false if it must not be read by following them:
// one would come by some page again and again.
func walkPages(file io.ReaderAt, problem func(string, ...any), tick func() error) (sane bool, err error) {
	meta, size, spoilt, err := newestMeta(file)
	if err != nil {
		return false, err
	}
	if spoilt {
		problem("one of the two head pages is not readable")
	}
	ne := binary.NativeEndian
	w := &pageWalk{file: file, size: size, end: ne.Uint64(meta[offHighWater:]), problem: problem, tick: tick}
	w.is = make([]pageUse, w.end)
	w.meet(0, 2, headPage)
	w.free(ne.Uint64(meta[offFreelist:]))
	if err := w.tree(ne.Uint64(meta[offRoot:]), nil, nil); err != nil {
		return false, err
	}
	lost, first := 0, 0
	for id, use := range w.is {
		if use == unknownPage && ne.Uint64(meta[offFreelist:]) != noFreelist {
			if lost++; lost == 1 {
				first = id
			}
		}
	}
	if lost > 0 {
		w.problem("%d pages are neither used nor free, the first is %d", lost, first)
	}
	return !w.twice, nil
}

// newestMeta is the head page in force, without its page header. spoilt says that the other one cannot be read: no
// harm for now, and the commit after the next writes it anew.
func newestMeta(file io.ReaderAt) (meta []byte, pageSize int64, spoilt bool, err error) {
	readable := 0
	for at := int64(0); at <= 64<<10; at = max(512, 2*at) {
		p := make([]byte, pageHeader+metaSize)
		if _, err := file.ReadAt(p, at); err != nil {
			break
		}
		size, _, ok := readMeta(p)
		if !ok || at != 0 && at != size {
			continue
		}
		readable++
		p = p[pageHeader:]
		if meta == nil || binary.NativeEndian.Uint64(p[offTxid:]) > binary.NativeEndian.Uint64(meta[offTxid:]) {
			meta, pageSize = p, size
		}
	}
	if meta == nil {
		return nil, 0, true, errors.New("neither of its two head pages is readable")
	}
	return meta, pageSize, readable < 2, nil
}

// meet notes what n pages from id on are; it says no if they cannot be that.
func (w *pageWalk) meet(id, n uint64, use pageUse) bool {
	if id >= w.end || n > w.end-id {
		w.problem("page %d, and %d after it: the file has %d", id, n-1, w.end)
		return false
	}
	for i := id; i < id+n; i++ {
		switch was := w.is[i]; {
		case was == treePage && use == treePage:
			w.twice = true
			w.problem("page %d is used twice", i)
			return false
		case was != unknownPage:
			w.problem("page %d is listed as free, and is something else as well", i)
		}
		w.is[i] = use
	}
	return true
}

// page reads a page and those that belong to it; nil if that cannot be done.
func (w *pageWalk) page(id uint64, use pageUse) []byte {
	head := w.read(id, pageHeader)
	if head == nil {
		return nil
	}
	ne := binary.NativeEndian
	if self := ne.Uint64(head); self != id {
		w.problem("page %d calls itself %d", id, self)
		return nil
	}
	n := uint64(ne.Uint32(head[offOverflow:])) + 1
	if !w.meet(id, n, use) {
		return nil
	}
	return w.read(id, int64(n)*w.size)
}

func (w *pageWalk) read(id uint64, n int64) []byte {
	if id >= w.end || n > mostBytes {
		w.problem("page %d, %d bytes: the file has %d pages", id, n, w.end)
		return nil
	}
	b := make([]byte, n)
	if _, err := w.file.ReadAt(b, int64(id)*w.size); err != nil {
		w.problem("page %d: %v", id, err)
		return nil
	}
	return b
}

// free reads the list of free pages.
func (w *pageWalk) free(id uint64) {
	if id == noFreelist {
		return
	}
	page := w.page(id, freePage)
	if page == nil {
		return
	}
	ne := binary.NativeEndian
	count, list := uint64(ne.Uint16(page[offCount:])), page[pageHeader:]
	if count == math.MaxUint16 { // then the number stands in front of the list
		count, list = ne.Uint64(list), list[8:]
	}
	if ne.Uint16(page[offFlags:]) != freelistPage || count > uint64(len(list)/8) {
		w.problem("page %d is no list of free pages", id)
		return
	}
	for i := range count {
		w.meet(ne.Uint64(list[8*i:]), 1, freePage)
	}
}

// tree reads a page and all below it. Its keys must be from least on and before most; nil = no bound.
func (w *pageWalk) tree(id uint64, least, most []byte) error {
	page := w.page(id, treePage)
	if page == nil {
		return w.tick()
	}
	if err := w.tick(); err != nil {
		return err
	}
	return w.elements(id, page, least, most)
}

// elements reads what stands in a page of a tree.
func (w *pageWalk) elements(id uint64, page, least, most []byte) error {
	if w.level == mostLevels {
		w.problem("page %d is more than %d levels down", id, mostLevels)
		return nil
	}
	w.level++
	defer func() { w.level-- }()
	ne := binary.NativeEndian
	flags, count := ne.Uint16(page[offFlags:]), int(ne.Uint16(page[offCount:]))
	if flags != branchPage && flags != leafPage || pageHeader+count*elementSize > len(page) {
		w.problem("page %d is no part of a tree", id)
		return nil
	}
	type child struct {
		key, value []byte
		page       uint64
		bucket     bool
	}
	children := make([]child, 0, count)
	for i := range count {
		e := page[pageHeader+i*elementSize:]
		c := child{}
		var at, keyLen, valueLen uint64
		if flags == branchPage {
			at, keyLen, c.page = uint64(ne.Uint32(e)), uint64(ne.Uint32(e[4:])), ne.Uint64(e[8:])
		} else {
			c.bucket = ne.Uint32(e)&bucketFlag != 0
			at, keyLen, valueLen = uint64(ne.Uint32(e[4:])), uint64(ne.Uint32(e[8:])), uint64(ne.Uint32(e[12:]))
		}
		if at+keyLen+valueLen > uint64(len(e)) {
			w.problem("page %d: element %d is not in it", id, i)
			return nil
		}
		c.key, c.value = e[at:at+keyLen], e[at+keyLen:at+keyLen+valueLen]
		if least != nil && bytes.Compare(c.key, least) < 0 || most != nil && bytes.Compare(c.key, most) >= 0 ||
			i > 0 && bytes.Compare(c.key, children[i-1].key) <= 0 {
			w.problem("page %d: key %d (%x) is out of order", id, i, c.key)
		}
		children = append(children, c)
	}
	for i, c := range children {
		var err error
		switch {
		case flags == branchPage:
			until := most
			if i+1 < len(children) {
				until = children[i+1].key
			}
			err = w.tree(c.page, c.key, until)
		case c.bucket && len(c.value) < bucketHeader:
			w.problem("page %d: the bucket %x is cut short", id, c.key)
		case c.bucket && ne.Uint64(c.value) != 0:
			err = w.tree(ne.Uint64(c.value), nil, nil)
		case c.bucket && len(c.value) >= bucketHeader+pageHeader:
			err = w.elements(id, c.value[bucketHeader:], nil, nil)
		case c.bucket:
			w.problem("page %d: the bucket %x is cut short", id, c.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
