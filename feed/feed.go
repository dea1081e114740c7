// Package feed is the vocabulary of the program: what travels from an outlet's
// server to a reader's screen, named by where on that road it is.
//
//	Source ─► Visit ─► Document ─► Channel, Entry ─► Item ─► Batch ─► Verdict ─► Story ─► bytes
//
// A Visit takes a Source to a Batch and needs nothing but itself. Merging a
// Batch decides what each item is and stores it. Nothing flows back: what one
// visit must tell the next travels in the Batch as the source's new State.
//
// The package holds values and the few questions that can be answered from the
// value alone. It knows nothing of HTTP, files, formats or clocks, and imports
// only the standard library. The cbor tags number the fields of stored records;
// a number, once used, is never given to another field.
package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// Direction is the writing direction of a text.
type Direction string

// The directions; the zero value means that nobody said.
const (
	Unknown     Direction = ""
	LeftToRight Direction = "ltr"
	RightToLeft Direction = "rtl"
)

// Secret is a string that must never be printed: a password, a token, the value
// of a header. Every way of formatting it writes "***"; Reveal is the only way to
// read it.
type Secret string

// Reveal returns the secret itself, to be sent to whom it is meant for.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText hides the secret from JSON, YAML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Outlet is what readers, and merging, may know of a source. It holds nothing
// secret, so it may be stored, served and sent to other machines.
type Outlet struct {
	ID         string    `cbor:"1,keyasint" json:"id"`
	Name       string    `cbor:"2,keyasint,omitempty" json:"name"`                // never empty once configured
	Site       string    `cbor:"3,keyasint,omitempty" json:"site,omitempty"`      // the outlet's page for people
	URL        string    `cbor:"4,keyasint,omitempty" json:"url,omitempty"`       // the feed's address, user info and query secrets removed
	Language   string    `cbor:"5,keyasint,omitempty" json:"language,omitempty"`  // BCP 47
	Direction  Direction `cbor:"6,keyasint,omitempty" json:"direction,omitempty"` // of its text; "" = from language, else from the text
	Categories []string  `cbor:"7,keyasint,omitempty" json:"categories,omitempty"`
	Credits    []string  `cbor:"8,keyasint,omitempty" json:"credits,omitempty"` // how other outlets name it as origin
	Priority   int       `cbor:"9,keyasint,omitempty" json:"priority,omitempty"`
	Apart      bool      `cbor:"10,keyasint,omitempty" json:"apart,omitempty"` // dedupe: false – its items never join others' stories
	// MaxPerDay is how many of the stories it carries on a day, UTC, it brings into merged
	// feeds, the first that arrive; 0 = all. Its own feed has all of them.
	MaxPerDay int `cbor:"11,keyasint,omitempty" json:"max_per_day,omitempty"`
	// FeedID is how its feed calls itself to machines, as Atom's id; "" = it does not say.
	FeedID string `cbor:"12,keyasint,omitempty" json:"feed_id,omitempty"`
}

// Called is the outlet's name for who looks after many: its id while it is called by
// nothing but its host, as every other feed of that host may be.
func (o Outlet) Called() string {
	if u, err := url.Parse(o.URL); err == nil && o.Name == u.Hostname() {
		return o.ID
	}
	return o.Name
}

// Source is one feed of one outlet, as the operator configured it. Every field
// is complete: defaults have been filled in and mistakes reported by config.
type Source struct {
	Outlet
	FeedURL  string // as configured, credentials included: for the fetcher's eyes only
	Schedule string // cron line, checked
	Paused   bool
	Unnamed  bool // the operator gave no name; Outlet.Name was made from the host

	Include []*regexp.Regexp // over title and text; an item is kept if one matches or there are none
	Exclude []*regexp.Regexp // an item is dropped if one matches

	Timeout       time.Duration // for the whole visit
	MaxBody       int64         // decoded bytes
	Headers       map[string]Secret
	Username      string
	Password      Secret
	UserAgent     string // "" = Sangam's own
	Proxy         Secret // URL; "" = none, whatever the environment says
	InsecureTLS   bool
	AllowNetworks []netip.Prefix // non-public networks that may be dialled
	PerHost       PerHost
}

