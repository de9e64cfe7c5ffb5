package protocol_test

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// fields are those of a control entry that names deps.
func fields(m protocol.Message, deps ...*entry.Sealed) entry.Fields {
	f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}
	for _, d := range deps {
		f.Deps = append(f.Deps, d.ID)
	}
	return f
}

// bothOrders folds common, then x and y one after the other, both ways round.
func bothOrders(common []*entry.Sealed, x, y *entry.Sealed) (a, b *protocol.Case) {
	rest := slices.DeleteFunc(slices.Clone(common), func(e *entry.Sealed) bool { return e.ID == x.ID || e.ID == y.ID })
	a = fold(fold(protocol.NewCase(), rest), []*entry.Sealed{x, y})
	b = fold(fold(protocol.NewCase(), rest), []*entry.Sealed{y, x})
	return a, b
}

// elsewhere are keys by which a daemon agrees to be another organisation's too:
// its signing key, and another transport key.
func elsewhere(d *link.Daemon) identity.Keys {
	return identity.Keys{Sig: d.Key, Peer: link.Keys("elsewhere " + d.Kid.String()).Peer}
}

// TestOthersRevocation: who certifies a steward's key, which agreed to it, in its
// own chain and revokes it there has revoked nothing of the steward's.
func TestOthersRevocation(t *testing.T) {
	a, _, c, x := trio()
	k, _ := a.Org.Daemon(a.Kid)
	k.Caps = []identity.Cap{identity.CapWrite}
	before := a.Act(a.Admission(x, protocol.Observer, "before"))
	certify := must(c.Org.CertifyDaemon(c.Root, elsewhere(a), k))
	revoke := must(must(c.Org.Extend(certify)).RevokeDaemon(c.Root, a.Kid, 1))
	m := &protocol.Ident{Events: [][]byte{certify, revoke}}
	admitted, _ := a.Case.Admission(c.Org.ID)
	verdict(t, a.Case, c.Write(fields(m, a.Held[admitted])), "") // does not see the act before
	verdict(t, a.Case, before, "")
	verdict(t, a.Case, a.Act(&protocol.Remove{Org: x.Org.ID}), "")
	if a.Case.Member(x.Org.ID) {
		t.Error("a participant takes the steward's power")
	}
}

