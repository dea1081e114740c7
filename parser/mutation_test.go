package parser_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"sangam/feed"
	"sangam/parser"
)

// mutants are tokens that mutations put in: what markup is made of, and what breaks
// it.
var mutants = []string{
	"<", ">", "</", "/>", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<!DOCTYPE x [", "<!ENTITY a 'b'>", "&", "&#", "&#x0;", "&#xD83D;", "&a;",
	"\"", "'", "=", " ", "\n", "\x00", "\xff", "\xef\xbb\xbf", "\xfe\xff", "<item>", "</item>", "<entry>", "</entry>", "<title>", "</title>", "<rss>", "</rss>",
	"<channel>", "</channel>", "<feed>", "<rdf:RDF>", "<dc:creator>", "<media:group>", "<author>", "<source>", "<p>", "<br>", "<div>", " xmlns='x'", " xmlns:a='b'",
	" xml:base='../'", " xml:lang='ur'", " type='xhtml'", " mode='base64'", " href='x'", "{", "}", "[", "]", ":", ",", "null", "\\u0000", "\\",
}

// A million documents, each made of a good one by a few mutations, are read without a
// panic and none of them in more than a second. A short run by default; the environment
// variable SANGAM_MUTATIONS says how many.
func TestMutations(t *testing.T) {
	count := 5_000
	if raceEnabled {
		count /= 10
	}
	if n, err := strconv.Atoi(os.Getenv("SANGAM_MUTATIONS")); err == nil {
		count = n
	}
	seeds := []string{
		three, rss20(`<guid>1</guid><title>a &lt; b</title><link>/x</link><description><p>x<br></description><media:group><media:content url="a"/></media:group>`),
		atom10(`<id>1</id><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">x</div></title><link href="../x"/><source><id>2</id></source><author><name>A</name></author>`),
		atom03(`<content mode="base64">PGI+</content>`), inChannel(`<ttl>5</ttl><skipHours><hour>1</hour></skipHours><image><url>x</url></image>`),
		`<!DOCTYPE rss [<!ENTITY a "b">]><rdf:RDF xmlns:rdf="x"><channel/><item rdf:about="&a;"><dc:creator>x</dc:creator></item></rdf:RDF>`,
		`{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1.5e3,"tags":"x","author":"y","content_html":"\ud83d\ude00"},{"id":"2","attachments":[{"url":"x"}]}]}`,
	}
	random := rand.New(rand.NewPCG(1, 2))
	read := 0
	var slowest time.Duration
	for range count {
		doc := []byte(seeds[random.IntN(len(seeds))])
		for range 1 + random.IntN(6) {
			doc = mutate(random, doc, seeds)
		}
		took, err := timed(doc)
		if err == nil {
			read++
		}
		for again := 0; took > time.Second/4 && again < 3; again++ { // was it the document, or the machine?
			retry, _ := timed(doc)
			took = min(took, retry)
		}
		slowest = max(slowest, took)
	}
	t.Logf("%d documents, %d of them read, the slowest in %v", count, read, slowest)
	if slowest > time.Second {
		t.Errorf("one took %v", slowest)
	}
	if read < count/2 {
		t.Errorf("only %d of %d were read at all", read, count)
	}
}

func mutate(random *rand.Rand, doc []byte, seeds []string) []byte {
	if len(doc) == 0 {
		return []byte(seeds[0])
	}
	at := random.IntN(len(doc))
	end := min(len(doc), at+1+random.IntN(40))
	splice := func(middle string, behind []byte) []byte {
		out := append([]byte(nil), doc[:at]...)
		return append(append(out, middle...), behind...)
	}
	switch random.IntN(6) {
	case 0:
		return splice(string(rune(random.IntN(256))), doc[at+1:])
	case 1:
		return splice("", doc[end:])
	case 2:
		return splice(string(doc[at:end]), doc[at:])
	case 3:
		other := seeds[random.IntN(len(seeds))]
		return splice(other[random.IntN(len(other)):], doc[end:])
	case 4:
		return doc[:end]
	}
	return splice(mutants[random.IntN(len(mutants))], doc[at:])
}

func timed(doc []byte) (time.Duration, error) {
	start := time.Now()
	_, err := parser.Parse(feed.Document{Body: doc, URL: address})
	return time.Since(start), err
}
