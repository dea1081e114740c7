package render

import (
	"cmp"
	"strconv"
	"strings"

	"sangam/feed"
)

// because says in the frame's language why two items were taken for one. A rule that
// nobody has translated is told as it was stored, in English; ok is false then.
func (t *Text) because(r feed.Ruling) (words string, ok bool) {
	words = t.Reasons[r.Rule]
	if words == "" {
		return label(r.Because), false
	}
	percent := func(score string) string { return strconv.Itoa(int(r.Scores[score]*100 + 0.5)) }
	return strings.NewReplacer("{text}", percent("text"), "{headline}", percent("headline"), "{quoted}", percent("quoted")).Replace(words), true
}

// Why says in plain words why a source cannot be read.
func (t *Text) Why(trouble feed.Trouble) string {
	return cmp.Or(t.Troubles[trouble], t.Troubles[feed.HTTPStatus])
}

// The reasons are by the name of the rule, which is stored with each join.
var englishReasons = map[string]string{
	"canonical-link":    "Both point to the same page.",
	"same-page":         "One outlet lists the same page twice.",
	"stable-id":         "The outlet's own number of the article is the same.",
	"live-copy":         "The same live page, taken at the same moment.",
	"headline":          "Both have the same headline.",
	"near-headline":     "{headline} % of the headline are the same.",
	"turned-headline":   "Both headlines have the same words.",
	"text":              "{text} % of the shorter text is in the other too.",
	"text-and-headline": "{text} % of the shorter text and {headline} % of the headline are in the other too.",
	"quoted-headline":   "{text} % of the shorter text is in the other too, and {quoted} % of one's headline stands in the other's text.",
	"reissue":           "One outlet published it again at another address.",
	"article-number":    "The number of the article is the same in both addresses.",
	"operator-always":   "Whoever runs this site ruled that these are one story.",
}

var germanReasons = map[string]string{
	"canonical-link":    "Beide führen zur selben Seite.",
	"same-page":         "Ein Medium nennt dieselbe Seite zweimal.",
	"stable-id":         "Die Nummer, die das Medium dem Artikel gibt, ist dieselbe.",
	"live-copy":         "Dieselbe Live-Seite, im selben Augenblick.",
	"headline":          "Beide haben dieselbe Überschrift.",
	"near-headline":     "{headline} % der Überschrift stimmen überein.",
	"turned-headline":   "Beide Überschriften haben dieselben Wörter.",
	"text":              "{text} % des kürzeren Textes stehen auch im anderen.",
	"text-and-headline": "{text} % des kürzeren Textes und {headline} % der Überschrift stehen auch im anderen.",
	"quoted-headline":   "{text} % des kürzeren Textes stehen auch im anderen, und {quoted} % der einen Überschrift im Text des anderen.",
	"reissue":           "Ein Medium hat es unter anderer Adresse noch einmal veröffentlicht.",
	"article-number":    "Die Nummer des Artikels ist in beiden Adressen dieselbe.",
	"operator-always":   "Wer diese Seite betreibt, hat entschieden, dass dies eine Meldung ist.",
}

var urduReasons = map[string]string{
	"canonical-link":    "دونوں کا ربط ایک ہی صفحے پر جاتا ہے۔",
	"same-page":         "ایک ہی ادارے نے ایک صفحہ دو بار دیا ہے۔",
	"stable-id":         "ادارے کے ہاں دونوں تحریروں کا نمبر ایک ہے۔",
	"live-copy":         "ایک ہی براہِ راست صفحہ، ایک ہی وقت کا۔",
	"headline":          "دونوں کی سرخی ایک ہے۔",
	"near-headline":     "سرخی کا {headline} فیصد ایک جیسا ہے۔",
	"turned-headline":   "دونوں سرخیوں کے الفاظ ایک ہیں۔",
	"text":              "مختصر تحریر کا {text} فیصد دوسری میں بھی موجود ہے۔",
	"text-and-headline": "مختصر تحریر کا {text} فیصد اور سرخی کا {headline} فیصد دوسری میں بھی موجود ہے۔",
	"quoted-headline":   "مختصر تحریر کا {text} فیصد دوسری میں بھی موجود ہے، اور ایک کی سرخی کا {quoted} فیصد دوسری کی عبارت میں۔",
	"reissue":           "ایک ہی ادارے نے اسے دوسرے پتے پر دوبارہ شائع کیا۔",
	"article-number":    "دونوں پتوں میں تحریر کا نمبر ایک ہے۔",
	"operator-always":   "اس سائٹ کے منتظم نے طے کیا کہ یہ ایک ہی خبر ہے۔",
}

