package daemon

import (
	"crypto/ed25519"
	"slices"
	"testing"
	"time"

	"cordon/protocol/identity"
)

// TestHeardCards: what the public topics bring changes only what a person has pinned,
// only forwards, and only by daemons in force.
func TestHeardCards(t *testing.T) {
	d, reopen := newDirectory(t)
	now := time.Now()
	d.now = func() time.Time { return now }
	heard := topics{directory: d}
	p, q := newParty(t, "Partner"), newParty(t, "Nobody")
	if err := d.pin(p.card(10, "/ip4/192.0.2.1/tcp/1")); err != nil {
		t.Fatal(err)
	}
	second := *p
	second.keys, _ = newKeys()
	second.certify(second.keys)
	gone := *p // its daemon is revoked in the chain that is known
	p.org = second.org
	addrs := func(d *directory) []string { return slices.Sorted(slices.Values(d.orgs[p.org.ID].addrs())) }
	for _, c := range []struct {
		what string
		card *identity.Card
		goes bool
		want []string
	}{
		{"of nobody", q.card(11), false, []string{"/ip4/192.0.2.1/tcp/1"}},
		{"older", p.card(9, "/ip4/192.0.2.9/tcp/9"), false, []string{"/ip4/192.0.2.1/tcp/1"}},
		{"of the far future", p.card(uint64(now.Add(48*time.Hour).UnixMilli()), "/ip4/192.0.2.9/tcp/9"), false, []string{"/ip4/192.0.2.1/tcp/1"}},
		{"newer", p.card(12, "/ip4/192.0.2.2/tcp/2"), true, []string{"/ip4/192.0.2.2/tcp/2"}},
		{"of the other daemon, beside it", second.card(11, "/ip4/192.0.2.3/tcp/3"), true, []string{"/ip4/192.0.2.2/tcp/2", "/ip4/192.0.2.3/tcp/3"}},
	} {
		now = now.Add(2 * heardPause)
		if goes := heard.HeardCard(c.card.Raw); goes != c.goes || !slices.Equal(addrs(d), c.want) {
			t.Errorf("%s: goes on %v, now %v", c.what, goes, addrs(d))
		}
		if goes := heard.HeardCard(c.card.Raw); goes != c.goes {
			t.Errorf("%s, a second time: goes on %v", c.what, goes)
		}
		if !slices.Equal(addrs(reopen()), c.want) {
			t.Errorf("%s: after a restart %v", c.what, addrs(reopen()))
		}
	}
	if _, known := d.orgs[q.org.ID]; known {
		t.Error("a card that came by has pinned somebody")
	}
	if heard.HeardCard(p.card(20, "/ip4/192.0.2.4/tcp/4").Raw) && heard.HeardCard(p.card(21, "/ip4/192.0.2.5/tcp/5").Raw) {
		t.Error("two new cards within a minute")
	}

	revoke, err := p.org.RevokeDaemon(p.root, p.keys.kid(), identity.Stolen)
	if err != nil {
		t.Fatal(err)
	}
	if p.org, err = p.org.Extend(revoke); err != nil {
		t.Fatal(err)
	}
	if !heard.HeardEvents(p.org.Events) || heard.HeardEvents(p.org.Events) {
		t.Error("a revocation goes on once")
	}
	select {
	case events := <-d.revoked:
		if len(events) != len(p.org.Events) {
			t.Error("something else is told")
		}
	default:
		t.Error("the revocation is not told on")
	}
	if _, ok := d.Allowed(gone.keys.peer.Public().(ed25519.PublicKey)); ok {
		t.Error("the revoked daemon is let in")
	}
	now = now.Add(2 * heardPause)
	if heard.HeardCard(gone.card(30, "/ip4/192.0.2.6/tcp/6").Raw) {
		t.Error("a card of the revoked daemon goes on")
	}
	second.org = p.org
	if !heard.HeardCard(second.card(31, "/ip4/192.0.2.7/tcp/7").Raw) || !slices.Equal(addrs(d), []string{"/ip4/192.0.2.7/tcp/7"}) {
		t.Errorf("the card of the daemon that is left takes its place: %v", addrs(d))
	}
}

// TestHeardTwoHistories: a second history of a pinned organisation is noticed, and
// told to nobody as news.
func TestHeardTwoHistories(t *testing.T) {
	d, _ := newDirectory(t)
	heard := topics{directory: d}
	p, fork := twofold(t)
	if err := d.pin(p.card(1)); err != nil {
		t.Fatal(err)
	}
	if heard.HeardCard(fork.card(2).Raw) {
		t.Error("it goes on")
	}
	if _, ok := d.pinned(p.org.ID); ok {
		t.Error("a suspect may be invited")
	}
	if heard.HeardCard(p.card(3).Raw) || heard.HeardEvents(p.org.Events) {
		t.Error("of a suspect something goes on")
	}
}