// Address is a fingerprint of the configured address, for State.ConfiguredURL. It
// tells whether the address is still the same and does not give it away.
func (src Source) Address() string {
	address := fingerprint(src.FeedURL)
	return string(address[:])
}

func fingerprint(address string) (written [24]byte) {
	var room [256]byte // for most addresses
	sum := sha256.Sum256(append(append(room[:0], "sangam address\x00"...), address...))
	hex.Encode(written[:], sum[:len(written)/2])
	return written
}

// Described is the outlet as readers should meet it: where the operator has said
// nothing, the feed's own words fill in.
func (src Source) Described(ch Channel) Outlet {
	o := src.Outlet
	if src.Unnamed && ch.Title != "" {
		o.Name = ch.Title
	}
	if o.Site == "" {
		o.Site = ch.Link
	}
	o.FeedID = ch.ID
	return o
}

// PerHost bounds what one registrable domain gets from us.
type PerHost struct {
	Concurrency int           // requests at once
	Interval    time.Duration // between starts
}

// State is what one visit of a source must tell the next. It is stored in the
// same transaction as the items it stands for.
type State struct {
	Source string `cbor:"1,keyasint" json:"source"`

	// Validators and where they came from, byte for byte as sent (RFC 9110, 8.8).
	URL          string `cbor:"2,keyasint,omitempty" json:"url,omitempty"` // where the feed moved to for good (301, 308); "" = as configured
	ETag         string `cbor:"3,keyasint,omitempty" json:"etag,omitempty"`
	LastModified string `cbor:"4,keyasint,omitempty" json:"last_modified,omitempty"`
	BodyHash     []byte `cbor:"5,keyasint,omitempty" json:"body_hash,omitempty"`
	// ConfiguredURL is the address the fields above belong to (a hash of it, it may
	// hold credentials): when the operator changes the address they are void.
	ConfiguredURL string `cbor:"6,keyasint,omitempty" json:"-"`

	Visited      time.Time `cbor:"10,keyasint,omitzero" json:"visited,omitzero"`          // last visit, whatever came of it
	Succeeded    time.Time `cbor:"11,keyasint,omitzero" json:"succeeded,omitzero"`        // last visit that got an answer we could use
	Changed      time.Time `cbor:"12,keyasint,omitzero" json:"changed,omitzero"`          // last visit that brought a new or revised item; filled in by the merge
	FailingSince time.Time `cbor:"13,keyasint,omitzero" json:"failing_since,omitzero"`    // zero = the last visit succeeded
	Failures     int       `cbor:"14,keyasint,omitempty" json:"failures,omitempty"`       // in a row
	Trouble      Trouble   `cbor:"15,keyasint,omitempty" json:"trouble,omitempty"`        // kind of the last failure; "" = none
	Problem      string    `cbor:"16,keyasint,omitempty" json:"problem,omitempty"`        // the last failure in plain words, redacted
	Status       int       `cbor:"17,keyasint,omitempty" json:"status,omitempty"`         // last HTTP status; 0 = none
	Warnings     []string  `cbor:"18,keyasint,omitempty" json:"warnings,omitempty"`       // of the last visit that read a document
	Due          time.Time `cbor:"20,keyasint,omitzero" json:"due,omitzero"`              // next visit, not before
	DueWhy       string    `cbor:"21,keyasint,omitempty" json:"due_why,omitempty"`        // in one line, for the operator
	NotBefore    time.Time `cbor:"22,keyasint,omitzero" json:"not_before,omitzero"`       // floor that the outlet asked for
	NotBeforeWhy string    `cbor:"23,keyasint,omitempty" json:"not_before_why,omitempty"` // "max-age", "Retry-After", …
	Gone         bool      `cbor:"24,keyasint,omitempty" json:"gone,omitempty"`           // 410: not visited again until the address changes
	Items        int       `cbor:"25,keyasint,omitempty" json:"items,omitempty"`          // in the last document that had any
	Bytes        int64     `cbor:"26,keyasint,omitempty" json:"bytes,omitempty"`          // decoded, of the last document
	Took         Millis    `cbor:"27,keyasint,omitempty" json:"took_ms,omitempty"`        // the last visit
	Visits       int64     `cbor:"28,keyasint,omitempty" json:"visits,omitempty"`         // ever
	NotModified  int64     `cbor:"29,keyasint,omitempty" json:"not_modified,omitempty"`   // answers 304 or with unchanged bytes, ever

	Filtered int64 `cbor:"31,keyasint,omitempty" json:"filtered,omitempty"` // items dropped by include and exclude, ever
	Judged   int64 `cbor:"33,keyasint,omitempty" json:"judged,omitempty"`   // items that include and exclude looked at, ever
	Dropped  int   `cbor:"34,keyasint,omitempty" json:"dropped,omitempty"`  // items of the last document dropped by them

	Tally  Tally   `cbor:"32,keyasint" json:"tally,omitzero"`             // filled in by the merge
	Events []Event `cbor:"35,keyasint,omitempty" json:"events,omitempty"` // its last turns, the newest last; filled in by the merge

	Channel Channel `cbor:"30,keyasint" json:"channel"` // how the feed names itself; without entries

	// Habits may be left out, by whoever recalls them when a visit has brought items.
	Habits Habits `cbor:"40,keyasint" json:"-"`
}

