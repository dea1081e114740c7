//go:build unix

package normalize_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"sangam/normalize"
)

// What has made parsers, or the libraries used here, slow or large, each as often as
// fits into 128 KiB.
var hostile = []struct{ name, head, again string }{
	{"tags that do not end", "", "<a "},
	{"values that do not end", "", `<a href="`},
	{"formatting across blocks", "", "<b><p></b>"},
	{"end tags of nothing", "", "</x>"},
	{"end tags below many elements", strings.Repeat("<i>", 500), "</b>"},
	{"tables", "", "<table>x"},
	{"text beside cells", "<table>", "<b>x"},
	{"comments that do not end", "", "<!--"},
	{"one long comment", "<!--", "-"},
	{"half an end", "<script>", "</scrip"},
	{"scripts", "", "<script></script>"},
	{"ampersands", "", "&"},
	{"one long reference", "&#", "1"},
	{"foreign elements", "", "<svg><math>"},
	{"options", "<select>", "<option>"},
	{"one tag of attributes", "<p ", "a=b "},
	{"many tags of attributes", "", "<b a=1 b=2 c=3 d=4 e=5 f=6 g=7>x"},
	{"a srcset", `<img src=x srcset="`, "a 1x,"},
	{"relative links", "", "<a href=../a/b?c>x</a>"},
	{"long relative links", "", "<a href='" + strings.Repeat("../", 600) + "'>x</a>"},
	{"links of at signs", "", "<a href='//" + strings.Repeat("@", 1900) + "'>x</a>"},
	{"links of odd hosts", "", "<a href='//" + strings.Repeat("ä.", 600) + "'>x</a>"},
	{"items", "", "<ul><li>"},
	{"terms", "", "<dd><dt>"},
	{"what is opened anew", fonts(400), "<p>x"},
	{"misnested links", strings.Repeat("<a><div>", 200), "</a>"},
	{"roots", "", "<html a=b>"},
	{"isolates", "", "\u2067"},
	{"CDATA", "", "<![CDATA["},
	{"toggles", "", "<b><i></b>x</i>"},
	{"captions", "", "<table><caption>"},
	{"objects", "", "<applet><b>"},
}

func TestHostileMarkupTakesBoundedTime(t *testing.T) {
	const size, limit = 128 << 10 / slower, time.Second / 2
	for _, h := range hostile {
		in := h.head + strings.Repeat(h.again, size/len(h.again))
		start := spent(t)
		clean := normalize.HTML(in, base)
		text := normalize.Text(in)
		if took := spent(t) - start; took > limit {
			t.Errorf("%s: %v for %d bytes", h.name, took, len(in))
		}
		if len(clean) > 10*len(in) || len(text) > len(in) {
			t.Errorf("%s: %d bytes became %d, and %d of text", h.name, len(in), len(clean), len(text))
		}
		if harm := harmIn(clean); harm != "" {
			t.Errorf("%s: %s", h.name, harm)
		}
	}
}

func TestHostileNestingComesOutAsText(t *testing.T) {
	for name, in := range map[string]string{
		"deep":               strings.Repeat("<div>", 600) + "words" + strings.Repeat("</div>", 600),
		"deeper":             strings.Repeat("<b>", 100_000) + "words",
		"multiplying":        fonts(400) + strings.Repeat("<p>x", 50_000) + "words",
		"hidden in a title":  "<svg><title>" + fonts(400) + strings.Repeat("<p>x", 50_000) + "words",
		"hidden by a quote":  "<script>'<a title=\"</script>" + fonts(400) + strings.Repeat("<p>x", 50_000) + "words",
		"hidden by end tags": fonts(400) + strings.Repeat("</b>", 400) + strings.Repeat("<p>x", 50_000) + "words",
		"hidden in a cell":   fonts(400) + "<table><td>" + strings.Repeat("</font>", 400) + "</table>" + strings.Repeat("<p>x", 50_000) + "words",
		"attributes":         "<b" + strings.Repeat(" a=b", 50_000) + ">words",
		"documents":          strings.Repeat("<html a=b>", 10_000) + "words",
	} {
		start := spent(t)
		clean := normalize.HTML(in, base)
		if took := spent(t) - start; took > slower*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		if name != "hidden in a title" && !strings.Contains(clean, "words") { // that is no text to be seen
			t.Errorf("%s: the text is lost: %.80q", name, clean)
		}
		if harm := harmIn(clean); harm != "" || len(clean) > 4*len(in) {
			t.Errorf("%s: %s, %d bytes became %d", name, harm, len(in), len(clean))
		}
	}
}

func TestHostileAddressesTakeBoundedTime(t *testing.T) {
	for _, in := range []string{
		strings.Repeat("@", 7990), strings.Repeat("ä.", 2000), strings.Repeat("../", 2000), strings.Repeat("&amp;amp;", 800), strings.Repeat("%", 7000),
		strings.Repeat("utm_a=1&", 900), strings.Repeat("[", 7990), strings.Repeat("xn--a.", 1300), strings.Repeat("a", 1<<20),
	} {
		for _, head := range []string{"http://", "http://a.example/", "http://a.example/?", "http://a.example/#", "https://www.google.com/url?q="} {
			start := spent(t)
			normalize.URL(head + in)
			if took := spent(t) - start; took > slower*250*time.Millisecond {
				t.Errorf("%s%.20s… of %d bytes: %v", head, in, len(in), took)
			}
		}
	}
}

// fonts opens n different elements that a parser opens anew in every paragraph.
func fonts(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("<font size=")
		b.WriteString(strings.Repeat("i", i%7+1))
		b.WriteString(strings.Repeat("j", i/7+1))
		b.WriteByte('>')
	}
	return b.String()
}

// spent is the processor time that this process has used: unlike the time of day it does
// not depend on what else the machine does.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
