package cases

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
)

// brokenGate is set in the child in whose build the gate asks for no consent.
const brokenGate = "CORDON_CASES_BROKEN_GATE"

// TestNoConsent: who has not agreed to a longer embargo has the entry that was written
// under it, and nothing of its body.
func TestNoConsent(t *testing.T) {
	p := newPlay(t)
	a, b, c := p.add("a", "A Inc", "coordinator"), p.add("b", "B Inc", "mitigating-vendor"), p.add("c", "C Inc", "dependent-vendor")
	p.acquaint(a, b, c)
	k := p.reported(a)
	p.joins(k, b, c)
	p.proposes(k, a, time.Now().Add(60*24*time.Hour), "", b)
	want, note := "awaited", p.says(k, a, "under the longer embargo")
	if os.Getenv(brokenGate) != "" {
		want = "here"
	}
	for _, o := range []*org{b, c} {
		p.until(o.name+" has the note", func() (ok bool) {
			err := o.Log(t.Context(), k.id, false, 0, func(l api.LogLine) bool {
				ok = ok || l.ID.String() == note && (l.Body == want || o == b && l.Body == "here")
				return !ok
			})
			return err == nil && ok
		})
	}
	p.settled(k)
	checked(p)
}

// TestBrokenGate is the negative control: in a build whose gate does not ask for consent
// (G7), the same play fails by what the search finds.
func TestBrokenGate(t *testing.T) {
	if os.Getenv("CORDON_VOLUME") == "" {
		t.Skip("it builds a broken cordon: CORDON_VOLUME=gate")
	}
	gate, err := filepath.Abs("../../../protocol/gate.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(gate)
	if err != nil {
		t.Fatal(err)
	}
	const rule = "n.agr == nil || !c.covered(o, c.terms.all[*n.agr])"
	if strings.Count(string(text), rule) != 1 {
		t.Fatalf("%s no longer has %q", gate, rule)
	}
	dir := t.TempDir()
	broken, overlay := filepath.Join(dir, "gate.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(broken, []byte(strings.Replace(string(text), rule, "n.agr == nil", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]map[string]string{"Replace": {gate: broken}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-run", "^TestNoConsent$", ".")
	cmd.Env = append(os.Environ(), brokenGate+"=1", "CORDON_VOLUME=")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "C Inc was sent what A Inc wrote") {
		t.Errorf("a gate that asks for no consent is not found: %v\n%s", err, out)
	}
}
