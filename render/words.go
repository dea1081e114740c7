package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"sangam/feed"
)

// Text holds the words of a page's frame in one language.
type Text struct {
	Lang string
	Dir  feed.Direction

	Skip, Latest, Sources, Categories, Feeds, Search, SearchHint, Clear         string
	Subscribe, SubscribeHint, FeedOf, Older, Newer, Newest, Today, Yesterday    string
	Also, Comma, AndMore                                                        string // the last with %d
	ReadAt, CarriedBy, Origin, WhyOne, WhyHint, Alone, SharedPassage, Published string
	NoStories, FirstStart, NoResult, NoSources, Waiting                         string
	LastItem, SilentSince, Failing, Gone, NotYet, PerDay, Fresh                 string
	NotFound, NotFoundHint, Broken, BrokenHint, BadRequest, NotAllowed, Busy    string
	JustNow, Minute, Minutes, Hour, Hours, Day, Days                            string // with %d
	Copy, Copied, Keys, NewStories                                              string // the last with %d
	Footer, OPML                                                                string
	Months                                                                      [12]string
	Weekdays                                                                    [7]string
	AllFailing, SomeFailing, AskOperator, StillHere, NothingYet, OtherWords     string
	StillWaiting, About                                                         string            // with %s
	Reasons                                                                     map[string]string // by rule
	Troubles                                                                    map[feed.Trouble]string
	DateForm                                                                    string // weekday, day, month, year as %[1]s %[2]d %[3]s %[4]d
}

// Words returns the frame's words in the language of a tag, English for those
// that nobody has written yet.
func Words(tag string) *Text {
	base, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if t := texts[base]; t != nil {
		return t
	}
	return texts["en"]
}

// Preferred returns the language that a reader's Accept-Language (RFC 9110,
// 12.5.4) asks for among those the frame is written in, or fallback.
func Preferred(accept, fallback string) string {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return fallback
	}
	for _, tag := range tags {
		base, _ := tag.Base()
		if texts[base.String()] != nil {
			return base.String()
		}
	}
	return fallback
}

// Date writes a day in the reader's language.
func (t *Text) Date(at time.Time) string {
	return fmt.Sprintf(t.DateForm, t.Weekdays[at.Weekday()], at.Day(), t.Months[at.Month()-1], at.Year())
}

// Ago says how long ago a time was, seen from now; later times are just now.
func (t *Text) Ago(at, now time.Time) string {
	count := func(n int, one, many string) string {
		if n == 1 {
			return one
		}
		return strings.Replace(many, "%d", strconv.Itoa(n), 1)
	}
	switch d := now.Sub(at); {
	case d < time.Minute:
		return t.JustNow
	case d < time.Hour:
		return count(int(d/time.Minute), t.Minute, t.Minutes)
	case d < 24*time.Hour:
		return count(int(d/time.Hour), t.Hour, t.Hours)
	default:
		return count(int(d/(24*time.Hour)), t.Day, t.Days)
	}
}

// More says how many there are besides what is named.
func (t *Text) More(n int) string { return fmt.Sprintf(t.AndMore, n) }

// Since says when something began that lasts, seen from now and told in its zone: the
// hour if it was today, else the day.
func (t *Text) Since(at, now time.Time) string {
	at = at.In(now.Location())
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04 ") + zoneName(at)
	}
	return t.Date(at)
}

// PerDayAbout says how many stories come in a day.
func (t *Text) PerDayAbout(n float64) string {
	digits := 0
	if n < 3 {
		digits = 1
	}
	return fmt.Sprintf(t.About, strconv.FormatFloat(n, 'f', digits, 64))
}

// DayName is the heading of a day in the river, as days are counted in the zone of now.
func (t *Text) DayName(day, now time.Time) string {
	day = day.In(now.Location())
	switch date := day.Format(time.DateOnly); {
	case date >= now.Format(time.DateOnly):
		return t.Today
	case date == now.AddDate(0, 0, -1).Format(time.DateOnly):
		return t.Yesterday
	}
	return t.Date(day)
}

