package peer_test

import (
	"testing"

	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol/id"
)

// TestGenesisOfAStranger: only a daemon of the same organisation brings a case. What
// anybody else brings so is passed over: nothing is stored, nothing is fetched.
func TestGenesisOfAStranger(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 1)
	a := orgs[0]
	o := opener(t, a)
	peertest.Meet(a, o)
	start(t, a)
	c := must(o.Open())(t)
	g := must(o.Ledger.Entry(c, id.EntryID(c)))(t)
	b := dress(t, o, a)
	b.send(&wire.Genesis{Raw: g.Raw})
	b.send(&wire.Genesis{Raw: []byte{0xa0}})
	b.send(&wire.Ack{Number: 1}) // of what was never sent: the session ends, after the frames before
	for b.next(patience) != nil {
	}
	if cases := a.Ledger.Cases(); len(cases) > 0 {
		t.Errorf("a stranger has brought %d cases", len(cases))
	}
}
