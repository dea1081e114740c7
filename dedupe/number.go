package dedupe

import "slices"

// A number is a number of a text and where it stands: a template filled anew has
// other numbers between the same words.
type number struct {
	context uint32 // hash of the words around it
	value   uint32 // hash of its digits
}

// maxNumbers bounds the numbers of one item that are compared.
const maxNumbers = 64

// numbersOf lists the numbers of the texts, sorted by context, with the word
// before and the word after each as its context.
func numbersOf(texts ...[]rune) []number {
	var out []number
	for _, t := range texts {
		out = appendNumbers(out, t)
	}
	slices.SortFunc(out, func(a, b number) int {
		if a.context != b.context {
			return int(int64(a.context) - int64(b.context))
		}
		return int(int64(a.value) - int64(b.value))
	})
	return slices.Compact(out)
}

func appendNumbers(out []number, t []rune) []number {
	eachNumber(t, func(before, digits, after []rune) bool {
		out = append(out, number{context: contextOf(before, after), value: uint32(hashRunes(digits))})
		return len(out) < maxNumbers
	})
	return out
}

// eachNumber calls f for each number of a text that has a word beside it, with those
// words, until f returns false.
func eachNumber(t []rune, f func(before, digits, after []rune) bool) {
	for i := 0; i < len(t); i++ {
		if uint32(t[i]-'0') > 9 { // no digit, nor a space
			continue
		}
		start := i
		for i < len(t) && t[i] >= '0' && t[i] <= '9' {
			i++
		}
		before, after := wordBefore(t, start), wordAfter(t, i)
		if len(before)+len(after) > 0 && !f(before, t[start:i], after) {
			return
		}
	}
}

func contextOf(before, after []rune) uint32 {
	return uint32(hashContext(before)*3 + hashContext(after))
}

const (
	// contextRunes is how many letters of a word around a number count.
	contextRunes = 12
	// contextWidth is how much of a script without spaces counts as a word.
	contextWidth = 12
)

// hashContext hashes a word around a number; all digits are alike in it, so that a
// row of numbers has the same context whatever they are.
func hashContext(word []rune) uint64 {
	var masked [contextRunes]rune
	n := copy(masked[:], word)
	for i, r := range masked[:n] {
		if r >= '0' && r <= '9' {
			masked[i] = '0'
			if i > 0 && masked[i-1] == '0' {
				masked[i-1] = ' '
			}
		}
	}
	return hashRunes(masked[:n])
}

func wordBefore(t []rune, end int) []rune {
	if end > 0 && t[end-1] == ' ' {
		end--
	}
	start := end
	for w := 0; start > 0 && t[start-1] != ' ' && w < contextWidth; start-- {
		w += width(t[start-1])
	}
	return t[start:end]
}

func wordAfter(t []rune, start int) []rune {
	if start < len(t) && t[start] == ' ' {
		start++
	}
	end := start
	for w := 0; end < len(t) && t[end] != ' ' && w < contextWidth; end++ {
		w += width(t[end])
	}
	return t[start:end]
}

// compareNumbers counts the contexts in which both have a number: in how many the
// same, in how many another one.
func compareNumbers(a, b []number) (agree, differ int) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].context < b[j].context:
			i++
		case a[i].context > b[j].context:
			j++
		default:
			context := a[i].context
			same := false
			iEnd, jEnd := i, j
			for iEnd < len(a) && a[iEnd].context == context {
				iEnd++
			}
			for jEnd < len(b) && b[jEnd].context == context {
				jEnd++
			}
			for _, x := range a[i:iEnd] {
				for _, y := range b[j:jEnd] {
					same = same || x.value == y.value
				}
			}
			if same {
				agree++
			} else {
				differ++
			}
			i, j = iEnd, jEnd
		}
	}
	return agree, differ
}
