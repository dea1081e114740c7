//go:build unix

package dedupe_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
)

// vocabulary is made of syllables, so that no newspaper's text is needed to write
// articles of any length in the scripts that matter.
func vocabulary(r *rand.Rand, syllables []string, n int) []string {
	words := make([]string, n)
	for i := range words {
		for range 2 + r.IntN(3) {
			words[i] += syllables[r.IntN(len(syllables))]
		}
	}
	return words
}

var scripts = map[string][]string{
	"english": strings.Fields("ba co di fer gan hol in jor kel lin mon ner os pra que ris sta ton ver wes"),
	"german":  strings.Fields("ab ber chen dur ein für gen hö ig jah kei lich mä nung ob pfl schaft tä über ver zeu"),
	"urdu":    strings.Fields("با تی کر دو سے رہ نے میں گو ہا لا پو چی ٹھا زم ئے ؤں شہ وا نگ"),
}

var closings = map[string]string{"english": ". ", "german": ". ", "urdu": "۔ "}

// article writes an item of so many words.
func article(r *rand.Rand, script string, vocabulary []string, words, n int) feed.Item {
	var b strings.Builder
	b.WriteString("<p>")
	for i := range words {
		b.WriteString(vocabulary[r.IntN(len(vocabulary))])
		switch {
		case i%67 == 66:
			b.WriteString(closings[script] + "</p>\n<p>")
		case i%17 == 16:
			b.WriteString(closings[script])
		case i%41 == 40:
			fmt.Fprintf(&b, " %d ", r.IntN(5000))
		default:
			b.WriteByte(' ')
		}
	}
	b.WriteString("</p>")
	title := make([]string, 9)
	for i := range title {
		title[i] = vocabulary[r.IntN(len(vocabulary))]
	}
	return feed.Item{
		Key: fmt.Sprintf("%s-%d", script, n), Source: script, ID: fmt.Sprint(n), Link: fmt.Sprintf("https://%s.example/%d", script, n),
		Title: strings.Join(title, " "), Content: b.String(), Published: morning.Add(time.Duration(n) * time.Second),
	}
}

// cpu reports the processor time of a benchmark, which other work on the machine
// disturbs less than the clock.
func cpu(b *testing.B) func() {
	used := func() (d time.Duration) {
		var u syscall.Rusage
		if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
			d = time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
		return d
	}
	began := used()
	return func() { b.ReportMetric(float64(used()-began)/float64(b.N)/1000, "cpu-µs/op") }
}

func BenchmarkMark(b *testing.B) {
	for _, script := range []string{"english", "german", "urdu"} {
		r := rand.New(rand.NewPCG(1, 2))
		v := vocabulary(r, scripts[script], 5000)
		items := make([]feed.Item, 30)
		size := 0
		for i := range items {
			items[i] = article(r, script, v, 500, i)
			size += len(items[i].Content)
		}
		b.Run(script, func(b *testing.B) {
			b.ReportAllocs()
			defer cpu(b)()
			var habits feed.Habits
			for n := 0; n < b.N; n += len(items) {
				habits = dedupe.Mark(items, feed.Outlet{ID: script}, habits)
			}
			b.ReportMetric(float64(size/len(items)), "B/text")
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, script := range []string{"english", "urdu"} {
		r := rand.New(rand.NewPCG(1, 2))
		v := vocabulary(r, scripts[script], 5000)
		items := make([]feed.Item, 9)
		for i := range items {
			items[i] = article(r, script, v, 500, i)
			items[i].Source += fmt.Sprint(i % 3)
		}
		dedupe.Mark(items, feed.Outlet{ID: script}, feed.Habits{})
		for _, n := range []int{0, 1, 8} {
			b.Run(fmt.Sprintf("%s/near=%d", script, n), func(b *testing.B) {
				b.ReportAllocs()
				defer cpu(b)()
				var near []*feed.Item
				for i := range n {
					near = append(near, &items[i+1])
				}
				for b.Loop() {
					rules.Decide(&items[0], near)
				}
			})
		}
	}
}
