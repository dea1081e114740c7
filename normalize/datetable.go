package normalize

import (
	"strings"
	"time"
)

// monthNames holds the names of the twelve months of the Gregorian calendar, one line
// a month, as feeds have written them: in full, in the case that follows a day, and
// shortened. They are looked up as plainDate writes them, without accents.
var monthNames = [12]string{
	`jan january januar jän jänner jaan jaanuar january janvier janv enero ene gennaio gen janeiro januari jan janúar jänn
	 stycznia styczeń sty ledna leden led január januára ianuarie ian gener ocak oca tammikuu tammikuuta tammi sausio janvāris
	 ιανουαρίου ιανουάριος ιαν января январь янв січня січень січ януари яну јануар јануара студзеня
	 يناير جانفي جنوری ژانویه ژانویهٔ ינואר जनवरी जानेवारी জানুয়ারি জানুয়ারী ஜனவரி జనవరి જાન્યુઆરી ਜਨਵਰੀ
	 มกราคม`,
	`feb february februar feber veebruar février févr fév febrero febbraio fevereiro fev februari febrúar
	 lutego luty lut února únor úno február februára februarie febr febrer şubat şub helmikuu helmikuuta helmi vasario februāris
	 φεβρουαρίου φεβρουάριος φεβ φεβρ февраля февраль фев февр лютого лютий лют февруари фебруар фебруара лютага
	 فبراير فيفري شباط فروری فوریه פברואר फरवरी फ़रवरी फेब्रुवारी ফেব্রুয়ারি ফেব্রুয়ারী பிப்ரவரி ఫిబ్రవరి ફેબ્રુઆરી ਫਰਵਰੀ
	 กุมภาพันธ์`,
	`mar march märz mrz märts mars marzo março maart mrt marts mars mac maret
	 marca marzec března březen bře március márc martie martz març mart maaliskuu maaliskuuta maalis kovo
	 μαρτίου μάρτιος μάρ марта март мар березня березень бер сакавіка
	 مارس آذار مارچ מרץ मार्च মার্চ மார்ச் మార్చి માર્ચ ਮਾਰਚ
	 มีนาคม`,
	`apr april avril avr abril abr aprile apríl
	 kwietnia kwiecień kwi dubna duben dub április ápr aprilie nisan nis huhtikuu huhtikuuta huhti aprill balandžio aprīlis
	 απριλίου απρίλιος απρ апреля апрель апр квітня квітень квіт април красавіка
	 أبريل إبريل ابريل أفريل نيسان اپریل آوریل אפריל अप्रैल एप्रिल এপ্রিল ஏப்ரல் ఏప్రిల్ એપ્રિલ ਅਪ੍ਰੈਲ
	 เมษายน`,
	`may mai mayo maggio mag maio mei maj maí
	 maja května květen kvě május máj mája maig mayıs toukokuu toukokuuta touko gegužės maijs
	 μαΐου μάιος μάι μαϊ мая май травня травень трав мај маја
	 مايو ماي أيار مئی مه מאי मई मे মে மே మే મે ਮਈ
	 พฤษภาคม`,
	`jun june juni juin junio giugno giu junho júní
	 czerwca czerwiec cze června červen čvn június jún júna iunie iun juny haziran haz kesäkuu kesäkuuta kesä juuni birželio jūnijs
	 ιουνίου ιούνιος ιούν июня июнь июн червня червень черв юни јун јуна чэрвеня
	 يونيو جوان حزيران جون ژوئن יוני जून জুন ஜூன் జూన్ જૂન ਜੂਨ
	 มิถุนายน`,
	`jul july juli juillet juil julio luglio lug julho júlí julai
	 lipca lipiec lip července červenec čvc július júl júla iulie iul juliol temmuz tem heinäkuu heinäkuuta heinä juuli liepos jūlijs
	 ιουλίου ιούλιος ιούλ июля июль июл липня липень лип юли јул јула ліпеня
	 يوليو يوليوز جويلية تموز جولائی ژوئیه יולי जुलाई जुलै জুলাই ஜூலை జూలై જુલાઈ ਜੁਲਾਈ
	 กรกฎาคม`,
	`aug august août agosto ago augustus ágúst augusti agustus agt ogos
	 sierpnia sierpień sie srpna srpen srp augusztus augusta agost ağustos ağu elokuu elokuuta elo rugpjūčio augusts avgust avg
	 αυγούστου αύγουστος αύγ августа август авг серпня серпень серп жніўня
	 أغسطس أوت غشت آب اگست اوت אוגוסט अगस्त ऑगस्ट আগস্ট ஆகஸ்ட் ఆగస్టు ઑગસ્ટ ਅਗਸਤ
	 สิงหาคม`,
	`sep sept september septembre septiembre settembre set setembro septembrie setembre
	 września wrzesień wrz září zář szeptember szept septembra eylül eyl syyskuu syyskuuta syys rugsėjo septembris
	 σεπτεμβρίου σεπτέμβριος σεπ σεπτ сентября сентябрь сен сент вересня вересень вер септември септембар септембра верасня
	 سبتمبر شتنبر أيلول ستمبر سپتامبر ספטמבר सितंबर सितम्बर सप्टेंबर সেপ্টেম্বর செப்டம்பர் సెప్టెంబర్ સપ્ટેમ્બર ਸਤੰਬਰ
	 กันยายน`,
	`oct october oktober okt octobre octubre ottobre ott outubro out octombrie
	 października październik paź října říjen říj október októbra ekim eki lokakuu lokakuuta loka oktoober spalio oktobris oktobra
	 οκτωβρίου οκτώβριος οκτ октября октябрь окт жовтня жовтень жовт октомври октобар октобра кастрычніка
	 أكتوبر اکتوبر اکتبر אוקטובר अक्टूबर अक्तूबर ऑक्टोबर অক্টোবর அக்டோபர் అక్టోబర్ ઑક્ટોબર ਅਕਤੂਬਰ
	 ตุลาคม`,
	`nov november novembre noviembre novembro noiembrie
	 listopada listopad lis listopadu novembra kasım kas marraskuu marraskuuta marras lapkričio novembris
	 νοεμβρίου νοέμβριος νοέ ноября ноябрь ноя нояб листопада листопад лист ноември новембар новембра лістапада
	 نوفمبر نونبر نومبر نوامبر נובמבר नवंबर नवम्बर नोव्हेंबर নভেম্বর நவம்பர் నవంబర్ નવેમ્બર ਨਵੰਬਰ
	 พฤศจิกายน`,
	`dec december dezember dez décembre déc diciembre dic dicembre dezembro desember des disember detsember decembrie desembre
	 grudnia grudzień gru prosince prosinec pro decembra aralık ara joulukuu joulukuuta joulu gruodžio decembris
	 δεκεμβρίου δεκέμβριος δεκ декабря декабрь дек грудня грудень груд декември децембар децембра снежня
	 ديسمبر دجنبر دسمبر دسامبر דצמבר दिसंबर दिसम्बर डिसेंबर ডিসেম্বর டிசம்பர் డిసెంబర్ ડિસેમ્બર ਦਸੰਬਰ
	 ธันวาคม`,
}