// Known is For where mostly nothing is void: then it is the state itself, and no copy.
func (st *State) Known(src *Source) *State {
	if st.Fits(src) {
		return st
	}
	known := st.For(*src)
	return &known
}

// Fits tells whether the state is of the address that src has now.
func (st *State) Fits(src *Source) bool {
	if st.ConfiguredURL == "" {
		return true
	}
	address := fingerprint(src.FeedURL)
	return st.ConfiguredURL == string(address[:])
}

// For returns what of the state still holds for src. When the operator gave the
// source another address, what the old one taught is void: validators, the place
// it moved to, its failures and its wishes. The rest (counts, how the feed names
// itself, its habits) stays.
func (st State) For(src Source) State {
	if st.Fits(&src) {
		return st
	}
	st.URL, st.ETag, st.LastModified, st.BodyHash, st.ConfiguredURL = "", "", "", nil, ""
	st.Failures, st.FailingSince, st.Trouble, st.Problem, st.Status = 0, time.Time{}, NoTrouble, "", 0
	st.Due, st.DueWhy, st.NotBefore, st.NotBeforeWhy = time.Time{}, "", time.Time{}, ""
	st.Gone, st.Channel.Pace = false, Pace{}
	st.Habits = st.Habits.Elsewhere()
	st.Visited = time.Time{} // of this address we know nothing: visit it soon
	return st
}

// Millis is a duration in whole milliseconds, as stored.
type Millis int64

// Habits is what a source repeats in item after item, and so does not count when
// items are compared. It is learnt by dedupe, bounded, and travels with the visit.
type Habits struct {
	// Sentences holds hashes of sentences that the source has shown, with the number
	// of items that had them. Sorted by hash.
	Sentences []Sentence `cbor:"1,keyasint,omitempty"`
	Learnt    int        `cbor:"2,keyasint,omitempty"` // items counted so far

	// Listed holds how the items of the last documents were known, the last document's
	// first, so that an item that comes back under another id or link is known again.
	Listed []Listed `cbor:"3,keyasint,omitempty"`
	// NewIDs and NewLinks count the documents in a row in which known items came back
	// under new ids, or links; from a few on, NoIDs and NoLinks say that the source's
	// ids or links identify nothing. That stays until its address changes.
	NewIDs   int  `cbor:"4,keyasint,omitempty"`
	NewLinks int  `cbor:"5,keyasint,omitempty"`
	NoIDs    bool `cbor:"6,keyasint,omitempty"`
	NoLinks  bool `cbor:"7,keyasint,omitempty"`
}

// Elsewhere returns what of the habits holds when the source has another address.
func (h Habits) Elsewhere() Habits {
	h.NewIDs, h.NewLinks, h.NoIDs, h.NoLinks = 0, 0, false, false
	return h
}

