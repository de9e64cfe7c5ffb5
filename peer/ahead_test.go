package peer_test

import (
	"crypto/ed25519"
	"testing"

	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// kin takes one more daemon for one of our own organisation.
type kin struct {
	peer.Directory
	org id.OrgID
	o   *peertest.Org
	all *identity.Org // of both
}

func (k kin) Allowed(transport ed25519.PublicKey) (peer.Contact, bool) {
	d, _ := k.all.Daemon(k.o.Kid)
	if !d.Peer.Equal(transport) {
		return k.Directory.Allowed(transport)
	}
	return peer.Contact{Org: k.org, Kid: d.Kid, KEM: d.KEM, Chain: k.all}, true
}

// TestAhead: what a daemon of ours says it has written, and is not here, is known
// while it is connected, when it has gone, and after a restart. Of what another's
// daemon tells nothing is kept.
func TestAhead(t *testing.T) {
	a := newOrgs(t, 1)[0]
	sibling, other := opener(t, a), opener(t, a)
	a.Tune = func(c *peer.Config) { c.Directory = kin{c.Directory, a.ID, sibling, sibling.Chain} }
	peertest.Meet(a, other)
	start(t, a)
	c := must(a.Open())(t)
	is := func(kid id.Kid, want int) {
		t.Helper()
		until(t, "known what it has beyond us", []*peertest.Org{a}, func() bool {
			cases, err := a.Node.Ahead(kid)
			return err == nil && len(cases) == want && (want == 0 || cases[0] == c)
		})
	}
	b := dress(t, sibling, a)
	ours, _ := b.Tags(c)
	b.send(&wire.Vec{Tag: ours, Heads: []wire.Head{
		{Feed: id.Feed{Kid: a.Kid}, ID: [16]byte(c[:16])}, {Feed: id.Feed{Kid: sibling.Kid}, Seq: 3}}})
	is(sibling.Kid, 1)
	is(a.Kid, 0)
	until(t, "on disk while it is connected, for who is killed then", []*peertest.Org{a}, func() bool {
		rows := 0
		err := a.Ledger.Shelf("peer-ahead").All(func(key, _ []byte) bool {
			if id.CaseID(key[:id.Size]) == c {
				rows++
			}
			return true
		})
		return err == nil && rows == 1
	})
	b.send(&wire.Ack{Number: 1}) // of what was never sent: the session ends
	for b.next(patience) != nil {
	}
	is(sibling.Kid, 1)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	start(t, a)
	is(sibling.Kid, 1)
	is(other.Kid, 0)
}
