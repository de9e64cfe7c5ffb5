package model_test

import (
	"testing"

	"cordon/protocol/model"
)

// TestMeet: the six rows of the table of published defaults.
func TestMeet(t *testing.T) {
	for _, c := range []struct{ proposed, published, active, revision uint64 }{
		{0, 0, 0, 0},
		{30, 0, 30, 0},
		{0, 45, 45, 0},
		{90, 45, 45, 90},
		{30, 45, 30, 45},
		{45, 45, 45, 0},
	} {
		if active, revision := model.Meet(c.proposed, c.published); active != c.active || revision != c.revision {
			t.Errorf("%d proposed, %d published: %d active, %d revision; want %d, %d", c.proposed, c.published, active, revision, c.active, c.revision)
		}
	}
}