var hindiReasons = map[string]string{
	"canonical-link":    "दोनों के लिंक एक ही पृष्ठ पर जाते हैं।",
	"same-page":         "एक ही संस्थान ने वही पृष्ठ दो बार दिया है।",
	"stable-id":         "संस्थान के यहाँ दोनों लेखों की संख्या एक है।",
	"live-copy":         "वही लाइव पृष्ठ, उसी समय का।",
	"headline":          "दोनों का शीर्षक एक है।",
	"near-headline":     "शीर्षक का {headline} % एक जैसा है।",
	"turned-headline":   "दोनों शीर्षकों के शब्द एक हैं।",
	"text":              "छोटे पाठ का {text} % दूसरे में भी है।",
	"text-and-headline": "छोटे पाठ का {text} % और शीर्षक का {headline} % दूसरे में भी है।",
	"quoted-headline":   "छोटे पाठ का {text} % दूसरे में भी है, और एक के शीर्षक का {quoted} % दूसरे के पाठ में।",
	"reissue":           "एक ही संस्थान ने इसे दूसरे पते पर फिर छापा।",
	"article-number":    "दोनों पतों में लेख की संख्या एक है।",
	"operator-always":   "इस साइट के संचालक ने तय किया कि यह एक ही ख़बर है।",
}

var arabicReasons = map[string]string{
	"canonical-link":    "كلاهما يقود إلى الصفحة نفسها.",
	"same-page":         "أدرجت جهة واحدة الصفحة نفسها مرتين.",
	"stable-id":         "رقم المقال لدى الجهة الناشرة هو نفسه.",
	"live-copy":         "صفحة البث المباشر نفسها في اللحظة نفسها.",
	"headline":          "العنوان نفسه في كليهما.",
	"near-headline":     "يتطابق {headline}٪ من العنوان.",
	"turned-headline":   "كلمات العنوانين واحدة.",
	"text":              "يوجد {text}٪ من النص الأقصر في الآخر أيضا.",
	"text-and-headline": "يوجد {text}٪ من النص الأقصر و{headline}٪ من العنوان في الآخر أيضا.",
	"quoted-headline":   "يوجد {text}٪ من النص الأقصر في الآخر أيضا، و{quoted}٪ من عنوان أحدهما في نص الآخر.",
	"reissue":           "أعادت جهة واحدة نشره بعنوان آخر على الشبكة.",
	"article-number":    "رقم المقال واحد في الرابطين.",
	"operator-always":   "قرر القائم على هذا الموقع أن هذا خبر واحد.",
}

// The troubles are for readers: what exactly a server answered, operators find in
// the status.
var englishTroubles = map[feed.Trouble]string{
	feed.DNS: "the name of its server cannot be found", feed.Refused: "its server does not answer", feed.Blocked: "its address is one that this site does not visit",
	feed.TLS: "no secure connection can be made", feed.Timeout: "its server is too slow", feed.HTTPStatus: "its server answers with an error",
	feed.Unauthorized: "its server lets nobody in without a password", feed.NotFound: "there is no feed at its address any more", feed.GoneForGood: "its feed is gone for good",
	feed.TooMany: "its server wants to be asked less often", feed.Redirect: "its address leads nowhere", feed.TooLarge: "its feed is too large",
	feed.Encoding: "its feed cannot be unpacked", feed.Broken: "the connection broke off", feed.NotAFeed: "what its server sends is not a feed",
	feed.Unreadable: "its feed cannot be read", feed.Panicked: "this program has stumbled over it",
}

var germanTroubles = map[feed.Trouble]string{
	feed.DNS: "der Name des Servers ist nicht zu finden", feed.Refused: "der Server antwortet nicht", feed.Blocked: "die Adresse wird von hier aus nicht besucht",
	feed.TLS: "es kommt keine sichere Verbindung zustande", feed.Timeout: "der Server ist zu langsam", feed.HTTPStatus: "der Server antwortet mit einem Fehler",
	feed.Unauthorized: "der Server lässt ohne Passwort niemanden ein", feed.NotFound: "unter der Adresse gibt es keinen Feed mehr", feed.GoneForGood: "den Feed gibt es nicht mehr",
	feed.TooMany: "der Server möchte seltener gefragt werden", feed.Redirect: "die Adresse führt nirgendwohin", feed.TooLarge: "der Feed ist zu groß",
	feed.Encoding: "der Feed lässt sich nicht entpacken", feed.Broken: "die Verbindung ist abgebrochen", feed.NotAFeed: "was der Server schickt, ist kein Feed",
	feed.Unreadable: "der Feed ist nicht lesbar", feed.Panicked: "dieses Programm ist darüber gestolpert",
}

