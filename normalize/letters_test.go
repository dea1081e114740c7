package normalize

import (
	"strings"
	"testing"
)

// Letters are counted where they stand; that is what counting them in the text would give.
func FuzzLettersOfAFragmentAreThoseOfItsText(f *testing.F) {
	for _, fragment := range []string{
		"", "plain", "اردو", "<p>Ferry <b>sinks</b></p>", "<p>کشتی ڈوب گئی</p>", "a &amp; b &lt;c&gt; &#1575;", "<script>var a</script>b", "<style>x</style>", "<p title='اردو'>a",
		"<!-- اردو -->a", "a<", "<a", "&#x202e;a", "\xff\xfea", "a\x00b", "<p>a</p", "<textarea>a<b>c</textarea>d", "<title>a</title>", "\u200eabc\u200f",
	} {
		f.Add(fragment)
	}
	f.Fuzz(func(t *testing.T, fragment string) {
		fragment = strings.ToValidUTF8(fragment, "") // as clean HTML is
		left, right := lettersIn(fragment)
		if l, r := letters(Text(fragment)); left != l || right != r {
			t.Errorf("%q: got %d and %d, want %d and %d", fragment, left, right, l, r)
		}
	})
}
