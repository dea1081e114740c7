package normalize

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"

	"github.com/cespare/xxhash/v2"

	"sangam/feed"
)

// keySize is the length of a key before it is written in letters, in bytes: with 96 bits
// the first accident is to be expected behind 10^14 items.
const keySize = 12

var keyLetters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Key names an item within the store: twenty characters out of a–z and 2–7, the same
// for the same item on every machine and for ever. It is made of the source and the first
// of these that the entry has: its id, byte for byte; its link, as URL compares it, so
// that another tracking parameter is no other item; its text, which is title and content
// as sent.
func Key(source, id, link, text string) string {
	kind, value := "text", text
	if id != "" {
		kind, value = "id", id
	} else if link = first(URL(link), strings.TrimSpace(link)); link != "" {
		kind, value = "link", link
	}
	sum := sha256.Sum256([]byte(source + "\x00" + kind + "\x00" + value))
	return keyLetters.EncodeToString(sum[:keySize])
}

// Hash is a fingerprint of what readers see of an item, eight bytes: title, texts, link,
// authors, image, enclosures. Equal hashes mean that there is no revision. Dates and
// categories do not count, nor the queries of addresses in content and of media, which
// some outlets fill anew on every visit.
func Hash(it *feed.Item) []byte {
	var h xxhash.Digest
	h.Reset()
	part := func(s string) {
		h.WriteString(s)
		h.Write([]byte{0})
	}
	part(it.Title)
	part(URL(it.Link))
	part(bareAddress(it.Image))
	for _, a := range it.Authors {
		part(a.Name)
	}
	part("")
	for _, e := range it.Enclosures {
		part(bareAddress(e.URL))
	}
	hashMarkup(&h, it.Summary)
	part("")
	hashMarkup(&h, it.Content)
	return binary.BigEndian.AppendUint64(nil, h.Sum64())
}

func bareAddress(link string) string {
	link, _, _ = strings.Cut(link, "?")
	return link
}

// hashMarkup adds HTML as HTML returns it, without the queries of the addresses in tags.
func hashMarkup(h *xxhash.Digest, s string) {
	for s != "" {
		tag := strings.IndexByte(s, '<')
		if tag < 0 {
			h.WriteString(s)
			return
		}
		end := strings.IndexByte(s[tag:], '>') + tag + 1
		if end <= tag {
			end = len(s)
		}
		h.WriteString(s[:tag])
		for rest := s[tag:end]; rest != ""; {
			mark := strings.IndexByte(rest, '?')
			if mark < 0 {
				h.WriteString(rest)
				break
			}
			h.WriteString(rest[:mark])
			quote := strings.IndexByte(rest[mark:], '"')
			if quote < 0 {
				break
			}
			rest = rest[mark+quote:]
		}
		s = s[end:]
	}
}
