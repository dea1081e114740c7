package render_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"sangam/feed"
	"sangam/render"
)

var languages = []string{"en", "ur", "de", "hi", "ar"}

func TestEveryLanguageSaysEverything(t *testing.T) {
	english := reflect.ValueOf(*render.Words("en"))
	placeholder := regexp.MustCompile(`%(\[\d\])?[ds]|\{\w+\}`)
	count := func(s string) int { return len(placeholder.FindAllString(s, -1)) }
	for _, lang := range languages {
		words := reflect.ValueOf(*render.Words(lang))
		for i := range words.NumField() {
			name, en, own := words.Type().Field(i).Name, english.Field(i), words.Field(i)
			switch own.Kind() {
			case reflect.String:
				if own.String() == "" || count(own.String()) != count(en.String()) {
					t.Errorf("%s: %s is %q", lang, name, own.String())
				}
			case reflect.Array:
				for j := range own.Len() {
					if own.Index(j).String() == "" {
						t.Errorf("%s: %s[%d] is empty", lang, name, j)
					}
				}
			case reflect.Map:
				for _, key := range en.MapKeys() {
					if v := own.MapIndex(key); !v.IsValid() || count(v.String()) != count(en.MapIndex(key).String()) {
						t.Errorf("%s: %s[%s] is %v", lang, name, key, v)
					}
				}
			}
		}
	}
}

// TestEveryReasonHasWords reads the names of the rules where they are made: who adds
// a rule there adds its words here.
func TestEveryReasonHasWords(t *testing.T) {
	for file, name := range map[string]string{
		"../dedupe/rules.go":    `(?:join\(|Relation: feed\.(?:Copy|Same), Rule: )"([a-z-]+)"`,
		"../storage/verdict.go": `ruleAlways\s+= "([a-z-]+)"`,
	} {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(name).FindAllStringSubmatch(string(code), -1)
		if len(found) == 0 {
			t.Errorf("%s: no rule found", file)
		}
		for _, m := range found {
			if render.Words("en").Reasons[m[1]] == "" {
				t.Errorf("the rule %s has no words", m[1])
			}
		}
	}
}

func TestReasonsAreToldInTheReadersLanguage(t *testing.T) {
	p := page()
	for i := range p.Stories[0].Members { // the same words in other letters
		p.Stories[0].Members[i].Content = []string{"<p>Before. The new bridge opens in the valley today.</p>", "<p>THE NEW BRIDGE OPENS IN THE VALLEY TODAY. After.</p>"}[i]
	}
	p.Stories[0].Joins = []feed.Ruling{
		{Item: "darya/1", With: "herald/1", Rule: "text-and-headline", Because: "English", Scores: map[string]float64{"text": .923, "headline": .5}},
		{Item: "darya/1", With: "herald/1", Rule: "of-the-future", Because: "Nobody has translated this."},
	}
	for lang, want := range map[string]string{
		"en": "92 % of the shorter text and 50 % of the headline are in the other too.",
		"ur": "مختصر تحریر کا 92 فیصد اور سرخی کا 50 فیصد دوسری میں بھی موجود ہے۔",
		"de": "92 % des kürzeren Textes und 50 % der Überschrift stehen auch im anderen.",
		"hi": "छोटे पाठ का 92 % और शीर्षक का 50 % दूसरे में भी है।",
		"ar": "يوجد 92٪ من النص الأقصر و50٪ من العنوان في الآخر أيضا.",
	} {
		var b strings.Builder
		if err := render.Story(&b, render.StoryPage{Frame: render.Frame{Language: lang, Root: "/", Now: noon}, Story: p.Stories[0], Outlets: p.Outlets}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			want, `<p lang="en" dir="ltr">Nobody has translated this.`,
			"Before. <mark>The new bridge opens in the valley today.</mark>", "<mark>THE NEW BRIDGE OPENS IN THE VALLEY TODAY.</mark> After.",
		} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("in %s there is no %s in\n%s", lang, want, &b)
			}
		}
	}
}

func TestPagesStaySmall(t *testing.T) {
	for file, most := range map[string]int{"style.css": 12_000, "page.js": 5_000} {
		a, ok := render.AssetNamed(render.AssetName(file))
		if !ok || len(a.Body) == 0 || len(a.Body) > most {
			t.Errorf("%s has %d bytes, want at most %d", file, len(a.Body), most)
		}
	}
}
