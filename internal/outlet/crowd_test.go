package outlet_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"sangam/internal/outlet"
)

func TestCrowdHasManyAddressesAndSaysTheSameTwice(t *testing.T) {
	c, err := outlet.NewCrowd(outlet.CrowdOptions{Feeds: 40_000, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, i := range []int{0, 127, 128, 16_383, 16_384, 39_999} {
		resp, body := get(t, c.Feed(i))
		if n := strings.Count(body, "<item>"); resp.StatusCode != 200 || n != 30 || len(body) < 40_000 || len(body) > 60_000 {
			t.Errorf("%s: %s with %d items in %d bytes", c.Feed(i), resp.Status, n, len(body))
		}
		if err := xml.Unmarshal([]byte(body), new(struct{})); err != nil {
			t.Errorf("%s: %v", c.Feed(i), err)
		}
		if again, _ := get(t, c.Feed(i), "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("%s asked again: %s", c.Feed(i), again.Status)
		}
	}
	resp, before := get(t, c.Feed(0))
	c.Advance()
	next, after := get(t, c.Feed(0), "If-None-Match", resp.Header.Get("ETag"))
	if next.StatusCode != 200 || !strings.Contains(after, ">0-30<") || strings.Contains(before, ">0-30<") {
		t.Errorf("after news: %s", next.Status)
	}
	if got := c.Stats(); got.Full != 8 || got.Unchanged != 6 || got.Other != 0 || got.Overlaps != 0 {
		t.Errorf("counted %+v", got)
	}
}