// Listed is an item as a document listed it: its key, and hashes of its id, its link
// and its text.
type Listed struct {
	_    struct{} `cbor:",toarray"`
	Key  string
	ID   uint32
	Link uint32
	Text uint64
}

// Sentence is a hashed sentence and the number of items that showed it.
type Sentence struct {
	_     struct{} `cbor:",toarray"`
	Hash  uint32
	Count uint8
	Age   uint8 // batches since it was last seen; the oldest are forgotten first
	// Items holds a byte of the hash of each of the first two items that had it, so
	// that an item listed again on the next visit is not counted again.
	Items uint16
}

// Trouble names the kind of a failure, for metrics and for advice.
type Trouble string

// The kinds of trouble.
const (
	NoTrouble    Trouble = ""
	DNS          Trouble = "dns"          // the name does not resolve
	Refused      Trouble = "refused"      // nothing listens, or the network is unreachable
	Blocked      Trouble = "blocked"      // our own guard refused the address
	TLS          Trouble = "tls"          // certificate or handshake
	Timeout      Trouble = "timeout"      // too slow, at whatever stage
	HTTPStatus   Trouble = "status"       // any other 4xx or 5xx
	Unauthorized Trouble = "unauthorized" // 401, 403
	NotFound     Trouble = "not-found"    // 404
	GoneForGood  Trouble = "gone"         // 410
	TooMany      Trouble = "too-many"     // 429, or 503 with Retry-After
	Redirect     Trouble = "redirect"     // loop, too many hops, forbidden target
	TooLarge     Trouble = "too-large"    // more decoded bytes than allowed
	Encoding     Trouble = "encoding"     // broken or unknown Content-Encoding
	Broken       Trouble = "broken"       // connection broke in the middle
	NotAFeed     Trouble = "not-a-feed"   // a document, but no feed
	Unreadable   Trouble = "unreadable"   // a feed, but hostile or beyond repair
	Panicked     Trouble = "panic"        // a bug of ours, confined to this source
)

// Visit is one errand: go to this source, knowing this of the last time.
type Visit struct {
	Source Source
	State  State
	At     time.Time // when; the only clock anything downstream has
}

// Outcome says what came of fetching.
type Outcome int

// The outcomes.
const (
	Failed    Outcome = iota // Trouble and Problem say why
	Unchanged                // 304, or a body with the same bytes
	Changed                  // Body is to be read
)

// Document is what a fetch brought home. A failure is a document too.
type Document struct {
	Outcome     Outcome
	URL         string // final address, after redirects; base of relative references
	MovedTo     string // set when every hop up to here was permanent: remember it
	Status      int
	ContentType string // header value as sent
	Body        []byte // decoded of its Content-Encoding; charset as sent
	BodyHash    []byte
	Delta       bool // 226: absent items are not deleted

	ETag         string // to be stored with the items, byte for byte
	LastModified string

	NotBefore    time.Time // the outlet asked us not to come back sooner
	NotBeforeWhy string

	Trouble  Trouble
	Problem  string   // redacted, plain words
	Warnings []string // things the operator should know though it worked
	Took     time.Duration
}

// Channel is a feed as its outlet describes it.
type Channel struct {
	Title       string    `cbor:"1,keyasint,omitempty" json:"title,omitempty"` // plain text
	Link        string    `cbor:"2,keyasint,omitempty" json:"link,omitempty"`  // page for people, absolute
	Description string    `cbor:"3,keyasint,omitempty" json:"description,omitempty"`
	Language    string    `cbor:"4,keyasint,omitempty" json:"language,omitempty"`
	ID          string    `cbor:"5,keyasint,omitempty" json:"id,omitempty"` // atom:id, byte for byte
	Self        string    `cbor:"6,keyasint,omitempty" json:"self,omitempty"`
	Hubs        []string  `cbor:"7,keyasint,omitempty" json:"hubs,omitempty"`
	Image       string    `cbor:"8,keyasint,omitempty" json:"image,omitempty"`
	Updated     time.Time `cbor:"9,keyasint,omitzero" json:"updated,omitzero"`
	Authors     []Person  `cbor:"10,keyasint,omitempty" json:"authors,omitempty"`
	Rights      string    `cbor:"11,keyasint,omitempty" json:"rights,omitempty"`
	Generator   string    `cbor:"12,keyasint,omitempty" json:"generator,omitempty"`
	Categories  []string  `cbor:"13,keyasint,omitempty" json:"categories,omitempty"`
	UpdatedRaw  string    `cbor:"14,keyasint,omitempty" json:"-"` // as sent; normalize reads Updated from it

	Pace     Pace     `cbor:"20,keyasint" json:"pace,omitzero"`
	Entries  []Entry  `cbor:"-" json:"-"`
	Partial  bool     `cbor:"-" json:"-"` // the document was cut; entries are those before the cut
	Warnings []string `cbor:"-" json:"-"` // what was repaired or dropped
}

