package daemon

import (
	"crypto/ed25519"
	"errors"
	"io"
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// party is an organisation with its keys, without a daemon.
type party struct {
	t    *testing.T
	root ed25519.PrivateKey
	keys *keys
	org  *identity.Org
}

func newParty(t *testing.T, name string) *party {
	t.Helper()
	k, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	_, root, _ := ed25519.GenerateKey(nil)
	next, _, _ := ed25519.GenerateKey(nil)
	created, err := identity.Create(root, next, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	org, err := identity.Replay([][]byte{created})
	if err != nil {
		t.Fatal(err)
	}
	p := &party{t: t, root: root, keys: k, org: org}
	p.certify(k)
	return p
}

// certify adds a certificate to the chain.
func (p *party) certify(k *keys) {
	p.t.Helper()
	d := k.certificate(time.Now())
	if len(p.org.Events) > 1 {
		d.Caps = []identity.Cap{identity.CapWrite} // one daemon holds cap steward
	}
	e, err := p.org.CertifyDaemon(p.root, k.agreeing(), d)
	if err == nil {
		p.org, err = p.org.Extend(e)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *party) card(at uint64, addrs ...string) *identity.Card {
	p.t.Helper()
	raw, err := identity.SealCard(p.keys.sign, identity.Card{Org: p.org, Addrs: addrs, T: at})
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := identity.OpenCard(raw)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *party) transport() ed25519.PublicKey { return p.keys.peer.Public().(ed25519.PublicKey) }

// alone is the directory of an organisation's first daemon.
func alone(l *ledger.Ledger, self *identity.Org) (*directory, error) {
	return aloneAt(l, self, time.Now)
}

func aloneAt(l *ledger.Ledger, self *identity.Org, now func() time.Time) (*directory, error) {
	sib, err := openSiblings(l, self, self.Daemons()[0].Kid, now)
	if err != nil {
		return nil, err
	}
	return openDirectory(l, sib, newLog(io.Discard), now)
}

func newDirectory(t *testing.T) (*directory, func() *directory) {
	t.Helper()
	l, err := ledger.Open(t.TempDir(), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	self := newParty(t, "Self").org
	open := func() *directory {
		d, err := alone(l, self)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	return open(), open
}

func TestDirectoryPins(t *testing.T) {
	d, reopen := newDirectory(t)
	p := newParty(t, "Partner")
	if _, ok := d.Allowed(p.transport()); ok {
		t.Fatal("a stranger is let in")
	}
	if err := d.pin(p.card(2, "/ip4/127.0.0.1/tcp/2")); err != nil {
		t.Fatal(err)
	}
	if err := d.pin(p.card(1, "/ip4/127.0.0.1/tcp/1")); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*directory{d, reopen()} {
		c, ok := d.Allowed(p.transport())
		if !ok || c.Org != p.org.ID || c.Introduced || c.Chain == nil {
			t.Errorf("allowed: %+v, %v", c, ok)
		}
		if to := d.Targets(); len(to) != 1 || len(to[0].Addrs) != 1 || to[0].Addrs[0] != "/ip4/127.0.0.1/tcp/2" {
			t.Errorf("an older card counts: %+v", to)
		}
	}
	older := p.card(3)
	second, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	p.certify(second)
	d.Learn(p.org.ID, p.org.Events)
	if _, ok := d.Allowed(second.peer.Public().(ed25519.PublicKey)); !ok {
		t.Error("a second daemon, certified later, is not known")
	}
	if err := d.pin(older); err != nil {
		t.Fatal(err)
	}
	if org, _ := d.org(p.org.ID); len(org.Events) != 3 {
		t.Error("an older card has shortened the chain")
	}
	d.Learn(p.org.ID, [][]byte{{1, 2, 3}})
	stranger := newParty(t, "Stranger")
	d.Learn(stranger.org.ID, stranger.org.Events)
	if _, ok := d.Allowed(stranger.transport()); ok {
		t.Error("a stranger has introduced itself")
	}
}

// twofold is an organisation whose root has signed two histories.
func twofold(t *testing.T) (p, fork *party) {
	t.Helper()
	p = newParty(t, "Twofold")
	other := *p
	for _, side := range []*party{p, &other} {
		k, err := newKeys()
		if err != nil {
			t.Fatal(err)
		}
		side.certify(k)
	}
	return p, &other
}

// TestDirectorySuspect: an organisation with two histories is let in by none until a
// person chooses one, whichever card is added how often, and both are shown.
func TestDirectorySuspect(t *testing.T) {
	d, reopen := newDirectory(t)
	p, fork := twofold(t)
	before := &party{t: t, keys: p.keys, org: p.org}
	before.org, _ = identity.Replay(p.org.Events[:2])
	if err := d.pin(p.card(1)); err != nil {
		t.Fatal(err)
	}
	refused := func(err error) {
		t.Helper()
		var e *api.Error
		if !errors.As(err, &e) || e.Kind != api.Fork || e.Rule != ruleHistories {
			t.Errorf("the second history: %v", err)
		}
	}
	for range 3 {
		refused(d.pin(fork.card(2)))
		refused(d.pin(p.card(3)))
		refused(d.pin(before.card(4)))
		refused(d.choose(before.card(4)))
	}
	for _, d := range []*directory{d, reopen()} {
		if _, ok := d.Allowed(p.transport()); ok || len(d.Targets()) != 0 {
			t.Error("a suspect is let in")
		}
		if _, ok := d.pinned(p.org.ID); ok {
			t.Error("a suspect may be invited")
		}
		l := d.list(nil)
		if len(l) != 1 || l[0].Level != "suspect" || len(l[0].Histories) != 2 {
			t.Fatalf("listed as %+v", l)
		}
		for i, side := range []*party{p, fork} {
			h, e := l[0].Histories[i], side.org.History()[2]
			if h.Events != 3 || h.At.N != 3 || h.At.Says != e.Says || h.At.Words != words(id.OrgID(e.ID)) {
				t.Errorf("history %d: %+v", i, h)
			}
		}
	}
	if err := d.choose(fork.card(0)); err != nil { // older than the card of the other
		t.Fatal(err)
	}
	for _, d := range []*directory{d, reopen()} {
		c, ok := d.Allowed(p.transport())
		if !ok || !c.Chain.Extends(fork.org) {
			t.Error("a person has decided, and it does not count")
		}
		if card, ok := d.pinned(p.org.ID); !ok || !card.Org.Extends(fork.org) {
			t.Error("the card is of the other history")
		}
		if l := d.list(nil); l[0].Histories != nil || l[0].Contact != "tofu" {
			t.Errorf("listed as %+v", l)
		}
	}
	// The history that was not chosen disturbs nobody any more, and is not taken unasked.
	refused(d.pin(p.card(9)))
	d.Learn(p.org.ID, p.org.Events)
	if err := d.meet(id.CaseID{1}, map[id.OrgID]member{p.org.ID: {org: p.org}}); err != nil {
		t.Fatal(err)
	}
	d = reopen()
	d.Learn(p.org.ID, p.org.Events)
	if _, ok := d.pinned(p.org.ID); !ok {
		t.Error("suspect again")
	}
	if err := d.choose(p.card(9)); err != nil {
		t.Fatal(err)
	}
	if org, _ := d.org(p.org.ID); !org.Extends(p.org) {
		t.Error("a person may change its mind")
	}
}

// TestChoiceIsInherited: what a person has chosen of two histories holds for a standby
// that takes over, whichever of them it knew itself.
func TestChoiceIsInherited(t *testing.T) {
	former, _ := newDirectory(t)
	p, fork := twofold(t)
	if err := former.pin(p.card(2)); err != nil {
		t.Fatal(err)
	}
	if err := former.choose(fork.card(1)); err != nil {
		t.Fatal(err)
	}
	row, _, err := former.rows.get(p.org.ID[:])
	if err != nil {
		t.Fatal(err)
	}
	for name, knows := range map[string]*party{"the one": fork, "the other": p, "neither": nil} {
		d, _ := newDirectory(t)
		if knows != nil {
			if err := d.pin(knows.card(3)); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.inherit(row); err != nil {
			t.Fatal(err)
		}
		d.Learn(p.org.ID, p.org.Events)
		if card, ok := d.pinned(p.org.ID); !ok || !card.Org.Extends(fork.org) {
			t.Errorf("a standby that knew %s: pinned %v", name, ok)
		}
	}
}

// TestMetSuspect: who was met in cases with two histories is not pinned unasked.
func TestMetSuspect(t *testing.T) {
	d, _ := newDirectory(t)
	p, fork := twofold(t)
	if err := d.meet(id.CaseID{1}, map[id.OrgID]member{p.org.ID: {org: p.org}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.pin(fork.card(1)); err == nil {
			t.Error("pinned in the place of what a case shows")
		}
	}
	if err := d.choose(fork.card(1)); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.pinned(p.org.ID); !ok {
		t.Error("not pinned")
	}
}

// TestDirectoryMeets: members of common cases come and go with the cases.
func TestDirectoryMeets(t *testing.T) {
	d, reopen := newDirectory(t)
	p, thief := newParty(t, "Member"), newParty(t, "Thief")
	one, two := id.CaseID{1}, id.CaseID{2}
	in := func(addr string) map[id.OrgID]member { return map[id.OrgID]member{p.org.ID: {p.org, []string{addr}}} }
	for c, addr := range map[id.CaseID]string{one: "/ip4/127.0.0.1/tcp/1", two: "/ip4/127.0.0.1/tcp/2"} {
		if err := d.meet(c, in(addr)); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []*directory{d, reopen()} {
		if c, ok := d.Allowed(p.transport()); !ok || !c.Introduced {
			t.Errorf("allowed: %+v, %v", c, ok)
		}
		if _, ok := d.pinned(p.org.ID); ok || len(d.common(p.org.ID)) != 2 || len(d.Targets()[0].Addrs) != 2 {
			t.Errorf("known as %+v", d.list(nil))
		}
	}
	// Another member has the same transport key, which has agreed to both.
	thief.keys.peer = p.keys.peer
	thief.certify(thief.keys)
	if err := d.meet(one, map[id.OrgID]member{p.org.ID: {p.org, nil}, thief.org.ID: {thief.org, nil}}); err != nil {
		t.Fatal(err)
	}
	if c, _ := d.Allowed(p.transport()); c.Org != p.org.ID {
		t.Error("a transport key was taken over")
	}
	for _, c := range []id.CaseID{one, two} {
		if _, ok := d.Allowed(p.transport()); !ok {
			t.Error("forgotten too early")
		}
		if err := d.meet(c, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := d.Allowed(p.transport()); ok || len(d.list(nil)) != 0 || len(reopen().list(nil)) != 0 {
		t.Errorf("left over: %+v", d.list(nil))
	}
}

// TestTransportKeyIsNotTakenForGood: of two organisations to which a transport key
// has agreed, the one that is known first holds it only as long as it is known.
func TestTransportKeyIsNotTakenForGood(t *testing.T) {
	d, _ := newDirectory(t)
	second, first := newParty(t, "Second"), newParty(t, "First")
	shared := *first.keys
	shared.peer = second.keys.peer
	first.certify(&shared)
	c := id.CaseID{1}
	both := map[id.OrgID]member{first.org.ID: {org: first.org}}
	if err := d.meet(c, both); err != nil {
		t.Fatal(err)
	}
	both[second.org.ID] = member{org: second.org}
	if err := d.meet(c, both); err != nil {
		t.Fatal(err)
	}
	delete(both, first.org.ID)
	if err := d.meet(c, both); err != nil {
		t.Fatal(err)
	}
	if who, ok := d.Allowed(second.transport()); !ok || who.Org != second.org.ID {
		t.Errorf("the second may not connect: %v", ok)
	}
}