var urduTroubles = map[feed.Trouble]string{
	feed.DNS: "سرور کا نام نہیں مل رہا", feed.Refused: "سرور جواب نہیں دے رہا", feed.Blocked: "یہ پتہ یہاں سے نہیں کھولا جاتا",
	feed.TLS: "محفوظ رابطہ قائم نہیں ہو رہا", feed.Timeout: "سرور بہت سست ہے", feed.HTTPStatus: "سرور غلطی کا جواب دیتا ہے",
	feed.Unauthorized: "سرور پاس ورڈ کے بغیر اجازت نہیں دیتا", feed.NotFound: "اس پتے پر اب فیڈ نہیں", feed.GoneForGood: "فیڈ ہمیشہ کے لیے بند ہے",
	feed.TooMany: "سرور چاہتا ہے کہ کم پوچھا جائے", feed.Redirect: "پتہ کہیں نہیں لے جاتا", feed.TooLarge: "فیڈ بہت بڑی ہے",
	feed.Encoding: "فیڈ کھولی نہیں جا سکتی", feed.Broken: "رابطہ بیچ میں ٹوٹ گیا", feed.NotAFeed: "سرور جو بھیجتا ہے وہ فیڈ نہیں",
	feed.Unreadable: "فیڈ پڑھی نہیں جا سکتی", feed.Panicked: "یہ پروگرام اس پر اٹک گیا",
}

var hindiTroubles = map[feed.Trouble]string{
	feed.DNS: "सर्वर का नाम नहीं मिल रहा", feed.Refused: "सर्वर जवाब नहीं दे रहा", feed.Blocked: "यह पता यहाँ से नहीं खोला जाता",
	feed.TLS: "सुरक्षित संपर्क नहीं बन रहा", feed.Timeout: "सर्वर बहुत धीमा है", feed.HTTPStatus: "सर्वर त्रुटि का जवाब देता है",
	feed.Unauthorized: "सर्वर पासवर्ड के बिना अनुमति नहीं देता", feed.NotFound: "इस पते पर अब फ़ीड नहीं है", feed.GoneForGood: "फ़ीड हमेशा के लिए बंद है",
	feed.TooMany: "सर्वर चाहता है कि कम पूछा जाए", feed.Redirect: "पता कहीं नहीं ले जाता", feed.TooLarge: "फ़ीड बहुत बड़ी है",
	feed.Encoding: "फ़ीड खोली नहीं जा सकती", feed.Broken: "संपर्क बीच में टूट गया", feed.NotAFeed: "सर्वर जो भेजता है वह फ़ीड नहीं है",
	feed.Unreadable: "फ़ीड पढ़ी नहीं जा सकती", feed.Panicked: "यह प्रोग्राम इस पर अटक गया",
}

var arabicTroubles = map[feed.Trouble]string{
	feed.DNS: "تعذّر العثور على اسم الخادم", feed.Refused: "الخادم لا يجيب", feed.Blocked: "لا يُزار هذا العنوان من هنا",
	feed.TLS: "تعذّر إنشاء اتصال آمن", feed.Timeout: "الخادم بطيء جدا", feed.HTTPStatus: "يجيب الخادم بخطأ",
	feed.Unauthorized: "لا يسمح الخادم بالدخول بلا كلمة مرور", feed.NotFound: "لم تعد في هذا العنوان خلاصة", feed.GoneForGood: "أُغلقت الخلاصة نهائيا",
	feed.TooMany: "يريد الخادم أن يُسأل أقل", feed.Redirect: "العنوان لا يقود إلى شيء", feed.TooLarge: "الخلاصة كبيرة جدا",
	feed.Encoding: "تعذّر فك ضغط الخلاصة", feed.Broken: "انقطع الاتصال", feed.NotAFeed: "ما يرسله الخادم ليس خلاصة",
	feed.Unreadable: "تعذّرت قراءة الخلاصة", feed.Panicked: "تعثّر هذا البرنامج بها",
}