// TestUnsignedEvent: an identity event counts by its own signature, also where
// another entry has shown the same event well signed before.
func TestUnsignedEvent(t *testing.T) {
	a, b, _, _ := trio()
	good := b.Certify("B/2", identity.CapWrite)
	bad := slices.Clone(good)
	bad[len(bad)-1] ^= 1
	head := a.Say(&protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1"}})
	x := b.Write(fields(&protocol.Ident{Events: [][]byte{good}}, head))
	f := fields(&protocol.Ident{Events: [][]byte{bad}})
	cfg := a.Case.Config().ID
	f.Cfg = &cfg
	y := a.Write(f)
	one, two := bothOrders(inOrder(a), x, y)
	verdict(t, one, y, "bad-identity")
	verdict(t, two, y, "bad-identity")
	verdict(t, one, x, "")
}

// TestAddressesOnTwoBranches: of two addresses at one place of a forked feed the
// same stands, whichever came first.
func TestAddressesOnTwoBranches(t *testing.T) {
	a, b, _, _ := trio()
	prev := b.Say(&protocol.Status{RM: protocol.RMValid})
	x := b.WriteAfter(prev, fields(&protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1"}}))
	y := b.WriteAfter(prev, fields(&protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/2"}}))
	one, two := bothOrders(inOrder(a), x, y)
	if p, q := fmt.Sprint(one.Participants()), fmt.Sprint(two.Participants()); p != q {
		t.Errorf("two orders, two cases:\n%s\n%s", p, q)
	}
}

// TestDisputedSecondKey: a key that has written for its organisation is not
// silenced by another that certifies it too, though it never signed an accept.
func TestDisputedSecondKey(t *testing.T) {
	a, b, c, _ := trio()
	a.Act(&protocol.Ident{Events: [][]byte{b.Certify("B/2", identity.CapWrite)}})
	b.Use("B/2")
	verdict(t, a.Case, b.Say(&protocol.Status{RM: protocol.RMValid}), "")
	k, _ := b.Org.Daemon(b.Kid)
	event := must(c.Org.CertifyDaemon(c.Root, elsewhere(b), k))
	verdict(t, a.Case, c.Say(&protocol.Ident{Events: [][]byte{event}}), "")
	verdict(t, a.Case, b.Say(&protocol.Status{RM: protocol.RMAccepted}), "")
	verdict(t, a.Case, b.Tell(protocol.Note, id.Everyone), "")
	if o, ok := a.Case.OrgOf(b.Kid); !ok || o != b.Org.ID {
		t.Errorf("the key is %v's", o)
	}
}

// TestRefoldAsksThePastAlone: an admit whose accept is signed with the steward's
// own disputed key is judged without itself, also when authority is made anew.
func TestRefoldAsksThePastAlone(t *testing.T) {
	a, _, c, x := trio()
	k, _ := a.Org.Daemon(a.Kid)
	k.Caps = []identity.Cap{identity.CapConsent}
	x.Org = must(x.Org.Extend(must(x.Org.RevokeDaemon(x.Root, x.Kid, 1))))
	x.Org = must(x.Org.Extend(must(x.Org.CertifyDaemon(x.Root, elsewhere(a), k))))
	x.Use("A/1")
	before := a.Say(&protocol.Claim{What: protocol.Public})
	common := inOrder(a)
	late := a.Act(&protocol.Remove{Org: c.Org.ID})
	admit := a.Act(a.Admission(x, protocol.Observer, "shared"))
	ident := a.Held[admit.Prev]
	verdict(t, a.Case, admit, "")
	fork := a.WriteAfter(before, fields(&protocol.Claim{What: protocol.Attack}))
	one := fold(fold(protocol.NewCase(), common), []*entry.Sealed{late, ident, admit, fork})
	two := fold(fold(protocol.NewCase(), common), []*entry.Sealed{fork, late, ident, admit})
	verdict(t, one, admit, "forked-authority")
	verdict(t, two, admit, "forked-authority")
}

// TestRemovalSeesItsSubject: what a daemon has of the subject's status entries,
// its removal and the subject's exit leave valid, however many heads the case has.
func TestRemovalSeesItsSubject(t *testing.T) {
	ds := crowd(24)
	b, steps := ds[1], []protocol.RM{protocol.RMValid, protocol.RMAccepted, protocol.RMDeferred}
	root := ds[0].Say(&protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1"}})
	valid := b.Write(fields(&protocol.Status{RM: steps[0]}, root))
	for _, d := range ds[2:] { // each of them knows only its own, and more than b
		first := d.Write(fields(&protocol.Status{RM: steps[0]}, root))
		for range 3 {
			first = d.WriteAfter(first, fields(&protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/2"}}))
		}
	}
	ds[0].Act(&protocol.Remove{Org: b.Org.ID})
	verdict(t, ds[0].Case, valid, "")

	c := ds[2]
	ds[0].Act(&protocol.Ident{Events: [][]byte{c.Certify("standby", identity.CapWrite, identity.CapConsent)}})
	known := ds[0].Say(&protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1"}})
	other := c.Say(&protocol.Status{RM: steps[1]})
	for _, d := range ds[3:] {
		for range 6 {
			d.Write(fields(&protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/2"}}))
		}
	}
	c.Use("standby")
	c.Write(fields(&protocol.Claim{What: protocol.Public}, known))
	verdict(t, ds[0].Case, c.Say(&protocol.Exit{}), "")
	verdict(t, ds[0].Case, other, "")
}

// TestForksCrowdNobodyOut: a member that forks its feed at will does not keep
// others' heads out of what a new entry names.
func TestForksCrowdNobodyOut(t *testing.T) {
	a, b, c, _ := trio()
	at := c.Say(&protocol.Status{RM: protocol.RMAccepted})
	heard := b.Say(&protocol.Status{RM: protocol.RMValid})
	for range 3 {
		at = c.Write(fields(&protocol.Status{RM: protocol.RMDeferred}))
	}
	for i := range 2 * entry.MaxDeps {
		c.WriteAfter(at, fields(&protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", i)}}))
	}
	if deps := a.Case.Deps(a.Kid, id.Control); !slices.Contains(deps, heard.ID) {
		t.Error("an honest head is not named")
	}
}

// quick fails the test when folding takes far longer than its length can explain: 20
// times the processor's time that checking a signature of each takes, here and now.
func quick(t *testing.T, es []*entry.Sealed) *protocol.Case {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	pub, sig := key.Public().(ed25519.PublicKey), ed25519.Sign(key, nil)
	start := busy()
	for range es {
		ed25519.Verify(pub, nil, sig)
	}
	limit := 20 * (busy() - start)
	start = busy()
	c := fold(protocol.NewCase(), es)
	took := busy() - start
	if took > limit {
		t.Errorf("%d entries took %.0f ms of the processor, more than %.0f", len(es), took, limit)
	}
	t.Logf("%d entries: %.0f ms, of %.0f", len(es), took, limit)
	return c
}

// TestManyExits: exits on branches without number, each of which has all status
// entries in its past, cost each a look at these and no more.
func TestManyExits(t *testing.T) {
	a, b, _, _ := trio()
	last := b.Say(&protocol.Status{RM: protocol.RMAccepted})
	const n = 1500
	for i := range n {
		last = b.Write(fields(&protocol.Status{RM: []protocol.RM{protocol.RMDeferred, protocol.RMAccepted}[i%2]}))
	}
	es := inOrder(a)
	for i := range n {
		f := fields(&protocol.Exit{})
		f.Cfg = &id.ConfigID{byte(i), byte(i >> 8), 1} // makes it another entry
		es = append(es, b.WriteAfter(last, f))
	}
	verdict(t, quick(t, es), last, "")
}

// TestForksFromTheTopDown: a steward's daemon that forks below one of its acts
// after the other has the case folded again each time, but nothing verified again.
func TestForksFromTheTopDown(t *testing.T) {
	a, _, _, x := trio()
	var acts []*entry.Sealed
	for i := range 120 {
		acts = append(acts, a.Act(a.Admission(x, protocol.Observer, fmt.Sprint(i))), a.Act(&protocol.Remove{Org: x.Org.ID}))
	}
	es := inOrder(a)
	for _, prev := range slices.Backward(acts) {
		es = append(es, a.WriteAfter(prev, fields(&protocol.Claim{What: protocol.Public})))
	}
	c := quick(t, es)
	verdict(t, c, acts[0], "")
	verdict(t, c, acts[1], "forked-authority")
}

// TestManyCertificates: who certifies another's key in any number of branches of
// its own chain is asked once for it.
func TestManyCertificates(t *testing.T) {
	a, b, c, _ := trio()
	k, _ := b.Org.Daemon(b.Kid)
	k.Caps = []identity.Cap{identity.CapWrite}
	before := a.Say(&protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1"}})
	for range 1000 {
		k.NotAfter++
		c.Say(&protocol.Ident{Events: [][]byte{must(c.Org.CertifyDaemon(c.Root, elsewhere(b), k))}})
	}
	es := append(inOrder(a), b.Write(fields(&protocol.Claim{What: protocol.Public}, before)))
	for range 1000 {
		es = append(es, b.Write(fields(&protocol.Claim{What: protocol.Public})))
	}
	verdict(t, quick(t, es), es[len(es)-1], "")
}

// TestForksTakeLittleMemory: an entry on one of many branches takes no more than
// one on a few.
func TestForksTakeLittleMemory(t *testing.T) {
	a, b, _, _ := trio()
	prev := b.Say(&protocol.Status{RM: protocol.RMAccepted})
	es := inOrder(a)
	const n = 20_000
	for i := range n {
		f := fields(&protocol.Status{RM: protocol.RMDeferred})
		f.Cfg = &id.ConfigID{byte(i), byte(i >> 8), 1} // makes it another entry
		es = append(es, b.WriteAfter(prev, f))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	quick(t, es)
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / n; per > 3000 {
		t.Errorf("%d bytes an entry", per)
	} else {
		t.Logf("%d bytes an entry", per)
	}
}

// TestChangedFields: whatever stands in the fields of an entry by a steward or a
// member, the fold and its dry run judge it, alike.
func TestChangedFields(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	folded := 0
	for seed := range uint64(6) {
		h := play(random(seed), steady())
		c := fold(protocol.NewCase(), h.pool)
		for range 4000 {
			e := h.pool[rng.IntN(len(h.pool))]
			f := e.Fields
			if e.Genesis() {
				f.Case, f.Prev, f.Seq, f.LC, f.Type = c.ID(), e.ID, 1, 1, 7
			}
			f.Ctl = slices.Clone(f.Ctl)
			if len(f.Ctl) == 0 {
				continue
			}
			for range 1 + rng.IntN(3) {
				f.Ctl[min(rng.IntN(len(f.Ctl)), rng.IntN(len(f.Ctl)))] = byte(rng.Uint32())
			}
			name := orgNames[rng.IntN(2)] + "/1"
			x, err := f.Seal(link.Keys(name).Sig)
			if err != nil || f.Seq > 0 && x.Kid != e.Kid {
				continue
			}
			allowed := c.Check(x) == nil
			if out := c.Apply(x); allowed && out.Refused != "" {
				t.Fatalf("seed %d, %x: allowed by the dry run, refused as %s", seed, f.Ctl, out.Refused)
			} else if out.Refused != protocol.ErrOrder {
				folded++
			}
		}
		h.shown(c)
	}
	if folded < 1000 {
		t.Errorf("only %d entries got as far as the fold", folded)
	}
}

// TestTooManyCompartments: an organisation opens so many and no more.
func TestTooManyCompartments(t *testing.T) {
	_, b, c, _ := trio()
	var last *entry.Sealed
	for range protocol.MaxCompartments {
		last = b.Say(protocol.NewCompartment(b.Org.ID))
	}
	verdict(t, b.Case, last, "")
	verdict(t, b.Case, b.Say(protocol.NewCompartment(b.Org.ID)), "too-many-compartments")
	verdict(t, b.Case, c.Say(protocol.NewCompartment(c.Org.ID)), "")
}

// TestDepOnContent: content is in nobody's past.
func TestDepOnContent(t *testing.T) {
	a, b, _, _ := trio()
	note := a.Tell(protocol.Subject, id.Everyone)
	verdict(t, a.Case, b.Write(fields(&protocol.Alive{}, sorted(note, a.Held[id.EntryID(a.Case.ID())])...)), "dep-not-control")
}

// TestSuspectInvitee: who has two events at one index is not admitted.
func TestSuspectInvitee(t *testing.T) {
	a, _, _, x := trio()
	m := a.Admission(x, protocol.Observer, "suspect")
	for _, name := range []string{"X one", "X two"} {
		a.Act(&protocol.Ident{Events: [][]byte{must(x.Org.Rename(x.Root, name, nil))}})
	}
	verdict(t, a.Case, a.Act(m), "identity-suspect")
}

// TestWhyIsOrderless: why an act is refused does not depend on which came first, the
// revocation of its key or a fork below it.
func TestWhyIsOrderless(t *testing.T) {
	a, b, _, _ := trio()
	a.Say(&protocol.Ident{Events: [][]byte{a.Certify("A/2", identity.CapWrite)}})
	last := a.Say(&protocol.Alive{})
	act := a.Act(&protocol.Remove{Org: b.Org.ID})
	common := inOrder(a)
	fork := a.WriteAfter(last, fields(&protocol.Claim{What: protocol.Public}))
	m := &protocol.Ident{Events: [][]byte{must(a.Org.RevokeDaemon(a.Root, a.Kid, 1))}}
	a.Use("A/2")
	revoke := a.Write(fields(m, last))
	one, two := bothOrders(append(common, fork, revoke), fork, revoke)
	verdict(t, one, act, "forked-authority")
	verdict(t, two, act, "forked-authority")
}

// TestTwoProofs: a dep of a closed key is judged by each proof in the past, whichever
// came first: here the key itself has shown its fork, and so has another.
func TestTwoProofs(t *testing.T) {
	a, b, c, _ := trio()
	prev := b.Say(&protocol.Status{RM: protocol.RMValid})
	p, q := b.Say(&protocol.Alive{}), b.WriteAfter(prev, fields(&protocol.Status{RM: protocol.RMClosed}))
	ab := sorted(p, q)
	m := &protocol.Fork{A: ab[0].ID, B: ab[1].ID}
	own := b.WriteAfter(p, fields(m, q))
	common := slices.DeleteFunc(inOrder(a), func(e *entry.Sealed) bool { return e.ID == own.ID })
	other := c.Write(fields(m, ab...))
	late := c.Write(fields(&protocol.Alive{}, own))
	for _, es := range [][]*entry.Sealed{{own, other, late}, {other, own, late}} {
		k := fold(fold(protocol.NewCase(), common), es)
		verdict(t, k, own, "")
		verdict(t, k, other, "")
		verdict(t, k, late, "dep-after-fork")
	}
}

// TestForkShownByWhoLeft: a thief that lets an organisation leave the case does not keep it from
// showing that the key was stolen, though it may say nothing else; a stranger is not heard.
func TestForkShownByWhoLeft(t *testing.T) {
	a, b, _, x := trio()
	prev := b.Say(&protocol.Exit{})
	p, q := b.WriteAfter(prev, fields(&protocol.Alive{})), b.WriteAfter(prev, fields(&protocol.Exit{}))
	verdict(t, a.Case, p, "no-longer-a-member")
	ab := sorted(p, q)
	m := &protocol.Fork{A: ab[0].ID, B: ab[1].ID}
	certify := b.Certify("B again", identity.CapWrite)
	b.Use("B again")
	in := b.Write(fields(&protocol.Ident{Events: [][]byte{certify}}, prev))
	proof := b.WriteAfter(in, fields(m, ab...))
	verdict(t, a.Case, proof, "")
	verdict(t, a.Case, b.WriteAfter(proof, fields(&protocol.Alive{})), "no-longer-a-member")
	verdict(t, a.Case, x.Write(fields(m, ab...)), "key-not-certified")
}

// TestNoteAfterTheProposal: silence is noted by an entry that has the config which
// is succeeded in its past, not by its proposal itself.
func TestNoteAfterTheProposal(t *testing.T) {
	ds := together("A", "B", "C")
	b, now := ds[1], link.Start
	b.Clock = func() uint64 { return now }
	p := b.Say(&protocol.Propose{Config: b.Case.Succeed(b.Kid, orgs(ds[1:]...), 2)})
	verdict(t, b.Case, p, "")
	now += protocol.Silence
	q := b.Write(fields(&protocol.Propose{Config: protocol.Config{Parent: &p.ID, N: 2, Stewards: orgs(b), Quorum: 1, Rules: 1,
		Kind: protocol.Succession, Basis: []protocol.Place{}, Cuts: []protocol.Cut{{Org: ds[2].Org.ID}}}}))
	verdict(t, b.Case, q, "")
	verdict(t, b.Case, b.Write(fields(&protocol.Endorse{Config: q.ID})), "endorsed-too-early")
}
