package daemon

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"cordon/ledger"
	"cordon/ledger/projection"
	"cordon/peer"
	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/identity"
)

// lists is the chain of p with a certificate more, as a root writes it that asks
// nobody: of a daemon with another's transport key. carries makes key 17 of the
// text that the transport key would have to sign.
func (p *party) lists(transport ed25519.PublicKey, carries func(text []byte) []byte) [][]byte {
	p.t.Helper()
	k, err := newKeys()
	if err != nil {
		p.t.Fatal(err)
	}
	last, err := cose.Parse(cose.Ident, p.org.Events[len(p.org.Events)-1])
	if err != nil {
		p.t.Fatal(err)
	}
	d := k.certificate(time.Now())
	sign, kem := k.sign.Public().(ed25519.PublicKey), sha256.Sum256(d.KEM)
	holds := slices.Concat([]byte("cordon/1/holds"), p.org.ID[:], transport, kem[:])
	text := slices.Concat([]byte("cordon/1/carries"), p.org.ID[:], sign, kem[:])
	event, _ := cose.Seal(cose.Ident, p.root, canon.MustMarshal(map[uint64]any{
		1: uint64(1), 2: uint64(len(p.org.Events)), 3: last.ID[:], 4: uint64(2),
		9: []byte(sign), 10: []byte(transport), 11: d.KEM, 12: []uint64{1}, 13: d.NotAfter,
		16: ed25519.Sign(k.sign, holds), 17: carries(text)}))
	return append(slices.Clone(p.org.Events), event)
}

// TestTransportKeyOfAnother: a chain that lists another's transport key is none,
// wherever it comes from. The control, to which the victim has agreed, is one.
func TestTransportKeyOfAnother(t *testing.T) {
	victim, thief := newParty(t, "Victim"), newParty(t, "Thief")
	signs := func(k ed25519.PrivateKey) func([]byte) []byte {
		return func(text []byte) []byte { return ed25519.Sign(k, text) }
	}
	for name, c := range map[string]struct {
		carries func([]byte) []byte
		counts  bool
	}{
		"control: the victim signs":       {signs(victim.keys.peer), true},
		"the thief's transport key signs": {signs(thief.keys.peer), false},
		"the thief's root signs":          {signs(thief.root), false},
		"what the victim has shown":       {func([]byte) []byte { return tail(victim.org.Events[1]) }, false},
	} {
		d, reopen := newDirectory(t)
		chain := thief.lists(victim.transport(), c.carries)
		if _, err := identity.Replay(chain); (err == nil) != c.counts || err != nil && !errors.Is(err, identity.ErrHolds) {
			t.Errorf("%s: %v", name, err)
		}
		card, _ := cose.Seal(cose.Card, thief.keys.sign, canon.MustMarshal(map[uint64]any{
			1: uint64(1), 2: chain, 3: thief.org.Name, 4: []string{}, 5: map[uint64]any{}, 6: uint64(1)}))
		if _, err := identity.OpenCard(card); (err == nil) != c.counts || err != nil && !errors.Is(err, identity.ErrHolds) {
			t.Errorf("%s: a card of it: %v", name, err)
		}
		if err := d.pin(thief.card(1)); err != nil {
			t.Fatal(err)
		}
		d.Learn(thief.org.ID, chain)
		if err := d.pin(victim.card(1)); err != nil {
			t.Fatal(err)
		}
		for _, d := range []*directory{d, reopen()} {
			if who, ok := d.Allowed(thief.transport()); !ok || who.Org != thief.org.ID {
				t.Errorf("%s: the thief's own daemon is shut out", name)
			}
		}
		if who, _ := d.Allowed(victim.transport()); (who.Org == victim.org.ID) == c.counts {
			t.Errorf("%s: the victim connects as %v", name, who.Org)
		}
	}
}

// tail is the possession that the transport key of a certificate has signed: the
// last 64 bytes of its payload, which the root's signature of 64 bytes and its
// head of two follow.
func tail(certificate []byte) []byte {
	end := len(certificate) - 2 - ed25519.SignatureSize
	return certificate[end-ed25519.SignatureSize : end]
}

// end is a party's directory behind a real listener on loopback.
type end struct {
	*party
	*directory
	node *peer.Node
}

