package dedupe

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A variant is one way to read a headline: outlets put a kicker before it
// ("Weather: …") and their name behind it ("… - The Herald").
type variant struct {
	hash  uint64
	width int
	how   string // "" = the whole headline, "kicker" or "tail" = without it, "bare" = without both
	runes []rune
}

const (
	// minVariant is the width of the narrowest headline, or rest of one, that
	// identifies a story. Narrower ones ("Live", "Weather") are shared by stories
	// that have nothing in common.
	minVariant = 16
	// minWords is the least number of words of such a headline, in scripts that
	// part words.
	minWords = 3
	// maxKicker and maxTail are the widths of the widest kicker and outlet's name.
	maxKicker = 40
	maxTail   = 30
)

// variants lists the ways to read a headline that are long enough to identify a
// story; the whole one comes first if it is.
func variants(title string, folded []rune) []variant {
	var out []variant
	add := func(runes []rune, how string) {
		w := widthOf(runes, 1<<20)
		if !identifies(runes, w) {
			return
		}
		v := variant{hash: hashRunes(runes), width: w, how: how, runes: runes}
		if !slices.ContainsFunc(out, func(o variant) bool { return o.hash == v.hash }) {
			out = append(out, v)
		}
	}
	add(folded, "")
	rest, kicked := withoutKicker(title)
	if kicked {
		add(plain(rest).runes, "kicker")
	}
	if head, cut := withoutTail(title); cut {
		add(plain(head).runes, "tail")
		if rest, kicked := withoutKicker(head); kicked {
			add(plain(rest).runes, "bare")
		}
	}
	return out
}

func identifies(runes []rune, w int) bool {
	if w < minVariant {
		return false
	}
	wide := false
	words := 1
	for _, r := range runes {
		if r == ' ' {
			words++
		} else if width(r) == wideWidth {
			wide = true
		}
	}
	return wide || words >= minWords
}

// withoutKicker cuts a headline after its first colon.
func withoutKicker(title string) (string, bool) {
	for i, r := range title {
		switch r {
		case ':', '؛', '：', '】', '｜':
			if i == 0 || widthOf(plain(title[:i]).runes, maxKicker+1) > maxKicker {
				return "", false
			}
			rest := title[i+len(string(r)):]
			if r == ':' && i+1 < len(title) && digitAround(title, i) { // 12:30
				continue
			}
			return rest, strings.TrimSpace(rest) != ""
		}
	}
	return "", false
}

func digitAround(s string, i int) bool {
	return i > 0 && i+1 < len(s) && s[i-1] >= '0' && s[i-1] <= '9' && s[i+1] >= '0' && s[i+1] <= '9'
}

// withoutTail cuts the name of the outlet, or of its section, off a headline.
func withoutTail(title string) (string, bool) {
	cut, size := -1, 0
	for _, sep := range []string{" - ", " – ", " — ", " | ", "｜", " · ", " :: "} {
		if i := strings.LastIndex(title, sep); i > cut {
			cut, size = i, len(sep)
		}
	}
	if cut <= 0 {
		return "", false
	}
	tail := plain(title[cut+size:]).runes
	if w := widthOf(tail, maxTail+1); w == 0 || w > maxTail {
		return "", false
	}
	return title[:cut], true
}

// liveWords are what outlets call a page that is rewritten all day, folded. Those
// with a space must occur as a row of words.
var liveWords = func() (folded []string) {
	for _, w := range []string{
		"liveblog", "live blog", "live updates", "live update", "live ticker", "liveticker", "newsticker", "newsblog", "news blog",
		"transferticker", "ticker", "as it happened", "live coverage",
		"لائیو اپڈیٹ", "لائیو اپ ڈیٹ", "لائیو اپڈیٹس", "لائیو اپ ڈیٹس", "لائیو بلاگ", "لحظة بلحظة", "تغطية مباشرة", "تغطية حية", "به روز رسانی زنده", "لحظه به لحظه",
		"लाइव अपडेट", "लाइव अपडेट्स", "लाइव ब्लॉग", "文字直播", "图文直播", "现场直播", "直播中", "实时更新", "ライブ更新", "速報中", "อัปเดตสด", "รายงานสด",
	} {
		folded = append(folded, string(plain(w).runes))
	}
	return folded
}()

// liveLabels are what outlets put before or behind the headline of such a page. Within a
// headline the words mean other things: Arabic has the same word for direct.
var liveLabels = func() map[string]bool {
	folded := map[string]bool{}
	for _, w := range []string{"live", "مباشر", "لائیو", "زنده", "लाइव", "直播", "ライブ", "ライブ中継", "สด", "ถ่ายทอดสด"} {
		folded[string(plain(w).runes)] = true
	}
	return folded
}()

// labelled reports whether a headline begins or ends with such a label, parted from it.
func labelled(title string) bool {
	title = strings.Trim(title, " []()【】")
	const separators = ":：|｜–—•·[]()【】"
	if i := strings.IndexAny(title, separators); i > 0 && liveLabel(title[:i]) {
		return true
	}
	if i := strings.LastIndexAny(title, separators); i > 0 {
		if _, size := utf8.DecodeRuneInString(title[i:]); liveLabel(title[i+size:]) {
			return true
		}
	}
	if i, j := strings.Index(title, " - "), strings.LastIndex(title, " - "); i > 0 && (liveLabel(title[:i]) || liveLabel(title[j+3:])) {
		return true
	}
	// A mere space parts one thing from another in Han, kana and Thai.
	if i, j := strings.IndexByte(title, ' '), strings.LastIndexByte(title, ' '); i > 0 {
		return wide(title) && liveLabel(title[:i]) || wide(title[j+1:]) && liveLabel(title[j+1:])
	}
	return false
}

// longestLabel is the length in bytes of the longest of the live labels.
const longestLabel = 24

func liveLabel(s string) bool {
	return len(s) <= longestLabel && liveLabels[string(plain(s).runes)]
}

// wide reports whether a text begins in a script whose words are not parted.
func wide(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return width(r) == wideWidth
}

// liveblog reports whether a headline announces a page that is rewritten all day.
func liveblog(title []rune) bool {
	if len(title) == 0 {
		return false
	}
	padded := " " + string(title) + " "
	for _, w := range liveWords {
		if i := strings.Index(padded, w); i > 0 {
			end := i + len(w)
			if padded[i-1] == ' ' && padded[end] == ' ' || w[0] >= 0xE3 || w == "ticker" && padded[end] == ' ' || w == "liveblog" || w == "liveticker" {
				return true
			}
		}
	}
	return false
}

// liveGlued reports whether a label "Live" was glued to the headline by whoever made
// text of a page: "LiveFlood on the coast: …".
func liveGlued(title string) bool {
	rest, found := strings.CutPrefix(title, "Live")
	r, _ := utf8.DecodeRuneInString(rest)
	return found && unicode.IsUpper(r)
}

const (
	// minPairedWord is the least number of letters of a word that is paired, maxPaired how
	// many words are.
	minPairedWord = 4
	maxPaired     = 12
)

// wordPairs hashes every two longer words of a headline, in whatever order they stand:
// a desk that turns a headline leaves hardly a window of it as it was.
func wordPairs(title []rune) []uint32 {
	var long []uint64
	for _, w := range words(title) {
		if r := []rune(w); len(r) >= minPairedWord && len(long) < maxPaired {
			long = append(long, hashRunes(r))
		}
	}
	var out []uint32
	for i, a := range long {
		for _, b := range long[:i] {
			out = append(out, finish(a+b))
		}
	}
	return out
}
