package normalize

import (
	"strings"

	"sangam/feed"
)

// Language returns a language tag as BCP 47 (RFC 5646, 2.1.1) recommends writing it:
// "ur_PK" and "UR-pk" become "ur-PK", "zh-hant" becomes "zh-Hant"; and "" for what has
// not the shape of a tag or says nothing ("und", "C"). A few names of languages that
// feeds give instead are understood. Whether there is such a language is not checked.
func Language(tag string) string {
	tag = strings.TrimSpace(tag)
	tag, _, _ = strings.Cut(tag, ".") // en_US.UTF-8
	tag, _, _ = strings.Cut(tag, ",")
	tag, _, _ = strings.Cut(tag, ";")
	if named, ok := languageNames[strings.ToLower(tag)]; ok {
		return named
	}
	tag = strings.Trim(strings.ReplaceAll(strings.TrimSpace(tag), "_", "-"), "-")
	if len(tag) < 2 || len(tag) > longestTag || !isLanguage.MatchString(tag) {
		return ""
	}
	parts := strings.Split(strings.ToLower(tag), "-")
	if len(parts[0]) > 3 || len(parts[0]) == 1 && parts[0] != "x" && parts[0] != "i" || parts[0] == "und" || parts[0] == "mul" {
		return ""
	}
	for i, p := range parts[1:] {
		if len(parts[i]) == 1 { // behind a singleton everything is in lower case
			break
		}
		switch len(p) {
		case 2:
			parts[i+1] = strings.ToUpper(p)
		case 4:
			if isLetter(p[0]) {
				parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
			}
		}
	}
	return strings.Join(parts, "-")
}

// longestTag is the longest language tag that is kept (RFC 5646, 4.4.1 asks for 35).
const longestTag = 35

var languageNames = map[string]string{
	"english": "en", "urdu": "ur", "اردو": "ur", "arabic": "ar", "العربية": "ar", "persian": "fa", "farsi": "fa", "فارسی": "fa",
	"hindi": "hi", "हिन्दी": "hi", "हिंदी": "hi", "german": "de", "deutsch": "de", "french": "fr", "français": "fr", "spanish": "es",
	"español": "es", "italian": "it", "italiano": "it", "portuguese": "pt", "português": "pt", "russian": "ru", "русский": "ru",
	"chinese": "zh", "中文": "zh", "japanese": "ja", "日本語": "ja", "turkish": "tr", "türkçe": "tr", "bengali": "bn", "বাংলা": "bn",
	"dutch": "nl", "nederlands": "nl", "polish": "pl", "polski": "pl", "korean": "ko", "한국어": "ko", "iw": "he", "in": "id", "ji": "yi",
}

// directionGlance is how many bytes of the text are looked at besides the title.
const directionGlance = 512

// direction settles the direction of an item: as the operator said, else as Direction
// finds from its title and the beginning of its text.
func direction(it *feed.Item, src feed.Outlet) feed.Direction {
	if src.Direction != feed.Unknown {
		return src.Direction
	}
	text := first(it.Content, it.Summary)
	left, right := letters(it.Title[:min(len(it.Title), directionSample)])
	l, r := lettersIn(text[:min(len(text), directionGlance)])
	return majority(it.Language, left+l, right+r)
}

// contradicts reports whether a text that runs from right to left cannot be in a language.
func contradicts(d feed.Direction, language string) bool {
	return d == feed.RightToLeft && language != "" && Direction(language, "") == feed.LeftToRight
}
