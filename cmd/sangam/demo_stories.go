package main

import "time"

// A telling is one item of one of the demo's outlets: invented, as are the outlets.
type telling struct {
	outlet  string
	ago     time.Duration // published so long before the demo began …
	after   time.Duration // … or so long after
	id      string
	slug    string
	title   string
	summary string
	text    []string // paragraphs of the whole article, for outlets that send it
	byline  string
	picture string // name of its picture; "" = it has none
}

// demoStories is what the demo's outlets have to say. Three of its reports reach
// the merged feed by two roads: a republished broadcast (the bridge), an agency
// report under one headline in two cases (the ferry), and a whole text under a new
// headline (the lighthouse). Everything else stays apart, the two weather reports
// and the two reports on one election among them.
var demoStories = []telling{
	// Rheinfunk: a broadcaster's Urdu desk. A title and two sentences.
	{
		outlet: "rheinfunk", ago: 5 * time.Hour, id: "71000001", slug: "دو-دریاؤں-کے-سنگم-پر-نیا-پل/a-71000001",
		title:   "دو دریاؤں کے سنگم پر نیا پل، وادی کے چالیس دیہات پہلی بار سڑک سے جڑ گئے",
		summary: "وادیٔ سیراب میں سنگم کے مقام پر تعمیر ہونے والا پل جمعے کو عام لوگوں کے لیے کھول دیا گیا۔ مقامی کسانوں کا کہنا ہے کہ اب ان کی فصل ایک ہی دن میں منڈی تک پہنچ سکے گی۔",
	},
	{
		outlet: "rheinfunk", ago: 9 * time.Hour, id: "71000002", slug: "پرانے-کتب-خانے-کی-بحالی/a-71000002",
		title:   "ڈیڑھ سو سال پرانے کتب خانے کے مخطوطات اب انٹرنیٹ پر",
		summary: "رضاکاروں نے تین برس میں بارہ ہزار صفحات کی عکس بندی مکمل کر لی۔ محققین دنیا کے کسی بھی حصے سے یہ نادر نسخے مفت پڑھ سکیں گے۔",
	},
	{
		outlet: "rheinfunk", ago: 26 * time.Hour, id: "71000003", slug: "شمسی-توانائی-سے-چلنے-والی-کشتیاں/a-71000003",
		title:   "جھیل میں شمسی توانائی سے چلنے والی کشتیاں، ماہی گیروں کا خرچ آدھا رہ گیا",
		summary: "ماہی گیروں کی ایک انجمن نے پندرہ پرانی کشتیوں میں بجلی کے انجن لگائے ہیں۔ منصوبے کے نگران کے مطابق ڈیزل کی بو اور شور دونوں غائب ہو چکے ہیں۔",
	},
	{
		outlet: "rheinfunk", after: 35 * time.Second, id: "71000004", slug: "پہاڑی-اسکول-کی-طالبات/a-71000004",
		title:   "پہاڑی اسکول کی طالبات کا بنایا ہوا موسمی اسٹیشن عالمی مقابلے کے آخری مرحلے میں",
		summary: "چھ طالبات نے پرانے موبائل فونوں کے پرزوں سے ایک سستا موسمی اسٹیشن تیار کیا۔ ان کا آلہ اب گیارہ دیہات کو طوفان سے پہلے خبردار کرتا ہے۔",
	},

	// Sada-e-Sahil: a daily that sends whole articles, and republishes the broadcaster's:
	// under its own headline, in other code points, with a byline and its own last lines.
	{
		outlet: "sahil", after: 12 * time.Second, id: "sahil-8801", slug: "national/sangam-bridge-opens", byline: "Rheinfunk",
		title:   "سنگم پر نيا پل عوام کے ليے کھل گيا",
		summary: "وادئ سيراب ميں سنگم کے مقام پر تعمير ہونے والا پل جمعے کو عام لوگوں کے ليے کھول ديا گيا۔",
		text: []string{
			"وادئ سيراب ميں سنگم کے مقام پر تعمير ہونے والا پل جمعے کو عام لوگوں کے ليے کھول ديا گيا۔ مقامي کسانوں کا کہنا ہے کہ اب ان کي فصل ايک ہي دن ميں منڈي تک پہنچ سکے گي۔",
			"چار سو بيس ميٹر طويل اس پل کي تعمير ميں پانچ برس لگے۔ اس سے پہلے وادي کے چاليس ديہات کے لوگ لکڑي کي کشتيوں يا رسي کے جھولے پر دريا پار کرتے تھے، اور سيلاب کے دنوں ميں يہ راستہ بھي بند ہو جاتا تھا۔",
			"افتتاح کے موقع پر بزرگ کسان غلام رسول نے بتايا کہ ان کے دادا بھي اسي پل کا خواب ديکھتے تھے۔ انہوں نے کہا، \"ميں نے آج پہلي بار دريا پيدل پار کيا ہے، اور ميرے پاؤں بھي نہيں بھيگے۔\"",
			"انجينئروں کے مطابق پل کے ستون دونوں درياؤں کے بہاؤ کو ديکھ کر اس طرح رکھے گئے ہيں کہ مچھليوں کي گزرگاہ متاثر نہ ہو۔ ماہرين ماحوليات نے اس فيصلے کا خير مقدم کيا ہے۔",
			"پل کے ساتھ ہي ايک ہسپتال تک جانے والي سڑک بھي مکمل ہو گئي ہے، جہاں پہنچنے ميں اب چھ گھنٹے کے بجائے چاليس منٹ لگتے ہيں۔",
		},
	},
	{
		outlet: "sahil", ago: 3 * time.Hour, id: "sahil-8790", picture: "tram", slug: "city/tram-line-seven",
		title:   "شہر کی ساتویں ٹرام لائن پر آزمائشی سفر شروع، کرایہ پہلے مہینے معاف",
		summary: "ساحلی شہر میں ساتویں ٹرام لائن پر آزمائشی سفر شروع ہو گیا ہے۔",
		text: []string{
			"ساحلی شہر میں ساتویں ٹرام لائن پر آزمائشی سفر شروع ہو گیا ہے۔ یہ لائن بندرگاہ کو یونیورسٹی سے ملاتی ہے اور راستے میں چودہ اسٹاپ آتے ہیں۔",
			"شہری انتظامیہ نے پہلے مہینے کا کرایہ معاف کرنے کا اعلان کیا ہے۔ میئر کے مطابق روزانہ تیس ہزار مسافروں کی توقع ہے، جس سے ساحلی شاہراہ پر گاڑیوں کا دباؤ کم ہو گا۔",
			"دکان داروں نے تعمیر کے دوران نقصان کی شکایت کی تھی، لیکن اب ان میں سے کئی لوگ کہتے ہیں کہ خریداروں کی تعداد بڑھ گئی ہے۔",
		},
	},
	{
		outlet: "sahil", ago: 7 * time.Hour, id: "sahil-8788", slug: "weather/today-2", byline: "",
		title:   "آج کا موسم",
		summary: "ساحلی علاقوں میں مطلع ابر آلود، درجۂ حرارت 24 ڈگری۔",
		text:    []string{"ساحلی علاقوں میں مطلع ابر آلود رہے گا۔ درجۂ حرارت 24 ڈگری، ہوا کی رفتار 18 کلومیٹر فی گھنٹہ رہنے کا امکان ہے۔"},
	},
	{
		outlet: "sahil", ago: 31 * time.Hour, id: "sahil-8770", slug: "weather/today-1",
		title:   "آج کا موسم",
		summary: "ساحلی علاقوں میں ہلکی بارش، درجۂ حرارت 21 ڈگری۔",
		text:    []string{"ساحلی علاقوں میں ہلکی بارش ہو گی۔ درجۂ حرارت 21 ڈگری، ہوا کی رفتار 35 کلومیٹر فی گھنٹہ رہنے کا امکان ہے۔"},
	},

	// The Harbour Gazette: Atom, English.
	{
		outlet: "gazette", ago: 2 * time.Hour, id: "tag:gazette.example,2026:ferry", picture: "fog", slug: "2026/ferry-aground",
		title:   "Island ferry runs aground in fog, all 212 aboard brought ashore",
		summary: "The morning ferry to Skerry Island ran aground on a sandbank in thick fog. Lifeboats brought all 212 passengers and crew ashore within three hours.",
		text: []string{
			"The morning ferry to Skerry Island ran aground on a sandbank in thick fog. Lifeboats brought all 212 passengers and crew ashore within three hours.",
			"Nobody was hurt, the harbour master said, although several passengers were treated for cold. The ship is expected to float free with the evening tide.",
			"The operator has asked passengers to check its notices before travelling. Replacement boats will carry food and post to the island until the weekend.",
		},
	},
	{
		outlet: "gazette", ago: 6 * time.Hour, id: "tag:gazette.example,2026:tram", slug: "2026/night-trams",
		title:   "Night trams return after eleven years",
		summary: "From Monday the city's trams will run all night on Fridays and Saturdays, the first night service in eleven years.",
		text: []string{
			"From Monday the city's trams will run all night on Fridays and Saturdays, the first night service in eleven years.",
			"Drivers' unions had asked for more staff on board. The council agreed to a conductor on every tram after midnight, paid for by an extra 40 cents on night tickets.",
		},
	},
	{
		outlet: "gazette", ago: 30 * time.Hour, id: "tag:gazette.example,2026:vote", slug: "2026/island-votes",
		title:   "Island council election: turnout highest since records began",
		summary: "More than four in five islanders voted for their new council on Sunday. Counting goes on through the night.",
		text: []string{
			"More than four in five islanders voted for their new council on Sunday, the highest turnout since records began. Counting goes on through the night, and a recount is likely in two wards.",
			"The main question was whether the old slipway should become a fish market or a school.",
		},
	},
	{
		outlet: "gazette", after: 24 * time.Second, id: "tag:gazette.example,2026:orchard", picture: "orchard", slug: "2026/orchard",
		title:   "Forgotten orchard yields an apple thought lost for a century",
		summary: "Volunteers clearing a hillside found a single tree of the Harbour Russet, last described in 1911. Grafts have been sent to three nurseries.",
		text: []string{
			"Volunteers clearing a hillside found a single tree of the Harbour Russet, last described in 1911. Grafts have been sent to three nurseries.",
			"The fruit is small, rough and, according to the one person who has dared to bite into it, extraordinarily sour.",
		},
	},

	// Coastline: RSS 2.0, English, agency reports under the agency's headline.
	{
		outlet: "coastline", after: 18 * time.Second, id: "c-1044", slug: "news/1044?utm_source=feed&utm_medium=rss",
		title:   "ISLAND FERRY RUNS AGROUND IN FOG – all 212 aboard brought ashore",
		summary: "The morning ferry to Skerry Island ran aground on a sandbank in thick fog.",
		text: []string{
			"The morning ferry to Skerry Island ran aground on a sandbank in thick fog. Lifeboats brought all 212 passengers and crew ashore within three hours.",
			"Nobody was hurt, the harbour master said, although several passengers were treated for cold. The ship is expected to float free with the evening tide.",
		},
	},
	{
		outlet: "coastline", ago: 29 * time.Hour, id: "c-1031", slug: "news/1031?utm_source=feed&utm_medium=rss",
		title:   "School wins over fish market in island council vote",
		summary: "Supporters of a new school won six of nine council seats on Sunday.",
		text: []string{
			"Supporters of a new school on the old slipway won six of nine seats in Sunday's council vote. The losing side called for a recount in the western wards.",
			"Work could begin in spring if the county agrees to pay half.",
		},
	},
	{
		outlet: "coastline", ago: 4 * time.Hour, id: "c-1040", picture: "skerries", slug: "news/1040?utm_source=feed&utm_medium=rss",
		title:   "Seal pups counted from the air for the first time",
		summary: "A small plane with a camera counted 1,904 seal pups on the outer skerries, a third more than were counted on foot.",
		text: []string{
			"A small plane with a camera counted 1,904 seal pups on the outer skerries, a third more than were counted on foot.",
			"Wardens say the new method disturbs the animals less, and takes an afternoon instead of two weeks.",
		},
	},

	// Nordlicht Kurier: JSON Feed, German.
	{
		outlet: "nordlicht", ago: 8 * time.Hour, id: "nk-501", picture: "lighthouse", slug: "kultur/leuchtturm",
		title:   "Leuchtturm wird zum kleinsten Konzertsaal des Landes",
		summary: "Im Leuchtturm von Hallig Süderoog finden künftig Konzerte für genau elf Zuhörer statt.",
		text: []string{
			"Im Leuchtturm von Hallig Süderoog finden künftig Konzerte für genau elf Zuhörer statt. Mehr Menschen passen nicht in das runde Zimmer unter der Laterne.",
			"Die Akustik sei ungewöhnlich, sagt die Cellistin Merle Andresen: Jeder Ton kehre nach einer halben Sekunde zurück, als antworte das Meer. Die Karten werden verlost.",
		},
	},
	{
		outlet: "nordlicht", ago: 11 * time.Hour, id: "nk-498", slug: "wirtschaft/faehre",
		title:   "Elektrofähre spart im ersten Jahr 900.000 Liter Diesel",
		summary: "Die erste Elektrofähre der Küste hat ihr erstes Jahr ohne Ausfall beendet.",
		text: []string{
			"Die erste Elektrofähre der Küste hat ihr erstes Jahr ohne Ausfall beendet und dabei 900.000 Liter Diesel gespart.",
			"Geladen wird sie nachts mit Windstrom, der sonst abgeregelt worden wäre. Zwei Schwesterschiffe sind bestellt.",
		},
	},
	{
		outlet: "nordlicht", after: 45 * time.Second, id: "nk-507", picture: "storm", slug: "wetter/sturmflut",
		title:   "Sturmflut bleibt unter den Erwartungen",
		summary: "Das Hochwasser erreichte in der Nacht 2,10 Meter über dem mittleren Wert, erwartet worden waren drei Meter.",
		text: []string{
			"Das Hochwasser erreichte in der Nacht 2,10 Meter über dem mittleren Wert, erwartet worden waren drei Meter. Die Deiche hielten ohne Schaden.",
			"Der Fährverkehr zu den Inseln läuft seit dem Morgen wieder nach Plan.",
		},
	},

	// Inselbote: RSS 2.0, German; carries the Kurier's report whole, with its credit.
	{
		outlet: "inselbote", after: 30 * time.Second, id: "ib-77", slug: "artikel/77", byline: "Nordlicht Kurier",
		title:   "Elf Plätze, ein Cello: Musik unter der Laterne",
		summary: "Im Leuchtturm von Hallig Süderoog finden künftig Konzerte für genau elf Zuhörer statt.",
		text: []string{
			"Im Leuchtturm von Hallig Süderoog finden künftig Konzerte für genau elf Zuhörer statt. Mehr Menschen passen nicht in das runde Zimmer unter der Laterne.",
			"Die Akustik sei ungewöhnlich, sagt die Cellistin Merle Andresen: Jeder Ton kehre nach einer halben Sekunde zurück, als antworte das Meer. Die Karten werden verlost.",
		},
	},
	{
		outlet: "inselbote", ago: 13 * time.Hour, id: "ib-71", slug: "artikel/71",
		title:   "Postschiff bekommt nach 40 Jahren einen Nachfolger",
		summary: "Das Postschiff „Anna“ fährt zum letzten Mal; die Nachfolgerin heißt wieder „Anna“.",
		text: []string{
			"Das Postschiff „Anna“ fährt nach vierzig Jahren zum letzten Mal. Die Nachfolgerin ist doppelt so groß, fährt mit Wasserstoff und heißt wieder „Anna“.",
			"Kapitän Ole Hinrichs geht mit seinem Schiff in den Ruhestand. Er habe, sagt er, nie einen Brief verloren.",
		},
	},
}
