package parser_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"sangam/feed"
	"sangam/parser"
)

const (
	urdu   = "کراچی مین بارش سے سڑکین زیر آب آ گئین، شہری پریشان اور سکول بند رہے، حکومت نے امداد کا اعلان کیا"
	arabic = "هطلت أمطار غزيرة على المدينة وأغلقت المدارس أبوابها بينما أعلنت الحكومة عن مساعدات عاجلة للسكان"
	german = "Über die Brücke fährt heute kein Zug – „größere Schäden“, so der Bürgermeister, für fünf Wochen"
	hebrew = "גשם כבד ירד על העיר ובתי הספר נסגרו בעוד הממשלה הודיעה על סיוע לתושבים"
	russia = "Сильный дождь прошёл над городом, школы закрыты, правительство объявило о помощи жителям"
)

// encoded is a feed with one title in a charset; label "" = no declaration.
func encoded(t *testing.T, enc encoding.Encoding, label, title string) []byte {
	t.Helper()
	doc := "<rss version=\"2.0\"><channel><item><title>" + title + "</title></item></channel></rss>"
	if label != "" {
		doc = `<?xml version="1.0" encoding="` + label + `"?>` + doc
	}
	if enc == nil {
		return []byte(doc)
	}
	b, err := enc.NewEncoder().Bytes([]byte(doc))
	if err != nil {
		t.Fatalf("encode %q: %v", title, err)
	}
	return b
}

