package daemon

import (
	"testing"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// TestAnchorsFitOneEntry: those of a case of 300 daemons fit an admission; what does not
// is refused with what to do, before anybody is asked.
func TestAnchorsFitOneEntry(t *testing.T) {
	anchors := func(n, past int) []protocol.Anchor {
		hist := make([]protocol.Anchor, n)
		for i := range hist {
			hist[i] = protocol.Anchor{Kid: id.Kid{byte(i >> 8), byte(i)}, Seq: 1 << 16, LC: 1 << 32, Past: make([]id.EntryID, past)}
		}
		return hist
	}
	if err := oneEntry(anchors(300, 2)); err != nil {
		t.Errorf("300 daemons: %v", err)
	}
	for _, hist := range [][]protocol.Anchor{anchors(500, 1), anchors(100, 20), anchors(protocol.MaxAnchors+1, 1)} {
		if e, ok := oneEntry(hist).(*api.Error); !ok || e.Kind != api.Refused || e.Rule != "history-too-wide" || e.Try == "" {
			t.Errorf("%d daemons: %v", len(hist), e)
		}
	}
}
