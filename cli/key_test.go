package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// TestKeyStatus: who is stopped sees why, what to do and what it waits for, and the
// exit code says it too.
func TestKeyStatus(t *testing.T) {
	k := api.Keys{Schema: "cordon.keys/1", Org: id.OrgID{1}, Name: "Long name of an \x1b[31morganisation", Fingerprint: strings.Repeat("word ", 12),
		Root: strings.Repeat("ab", 32), NextRoot: strings.Repeat("cd", 32), State: "ok", Text: "this daemon writes",
		Daemons: []api.KeyRow{
			{Kid: id.Kid{1}, Caps: []string{"write", "consent", "steward", "invite"}, NotAfter: noon, State: "revoked", Why: "superseded"},
			{Kid: id.Kid{2}, This: true, Caps: []string{"write", "consent", "steward", "invite"}, NotAfter: noon.Add(time.Hour), State: "certified"},
		}}
	out, _, code := fake{"GET /v1/keys": k}.run(t, "key", "status")
	if code != 0 || !strings.Contains(out, "OK: this daemon writes") || !strings.Contains(out, "revoked (superseded)") || !strings.Contains(out, "this  certified") {
		t.Errorf("exit %d\n%s", code, out)
	}
	fits(t, out)
	if rest := strings.Repeat(" ", 54) + "invite\n"; !strings.Contains(out, "  write consent steward\n"+rest) || strings.Contains(out, "…") {
		t.Errorf("what a daemon may is cut:\n%s", out)
	}
	k.State, k.Fresh, k.Text, k.Try = "restored", true, "the store is older than this daemon's key", "wait, then: cordon key renew"
	k.Cases = []api.KeyCase{{Case: id.CaseID{0xab}, Heading: api.Heading{Title: strings.Repeat("a title ", 20)}}}
	out, _, code = fake{"GET /v1/keys": k}.run(t, "key", "status")
	if code != exitConflict || !strings.Contains(out, "RESTORED") || !strings.Contains(out, "cordon key renew") || !strings.Contains(out, "ab0000000000  a title") {
		t.Errorf("exit %d\n%s", code, out)
	}
	fits(t, out)
	out, _, code = fake{"GET /v1/keys": k}.run(t, "key", "status", "--json")
	var v struct{ Schema string }
	if err := json.Unmarshal([]byte(out), &v); err != nil || v.Schema != "cordon.keys/1" || code != exitConflict {
		t.Errorf("exit %d, %v\n%s", code, err, out)
	}
}
