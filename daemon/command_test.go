package daemon

import (
	"strings"
	"testing"

	"cordon/protocol"
)

// TestInCase: what a person copies means the case that was named, whatever its title.
func TestInCase(t *testing.T) {
	for name, want := range map[string]string{
		"3f2a9c01":     "cordon rm 3f2a9c01 defer",
		"Two words":    "cordon rm 'Two words' defer",
		"it's; reboot": `cordon rm 'it'\''s; reboot' defer`,
	} {
		if got := inCase("cordon rm CASE defer", name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// TestWay: what leads to what was refused comes first, else what its rule says.
func TestWay(t *testing.T) {
	r := &protocol.Refusal{Rule: "rm-step", Lead: []protocol.Message{&protocol.Status{RM: protocol.RMDeferred}, &protocol.Status{Fix: protocol.FixReady}}}
	if got := way(r); got != "cordon rm CASE defer; or: cordon fix CASE ready" {
		t.Error(got)
	}
	r.Lead = []protocol.Message{new(protocol.Alive)} // no command writes it
	if got := way(r); got != "cordon case next CASE" {
		t.Error(got)
	}
	if got := way(&protocol.Refusal{Rule: "key-revoked"}); got != "" {
		t.Error(got)
	}
	for rule, try := range ways {
		if !strings.HasPrefix(try, "cordon ") || !strings.Contains(try, "CASE") {
			t.Errorf("%s: %q is no command about the case", rule, try)
		}
	}
}
