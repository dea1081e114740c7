package fetcher_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"sangam/feed"
	"sangam/fetcher"
	"sangam/internal/outlet"
)

// verdict is what a visit to an animal comes to.
type verdict struct {
	outcome feed.Outcome
	trouble feed.Trouble
	moved   string // path
	says    string // in Problem or Warnings
}

// verdicts holds every animal of the bestiary.
var verdicts = map[string]verdict{
	"etag-weak":     {outcome: feed.Changed},
	"etag-bare":     {outcome: feed.Changed},
	"date-odd":      {outcome: feed.Changed},
	"etag-restless": {outcome: feed.Changed},
	"304-unasked":   {trouble: feed.HTTPStatus, says: "never there"},
	"304-new-etag":  {trouble: feed.HTTPStatus, says: "never there"},
	"delta":         {outcome: feed.Changed},
	"fresh-hour":    {outcome: feed.Changed},
	"fresh-year":    {outcome: feed.Changed},
	"expires-past":  {outcome: feed.Changed},
	"never-cached":  {outcome: feed.Changed},

	"401":           {trouble: feed.Unauthorized, says: "check auth"},
	"403":           {trouble: feed.Unauthorized, says: "check the address, headers and auth"},
	"403-bot-check": {trouble: feed.Unauthorized, says: "bot check"},
	"404":           {trouble: feed.NotFound, says: "404 Not Found"},
	"410":           {trouble: feed.GoneForGood, says: "given this feed up"},
	"418":           {trouble: feed.HTTPStatus, says: "check the address"},
	"429":           {trouble: feed.TooMany, says: "less often"},
	"429-seconds":   {trouble: feed.TooMany, says: "less often"},
	"429-nonsense":  {trouble: feed.TooMany},
	"429-century":   {trouble: feed.TooMany},
	"500":           {trouble: feed.HTTPStatus, says: "out of order"},
	"503":           {trouble: feed.HTTPStatus, says: "out of order"},
	"503-date":      {trouble: feed.TooMany},
	"204":           {trouble: feed.HTTPStatus},
	"206":           {trouble: feed.HTTPStatus},
	"999":           {trouble: feed.HTTPStatus, says: "of its own making"},

	"home":         {outcome: feed.Changed},
	"301":          {outcome: feed.Changed, moved: "/home", says: "moved for good"},
	"308":          {outcome: feed.Changed, moved: "/home"},
	"302":          {outcome: feed.Changed},
	"303":          {outcome: feed.Changed},
	"307":          {outcome: feed.Changed},
	"301-301":      {outcome: feed.Changed, moved: "/home"},
	"301-302-301":  {outcome: feed.Changed, moved: "/302-301", says: "moved for good"}, // up to the first that is temporary
	"302-301":      {outcome: feed.Changed},
	"301-404":      {trouble: feed.NotFound},
	"loop":         {trouble: feed.Redirect, says: "in a circle"},
	"ping":         {trouble: feed.Redirect, says: "in a circle"},
	"pong":         {trouble: feed.Redirect, says: "in a circle"},
	"cookie-wall":  {trouble: feed.Redirect, says: "cookies"},
	"endless":      {trouble: feed.Redirect, says: "more than 5 redirects"},
	"five-hops":    {outcome: feed.Changed},
	"to-nowhere":   {trouble: feed.Redirect, says: "where to"},
	"to-file":      {trouble: feed.Redirect, says: "file:"},
	"to-ftp":       {trouble: feed.Redirect, says: "ftp:"},
	"to-script":    {trouble: feed.Redirect, says: "javascript:"},
	"to-metadata":  {trouble: feed.Blocked, says: "not public"},
	"to-private":   {trouble: feed.Blocked, says: "not public"},
	"to-enclosed":  {trouble: feed.Blocked, says: "port 5432"},
	"to-mail-port": {trouble: feed.Blocked, says: "port 25"},
	"to-password":  {trouble: feed.Blocked, says: "not public"},
	"to-control":   {trouble: feed.Broken, says: "proper HTTP"},
	"to-crlf":      {trouble: feed.NotFound},
	"to-words":     {outcome: feed.Changed},
	"words":        {trouble: feed.HTTPStatus, says: "400"},
	"to-giant":     {trouble: feed.Redirect},

	"gzip":                  {outcome: feed.Changed},
	"x-gzip":                {outcome: feed.Changed},
	"gzip-twice-said":       {outcome: feed.Changed},
	"gzip-silent":           {outcome: feed.Changed, says: "without saying so"},
	"gzip-claimed":          {outcome: feed.Changed, says: "but it is not"},
	"gzip-tail":             {outcome: feed.Changed, says: "follows the zipped feed"},
	"gzip-cut":              {trouble: feed.Broken, says: "broke off"},
	"gzip-damaged":          {trouble: feed.Encoding, says: "damaged"},
	"gzip-bomb":             {trouble: feed.TooLarge, says: "more than 1 MiB"},
	"br":                    {trouble: feed.Encoding, says: `"br"`},
	"deflate":               {trouble: feed.Encoding, says: `"deflate"`},
	"zstd":                  {trouble: feed.Encoding, says: `"zstd"`},
	"gzip-gzip":             {trouble: feed.Encoding, says: `"gzip, gzip"`},
	"encoding-charset":      {outcome: feed.Changed, says: `"utf-8", which is none`},
	"encoding-gzip-chunked": {outcome: feed.Changed, says: `"aws-chunked", which is none`},
	"empty":                 {outcome: feed.Changed},
	"one-byte":              {outcome: feed.Changed},
	"page":                  {outcome: feed.Changed},
	"huge-announced":        {trouble: feed.TooLarge, says: "max_body"},
	"huge":                  {trouble: feed.TooLarge, says: "max_body"},

	"silent":          {trouble: feed.Timeout, says: "begin its answer"},
	"drip-header":     {trouble: feed.Timeout, says: "begin its answer"},
	"drip-body":       {trouble: feed.Timeout, says: "reading the answer"},
	"stuck-body":      {trouble: feed.Timeout, says: "reading the answer"},
	"stuck-error":     {trouble: feed.NotFound},
	"endless-interim": {trouble: feed.Timeout, says: "begin its answer"},

	"hangs-up":       {trouble: feed.Broken, says: "broke off"},
	"resets":         {trouble: feed.Broken, says: "broke off"},
	"cut":            {trouble: feed.Broken, says: "broke off"},
	"cut-chunks":     {trouble: feed.Broken, says: "broke off"},
	"ssh":            {trouble: feed.Broken, says: "proper HTTP"},
	"no-status":      {trouble: feed.Broken, says: "proper HTTP"},
	"header-garbage": {trouble: feed.Broken, says: "proper HTTP"},
	"header-nul":     {trouble: feed.Broken},
	"header-huge":    {trouble: feed.Broken},
	"header-split":   {trouble: feed.Broken, says: "proper HTTP"},
	"no-length":      {outcome: feed.Changed},
}