func (p *party) listen() *end {
	p.t.Helper()
	l, err := ledger.Open(p.t.TempDir(), ledger.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { l.Close() })
	d, err := alone(l, p.org)
	if err != nil {
		p.t.Fatal(err)
	}
	n, err := peer.Listen(peer.Config{Org: p.org.ID, Kid: cose.Thumbprint(p.keys.sign.Public().(ed25519.PublicKey)),
		Transport: p.keys.peer, KEM: p.keys.kem, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Ledger: l, Cases: projection.New(l),
		Directory: d, Root: p.org.Root(), Now: time.Now, Schedule: peer.Schedule{Dial: 20 * time.Millisecond, DialMax: 100 * time.Millisecond}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { n.Close() })
	return &end{p, d, n}
}

// run lets the node dial and answer until the test ends, or stop is called.
func (e *end) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.node.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			e.t.Error(err)
		}
	})
	e.t.Cleanup(stop)
	return stop
}

// meets pins the card of another end.
func (e *end) meets(x *end) {
	e.t.Helper()
	if err := e.pin(x.card(1, x.node.Addrs()...)); err != nil {
		e.t.Fatal(err)
	}
}

// sees waits for a session with another end: HELLO has been read by then.
func (e *end) sees(x *end) {
	e.t.Helper()
	e.until(x, func(s peer.PeerStatus) bool { return s.Connected })
}