func TestCharsets(t *testing.T) {
	le, be := unicode.LittleEndian, unicode.BigEndian
	rows := []struct {
		claim string
		enc   encoding.Encoding
		label string // in the XML declaration
		http  string // Content-Type
		title string
	}{
		{"UTF-8 undeclared", nil, "", "", urdu},
		{"UTF-8 declared", nil, "UTF-8", "", urdu},
		{"UTF-8 with a mark", unicode.UTF8BOM, "", "", urdu},
		{"UTF-8, its mark beats a declaration", unicode.UTF8BOM, "iso-8859-1", "text/xml; charset=windows-1251", "é"},
		{"UTF-8 labelled Latin 1 in the declaration", nil, "iso-8859-1", "", german},
		{"UTF-8 labelled Latin 1 by HTTP", nil, "utf-8", "text/xml; charset=ISO-8859-1", german},
		{"UTF-8 labelled ASCII", nil, "us-ascii", "", "café"},
		{"UTF-8 labelled UTF-16", nil, "utf-16", "", urdu},
		{"UTF-8 under a name nobody knows", nil, "x-nonsense", "text/xml; charset=bogus", urdu},
		{"UTF-16 with a mark, little", unicode.UTF16(le, unicode.UseBOM), "utf-16", "", urdu},
		{"UTF-16 with a mark, big", unicode.UTF16(be, unicode.UseBOM), "", "", urdu},
		{"UTF-16 without, little", unicode.UTF16(le, unicode.IgnoreBOM), "utf-16", "", urdu},
		{"UTF-16 without, big", unicode.UTF16(be, unicode.IgnoreBOM), "", "", urdu + "😀"},
		{"UTF-16 mislabelled", unicode.UTF16(be, unicode.UseBOM), "utf-8", "text/xml; charset=utf-8", urdu},
		{"UTF-32 with a mark, little", utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), "", "", urdu},
		{"UTF-32 with a mark, big", utf32.UTF32(utf32.BigEndian, utf32.UseBOM), "", "", urdu},
		{"UTF-32 without, little", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "ucs-4", "", urdu + "😀"},
		{"UTF-32 without, big", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "", "", urdu},
		{"Arabic in windows-1256, declared", charmap.Windows1256, "windows-1256", "", arabic},
		{"Arabic in windows-1256, by HTTP", charmap.Windows1256, "", "application/rss+xml; charset=windows-1256", arabic},
		{"Arabic in windows-1256, HTTP beats the declaration", charmap.Windows1256, "iso-8859-1", "text/xml;charset='windows-1256'", arabic},
		{"Arabic in windows-1256, undeclared", charmap.Windows1256, "", "", arabic},
		{"Arabic in windows-1256, labelled UTF-8", charmap.Windows1256, "utf-8", "text/xml; charset=utf-8", arabic},
		{"Arabic in windows-1256, HTTP wrong, declaration right", charmap.Windows1256, "cp1256", "text/xml; charset=utf-8", arabic},
		{"Hebrew, undeclared", charmap.Windows1255, "", "", hebrew},
		{"Russian in KOI8-R, undeclared", charmap.KOI8R, "", "", russia},
		{"Russian in windows-1251, undeclared", charmap.Windows1251, "", "", russia},
		{"German in windows-1252, undeclared", charmap.Windows1252, "", "", german},
		{"German in windows-1252, labelled Latin 1", charmap.Windows1252, "iso-8859-1", "", german},
		{"German in windows-1252, labelled UTF-8", charmap.Windows1252, "utf-8", "", german},
		{"a single letter of windows-1252, labelled UTF-8", charmap.Windows1252, "utf-8", "", "caf\u00e9"},
		{"cp1252 quotes", charmap.Windows1252, "", "", "it’s"},
		{"Japanese, declared", japanese.ShiftJIS, "Shift_JIS", "", "東京で大雨、学校は休校"},
		{"Japanese in EUC", japanese.EUCJP, "euc-jp", "", "東京で大雨、学校は休校"},
		{"Japanese in ISO-2022-JP", japanese.ISO2022JP, "iso-2022-jp", "", "東京で大雨、学校は休校"},
		{"Korean", korean.EUCKR, "euc-kr", "", "서울에 큰 비가 내려 학교가 문을 닫았다"},
		{"Chinese in GBK, labelled gb2312", simplifiedchinese.GBK, "gb2312", "", "北京大雨，学校停课"},
		{"Chinese in Big5", traditionalchinese.Big5, "big5", "", "台北大雨，學校停課"},
		{"Japanese in Shift_JIS, undeclared", japanese.ShiftJIS, "", "", "東京で大雨となり、市内の学校はすべて休校になりました。政府は支援を発表しています。"},
		{"Japanese in EUC, undeclared", japanese.EUCJP, "", "", "東京で大雨となり、市内の学校はすべて休校になりました。政府は支援を発表しています。"},
		{"Korean, undeclared", korean.EUCKR, "", "", "서울에 큰 비가 내려 학교가 문을 닫았다 정부는 주민들에게 지원을 발표했다"},
		{"Chinese in GBK, undeclared", simplifiedchinese.GBK, "", "", "北京今天下了大雨，所有的学校都停课了，政府宣布对居民的帮助。我们的记者在现场报道。"},
		{"Chinese in Big5, undeclared", traditionalchinese.Big5, "", "", "台北今天下了大雨，所有的學校都停課了，政府宣布對居民的幫助。我們的記者在現場報導。"},
		{"Greek, undeclared", charmap.Windows1253, "", "", "Έντονη βροχή έπεσε στην πόλη και τα σχολεία έκλεισαν ενώ η κυβέρνηση ανακοίνωσε βοήθεια για τους κατοίκους"},
		{"Thai, undeclared", charmap.Windows874, "", "", "ฝนตกหนักในกรุงเทพมหานคร โรงเรียนปิด รัฐบาลประกาศให้ความช่วยเหลือแก่ประชาชน"},
		{"code page 437", charmap.CodePage437, "cp437", "", "Ç"},
		{"code page 850", charmap.CodePage850, "IBM850", "", "Ç"},
		{"EBCDIC", charmap.CodePage037, "cp037", "", "caf\u00e9"},
		{"Macintosh", charmap.Macintosh, "macintosh", "", "Ä"},
	}
	for _, row := range rows {
		t.Run(row.claim, func(t *testing.T) {
			body := encoded(t, row.enc, row.label, row.title)
			ch, err := parser.Parse(feed.Document{Body: body, ContentType: row.http})
			if err != nil {
				t.Fatal(err)
			}
			if len(ch.Entries) != 1 || ch.Entries[0].Title.Value != row.title {
				t.Errorf("got %q, want %q (%v)", facts(ch)["0.title"], row.title, ch.Warnings)
			}
		})
	}
}

