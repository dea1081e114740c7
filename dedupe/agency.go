package dedupe

// An agency is a supplier of reports that outlets name as origin, by the names it
// has in the scripts of the world. Names are written as they appear; they are folded
// before they are compared.
type agency struct {
	name  string
	names []string
}

// agencies is who is named as origin without being anybody's configured source.
var agencies = []agency{
	{"Reuters", []string{"Reuters", "Thomson Reuters", "رائٹرز", "روئٹرز", "رويترز", "رویترز", "रॉयटर्स", "रायटर्स", "路透社", "路透", "ロイター", "รอยเตอร์"}},
	{"AP", []string{"AP", "Associated Press", "The Associated Press", "اے پی", "ایسوسی ایٹڈ پریس", "أسوشيتد برس", "اسوشيتد برس", "آسوشیتدپرس", "एपी", "एसोसिएटेड प्रेस", "美联社", "AP通信", "เอพี"}},
	{"AFP", []string{"AFP", "Agence France-Presse", "اے ایف پی", "فرانس برس", "أ ف ب", "خبرگزاری فرانسه", "फ्रांस प्रेस", "एएफपी", "法新社", "AFP時事", "เอเอฟพี"}},
	{"dpa", []string{"dpa", "Deutsche Presse-Agentur", "ڈی پی اے", "د ب أ", "डीपीए", "德新社"}},
	{"DW", []string{"DW", "Deutsche Welle", "ڈی ڈبلیو", "ڈوئچے ویلے", "دويتشه فيله", "دویچه وله", "डीडब्ल्यू", "डॉयचे वेले", "德国之声", "ドイチェ・ヴェレ", "ดอยเชอเวลเลอ"}},
	{"BBC", []string{"BBC", "BBC News", "بی بی سی", "بي بي سي", "बीबीसी", "英国广播公司", "บีบีซี"}},
	{"VOA", []string{"VOA", "Voice of America", "وائس آف امریکہ", "صدای آمریکا", "صوت أميركا", "वॉयस ऑफ अमेरिका", "美国之音"}},
	{"Xinhua", []string{"Xinhua", "شنہوا", "ژنہوا", "شينخوا", "شینهوا", "शिन्हुआ", "新华社", "新華社", "ซินหัว"}},
	{"PTI", []string{"PTI", "Press Trust of India", "پی ٹی آئی", "पीटीआई", "भाषा"}},
	{"ANI", []string{"ANI", "اے این آئی", "एएनआई"}},
	{"UNI", []string{"UNI", "یو این آئی", "यूएनआई", "वार्ता"}},
	{"IANS", []string{"IANS", "آئی اے این ایس", "आईएएनएस"}},
	{"APP", []string{"APP", "Associated Press of Pakistan", "اے پی پی"}},
	{"Anadolu", []string{"Anadolu", "Anadolu Agency", "Anadolu Ajansı", "انادولو", "اناطولیہ", "الأناضول", "آناتولی", "आनादोलु"}},
	{"TASS", []string{"TASS", "ТАСС", "تاس", "塔斯社", "タス通信"}},
	{"APA", []string{"APA", "Austria Presse Agentur"}},
	{"SID", []string{"SID", "Sport-Informations-Dienst"}},
	{"epd", []string{"epd", "Evangelischer Pressedienst"}},
	{"KNA", []string{"KNA", "Katholische Nachrichten-Agentur"}},
	{"ANSA", []string{"ANSA"}},
	{"EFE", []string{"EFE", "Agencia EFE"}},
	{"Kyodo", []string{"Kyodo", "Kyodo News", "共同通信", "共同社"}},
	{"Jiji", []string{"Jiji", "Jiji Press", "時事通信", "時事", "时事社"}},
	{"Yonhap", []string{"Yonhap", "연합뉴스", "聯合ニュース", "韩联社"}},
	{"IRNA", []string{"IRNA", "ایرنا", "إرنا"}},
	{"ISNA", []string{"ISNA", "ایسنا"}},
	{"Tasnim", []string{"Tasnim", "تسنیم"}},
	{"Mehr", []string{"Mehr", "خبرگزاری مهر"}},
	{"Fars", []string{"Fars", "خبرگزاری فارس"}},
	{"SPA", []string{"Saudi Press Agency", "واس"}},
	{"WAM", []string{"WAM", "Emirates News Agency", "وام"}},
	{"MENA", []string{"MENA", "أ ش أ"}},
	{"China News Service", []string{"China News Service", "中新社", "中新网"}},
	{"NNT", []string{"NNT", "สำนักข่าวแห่งชาติ"}},
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
