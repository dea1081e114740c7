package dedupe_test

import (
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
)

// credited marks one item of the gazette.
func credited(it feed.Item) *feed.Item {
	it.Key, it.Source, it.Published = "gazette/1", "gazette", morning
	if it.Link == "" {
		it.Link = "https://gazette.example/1"
	}
	batch := []feed.Item{it}
	dedupe.Mark(batch, outlets["gazette"], feed.Habits{})
	return &batch[0]
}

func TestOriginIsWhatTheItemSays(t *testing.T) {
	long := " The river rose by two metres over night, and officials asked everybody near the bank to leave. "
	urdu := "دریا میں پانی کی سطح رات بھر بڑھتی رہی اور حکام نے کنارے کے قریب رہنے والوں سے گھر چھوڑنے کی اپیل کی۔"
	for _, c := range []struct {
		name string
		item feed.Item
		want string // id of an outlet, or name of an agency; "" = unknown
	}{
		{"rss source", feed.Item{Origin: feed.Origin{Name: "The Herald"}}, "herald"},
		{"address of the source", feed.Item{Origin: feed.Origin{Link: "https://www.herald.example/feed"}}, "herald"},
		{"canonical link elsewhere", feed.Item{Via: "https://herald.example/42"}, "herald"},
		{"author", feed.Item{Authors: []feed.Person{{Name: "Maria Lind (Reuters)"}}}, "Reuters"},
		{"publisher", feed.Item{Credits: []string{"dpa"}}, "dpa"},
		{"byline alone among the first lines", feed.Item{Title: "سیلاب", Content: "<p>سیلاب</p><p>user</p><p>Dariya</p><p>" + urdu + "</p>"}, "dariya"},
		{"byline in another script", feed.Item{Content: "دریا\n\n" + urdu + "\n" + urdu}, "dariya"},
		{"byline at the end", feed.Item{Content: "<p>" + long + "</p><p>" + long + "</p><p>AFP</p>"}, "AFP"},
		{"dateline", feed.Item{Content: "PORTHAVEN (AP) — " + long}, "AP"},
		{"dateline in Urdu", feed.Item{Content: "<p>پورٹ ہیون (رائٹرز) " + urdu + "</p>"}, "Reuters"},
		{"dateline in Chinese", feed.Item{Content: "【新华社】河水一夜之间上涨了两米,当局要求沿岸居民全部撤离,学校停课,桥梁关闭,铁路停运。"}, "Xinhua"},
		{"wire in Chinese", feed.Item{Content: "新华社北京3月1日电 河水一夜之间上涨了两米,当局要求沿岸居民全部撤离,学校停课,桥梁关闭,铁路停运。"}, "Xinhua"},
		{"as reported by, in Persian", feed.Item{Content: "به نقل از رویترز، آب رودخانه در طول شب دو متر بالا آمد و مقام‌ها از ساکنان خواستند خانه‌های خود را ترک کنند."}, "Reuters"},
		{"credit line", feed.Item{Content: "<p>" + long + "</p><p>Quelle: dpa/ts</p>"}, "dpa"},
		{"credit line in Hindi", feed.Item{Content: "<p>नदी का जलस्तर रात भर बढ़ता रहा और अधिकारियों ने किनारे के लोगों से घर छोड़ने को कहा।</p><p>स्रोत: पीटीआई</p>"}, "PTI"},
		{"wire in the link", feed.Item{Link: "https://gazette.example/x-dpa.urn-newsml-dpa-com-20090101-260102-930-489957"}, "dpa"},
		{"wire in the path", feed.Item{Link: "https://gazette.example/news/afp/140310/river-rises"}, "AFP"},
		{"dateline with a date", feed.Item{Content: "PORTHAVEN, March 1 (Xinhua) -- " + long}, "Xinhua"},
		{"dateline in Hindi, by a word that is an agency", feed.Item{Content: "<p>नीलमपुर, 1 मार्च (भाषा) नदी का जलस्तर रात भर बढ़ता रहा और अधिकारियों ने किनारे के लोगों से घर छोड़ने को कहा।</p>"}, "PTI"},
		{"dateline in Arabic", feed.Item{Content: "<p>الريحان (رويترز) - ارتفع منسوب النهر مترين خلال الليل وطلب المسؤولون من السكان القريبين مغادرة منازلهم.</p>"}, "Reuters"},
		{"dateline in Japanese", feed.Item{Content: "［みどり浜　１日　ロイター］ - 川の水位は一晩で二メートル上がり、当局は岸の近くの住民に避難を求めた。学校は休みになった。"}, "Reuters"},
		{"dateline in Thai", feed.Item{Content: "<p>(สำนักข่าวรอยเตอร์) ระดับน้ำในแม่น้ำสูงขึ้นสองเมตรในชั่วข้ามคืน เจ้าหน้าที่ขอให้ทุกคนที่อยู่ใกล้ตลิ่งอพยพออกไป</p>"}, "Reuters"},
		{"by courtesy of, in Urdu", feed.Item{Content: "<p>" + urdu + "</p><p>بشکریہ: دریا نیوز</p>"}, "dariya"},
		{"by courtesy of, in Hindi", feed.Item{Content: "<p>नदी का जलस्तर रात भर बढ़ता रहा और अधिकारियों ने किनारे के लोगों से घर छोड़ने को कहा।</p><p>(साभार: डीडब्ल्यू)</p>"}, "DW"},
		{"by the report of, in Persian", feed.Item{Content: "به گزارش ایسنا، آب رودخانه در طول شب دو متر بالا آمد و مقام‌ها از ساکنان خواستند خانه‌های خود را ترک کنند."}, "ISNA"},
		{"source in Arabic", feed.Item{Content: "<p>ارتفع منسوب النهر مترين خلال الليل وطلب المسؤولون من السكان مغادرة منازلهم.</p><p>المصدر: وكالة الأناضول</p>"}, "Anadolu"},
		{"source in Chinese, in brackets", feed.Item{Content: "<p>河水一夜之间上涨了两米,当局要求沿岸居民全部撤离,学校停课,桥梁关闭。</p><p>(来源:新华网)</p>"}, "Xinhua"},
		{"source in Thai", feed.Item{Content: "<p>ระดับน้ำในแม่น้ำสูงขึ้นสองเมตรในชั่วข้ามคืน เจ้าหน้าที่ขอให้ทุกคนอพยพ</p><p>ที่มา: รอยเตอร์</p>"}, "Reuters"},
		{"where it stood first", feed.Item{Content: "<p>" + long + "</p><p>This article was originally published by The Herald.</p>"}, "herald"},
		{"picture and agency", feed.Item{Credits: []string{"Foto: Jan Lind/dpa"}}, "dpa"},
		{"a student's place is no agency", feed.Item{Content: "<p>" + long + "</p><p>Uni Porthaven</p>"}, ""},
		{"a link to more is no agency", feed.Item{Content: "<p>" + long + "</p><p>Mehr zum Thema</p>"}, ""},
		{"a program for telephones is no agency", feed.Item{Content: "<p>" + long + "</p><p>Get the app</p>"}, ""},
		{"two agencies are no origin", feed.Item{Content: "<p>" + long + "</p><p>Quelle: dpa, AFP</p>"}, ""},
		{"an outlet and the agency it has it from", feed.Item{Authors: []feed.Person{{Name: "The Herald, AFP"}}}, "herald"},
		{"word of the software", feed.Item{Content: "<p>user</p><p>" + long + "</p>"}, ""},
		{"itself", feed.Item{Authors: []feed.Person{{Name: "Evening Gazette"}}}, ""},
		{"a name inside a word", feed.Item{Authors: []feed.Person{{Name: "Capella Dwyer"}}}, ""},
		{"mention in a sentence", feed.Item{Content: "<p>Reuters was founded long ago in a city by the sea, as everybody in this trade knows well enough.</p>"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			directory := map[string]feed.Outlet{}
			for id, o := range outlets {
				o.Site = "https://" + id + ".example/"
				directory[id] = o
			}
			it := credited(c.item)
			origin, ok := dedupe.Origin([]*feed.Item{it}, directory)
			got := origin.ID
			if got == "" {
				got = origin.Name
			}
			if got != c.want || ok != (c.want != "") {
				t.Errorf("origin is %q (%v), want %q; credits were %q", got, ok, c.want, it.Credits)
			}
		})
	}
}

