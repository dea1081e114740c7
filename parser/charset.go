package parser

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

const (
	// declarationReach is how far into a document an XML declaration is looked for;
	// junk before it is common, a kilobyte of junk is not.
	declarationReach = 1024
	// fewStrays is how many well-formed UTF-8 letters there must be for every stray
	// byte before a broken text still counts as UTF-8. In a text of another charset
	// nearly every byte is a stray one.
	fewStrays = 4
	// fewStraysSaid is the same for a text that says it is UTF-8. Chance makes one
	// letter of five bytes of a charset at most.
	fewStraysSaid = 1
	// chanceLetters is how many UTF-8 letters can stand in a text of a CJK charset by
	// chance. In a single-byte charset even one is very unlikely.
	chanceLetters = 8
)

const bom = "\uFEFF"

// toUTF8 returns the document as clean UTF-8: without byte order marks, without
// characters that XML forbids. The order of trust is byte order mark, HTTP
// charset, XML declaration, then a guess; but text that is valid UTF-8, and not by
// chance, is UTF-8 whatever its labels say (RFC 7303, 3 and what servers do).
func toUTF8(body []byte, contentType string) (text string, warnings []string, err *Error) {
	text, warnings = decode(body, contentType)
	if len(text) > maxDocument {
		return "", nil, tooLarge(len(text))
	}
	for strings.HasPrefix(text, bom) {
		text = text[len(bom):]
	}
	if clean := dropForbidden(text); len(clean) != len(text) {
		warnings = append(warnings, "characters that no text may hold were dropped")
		text = clean
	}
	return text, warnings, nil
}

func decode(body []byte, contentType string) (string, []string) {
	if enc, skip := byteOrder(body); enc != nil {
		return convert(enc, body[skip:]), nil
	}
	body = bytes.TrimPrefix(body, []byte(bom))
	letters, strays := countUTF8(body)
	if strays == 0 && letters > chanceLetters {
		return mend(body)
	}
	declared := declaration(body)
	for _, label := range [...]string{httpCharset(contentType), declared} {
		if label == "" {
			continue
		}
		if isUTF8(label) {
			if letters >= fewStraysSaid*strays {
				return mend(body)
			}
			continue // the label is wrong; perhaps the next is right
		}
		enc := lookup(label)
		if enc == nil || strays == 0 && letters > 0 && !multibyte(label) {
			continue
		}
		return convert(enc, body), nil
	}
	if letters >= fewStrays*strays {
		return mend(body)
	}
	name, enc := guess(body)
	return convert(enc, body), []string{fmt.Sprintf("the charset was guessed: %s", name)}
}

// byteOrder recognises the byte order marks of UTF-8, UTF-16 and UTF-32, and the
// last two without a mark by the zero bytes around the first character. It returns
// nil for anything else, UTF-8 included.
func byteOrder(b []byte) (enc encoding.Encoding, skip int) {
	big16, little16 := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	big32, little32 := utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	has := func(mark string) bool { return len(b) >= len(mark) && string(b[:len(mark)]) == mark }
	switch {
	case has("\x00\x00\xfe\xff"):
		return big32, 4
	case has("\xff\xfe\x00\x00"):
		return little32, 4
	case has("\xfe\xff"):
		return big16, 2
	case has("\xff\xfe"):
		return little16, 2
	case has("\x4c\x6f\xa7\x94"): // "<?xm" in EBCDIC
		page := charmap.CodePage037
		if enc, ok := lookup(declaration([]byte(convert(page, b[:min(len(b), declarationReach)])))).(*charmap.Charmap); ok {
			page = enc
		}
		return page, 0
	case len(b) < 4:
		return nil, 0
	}
	ascii := func(c byte) bool { return c == '<' || c == '{' || c == ' ' || c == '\t' || c == '\r' || c == '\n' }
	switch {
	case b[0] == 0 && b[1] == 0 && b[2] == 0 && ascii(b[3]):
		return big32, 0
	case ascii(b[0]) && b[1] == 0 && b[2] == 0 && b[3] == 0:
		return little32, 0
	case b[0] == 0 && ascii(b[1]) && b[2] == 0 && b[3] != 0:
		return big16, 0
	case ascii(b[0]) && b[1] == 0 && b[2] != 0 && b[3] == 0:
		return little16, 0
	}
	return nil, 0
}

// httpCharset reads the charset parameter of a Content-Type, however it is written.
func httpCharset(contentType string) string {
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		return params["charset"]
	}
	if m := charsetParam.FindStringSubmatch(contentType); m != nil {
		return m[1]
	}
	return ""
}