var texts = map[string]*Text{"en": &english, "de": &german, "ur": &urdu, "hi": &hindi, "ar": &arabic}

var english = Text{
	Lang: "en", Dir: feed.LeftToRight,
	Skip: "Skip to the stories", Latest: "Latest", Sources: "Sources", Categories: "Topics", Feeds: "Feeds",
	Search: "Search", SearchHint: "Search the stories", Clear: "Show everything",
	Subscribe: "Subscribe", SubscribeHint: "Copy one of these addresses into your feed reader. It brings exactly what this page shows.",
	FeedOf: "Feed of", Older: "Older stories", Newer: "Newer stories", Newest: "Back to the newest", Today: "Today", Yesterday: "Yesterday",
	Also: "also", Comma: ", ", AndMore: "and %d more",
	ReadAt: "Read at", CarriedBy: "Who carried it", Origin: "origin", WhyOne: "Why one story?",
	WhyHint: "These reports were taken for one, for these reasons:", Alone: "One outlet has carried this story so far.",
	SharedPassage: "The passage they share", Published: "Published",
	NoStories: "No stories yet", FirstStart: "The outlets are being visited for the first time. Stories appear here as they arrive; reload in a moment.",
	NoResult: "Nothing found", NoSources: "No sources are configured yet.", Waiting: "%d of %d sources visited so far.",
	LastItem: "last new item", SilentSince: "silent since", Failing: "cannot be reached since", Gone: "gone for good", NotYet: "not visited yet",
	PerDay: "stories a day, last 14 days", Fresh: "up to date",
	NotFound: "Not here", NotFoundHint: "There is no page at this address. The story may have aged out.",
	Broken: "That did not work", BrokenHint: "The page could not be made. It is not your fault; please try again in a moment.",
	BadRequest: "That question cannot be read", NotAllowed: "This address only answers questions", Busy: "Too much at once, please try again in a moment",
	JustNow: "just now", Minute: "1 minute ago", Minutes: "%d minutes ago", Hour: "1 hour ago", Hours: "%d hours ago", Day: "1 day ago", Days: "%d days ago",
	Copy: "Copy", Copied: "Copied", Keys: "Keys j and k go from story to story", NewStories: "New stories: %d",
	AllFailing: "None of the sources can be read at the moment.", SomeFailing: "Of some sources nothing can be read at the moment.",
	AskOperator: "Whoever runs this site finds out more with the command “sangam status”.", StillHere: "What it brought before is still here.",
	NothingYet: "The sources have been visited, and have brought nothing so far.", OtherWords: "Fewer or other words may find more: headlines and texts are searched.",
	StillWaiting: "Still being visited: %s.", About: "about %s a day",
	Reasons: englishReasons, Troubles: englishTroubles,
	Footer: "Every story once, whoever tells it.", OPML: "All sources as OPML",
	Months:   [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	Weekdays: [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
	DateForm: "%[1]s, %[2]d %[3]s %[4]d",
}

var german = Text{
	Lang: "de", Dir: feed.LeftToRight,
	Skip: "Zu den Meldungen", Latest: "Aktuell", Sources: "Quellen", Categories: "Themen", Feeds: "Feeds",
	Search: "Suchen", SearchHint: "Meldungen durchsuchen", Clear: "Alles zeigen",
	Subscribe: "Abonnieren", SubscribeHint: "Eine dieser Adressen in den Feedreader kopieren: Er bringt genau das, was diese Seite zeigt.",
	FeedOf: "Feed von", Older: "Ältere Meldungen", Newer: "Neuere Meldungen", Newest: "Zurück zu den neuesten", Today: "Heute", Yesterday: "Gestern",
	Also: "auch", Comma: ", ", AndMore: "und %d weitere",
	ReadAt: "Lesen bei", CarriedBy: "Wer darüber berichtet", Origin: "Ursprung", WhyOne: "Warum eine Meldung?",
	WhyHint: "Diese Berichte gelten als einer, und zwar aus diesen Gründen:", Alone: "Bisher hat ein Medium diese Meldung gebracht.",
	SharedPassage: "Die gemeinsame Passage", Published: "Veröffentlicht",
	NoStories: "Noch keine Meldungen", FirstStart: "Die Quellen werden gerade zum ersten Mal besucht. Meldungen erscheinen hier, sobald sie eintreffen; bitte gleich neu laden.",
	NoResult: "Nichts gefunden", NoSources: "Es sind noch keine Quellen eingerichtet.", Waiting: "Bisher %d von %d Quellen besucht.",
	LastItem: "zuletzt Neues", SilentSince: "still seit", Failing: "nicht erreichbar seit", Gone: "für immer fort", NotYet: "noch nicht besucht",
	PerDay: "Meldungen am Tag, letzte 14 Tage", Fresh: "aktuell",
	NotFound: "Nicht hier", NotFoundHint: "Unter dieser Adresse gibt es keine Seite. Vielleicht ist die Meldung zu alt.",
	Broken: "Das hat nicht geklappt", BrokenHint: "Die Seite ließ sich nicht erstellen. Es liegt nicht an Ihnen; bitte gleich noch einmal versuchen.",
	BadRequest: "Diese Frage ist nicht lesbar", NotAllowed: "Diese Adresse beantwortet nur Fragen", Busy: "Gerade zu viel auf einmal, bitte gleich noch einmal",
	JustNow: "gerade eben", Minute: "vor 1 Minute", Minutes: "vor %d Minuten", Hour: "vor 1 Stunde", Hours: "vor %d Stunden", Day: "vor 1 Tag", Days: "vor %d Tagen",
	Copy: "Kopieren", Copied: "Kopiert", Keys: "Tasten j und k gehen von Meldung zu Meldung", NewStories: "Neue Meldungen: %d",
	AllFailing: "Zurzeit lässt sich keine der Quellen lesen.", SomeFailing: "Einige Quellen lassen sich zurzeit nicht lesen.",
	AskOperator: "Wer diese Seite betreibt, erfährt mehr mit dem Befehl „sangam status“.", StillHere: "Was sie bisher brachte, ist weiter da.",
	NothingYet: "Die Quellen sind besucht und haben bisher nichts gebracht.", OtherWords: "Weniger oder andere Wörter finden vielleicht mehr: Durchsucht werden Überschriften und Texte.",
	StillWaiting: "Noch unterwegs zu: %s.", About: "etwa %s am Tag",
	Reasons: germanReasons, Troubles: germanTroubles,
	Footer: "Jede Meldung einmal, wer sie auch bringt.", OPML: "Alle Quellen als OPML",
	Months:   [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
	Weekdays: [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
	DateForm: "%[1]s, %[2]d. %[3]s %[4]d",
}

var urdu = Text{
	Lang: "ur", Dir: feed.RightToLeft,
	Skip: "خبروں پر جائیں", Latest: "تازہ", Sources: "ذرائع", Categories: "موضوعات", Feeds: "فیڈز",
	Search: "تلاش", SearchHint: "خبروں میں تلاش", Clear: "سب دکھائیں",
	Subscribe: "سبسکرائب", SubscribeHint: "ان میں سے کوئی پتہ اپنے فیڈ ریڈر میں ڈالیں۔ وہی خبریں آئیں گی جو اس صفحے پر ہیں۔",
	FeedOf: "فیڈ:", Older: "پرانی خبریں", Newer: "نئی خبریں", Newest: "تازہ ترین پر واپس", Today: "آج", Yesterday: "گزشتہ روز",
	Also: "نیز", Comma: "، ", AndMore: "اور مزید %d",
	ReadAt: "اصل خبر پڑھیں:", CarriedBy: "کس کس نے شائع کی", Origin: "اصل", WhyOne: "ایک ہی خبر کیوں؟",
	WhyHint: "یہ تحریریں ان وجوہ سے ایک سمجھی گئیں:", Alone: "اب تک یہ خبر ایک ہی ادارے نے دی ہے۔",
	SharedPassage: "مشترک عبارت", Published: "اشاعت",
	NoStories: "ابھی کوئی خبر نہیں", FirstStart: "ذرائع سے پہلی بار خبریں لی جا رہی ہیں۔ جیسے جیسے آئیں گی یہاں دکھائی دیں گی؛ ذرا دیر میں صفحہ تازہ کریں۔",
	NoResult: "کچھ نہیں ملا", NoSources: "ابھی کوئی ذریعہ مقرر نہیں۔", Waiting: "%[2]d میں سے %[1]d ذرائع دیکھے جا چکے۔",
	LastItem: "آخری نئی خبر", SilentSince: "خاموش:", Failing: "رابطہ منقطع:", Gone: "ہمیشہ کے لیے بند", NotYet: "ابھی دیکھا نہیں گیا",
	PerDay: "روزانہ خبریں، گزشتہ 14 دن", Fresh: "تازہ",
	NotFound: "یہاں کچھ نہیں", NotFoundHint: "اس پتے پر کوئی صفحہ نہیں۔ شاید خبر پرانی ہو کر ہٹ گئی۔",
	Broken: "کام نہیں بنا", BrokenHint: "صفحہ تیار نہ ہو سکا۔ قصور آپ کا نہیں؛ ذرا دیر میں پھر کوشش کریں۔",
	BadRequest: "یہ سوال سمجھ میں نہیں آیا", NotAllowed: "یہ پتہ صرف پڑھنے کے لیے ہے", Busy: "اس وقت بہت ہجوم ہے، ذرا دیر میں پھر کوشش کریں",
	JustNow: "ابھی ابھی", Minute: "ایک منٹ پہلے", Minutes: "%d منٹ پہلے", Hour: "ایک گھنٹہ پہلے", Hours: "%d گھنٹے پہلے", Day: "ایک دن پہلے", Days: "%d دن پہلے",
	Copy: "نقل کریں", Copied: "نقل ہو گیا", Keys: "کلید j اور k سے اگلی پچھلی خبر پر جائیں", NewStories: "نئی خبریں: %d",
	AllFailing: "اس وقت کوئی ذریعہ پڑھا نہیں جا سکتا۔", SomeFailing: "اس وقت کچھ ذرائع پڑھے نہیں جا سکتے۔",
	AskOperator: "اس سائٹ کے منتظم کو “sangam status” سے مزید معلوم ہو گا۔", StillHere: "جو پہلے آ چکا وہ اب بھی یہاں ہے۔",
	NothingYet: "ذرائع دیکھ لیے گئے، ابھی تک کچھ نہیں آیا۔", OtherWords: "کم یا دوسرے الفاظ سے شاید مل جائے: تلاش سرخیوں اور عبارتوں میں ہوتی ہے۔",
	StillWaiting: "ابھی دیکھے جا رہے ہیں: %s۔", About: "روزانہ تقریباً %s",
	Reasons: urduReasons, Troubles: urduTroubles,
	Footer: "ہر خبر ایک بار، خواہ کوئی بھی سنائے۔", OPML: "تمام ذرائع بطور OPML",
	Months:   [12]string{"جنوری", "فروری", "مارچ", "اپریل", "مئی", "جون", "جولائی", "اگست", "ستمبر", "اکتوبر", "نومبر", "دسمبر"},
	Weekdays: [7]string{"اتوار", "پیر", "منگل", "بدھ", "جمعرات", "جمعہ", "ہفتہ"},
	DateForm: "%[1]s، %[2]d %[3]s %[4]d",
}

var hindi = Text{
	Lang: "hi", Dir: feed.LeftToRight,
	Skip: "ख़बरों पर जाएँ", Latest: "ताज़ा", Sources: "स्रोत", Categories: "विषय", Feeds: "फ़ीड",
	Search: "खोजें", SearchHint: "ख़बरों में खोजें", Clear: "सब दिखाएँ",
	Subscribe: "सदस्यता", SubscribeHint: "इनमें से कोई पता अपने फ़ीड रीडर में डालें। वही ख़बरें आएँगी जो इस पृष्ठ पर हैं।",
	FeedOf: "फ़ीड:", Older: "पुरानी ख़बरें", Newer: "नई ख़बरें", Newest: "सबसे ताज़ा पर लौटें", Today: "आज", Yesterday: "बीता कल",
	Also: "साथ ही", Comma: ", ", AndMore: "और %d अन्य",
	ReadAt: "यहाँ पढ़ें:", CarriedBy: "किस-किस ने छापा", Origin: "मूल", WhyOne: "एक ही ख़बर क्यों?",
	WhyHint: "ये लेख इन कारणों से एक माने गए:", Alone: "अब तक यह ख़बर एक ही संस्थान ने दी है।",
	SharedPassage: "साझा अंश", Published: "प्रकाशित",
	NoStories: "अभी कोई ख़बर नहीं", FirstStart: "स्रोतों से पहली बार ख़बरें ली जा रही हैं। जैसे-जैसे आएँगी, यहाँ दिखेंगी; थोड़ी देर में पृष्ठ फिर खोलें।",
	NoResult: "कुछ नहीं मिला", NoSources: "अभी कोई स्रोत तय नहीं है।", Waiting: "%[2]d में से %[1]d स्रोत देखे जा चुके।",
	LastItem: "अंतिम नई ख़बर", SilentSince: "मौन:", Failing: "संपर्क नहीं:", Gone: "हमेशा के लिए बंद", NotYet: "अभी देखा नहीं गया",
	PerDay: "रोज़ की ख़बरें, पिछले 14 दिन", Fresh: "ताज़ा",
	NotFound: "यहाँ कुछ नहीं", NotFoundHint: "इस पते पर कोई पृष्ठ नहीं है। शायद ख़बर पुरानी होकर हट गई।",
	Broken: "काम नहीं बना", BrokenHint: "पृष्ठ नहीं बन सका। ग़लती आपकी नहीं है; थोड़ी देर में फिर कोशिश करें।",
	BadRequest: "यह प्रश्न समझ में नहीं आया", NotAllowed: "यह पता केवल पढ़ने के लिए है", Busy: "अभी बहुत भीड़ है, थोड़ी देर में फिर कोशिश करें",
	JustNow: "अभी-अभी", Minute: "1 मिनट पहले", Minutes: "%d मिनट पहले", Hour: "1 घंटा पहले", Hours: "%d घंटे पहले", Day: "1 दिन पहले", Days: "%d दिन पहले",
	Copy: "कॉपी करें", Copied: "कॉपी हो गया", Keys: "j और k कुंजियाँ एक ख़बर से दूसरी पर ले जाती हैं", NewStories: "नई ख़बरें: %d",
	AllFailing: "इस समय कोई स्रोत पढ़ा नहीं जा सकता।", SomeFailing: "इस समय कुछ स्रोत पढ़े नहीं जा सकते।",
	AskOperator: "इस साइट के संचालक “sangam status” से और जान सकते हैं।", StillHere: "जो पहले आ चुका, वह अब भी यहाँ है।",
	NothingYet: "स्रोत देख लिए गए, अब तक कुछ नहीं आया।", OtherWords: "कम या दूसरे शब्दों से शायद मिले: खोज शीर्षकों और पाठों में होती है।",
	StillWaiting: "अभी देखे जा रहे हैं: %s।", About: "रोज़ लगभग %s",
	Reasons: hindiReasons, Troubles: hindiTroubles,
	Footer: "हर ख़बर एक बार, चाहे कोई भी सुनाए।", OPML: "सभी स्रोत OPML में",
	Months:   [12]string{"जनवरी", "फ़रवरी", "मार्च", "अप्रैल", "मई", "जून", "जुलाई", "अगस्त", "सितंबर", "अक्टूबर", "नवंबर", "दिसंबर"},
	Weekdays: [7]string{"रविवार", "सोमवार", "मंगलवार", "बुधवार", "गुरुवार", "शुक्रवार", "शनिवार"},
	DateForm: "%[1]s, %[2]d %[3]s %[4]d",
}

var arabic = Text{
	Lang: "ar", Dir: feed.RightToLeft,
	Skip: "إلى الأخبار", Latest: "الأحدث", Sources: "المصادر", Categories: "المواضيع", Feeds: "الخلاصات",
	Search: "بحث", SearchHint: "البحث في الأخبار", Clear: "عرض الكل",
	Subscribe: "اشتراك", SubscribeHint: "انسخ أحد هذه العناوين إلى قارئ الخلاصات، فيأتيك بما تعرضه هذه الصفحة تماما.",
	FeedOf: "خلاصة:", Older: "أخبار أقدم", Newer: "أخبار أحدث", Newest: "العودة إلى الأحدث", Today: "اليوم", Yesterday: "أمس",
	Also: "وأيضا", Comma: "، ", AndMore: "و%d غيرها",
	ReadAt: "اقرأ في", CarriedBy: "من نشره", Origin: "الأصل", WhyOne: "لماذا خبر واحد؟",
	WhyHint: "عُدّت هذه التقارير خبرا واحدا للأسباب الآتية:", Alone: "نشرت هذا الخبر جهة واحدة حتى الآن.",
	SharedPassage: "المقطع المشترك", Published: "نُشر",
	NoStories: "لا أخبار بعد", FirstStart: "تُزار المصادر للمرة الأولى. ستظهر الأخبار هنا حال وصولها؛ أعد التحميل بعد قليل.",
	NoResult: "لم يُعثر على شيء", NoSources: "لم تُحدد أي مصادر بعد.", Waiting: "زيارة %d من %d مصادر حتى الآن.",
	LastItem: "آخر جديد", SilentSince: "صامت منذ", Failing: "لا يمكن الوصول إليه منذ", Gone: "أُغلق نهائيا", NotYet: "لم يُزر بعد",
	PerDay: "أخبار كل يوم، آخر 14 يوما", Fresh: "محدّث",
	NotFound: "لا شيء هنا", NotFoundHint: "لا توجد صفحة بهذا العنوان. ربما قدُم الخبر فأزيل.",
	Broken: "تعذّر ذلك", BrokenHint: "تعذّر إعداد الصفحة. ليس الخطأ منك؛ حاول مرة أخرى بعد قليل.",
	BadRequest: "تعذّر فهم السؤال", NotAllowed: "هذا العنوان للقراءة فقط", Busy: "الطلبات كثيرة الآن، حاول بعد قليل",
	JustNow: "الآن", Minute: "قبل دقيقة", Minutes: "قبل %d دقيقة", Hour: "قبل ساعة", Hours: "قبل %d ساعة", Day: "قبل يوم", Days: "قبل %d يوما",
	Copy: "نسخ", Copied: "نُسخ", Keys: "المفتاحان j وk للتنقل بين الأخبار", NewStories: "أخبار جديدة: %d",
	AllFailing: "لا يمكن قراءة أي من المصادر الآن.", SomeFailing: "لا يمكن قراءة بعض المصادر الآن.",
	AskOperator: "يعرف القائم على هذا الموقع المزيد بالأمر “sangam status”.", StillHere: "ما جاء به من قبل ما زال هنا.",
	NothingYet: "زيرت المصادر ولم تأت بشيء حتى الآن.", OtherWords: "قد تجد كلمات أقل أو غيرها المزيد: البحث في العناوين والنصوص.",
	StillWaiting: "قيد الزيارة: %s.", About: "نحو %s يوميا",
	Reasons: arabicReasons, Troubles: arabicTroubles,
	Footer: "كل خبر مرة واحدة، أيا كان راويه.", OPML: "جميع المصادر بصيغة OPML",
	Months:   [12]string{"يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"},
	Weekdays: [7]string{"الأحد", "الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت"},
	DateForm: "%[1]s، %[2]d %[3]s %[4]d",
}

// LanguageName is what a language calls itself, as in "Deutsch"; the tag itself
// when nobody knows.
func LanguageName(tag string) string {
	t, err := language.Parse(tag)
	if err != nil {
		return tag
	}
	if name := display.Self.Name(t); name != "" {
		return name
	}
	return tag
}