// Urdu has letters that windows-1256 lacks in no position but a few; with those of
// it that it has, all three ways of saying so work.
func TestUrduInWindows1256(t *testing.T) {
	const title = "لاہور مٹی کا تودہ گرنے سے سڑک بند، ٹریفک معطل، چار افراد زخمی، امدادی کام جاری"
	text := strings.NewReplacer("ی", "ي").Replace(title) // as pages of that time wrote it
	for _, how := range []feed.Document{
		{Body: encoded(t, charmap.Windows1256, "windows-1256", text)},
		{Body: encoded(t, charmap.Windows1256, "", text), ContentType: "text/xml; charset=windows-1256"},
		{Body: encoded(t, charmap.Windows1256, "", text)},
		{Body: encoded(t, charmap.Windows1256, "utf-8", text), ContentType: "text/xml; charset=utf-8"},
	} {
		ch, err := parser.Parse(how)
		if err != nil {
			t.Fatal(err)
		}
		if got := facts(ch)["0.title"]; got != text {
			t.Errorf("%q: got %q, want %q", how.ContentType, got, text)
		}
	}
}

func TestOneBadByteCostsOnlyItself(t *testing.T) {
	body := encoded(t, nil, "utf-8", strings.Replace(urdu, "بارش", "بار\xd8 ش\xff", 1))
	ch, err := parser.Parse(feed.Document{Body: body})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := facts(ch)["0.title"], strings.Replace(urdu, "بارش", "بار ش", 1); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(ch.Warnings) == 0 {
		t.Error("not a word of it in the warnings")
	}
}

func TestAFewBadBytesCostOnlyThemselves(t *testing.T) {
	rows := []struct{ claim, label, title, want string }{
		{"emoji as two surrogates", "utf-8", "café \xed\xa0\xbd\xed\xb8\x80 y", "café 😀 y"},
		{"emoji as two surrogates, no other letter", "utf-8", "good \xed\xa0\xbd\xed\xb8\x80 day", "good 😀 day"},
		{"the same under no label", "", "good \xed\xa0\xbd\xed\xb8\x80 day", "good 😀 day"},
		{"one surrogate", "utf-8", "a\xed\xa0\xbdb", "ab"},
		{"an overlong sequence", "utf-8", "é a\xc0\xafb é", "é ab é"},
		{"windows-1252 beside UTF-8", "utf-8", "پاکستان it\x92s caf\xe9", "پاکستان it’s café"},
		{"a letter cut in the middle", "utf-8", "größ\xc3 für", "größ für"},
	}
	for _, row := range rows {
		t.Run(row.claim, func(t *testing.T) {
			ch, err := parser.Parse(feed.Document{Body: encoded(t, nil, row.label, row.title)})
			if err != nil {
				t.Fatal(err)
			}
			if got := facts(ch)["0.title"]; got != row.want || len(ch.Warnings) != 1 {
				t.Errorf("got %q, want %q (%v)", got, row.want, ch.Warnings)
			}
		})
	}
	ch, err := parser.Parse(feed.Document{Body: []byte("<?xml version='1.0' encoding='utf-8'?><rss><channel><item><guid>1</guid><title>é</title></item><item><title>a \xe2\x82")})
	if err != nil || facts(ch)["0.title"] != "é" {
		t.Errorf("cut in its last letter: got %q, %v", facts(ch)["0.title"], err)
	}
}

func FuzzCharset(f *testing.F) {
	f.Add([]byte("<rss><channel><item><title>caf\xe9</title></item></channel></rss>"), "text/xml; charset=utf-8")
	f.Add([]byte("\xfe\xff\x00<\x00r"), "")
	f.Add([]byte("\xef\xbb\xbf\xef\xbb\xbf<?xml encoding='koi8-r'?><rss>\xc1\x80\xed\xa0\x80"), "charset=\"")
	f.Add([]byte("\x4c\x6f\xa7\x94"), "text/xml; charset=cp037")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		ch, err := parser.Parse(feed.Document{Body: body, ContentType: contentType})
		if err != nil {
			return
		}
		for name, v := range facts(ch) {
			if !utf8.ValidString(v) || strings.ContainsAny(v, "\x00\x0b\ufffe\uffff") {
				t.Errorf("%s: %q holds what no text may", name, v)
			}
		}
	})
}