// until waits for what the node says of another end.
func (e *end) until(x *end, is func(peer.PeerStatus) bool) {
	e.t.Helper()
	limit, again := time.NewTimer(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer limit.Stop()
	defer again.Stop()
	for {
		at := slices.IndexFunc(e.node.Status(), func(s peer.PeerStatus) bool { return s.Org == x.party.org.ID && is(s) })
		if at >= 0 {
			return
		}
		select {
		case <-again.C:
		case <-limit.C:
			e.t.Fatalf("%s: it does not come about: %+v", x.party.org.Name, e.node.Status())
		}
	}
}

// TestThiefKeepsNobodyOut: over the network, a daemon whose organisation shows such
// a chain in HELLO is known by the chain before it; the victim, pinned after that,
// connects. In the control the victim has agreed to be listed, and the chain counts.
func TestThiefKeepsNobodyOut(t *testing.T) {
	for name, agreed := range map[string]bool{"stolen": false, "control": true} {
		t.Run(name, func(t *testing.T) {
			us, victim, thief := newParty(t, "Us").listen(), newParty(t, "Victim").listen(), newParty(t, "Thief").listen()
			key := thief.keys.peer
			if agreed {
				key = victim.keys.peer
			}
			thief.own = thief.lists(victim.transport(), func(text []byte) []byte { return ed25519.Sign(key, text) })
			us.meets(thief)
			thief.meets(us)
			us.run()
			thief.run()
			us.sees(thief)
			chain, _ := us.directory.org(thief.party.org.ID)
			if learnt := len(chain.Events) == len(thief.own); learnt != agreed {
				t.Fatalf("of %d events shown %d count", len(thief.own), len(chain.Events))
			}
			if agreed {
				return
			}
			us.meets(victim)
			victim.meets(us)
			victim.run()
			us.sees(victim)
		})
	}
}

// TestFullChainIsLearnt: a chain as long as a card can hold comes whole with HELLO.
func TestFullChainIsLearnt(t *testing.T) {
	us, other := newParty(t, "Us").listen(), newParty(t, "Other").listen()
	us.meets(other)
	other.meets(us)
	for len(other.party.org.Events) < 19 {
		k, err := newKeys()
		if err != nil {
			t.Fatal(err)
		}
		other.certify(k)
	}
	other.own = other.party.org.Events
	us.run()
	other.run()
	us.sees(other)
	if chain, _ := us.directory.org(other.party.org.ID); !chain.Extends(other.party.org) {
		t.Errorf("%d events of %d are known", len(chain.Events), len(other.own))
	}
}

// TestNewKeysAfterRevocation: who has learnt that a daemon's key is revoked, and not what
// follows it, is shown the new key with the old one, and connects. A key that the
// organisation never had shows nothing.
func TestNewKeysAfterRevocation(t *testing.T) {
	us, other := newParty(t, "Us").listen(), newParty(t, "Other").listen()
	us.meets(other)
	us.run()
	at := peer.Target{Org: us.party.org.ID, Transport: us.transport(), Addrs: us.node.Addrs()}
	former := peer.Former{Kid: other.keys.kid(), Transport: other.keys.peer}
	revoke, err := other.party.org.RevokeDaemon(other.root, former.Kid, identity.Stolen)
	if err == nil {
		other.party.org, err = other.party.org.Extend(revoke)
	}
	if err != nil {
		t.Fatal(err)
	}
	us.Learn(other.party.org.ID, other.party.org.Events)
	if _, ok := us.Allowed(other.transport()); ok {
		t.Fatal("a revoked daemon may connect")
	}

	again := &party{t: t, root: other.root, org: other.party.org}
	if again.keys, err = newKeys(); err != nil {
		t.Fatal(err)
	}
	again.certify(again.keys)
	if err := peer.Herald(t.Context(), peer.Former{Kid: former.Kid, Transport: again.keys.peer}, at, again.org.Events); err == nil {
		t.Error("a key that nobody has heard of is let in")
	}
	if err := peer.Herald(t.Context(), former, at, again.org.Events); err != nil {
		t.Fatal(err)
	}
	now := again.listen()
	now.meets(us)
	now.run()
	us.sees(now)
}

// TestRenewedAfterItsEnd: a daemon whose certificate was over when it was renewed shows that
// with the keys that it has, and connects; one that was not renewed does not.
func TestRenewedAfterItsEnd(t *testing.T) {
	us, other := newParty(t, "Us").listen(), newParty(t, "Other")
	prolong := func(from time.Time) *end {
		t.Helper()
		d := other.keys.certificate(from)
		event, err := other.org.CertifyDaemon(other.root, other.keys.agreeing(), d)
		if err == nil {
			other.org, err = other.org.Extend(event)
		}
		if err != nil {
			t.Fatal(err)
		}
		return other.listen()
	}
	late := prolong(time.Now().Add(-certificate - time.Hour))
	us.meets(late)
	late.meets(us)
	us.run()
	stop := late.run()
	refused := func(s peer.PeerStatus) bool { return s.LastError != "" && !s.Connected }
	us.until(late, func(s peer.PeerStatus) bool { // whoever is to open the session is told
		return !s.Connected && (refused(s) || slices.ContainsFunc(late.node.Status(), refused))
	})
	stop()
	again := prolong(time.Now())
	at := peer.Target{Org: us.party.org.ID, Transport: us.transport(), Addrs: us.node.Addrs()}
	if err := peer.Herald(t.Context(), peer.Former{Kid: other.keys.kid(), Transport: other.keys.peer}, at, other.org.Events); err != nil {
		t.Fatal(err)
	}
	again.meets(us)
	again.run()
	us.sees(again)
}

// TestRootShowsItsOwn: who holds the root's key shows a daemon of its organisation the newest
// events, and can do nothing else there; no other root can do that much.
func TestRootShowsItsOwn(t *testing.T) {
	us, thief := newParty(t, "Us").listen(), newParty(t, "Thief")
	us.run()
	at := peer.Target{Org: us.party.org.ID, Transport: us.transport(), Addrs: us.node.Addrs()}
	k, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	us.certify(k) // as daemon add does it; the daemon that runs does not know
	events := us.party.org.Events
	if err := peer.RootHerald(t.Context(), thief.root, at, events); err == nil {
		t.Error("another root is let in")
	}
	if err := peer.Herald(t.Context(), peer.Former{Kid: cose.Thumbprint(us.keys.sign.Public().(ed25519.PublicKey)), Transport: us.root}, at, events); err == nil {
		t.Error("the root comes as a daemon")
	}
	select {
	case <-us.newer:
		t.Fatal("events were taken from who may not show them")
	default:
	}
	if err := peer.RootHerald(t.Context(), us.root, at, events); err != nil {
		t.Fatal(err)
	}
	select {
	case chain := <-us.newer:
		if len(chain.Events) != len(events) {
			t.Errorf("%d events of %d are known", len(chain.Events), len(events))
		}
	default:
		t.Error("nothing was learnt")
	}
	if c, ok := us.Allowed(us.root.Public().(ed25519.PublicKey)); ok {
		t.Errorf("with the root's key one takes part as %+v", c)
	}
}