func TestOriginIsNotGuessedWhenMembersDisagree(t *testing.T) {
	a, b := credited(feed.Item{Credits: []string{"Reuters"}}), credited(feed.Item{Credits: []string{"AFP"}})
	b.Key, b.Source = "herald/2", "herald"
	if origin, ok := dedupe.Origin([]*feed.Item{a, b}, outlets); ok {
		t.Errorf("origin is %q, want none", origin.Name)
	}
}

func TestOriginOfARowOfCreditsIsItsEnd(t *testing.T) {
	a := credited(feed.Item{Credits: []string{"The Herald"}})
	b := credited(feed.Item{Credits: []string{"AFP"}})
	b.Key, b.Source = "herald/2", "herald"
	if origin, ok := dedupe.Origin([]*feed.Item{a, b}, outlets); !ok || origin.Name != "AFP" {
		t.Errorf("origin is %q (%v), want AFP: the gazette has it from the herald, the herald from AFP", origin.Name, ok)
	}
}

func TestLeadOfAStory(t *testing.T) {
	text := func(n int) string {
		s := ""
		for len(s) < n {
			s += "The river rose by two metres over night. "
		}
		return s
	}
	it := func(source string, after time.Duration, content string, credits ...string) *feed.Item {
		return &feed.Item{Key: source + "/1", Source: source, Content: content, Credits: credits, Published: morning.Add(after)}
	}
	prior := map[string]feed.Outlet{"herald": outlets["herald"], "gazette": outlets["gazette"], "dariya": outlets["dariya"]}
	preferred := map[string]feed.Outlet{"herald": outlets["herald"], "gazette": {ID: "gazette", Name: "Evening Gazette", Priority: 10}, "dariya": outlets["dariya"]}
	for _, c := range []struct {
		name    string
		members []*feed.Item
		outlets map[string]feed.Outlet
		want    int
	}{
		{"the credited origin, however short and late", []*feed.Item{it("gazette", 0, text(4000), "Dariya"), it("dariya", time.Hour, text(300))}, prior, 1},
		{"priority before fullness", []*feed.Item{it("herald", 0, text(4000)), it("gazette", time.Hour, text(300))}, preferred, 1},
		{"the origin before priority", []*feed.Item{it("herald", time.Hour, text(300)), it("gazette", 0, text(4000), "The Herald")}, preferred, 0},
		{"who credits nobody before who does", []*feed.Item{it("herald", 0, text(4000), "AFP"), it("gazette", time.Hour, text(300))}, prior, 1},
		{"the fuller text", []*feed.Item{it("herald", 0, text(300)), it("gazette", time.Hour, text(4000))}, prior, 1},
		{"boilerplate makes no fuller text", []*feed.Item{it("herald", time.Hour, text(2200)), it("gazette", 0, text(2000))}, prior, 1},
		{"the earlier", []*feed.Item{it("herald", time.Hour, text(300)), it("gazette", 0, text(300))}, prior, 1},
		{"the smaller key", []*feed.Item{it("herald", 0, text(300)), it("gazette", 0, text(300))}, prior, 1},
	} {
		if got := rules.Lead(c.members, c.outlets); got != c.want {
			t.Errorf("%s: %s leads, want %s", c.name, c.members[got].Source, c.members[c.want].Source)
		}
	}
}
