package api_test

import (
	"encoding/json"
	"math"
	"testing"

	"cordon/daemon/api"
	"cordon/protocol/entry"
)

// TestInstantOfAnything: an author's time, however absurd, is shown; and what
// JSON can write is shown as it is.
func TestInstantOfAnything(t *testing.T) {
	for ms, want := range map[uint64]string{
		0:               `"1970-01-01T00:00:00Z"`,
		1397142000123:   `"2014-04-10T15:00:00.123Z"`,
		253402300799999: `"9999-12-31T23:59:59.999Z"`,
		253402300800000: `"9999-12-31T23:59:59.999Z"`,
		entry.MaxTime:   `"9999-12-31T23:59:59.999Z"`,
		math.MaxUint64:  `"9999-12-31T23:59:59.999Z"`,
	} {
		if got, err := json.Marshal(api.Instant(ms)); err != nil || string(got) != want {
			t.Errorf("%d ms: %s, %v, want %s", ms, got, err, want)
		}
	}
}