// Pace is how often the outlet wants to be asked.
type Pace struct {
	TTL       time.Duration  `cbor:"1,keyasint,omitempty" json:"ttl,omitempty"`        // RSS 2.0 ttl
	Period    time.Duration  `cbor:"2,keyasint,omitempty" json:"period,omitempty"`     // RSS 1.0 syndication: updatePeriod / updateFrequency
	SkipHours []int          `cbor:"3,keyasint,omitempty" json:"skip_hours,omitempty"` // 0–23, UTC
	SkipDays  []time.Weekday `cbor:"4,keyasint,omitempty" json:"skip_days,omitempty"`
}

// Person is an author.
type Person struct {
	Name  string `cbor:"1,keyasint,omitempty" json:"name,omitempty"`
	Email string `cbor:"2,keyasint,omitempty" json:"email,omitempty"`
	URI   string `cbor:"3,keyasint,omitempty" json:"uri,omitempty"`
}

// Enclosure is a file that belongs to an item.
type Enclosure struct {
	URL    string `cbor:"1,keyasint" json:"url"`
	Type   string `cbor:"2,keyasint,omitempty" json:"type,omitempty"`
	Length int64  `cbor:"3,keyasint,omitempty" json:"length,omitempty"` // bytes; 0 = unknown
	Title  string `cbor:"4,keyasint,omitempty" json:"title,omitempty"`
}

// Origin is where an outlet says it has an item from: RSS source, atom:source.
type Origin struct {
	Name string `cbor:"1,keyasint,omitempty" json:"name,omitempty"`
	Link string `cbor:"2,keyasint,omitempty" json:"link,omitempty"` // page or feed of the origin
	ID   string `cbor:"3,keyasint,omitempty" json:"id,omitempty"`
}

// TextKind says how a Text is to be read.
type TextKind int

// The kinds of text.
const (
	Plain TextKind = iota // characters as they are; "<b>" shows as "<b>"
	HTML                  // a fragment of HTML
	Guess                 // RSS leaves it open: HTML if it looks like it
)

// Text is a text as the outlet meant it. Value has been unescaped once.
type Text struct {
	Kind  TextKind
	Value string
	Base  string // absolute URL that relative references in it are resolved against
}

// Entry is an item as the outlet wrote it: structure understood, addresses
// absolute, but words, dates and markup still raw. normalize makes an Item of it.
type Entry struct {
	ID         string // guid, atom:id, rdf:about, JSON id: byte for byte as sent
	Link       string // the page for people
	Via        string // rel="via" or canonical: where it was first
	Comments   string // address of the discussion page
	Title      Text
	Summary    Text
	Content    Text
	Authors    []Person
	Published  string // as sent
	Updated    string // as sent
	Categories []string
	Enclosures []Enclosure
	Image      string
	Language   string
	Origin     Origin
	Credits    []string          // dc:publisher, media:credit and the like: who else is named
	Extensions map[string]string // outlet's own ids and the like, by prefix:name
}

// Mark is a key by which an item could be recognised. Storage compares marks and
// knows nothing else of them.
type Mark string

