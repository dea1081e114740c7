package storage

import (
	"bytes"
	"testing"
)

// Every visit reads the state of its source twice and writes it once, whatever it brings.
func TestOnlyStatesStandAsTheyAre(t *testing.T) {
	body := bytes.Repeat([]byte("ferry "), 1000)
	for _, bucket := range allBuckets {
		rec := seal(bucket, []byte("k"), versionCBOR, body)
		if plain := rec[0]&compressed == 0; plain != (bucket == bStates) {
			t.Errorf("%s: a long record is compressed: %v", bucket, !plain)
		}
		if version, got, err := unseal(bucket, []byte("k"), rec, nil); err != nil || version != versionCBOR || !bytes.Equal(got, body) {
			t.Errorf("%s: what was sealed comes back as %d bytes of version %d, %v", bucket, len(got), version, err)
		}
	}
}
