package server

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Where several servers hold the same stories, one of them may lag behind the others by a
// moment, or by much when it is cut off. A reader who was sent a newer document elsewhere must not
// get the older one here. So the tag of a feed says, beside the hash of its content, which history
// its stories belong to and the sequence number of the newest: "HASH.EPOCH.NUMBER". It is
// still the same on every server for the same content.

// order completes the tag, if there is an order to tell.
func (d *document) order(st *site) {
	if st.Epoch == nil || len(d.pieces) == 0 {
		return
	}
	if epoch := st.Epoch(); epoch != "" {
		d.epoch = epoch
		last := slices.MaxFunc(d.pieces, func(a, b piece) int { return cmp.Compare(a.seq, b.seq) })
		d.etag += "." + epoch + "." + strconv.FormatUint(last.seq, 36)
	}
}

// ahead is the reader's tag, if that is of a document newer than anything this server holds;
// "" if it is not.
func (d *document) ahead(r *http.Request) string {
	if d.epoch == "" {
		return ""
	}
	for _, tag := range tagList(strings.Join(r.Header["If-None-Match"], ",")) {
		parts := strings.Split(base(tag), ".")
		if len(parts) != 3 || parts[1] != d.epoch {
			continue
		}
		if seq, err := strconv.ParseUint(parts[2], 36, 64); err == nil && seq > d.seq {
			return `"` + tag + `"`
		}
	}
	return ""
}
