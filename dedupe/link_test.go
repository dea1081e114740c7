package dedupe

import "testing"

func TestArticleNumbersAreFoundAndDatesAreNot(t *testing.T) {
	for path, want := range map[string]string{
		"ur/some-slug/a-12345678":                           "12345678",
		"sport/slug-of-it-41743836":                         "41743836",
		"news/2026-01/slug-without-number":                  "",
		"news/2026/01/02/slug":                              "",
		"20260102/slug":                                     "",
		"x/article69576e25a42fa187f142c74c/ab":              "69576e25a42fa187f142c74c",
		"dpa.urn-newsml-dpa-com-20090101-260102-930-489957": "20090101-260102-930-489957",
		"slug-6957790ba42fa187f142c7e7":                     "6957790ba42fa187f142c7e7",
		"page-12":                                           "",
		"":                                                  "",
	} {
		if got := articleNumber(path); got != want {
			t.Errorf("articleNumber(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestLivePagesAreToldByTheirLabel(t *testing.T) {
	for title, want := range map[string]bool{
		"Live: Storm batters the coast":    true,
		"LIVE | Storm batters the coast":   true,
		"Storm batters the coast – live":   true,
		"Storm batters the coast - live":   true,
		"[Live] Storm batters the coast":   true,
		"Sturm an der Küste im Liveticker": true,
		"عاصفة تضرب الساحل: مباشر":         true,
		"مباشر | عاصفة تضرب الساحل":        true,
		"ساحل پر طوفان: لائیو":             true,
		"直播：风暴袭击海岸":                        true,
		"【直播】风暴袭击海岸":                       true,
		"风暴袭击海岸 直播":                        true,
		"พายุถล่มชายฝั่ง สด":               true,
		"Where the rich live":              false,
		"How we live - and why":            false,
		"Live-in carers protest":           false,
		"Live music returns to the coast":  false,
		"أثر مباشر للعاصفة على الأسعار":    false,
		"直播带货主播道歉":                         false,
		"ผลไม้สดราคาแพง":                   false,
		"":     false,
		"Live": false,
	} {
		if got := liveblog(plain(title).runes) || labelled(title); got != want {
			t.Errorf("%q is a live page: %v, want %v", title, got, want)
		}
	}
}