var (
	// months gives the number of a month by its name.
	months = func() map[string]int {
		m := make(map[string]int)
		for i, names := range monthNames {
			for _, name := range strings.Fields(names) {
				m[plainDate(name)] = i + 1
			}
		}
		return m
	}()

	// thai holds the Thai names, the last of each line.
	thai = func() map[string]bool {
		m := make(map[string]bool)
		for _, names := range monthNames {
			words := strings.Fields(names)
			m[plainDate(words[len(words)-1])] = true
		}
		return m
	}()

	// monthPairs holds the months of the Levant that take two words.
	monthPairs = map[string]map[string]int{
		plainDate("كانون"): {plainDate("الثاني"): 1, plainDate("الأول"): 12},
		plainDate("تشرين"): {plainDate("الثاني"): 11, plainDate("الأول"): 10},
	}

	// halves gives the half of the day by its word.
	halves = func() map[string]string {
		m := make(map[string]string)
		for _, word := range strings.Fields("am vorm πμ ص صباحا صبح 上午 午前 오전 पूर्वाह्न") {
			m[plainDate(word)] = "am"
		}
		for _, word := range strings.Fields("pm nachm μμ م مساء شام 下午 午後 오후 अपराह्न") {
			m[plainDate(word)] = "pm"
		}
		return m
	}()

	// homes gives the offset of the one country that writes a word, for dates without a zone.
	homes = map[string]time.Duration{plainDate("오전"): 9 * time.Hour, plainDate("오후"): 9 * time.Hour}
)