// Item is one article of one outlet, comparable and safe to show.
type Item struct {
	Key    string `cbor:"1,keyasint" json:"key"`    // identity within the store, see normalize.Key
	Source string `cbor:"2,keyasint" json:"source"` // id of the source that brought it
	ID     string `cbor:"3,keyasint,omitempty" json:"id,omitempty"`
	Link   string `cbor:"4,keyasint,omitempty" json:"link,omitempty"`
	Via    string `cbor:"5,keyasint,omitempty" json:"via,omitempty"`

	Title   string   `cbor:"6,keyasint,omitempty" json:"title,omitempty"`   // plain text, single-spaced
	Summary string   `cbor:"7,keyasint,omitempty" json:"summary,omitempty"` // safe, balanced HTML
	Content string   `cbor:"8,keyasint,omitempty" json:"content,omitempty"` // safe, balanced HTML
	Authors []Person `cbor:"9,keyasint,omitempty" json:"authors,omitempty"` // plain text

	Published    time.Time `cbor:"10,keyasint,omitzero" json:"published,omitzero"`       // UTC; zero = missing or implausible
	Updated      time.Time `cbor:"11,keyasint,omitzero" json:"updated,omitzero"`         // UTC; zero = not said
	PublishedRaw string    `cbor:"12,keyasint,omitempty" json:"published_raw,omitempty"` // kept when Published is zero
	UpdatedRaw   string    `cbor:"13,keyasint,omitempty" json:"updated_raw,omitempty"`

	Categories []string          `cbor:"14,keyasint,omitempty" json:"categories,omitempty"`
	Enclosures []Enclosure       `cbor:"15,keyasint,omitempty" json:"enclosures,omitempty"`
	Image      string            `cbor:"16,keyasint,omitempty" json:"image,omitempty"`
	Language   string            `cbor:"17,keyasint,omitempty" json:"language,omitempty"`
	Direction  Direction         `cbor:"18,keyasint,omitempty" json:"direction,omitempty"` // settled: never unknown for an item with text
	Origin     Origin            `cbor:"19,keyasint" json:"origin,omitzero"`
	Comments   string            `cbor:"20,keyasint,omitempty" json:"comments,omitempty"`
	Extensions map[string]string `cbor:"21,keyasint,omitempty" json:"extensions,omitempty"`
	Credits    []string          `cbor:"22,keyasint,omitempty" json:"credits,omitempty"` // who the item says it is from, as written

	Seen    time.Time `cbor:"30,keyasint,omitzero" json:"seen,omitzero"`    // first visit that brought it
	Revised time.Time `cbor:"31,keyasint,omitzero" json:"revised,omitzero"` // last visit that changed its content
	Hash    []byte    `cbor:"32,keyasint,omitempty" json:"-"`               // of what readers see; equal = no revision
	Marks   []Mark    `cbor:"33,keyasint,omitempty" json:"-"`               // strongest first
	Story   string    `cbor:"34,keyasint,omitempty" json:"story,omitempty"` // key of the story it belongs to

	// Habitual holds the hashes of those of its sentences that its source repeats in
	// item after item, as known when it was marked: they do not count in comparing.
	Habitual []uint32 `cbor:"35,keyasint,omitempty" json:"-"`
}

// Time is when the item was published, or first seen if nobody can tell.
func (it *Item) Time() time.Time {
	if it.Published.IsZero() {
		return it.Seen
	}
	return it.Published
}

// Batch is what one visit brought: the items, marked, and the state to be stored
// after them. A visit that failed, or found nothing new, is a batch without items.
type Batch struct {
	At     time.Time
	Outlet Outlet
	State  State
	Items  []Item
}

// Relation is how an item stands to one that is stored.
type Relation string

// The relations. Related stories (same event, other report) are Apart.
const (
	Apart Relation = "apart"
	Same  Relation = "same" // one outlet's one item: a revision
	Copy  Relation = "copy" // another outlet's, or the same outlet's re-issue
)