func TestEveryAnimalIsHandled(t *testing.T) {
	zoo := start(t, outlet.Options{})
	zoo.Behave(outlet.Zoo())
	c := client(t, fetcher.Options{})
	c.Fetch(t.Context(), &feed.Visit{Source: source(zoo.Base() + "/gzip-bomb")}) // it takes a moment to build

	var mu sync.Mutex
	docs := map[string]feed.Document{}
	visit := func(animal outlet.Animal, timeout time.Duration) {
		src := source(zoo.Base() + "/" + animal.Name)
		src.ID, src.Timeout = animal.Name, timeout
		src.PerHost.Concurrency = 1000
		began := time.Now()
		doc := c.Fetch(t.Context(), &feed.Visit{Source: src, At: began})
		if took := time.Since(began); took > src.Timeout+4*time.Second { // one busy machine, a hundred animals
			t.Errorf("%s: took %s, may take %s", animal.Name, took, src.Timeout)
		}
		mu.Lock()
		defer mu.Unlock()
		docs[animal.Name] = doc
	}
	// Those that are waited for go first, while nothing else takes up the time they have.
	for _, slow := range []bool{true, false} {
		var visits sync.WaitGroup
		for _, animal := range outlet.Bestiary() {
			switch {
			case (verdicts[animal.Name].trouble == feed.Timeout) != slow:
			case slow:
				visits.Go(func() { visit(animal, 2*time.Second) })
			default:
				visits.Go(func() { visit(animal, 10*time.Second) })
			}
		}
		visits.Wait()
	}

	for _, animal := range outlet.Bestiary() {
		want, ok := verdicts[animal.Name]
		if !ok {
			t.Errorf("%s (%s): nobody says what should happen", animal.Name, animal.About)
			continue
		}
		doc := docs[animal.Name]
		told := doc.Problem + " " + strings.Join(doc.Warnings, " ")
		moved := ""
		if want.moved != "" {
			moved = zoo.Base() + want.moved
		}
		if doc.Outcome != want.outcome || doc.Trouble != want.trouble || doc.MovedTo != moved || !strings.Contains(told, want.says) {
			t.Errorf("%s (%s):\n got %d %q moved %q: %s\nwant %d %q moved %q: …%s…", animal.Name, animal.About,
				doc.Outcome, doc.Trouble, doc.MovedTo, told, want.outcome, want.trouble, moved, want.says)
		}
		if doc.Outcome == feed.Failed && doc.Problem == "" {
			t.Errorf("%s: failed without a word", animal.Name)
		}
		if strings.ContainsAny(told, "\r\n\x00") || !utf8.ValidString(told) || len(told) > 800 || strings.Contains(told, "secret") {
			t.Errorf("%s: not fit to be shown: %q", animal.Name, told)
		}
	}
	for _, r := range zoo.Requests() {
		if r.Header.Get("X-Injected") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s was asked with %v", r.Path, r.Header)
		}
	}
}

// A gigabyte in a megabyte stops at the limit, having cost little more than it.
func TestZipBombIsCutShort(t *testing.T) {
	zoo := start(t, outlet.Options{})
	zoo.Behave(outlet.Zoo())
	c, src := client(t, fetcher.Options{}), source(zoo.Base()+"/gzip-bomb")
	fetch(t, c, src, feed.State{}) // builds the bomb
	src.MaxBody = 16 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	doc := fetch(t, c, src, feed.State{})
	runtime.ReadMemStats(&after)
	if doc.Trouble != feed.TooLarge {
		t.Errorf("got %+v", doc)
	}
	// All that was ever allocated, by the server too, is several times what was held at once.
	if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 160 {
		t.Errorf("allocated %d MiB in all for a limit of 16 MiB", got)
	}
}