// zones is the table of time zone names: RFC 822, section 5, with its military letters
// as written there, and the abbreviations that outlets use. Where several zones share
// one, the one of more feeds: IST is India's, BST Britain's, CST and EST America's.
var zones = func() map[string]time.Duration {
	m := map[string]time.Duration{}
	for offset, names := range map[time.Duration]string{
		-12 * time.Hour:               "m bit",
		-11 * time.Hour:               "l nut sst",
		-10 * time.Hour:               "k hst hast ckt taht",
		-9 * time.Hour:                "i akst hdt gamt",
		-8 * time.Hour:                "h pst akdt pt",
		-7 * time.Hour:                "g mst pdt mt",
		-6 * time.Hour:                "f cst mdt galt ct",
		-5 * time.Hour:                "e est cdt cot pet ect et",
		-4 * time.Hour:                "d ast edt clt bot vet gyt at",
		-3*time.Hour - 30*time.Minute: "nst nt",
		-3 * time.Hour:                "c adt brt art clst uyt srt gft pyst fkst",
		-2*time.Hour - 30*time.Minute: "ndt",
		-2 * time.Hour:                "b brst uyst fnt",
		-1 * time.Hour:                "a azot cvt egt",
		0:                             "z ut utc gmt wet wez azost egst uct zulu",
		1 * time.Hour:                 "n cet mez met bst west wat wesz dft",
		2 * time.Hour:                 "o cest mesz mest eet oez sast cat hkst",
		3 * time.Hour:                 "p eest oesz msk eat trt idt syt arast",
		3*time.Hour + 30*time.Minute:  "irst",
		4 * time.Hour:                 "q gst msd samt azt get amt mut ret sct",
		4*time.Hour + 30*time.Minute:  "aft irdt",
		5 * time.Hour:                 "r pkt uzt yekt tmt tjt mvt orat",
		5*time.Hour + 30*time.Minute:  "ist slst",
		5*time.Hour + 45*time.Minute:  "npt",
		6 * time.Hour:                 "s pkst omst kgt btt bdt novt",
		6*time.Hour + 30*time.Minute:  "mmt",
		7 * time.Hour:                 "t ict wib krat hovt",
		8 * time.Hour:                 "u sgt myt hkt pht awst irkt wita ulat",
		8*time.Hour + 45*time.Minute:  "acwst",
		9 * time.Hour:                 "v jst kst yakt wit",
		9*time.Hour + 30*time.Minute:  "acst",
		10 * time.Hour:                "w aest vlat chst pgt",
		10*time.Hour + 30*time.Minute: "acdt lhst",
		11 * time.Hour:                "x aedt magt sbt nct",
		12 * time.Hour:                "y nzst fjt pett",
		12*time.Hour + 45*time.Minute: "chast",
		13 * time.Hour:                "nzdt phot tot",
		13*time.Hour + 45*time.Minute: "chadt",
		14 * time.Hour:                "lint",
	} {
		for _, name := range strings.Fields(names) {
			m[name] = offset
		}
	}
	return m
}()
