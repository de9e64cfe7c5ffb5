package cli

import (
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// TestContact: what speaks for an organisation, what does no more and why, in 80
// columns, whatever names others have given themselves.
func TestContact(t *testing.T) {
	at := noon.Add(-36 * time.Hour)
	hostile := strings.Repeat("\x1b[31mred ", 16)
	p := api.PeerRow{Schema: "cordon.peer/1", Org: id.OrgID{0xab}, Name: hostile, Level: "pinned", Contact: "domain",
		Domains: []string{strings.Repeat("long.", 40) + "example"}, Fingerprint: strings.Repeat("word ", 12),
		Grounds: []api.Ground{
			{Kind: "domain", Holds: true, At: &at, Domain: "acme.example", Way: "dns"},
			{Kind: "vouch", At: &at, By: &id.OrgID{1}, ByName: hostile, Fault: "the key that signed it was revoked"},
		}}
	unknown := api.PeerRow{Org: id.OrgID{2}, Name: "Met in a case", Level: "introduced"}
	out, _, code := fake{"GET /v1/peers": api.Peers{Peers: []api.PeerRow{p, unknown}}}.run(t, "peer", "list")
	if code != 0 || !strings.Contains(out, "domain") || !strings.Contains(out, "What does not count, or no more:") || !strings.Contains(out, "revoked") {
		t.Errorf("exit %d\n%s", code, out)
	}
	fits(t, out)
	until := noon.Add(10 * time.Minute)
	p.Fault = &api.Fault{Rule: "flood", At: noon, Times: 3, Until: &until}
	out, _, _ = fake{"GET /v1/peers": api.Peers{Peers: []api.PeerRow{p, unknown}}}.run(t, "peer", "list")
	if said := strings.Join(strings.Fields(out), " "); !strings.Contains(said, "sent more than it may (flood), 3 times, last at "+noon.Format("15:04")+" UTC; not talked to until "+until.Format("15:04")) {
		t.Errorf("who flooded is not named:\n%s", out)
	}
	fits(t, out)
	out, _, code = fake{"GET /v1/peers/ab": p}.run(t, "peer", "show", "ab")
	if code != 0 || !strings.Contains(out, "in favour     acme.example names it (dns), ") || !strings.Contains(out, "(1 d 12 h ago)") ||
		!strings.Contains(out, "not counted") || strings.Contains(out, "\x1b") || strings.Contains(out, "word word") {
		t.Errorf("exit %d\n%s", code, out)
	}
	k := api.Check{Schema: "cordon.check/1", Peer: p, Looks: []api.Look{
		{Domain: "acme.example", Way: "https", Where: "https://acme.example/.well-known/security.txt", Want: "Cordon-Org: " + p.Org.String(), Fault: "\x1b[2J"}}}
	out, errs, code := fake{"POST /v1/peers/ab/check": k}.run(t, "peer", "check", "ab")
	if code != exitFailed || strings.Contains(out, "\x1b") || !strings.Contains(out, "\nCordon-Org: "+p.Org.String()+"\n") || !strings.Contains(errs, "no domain confirms") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	k.Confirmed, k.Looks[0].Fault = true, ""
	if out, _, code = (fake{"POST /v1/peers/ab/check": k}).run(t, "peer", "check", "ab"); code != 0 || !strings.Contains(out, "found:") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// TestHistories: of an organisation with two histories both are shown, with what to ask.
func TestHistories(t *testing.T) {
	twelve := strings.TrimSpace(strings.Repeat("crucial ", 12))
	p := api.PeerRow{Org: id.OrgID{1}, Name: "Twofold \x1b[2J", Level: "suspect", Histories: []api.History{
		{Events: 3, At: api.Event{N: 3, Says: "rotates the root", Words: twelve}},
		{Events: 4, At: api.Event{N: 3, Says: "is named Twofold, with " + strings.Repeat("evil.example, ", 9), Words: twelve}}}}
	out, _, _ := fake{"GET /v1/peers/Twofold": p}.run(t, "peer", "show", "Twofold")
	says(t, out, "contact suspect", "known before event 3 of 3: rotates the root crucial", "the other event 3 of 4: is named Twofold, with evil.example",
		"which words has event 3 in their cordon key status --events", "cordon peer add FILE --choose")
}
