package storage

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"sangam/feed"
)

// TestTheCommentTellsEveryField wants the package comment to say under which number each field of each
// record is, so that the file can be read without this code.
func TestTheCommentTellsEveryField(t *testing.T) {
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	comment := strings.Join(strings.Fields(strings.ReplaceAll(string(source), "//", " ")), " ")
	told := map[reflect.Type]bool{reflect.TypeFor[time.Time](): true}
	var tell func(name string, typ reflect.Type)
	tell = func(name string, typ reflect.Type) {
		for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || told[typ] {
			return
		}
		told[typ] = true
		var fields []string
		for _, f := range reflect.VisibleFields(typ) {
			number, _, numbered := strings.Cut(f.Tag.Get("cbor"), ",")
			switch {
			case !f.IsExported() || f.Anonymous || number == "-" || f.Name == "Marks" && name == "item" || f.Name == "Habits" && name == "state":
				continue
			case numbered:
				fields = append(fields, number+" "+f.Name)
			default: // of an array, in order
				fields = append(fields, f.Name)
			}
			tell(strings.ToLower(f.Name), f.Type)
		}
		if line := fmt.Sprintf("%s: %s", name, strings.Join(fields, ", ")); !strings.Contains(comment, line) {
			t.Errorf("the package comment does not say\n%s", line)
		}
	}
	tell("item", reflect.TypeFor[stored]())
	tell("story", reflect.TypeFor[story]())
	tell("outlet record", reflect.TypeFor[outletRecord]())
	tell("state", reflect.TypeFor[feed.State]())
	tell("habits", reflect.TypeFor[feed.Habits]())
	tell("verdict", reflect.TypeFor[overrideRecord]())
	tell("size", reflect.TypeFor[Size]())
}
