package storage

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestItemsAndStoriesAreEncodedAsTheirTagsSay fills items and stories at random, so that a field that is
// forgotten, or has another number than its tag says, is found out.
func TestItemsAndStoriesAreEncodedAsTheirTagsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var it stored
		fill(t, reflect.ValueOf(&it).Elem())
		got, err := appendItem([]byte("before"), &it)
		if err != nil {
			t.Fatal(err)
		}
		short := it
		short.Marks, short.Entry = nil, abridgeEntry(it.Entry, it.Story)
		if it.Story == storyKey(it.Key) {
			short.Story = ""
		}
		compare(t, got, &short)

		var st story
		fill(t, reflect.ValueOf(&st).Elem())
		if got, err = appendStory([]byte("before"), &st); err != nil {
			t.Fatal(err)
		}
		st.Entry = abridgeEntry(st.Entry, st.Key)
		compare(t, got, &st)
	})
}

func compare(t *rapid.T, got []byte, v any) {
	want, err := encMode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if body, ok := bytes.CutPrefix(got, []byte("before")); !ok || !bytes.Equal(body, want) {
		t.Fatalf("encoded %+v as\n%x, want\n%x", v, body, want)
	}
}

// fill sets every field, however deep, to something that may be empty.
func fill(t *rapid.T, v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		zone := time.FixedZone("", rapid.SampledFrom([]int{0, 5 * 3600}).Draw(t, "zone"))
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.SampledFrom([]int64{0, 5e8, 123456789}).Draw(t, "ns")).In(zone)
		if rapid.Bool().Draw(t, "none") {
			at = time.Time{}
		}
		v.Set(reflect.ValueOf(at))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous {
				fill(t, v.Field(i))
			}
		}
	case v.Kind() == reflect.Slice:
		n := rapid.SampledFrom([]int{-1, 0, 1, 2, 30}).Draw(t, "n")
		if n < 0 {
			v.SetZero()
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(t, v.Index(i))
		}
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key)
			fill(t, value)
			v.SetMapIndex(key, value)
		}
	case v.Kind() == reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "a", "مرغ", "tag:sangam.invalid,2026:sangam/a", string(make([]byte, 300))}).Draw(t, "text"))
	case v.CanUint():
		v.SetUint(rapid.SampledFrom([]uint64{0, 23, 24, 255, 256, 65535, 65536, 1 << 32, 1<<64 - 1}).Draw(t, "number") >> (64 - v.Type().Bits()))
	case v.CanInt():
		v.SetInt(rapid.Int64Range(-1000, 1000).Draw(t, "number"))
	case v.CanFloat():
		v.SetFloat(rapid.SampledFrom([]float64{0, 0.5, 1.0 / 3}).Draw(t, "number"))
	case v.Kind() == reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "yes"))
	default:
		t.Fatalf("no way to fill %s", v.Type())
	}
}
