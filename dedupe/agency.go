package dedupe

// An agency is a supplier of reports that outlets name as origin, by the names it
// has in the scripts of the world. Names are written as they appear; they are folded
// before they are compared.
type agency struct {
	name  string
	names []string
	// alone are names that are words too, or those of others: "Uni", "App", the German
	// for more. They count only as all of a credit, as they are written here.
	alone []string
}

// agencies is who is named as origin without being anybody's configured source.
var agencies = []agency{
	{"Reuters", []string{"Reuters", "Thomson Reuters", "رائٹرز", "روئٹرز", "رويترز", "رویترز", "रॉयटर्स", "रायटर्स", "路透社", "路透", "ロイター", "รอยเตอร์"}, nil},
	{"AP", []string{"AP", "Associated Press", "The Associated Press", "اے پی", "ایسوسی ایٹڈ پریس", "أسوشيتد برس", "اسوشيتد برس", "آسوشیتدپرس", "एपी", "एसोसिएटेड प्रेस", "美联社", "AP通信", "เอพี"}, nil},
	{"AFP", []string{"AFP", "Agence France-Presse", "اے ایف پی", "فرانس برس", "أ ف ب", "خبرگزاری فرانسه", "फ्रांस प्रेस", "एएफपी", "法新社", "AFP時事", "เอเอฟพี"}, nil},
	{"dpa", []string{"dpa", "Deutsche Presse-Agentur", "ڈی پی اے", "د ب أ", "डीपीए", "德新社"}, nil},
	{"DW", []string{"德国之声中文网", "DW", "Deutsche Welle", "ڈی ڈبلیو", "ڈوئچے ویلے", "دويتشه فيله", "دویچه وله", "डीडब्ल्यू", "डॉयचे वेले", "德国之声", "ドイチェ・ヴェレ", "ดอยเชอเวลเลอ"}, nil},
	{"BBC", []string{"BBC", "BBC News", "بی بی سی", "بي بي سي", "बीबीसी", "英国广播公司", "บีบีซี"}, nil},
	{"VOA", []string{"VOA", "Voice of America", "وائس آف امریکہ", "صدای آمریکا", "صوت أميركا", "वॉयस ऑफ अमेरिका", "美国之音"}, nil},
	{"Xinhua", []string{"Xinhua", "新华网", "شنہوا", "ژنہوا", "شينخوا", "شینهوا", "शिन्हुआ", "新华社", "新華社", "ซินหัว"}, nil},
	{"PTI", []string{"PTI", "Press Trust of India", "पीटीआई"}, []string{"پی ٹی آئی", "भाषा"}},
	{"ANI", []string{"Asian News International", "اے این آئی", "एएनआई"}, []string{"ANI"}},
	{"UNI", []string{"United News of India", "یو این آئی", "यूएनआई"}, []string{"UNI", "वार्ता"}},
	{"IANS", []string{"IANS", "آئی اے این ایس", "आईएएनएस"}, nil},
	{"APP", []string{"Associated Press of Pakistan", "اے پی پی"}, []string{"APP"}},
	{"Anadolu", []string{"Anadolu", "Anadolu Agency", "Anadolu Ajansı", "انادولو", "اناطولیہ", "الأناضول", "آناتولی", "आनादोलु"}, nil},
	{"TASS", []string{"TASS", "ТАСС", "تاس", "塔斯社", "タス通信"}, nil},
	{"APA", []string{"Austria Presse Agentur"}, []string{"APA"}},
	{"SID", []string{"Sport-Informations-Dienst"}, []string{"SID"}},
	{"epd", []string{"epd", "Evangelischer Pressedienst"}, nil},
	{"KNA", []string{"KNA", "Katholische Nachrichten-Agentur"}, nil},
	{"ANSA", []string{"ANSA"}, nil},
	{"EFE", []string{"EFE", "Agencia EFE"}, nil},
	{"Kyodo", []string{"Kyodo", "Kyodo News", "共同通信", "共同社", "共同"}, nil},
	{"Jiji", []string{"Jiji", "Jiji Press", "時事通信", "时事社"}, []string{"時事"}},
	{"Yonhap", []string{"Yonhap", "연합뉴스", "聯合ニュース", "韩联社"}, nil},
	{"IRNA", []string{"IRNA", "ایرنا", "إرنا"}, nil},
	{"ISNA", []string{"ISNA", "ایسنا"}, nil},
	{"Tasnim", []string{"Tasnim", "تسنیم"}, nil},
	{"Mehr", []string{"Mehr News", "Mehr News Agency", "خبرگزاری مهر"}, nil},
	{"Fars", []string{"Fars News", "Fars News Agency", "خبرگزاری فارس"}, []string{"Fars"}},
	{"SPA", []string{"Saudi Press Agency"}, []string{"واس"}},
	{"WAM", []string{"Emirates News Agency"}, []string{"WAM", "وام"}},
	{"MENA", []string{"Middle East News Agency", "أ ش أ"}, []string{"MENA"}},
	{"China News Service", []string{"China News Service", "中新社", "中新网"}, nil},
	{"NNT", []string{"NNT", "สำนักข่าวแห่งชาติ"}, nil},
}

// agencyByName finds an agency by any of its names, folded and without spaces.
var agencyByName = func() map[string]string {
	m := map[string]string{}
	for _, a := range agencies {
		for _, n := range a.names {
			m[solid(n)] = a.name
		}
	}
	return m
}()

// agencyAlone finds an agency by a name that must be all of a credit.
var agencyAlone = func() map[string]string {
	m := map[string]string{}
	for _, a := range agencies {
		for _, n := range a.alone {
			m[n] = a.name
		}
	}
	return m
}()

// agencyInPath finds an agency by a segment of an address: "…/news/afp/140310/…". The
// other names stand for sections too: AP is a state of India.
var agencyInPath = map[string]string{
	"reuters": "Reuters", "afp": "AFP", "dpa": "dpa", "ians": "IANS", "xinhua": "Xinhua",
}