// Ruling is a decision about two items and its reason.
type Ruling struct {
	With     string             `cbor:"1,keyasint" json:"with"` // key of the other item
	Item     string             `cbor:"2,keyasint,omitempty" json:"item,omitempty"`
	Relation Relation           `cbor:"3,keyasint" json:"relation"`
	Rule     string             `cbor:"4,keyasint" json:"rule"`              // short and stable, as in "canonical-link"
	Because  string             `cbor:"5,keyasint,omitempty" json:"because"` // one sentence for a person
	Scores   map[string]float64 `cbor:"6,keyasint,omitempty" json:"scores,omitempty"`
}

// Verdict is what an item was found to be: Fresh when no ruling joins it to
// anything, else the rulings that do.
type Verdict struct {
	Revises string   // key of the stored item that this is a revision of, under another id or link; "" = none
	Joins   []Ruling // every accepted join, strongest first
	Parts   []Ruling // the near misses worth explaining, bounded
}

// A Decider knows how items resemble each other. It is pure: the same question
// always has the same answer.
type Decider interface {
	// Decide says what it is, given the stored items within the window that share a
	// mark with it, those that share most first.
	Decide(it *Item, near []*Item) Verdict
	// Lead returns the index of the member that speaks for a story. The outlets are
	// those of the members, by source id.
	Lead(members []*Item, outlets map[string]Outlet) int
	// Window is how far apart in time copies may be published.
	Window() time.Duration
}

// Story is what readers see: one report, whoever carried it.
type Story struct {
	Key     string    // stable, url-safe; names the story's page
	ID      string    // entry id: an absolute URI that never changes
	Members []Item    // every item that belongs, the lead first, then by time
	Joins   []Ruling  // why they are one
	Order   time.Time // its place in the river
	Updated time.Time // last real change of content
	Seq     uint64    // of its last change in the change log
}

// Lead is the member that is shown.
func (s *Story) Lead() *Item { return &s.Members[0] }

// Cursor is a place in the river, to go on from.
type Cursor struct {
	Order time.Time
	Story string
}

// Query asks for stories, newest first. Given conditions must all match; a story
// matches a list if any member matches any of it. The zero Query is everything.
type Query struct {
	Sources    []string
	Categories []string
	Languages  []string // "ur" matches "ur-PK"
	Include    []*regexp.Regexp
	Exclude    []*regexp.Regexp
	Text       string    // search; "" = everything
	Before     Cursor    // only what comes after this in the river; zero = from the top
	Since      time.Time // arrived since, see Found.Arrived; zero = whenever
}

// Archival is how old a story is, when it arrives, if it came with the back catalogue of
// a source: nobody has waited for it, and thousands may come at once.
const Archival = 7 * 24 * time.Hour

// Found is a story that answers a query, before it is read.
type Found struct {
	Key   string
	Order time.Time // its place in the river
	Seq   uint64    // of its last change in the change log
	// Arrived is when a source that the query is about first brought it. What was Archival by
	// then counts as arrived at its place in the river.
	Arrived time.Time
	Version Version
	// Read returns the story. The error says that there is none, if it has gone meanwhile.
	Read func() (Story, error)
}

// Version tells the states of a story apart: while it stays, so does all that readers see
// of the story under one query. It means something only to the process that it comes from.
type Version [3]uint64

// Wanted says whether a text passes the operator's filters: one of include
// matches, or there are none, and none of exclude does.
func Wanted(include, exclude []*regexp.Regexp, text string) bool {
	matches := func(re *regexp.Regexp) bool { return re.MatchString(text) }
	return (len(include) == 0 || slices.ContainsFunc(include, matches)) && !slices.ContainsFunc(exclude, matches)
}

// View is a merged feed: what it is called and what it shows.
type View struct {
	ID          string // as in /feeds/{id}/
	Title       string
	Description string
	Language    string
	Query       Query
	Items       int // stories in one document, unless more arrived in a day
}

// Report counts what a merge did.
type Report struct {
	Source  string `json:"source"`
	Fresh   int    `json:"fresh"`   // new items that began a story
	Copies  int    `json:"copies"`  // new items that joined one
	Revised int    `json:"revised"` // known items with changed content
	Same    int    `json:"same"`    // known items, unchanged
	Late    bool   `json:"late,omitempty"`
	Seq     uint64 `json:"seq"` // of the change log after it
}
