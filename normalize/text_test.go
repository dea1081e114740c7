package normalize_test

import (
	"strings"
	"testing"

	"sangam/normalize"
)

func TestTextIsWhatAPersonSees(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Rain in Lahore", "Rain in Lahore"},
		{"  Rain\n\tin&nbsp;Lahore ", "Rain in Lahore"},
		{"<b>bo</b>ld", "bold"},
		{"<p>one</p><p>two</p>three<br>four", "one two three four"},
		{"Tom &amp; Jerry &lt;b&gt; &amp;amp;", "Tom & Jerry <b> &amp;"},
		{"1 < 2 and 3 > 2", "1 < 2 and 3 > 2"},
		{"I <3 you", "I <3 you"},
		{"a<!-- b <i> -->c", "ac"},
		{"a<script>if (a<b) alert('</b>')</script>b", "a b"},
		{"<style>p{}</style>x<title>y</title>", "x"},
		{`a<img alt=">" src=x>b`, "a b"},
		{`<a title='x>y' href="z">k</a>`, "k"},
		{"cut <a href=\"x", "cut"},
		{"a\x00b\x0bc\ufffed\ufeff&#1;e\xff", "ab cde"},
		{"می‌خواهم", "می‌خواهم"},
		{"<td>1</td><td>2</td>", "1 2"},
		{"", ""},
		{"<", "<"},
		{"</", "</"},
		{"<a", ""},
		{"<>", "<>"},
		{"a</>b", "ab"},
	} {
		if got := normalize.Text(c.in); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestBidirectionalControlsStayInTheirLine(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"marks stay", "a\u200Eb\u200F\u061C", "a\u200Eb\u200F\u061C"},
		{"overrides go", "photo\u202Egpj.exe\u202C", "photogpj.exe"},
		{"balanced isolates stay", "x \u2067سلام\u2069 y", "x \u2067سلام\u2069 y"},
		{"open isolates are closed", "\u2067سلام \u2068b", "\u2067سلام \u2068b\u2069\u2069"},
		{"stray ends go", "a\u2069b", "ab"},
	} {
		got := normalize.Line(c.in)
		if got != c.want {
			t.Errorf("%s: got %+q, want %+q", c.name, got, c.want)
		}
		if again := normalize.Line(got); again != got {
			t.Errorf("%s: not settled: %+q", c.name, again)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range attacks {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		text := normalize.Text(in)
		if normalize.Line(text) != text || strings.ContainsAny(text, "\n\t\r\x00") {
			t.Errorf("%q: not one line: %q", in, text)
		}
	})
}