var (
	charsetParam = regexp.MustCompile(`(?i)charset\s*=\s*["']?([^\s;"',]+)`)
	declarations = regexp.MustCompile(`<\?xml\s[^>]*?encoding\s*=\s*["']?\s*([A-Za-z0-9._:\-]+)`)
)

func declaration(body []byte) string {
	if m := declarations.FindSubmatch(body[:min(len(body), declarationReach)]); m != nil {
		return string(m[1])
	}
	return ""
}

func isUTF8(label string) bool {
	switch strings.ToLower(strings.Trim(label, " \t\r\n'\"")) {
	case "utf-8", "utf8", "utf_8", "u8", "unicode-1-1-utf-8", "utf-8n", "utf8mb4":
		return true
	}
	return false
}

// multibyte reports whether a label names a charset in whose texts valid UTF-8 may
// stand by chance.
func multibyte(label string) bool {
	_, name := charset.Lookup(label)
	switch name {
	case "gbk", "gb18030", "big5", "euc-jp", "iso-2022-jp", "shift_jis", "euc-kr":
		return true
	}
	return false
}

// lookup finds a charset by the names that browsers know, then by those of the
// IANA registry. It returns nil for an unknown name, and for the 16- and 32-bit
// ones: a document that is really in those is recognised by its bytes.
func lookup(label string) encoding.Encoding {
	label = strings.ToLower(strings.Trim(label, " \t\r\n'\""))
	if strings.HasPrefix(label, "utf-16") || strings.HasPrefix(label, "utf-32") || strings.HasPrefix(label, "utf_16") ||
		strings.HasPrefix(label, "utf_32") || strings.Contains(label, "ucs") || label == "unicode" || label == "" {
		return nil
	}
	if alias, ok := otherNames[label]; ok {
		return alias
	}
	if enc, name := charset.Lookup(label); enc != nil && name != "replacement" && name != "utf-8" {
		return enc
	}
	for _, index := range [...]*ianaindex.Index{ianaindex.IANA, ianaindex.MIME} {
		if enc, err := index.Encoding(label); err == nil && enc != nil {
			return enc
		}
	}
	if strings.HasPrefix(label, "windows-") || strings.HasPrefix(label, "cp") || strings.Contains(label, "_") {
		if other := strings.NewReplacer("_", "-", "windows-", "cp").Replace(label); other != label {
			return lookup(other)
		}
	}
	return nil
}

// otherNames are names that feeds use and neither index knows, or that browsers
// read as something else.
var otherNames = map[string]encoding.Encoding{
	"cp437": charmap.CodePage437, "437": charmap.CodePage437, "ibm437": charmap.CodePage437,
	"cp850": charmap.CodePage850, "850": charmap.CodePage850,
	"cp852": charmap.CodePage852, "cp855": charmap.CodePage855, "cp858": charmap.CodePage858, "cp860": charmap.CodePage860,
	"cp862": charmap.CodePage862, "cp863": charmap.CodePage863, "cp865": charmap.CodePage865,
	"cp037": charmap.CodePage037, "cp1047": charmap.CodePage1047, "cp1140": charmap.CodePage1140,
	"mac-roman": charmap.Macintosh, "macroman": charmap.Macintosh, "mac-cyrillic": charmap.MacintoshCyrillic,
	"maccyrillic": charmap.MacintoshCyrillic,
	"gb-18030":    simplifiedchinese.GB18030, // the detector's spelling
	"arabic":      charmap.Windows1256, "urdu": charmap.Windows1256,
}

// countUTF8 counts well-formed sequences above ASCII (in valid text only the first
// few), and bytes that belong to none. Of these, what only UTF-8 gone wrong has is no
// evidence against it: surrogates encoded one by one (CESU-8), and a sequence that
// the end of the document cuts.
func countUTF8(b []byte) (letters, strays int) {
	if utf8.Valid(b) {
		// Valid: how many letters matters only up to where they cannot be chance.
		for i := 0; i < len(b) && letters <= chanceLetters; {
			if b[i] >= utf8.RuneSelf {
				letters++
				_, n := utf8.DecodeRune(b[i:])
				i += n
				continue
			}
			i++
		}
		return letters, 0
	}
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r != utf8.RuneError || n > 1:
			letters++
		case surrogate(b[i:]) != 0:
			n = surrogateSize
		case !utf8.FullRune(b[i:]):
			return letters, strays
		default:
			strays++
		}
		i += n
	}
	return letters, strays
}

// surrogateSize is how many bytes encode one surrogate.
const surrogateSize = 3

// surrogate returns the surrogate that b begins with as if it were a character; 0 =
// none.
func surrogate(b []byte) rune {
	if len(b) < surrogateSize || b[0] != 0xed || b[1] < 0xa0 || b[1] > 0xbf || b[2] < 0x80 || b[2] > 0xbf {
		return 0
	}
	return 0xd000 | rune(b[1]&0x3f)<<6 | rune(b[2]&0x3f)
}

// mend returns the text of bytes that are UTF-8 but for a few: two surrogates are
// the character they mean, and a byte that is plainly a letter or quotation mark of
// windows-1252 is that. The rest is dropped.
func mend(b []byte) (string, []string) {
	if utf8.Valid(b) {
		return string(b), nil
	}
	var out strings.Builder
	out.Grow(len(b))
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r != utf8.RuneError || n > 1:
			out.Write(b[i : i+n])
		case surrogate(b[i:]) != 0:
			n = surrogateSize
			high, low := surrogate(b[i:]), surrogate(b[i+n:])
			if joined := utf16.DecodeRune(high, low); joined != utf8.RuneError {
				out.WriteRune(joined)
				n *= 2
			}
		case lonely(b, i):
			out.WriteRune(charmap.Windows1252.DecodeByte(b[i]))
		}
		i += n
	}
	return out.String(), []string{"bytes that are not UTF-8 were read as windows-1252, or dropped"}
}

// lonely reports whether the byte at i is one of windows-1252 among ASCII: a letter
// beside another, or a quotation mark. What is left of a longer sequence stands among
// its like; 0xC2 and 0xC3 begin every sequence of a Latin text.
func lonely(b []byte, i int) bool {
	var before, after byte = ' ', ' '
	if i > 0 {
		before = b[i-1]
	}
	if i+1 < len(b) {
		after = b[i+1]
	}
	if before >= utf8.RuneSelf || after >= utf8.RuneSelf {
		return false
	}
	switch c := b[i]; {
	case c < 0xa0:
		return c == 0x80 || c == 0x85 || c >= 0x91 && c <= 0x97
	case c < 0xc0 || c == 0xc2 || c == 0xc3 || c == 0xff:
		return false
	}
	letter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	return letter(before) || letter(after)
}

// convert decodes, keeping no more than is needed to see that it is too much.
func convert(enc encoding.Encoding, body []byte) string {
	var out strings.Builder
	out.Grow(len(body) + len(body)/2)
	// A decoder replaces what it cannot read; its reader has no other error.
	_, _ = io.Copy(&out, io.LimitReader(enc.NewDecoder().Reader(bytes.NewReader(body)), maxDocument+1))
	return out.String()
}

// dropForbidden removes the characters that XML 1.0 (2.2) forbids and the
// replacement characters' cousins U+FFFE and U+FFFF, and turns the C1 controls,
// which are windows-1252 bytes taken for Latin 1, into what was meant.
func dropForbidden(s string) string {
	at := forbidden(s)
	if at < 0 {
		return s
	}
	var out strings.Builder
	out.Grow(len(s))
	for at >= 0 {
		out.WriteString(s[:at])
		r, n := utf8.DecodeRuneInString(s[at:])
		if r >= 0x80 && r <= 0x9f {
			out.WriteRune(fromC1(r))
		}
		s = s[at+n:]
		at = forbidden(s)
	}
	out.WriteString(s)
	return out.String()
}

// forbidden returns the index of the first character that dropForbidden would
// touch, or -1.
func forbidden(s string) int {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !suspicious[c] {
			continue
		}
		switch {
		case c < 0x20:
			return i
		case c == 0xc2 && i+1 < len(s) && s[i+1] < 0xa0:
			return i
		case c == 0xef && i+2 < len(s) && s[i+1] == 0xbf && s[i+2] >= 0xbe:
			return i
		}
	}
	return -1
}

var suspicious = func() (t [256]bool) {
	for c := range 0x20 {
		t[c] = c != '\t' && c != '\n' && c != '\r'
	}
	t[0xc2], t[0xef] = true, true
	return t
}()

// fromC1 reads a C1 control as the windows-1252 byte that it was.
func fromC1(r rune) rune {
	if r == 0x85 {
		return '…'
	}
	return charmap.Windows1252.DecodeByte(byte(r))
}
