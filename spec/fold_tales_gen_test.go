package spec_test

import (
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	party "cordon/protocol/link"
)

// tales are the histories of the fold family, by the section they are of.
var tales = []func() *tale{
	plain, changed, firstVote, apart, soundProposals, belowFinalised, // §1 to §4
	backDated, forkedSteward, rivals, unsure, removedWins, // §4, §5
	revokedBare, revokedCut, revokedUse, rootFork, uncertifiedIdent, tooManySignatures, // §5, identity
	succession, halfVoted, stranded, heard, impatient, cameBack, // §6
	forkProven, contentFork, upgrade, // §9, protocol.md §4.7
	notAuthentic, covered, // protocol.md §4.2 to §4.5
	fromAdmission, belowAnchor, // protocol.md §4.8
}

type daemons = []*party.Daemon

func status(rm protocol.RM) *protocol.Status { return &protocol.Status{RM: rm} }

func plain() *tale {
	t := newTale("plain", "A opens a case and admits B, who answers; nothing is refused", "A", "B")
	a, b := t.ds[0], t.ds[1]
	t.is("the subject", "", a.Tell(protocol.Subject, id.Everyone))
	b.Say(status(protocol.RMValid))
	t.is("a note", "", b.Tell(protocol.Note, id.Everyone))
	t.is("a status of no kind", "rm-step", b.Say(status(protocol.RMValid)))
	return t
}

// admittedLate is a case in which X is admitted after A and B have written, and is given
// none of that.
func admittedLate(name, comment string) (t *tale, of []*entry.Sealed) {
	t = newTale(name, comment, "A", "B")
	a, b := t.ds[0], t.ds[1]
	t.withheld = []*entry.Sealed{a.Tell(protocol.Subject, id.Everyone), b.Tell(protocol.Note, id.Everyone), b.Tell(protocol.Note, id.Everyone)}
	b.Say(status(protocol.RMValid))
	t.withheld = append(t.withheld, b.Tell(protocol.Note, id.Everyone))
	x := t.daemon("X")
	m := a.Admission(x, protocol.Observer, "late")
	m.Hist = a.Case.FromNow(x.Org.ID, a.Org.ID)
	t.is("X is given what is written from now on", "", a.Act(m))
	t.is("A's first that X is given", "", a.Tell(protocol.Note, id.Everyone))
	t.is("B's first that X is given", "", b.Tell(protocol.Note, id.Everyone))
	t.is("the one above it", "", b.Tell(protocol.Note, id.Everyone))
	t.is("X writes", "", x.Tell(protocol.Note, id.Everyone))
	return t, t.withheld
}

func fromAdmission() *tale {
	t, _ := admittedLate("from-admission", "what X holds, which is given no content of before its admission: two feeds begin above the anchors of its admit")
	return t
}

func belowAnchor() *tale {
	t, old := admittedLate("below-the-anchor", "the same with one entry of before: B's feed does not begin at seq 0, and so begins above the anchor")
	t.strays = append(t.strays, stray{"B's second", "below-the-anchor", old[2].Raw})
	return t
}

func changed() *tale {
	t := newTale("stewards-by-quorum", "A makes B and C stewards beside itself; B and C then drop A, who stays a participant", "A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	t.carried("A, B and C decide, two of them", a, 2, daemons{a, b, c}, daemons{a})
	x := t.daemon("X")
	t.is("B admits X", "", b.Admit(x, protocol.Observer))
	t.is("A removes a steward", "subject-is-steward", a.Act(&protocol.Remove{Org: b.Org.ID}))
	q := t.is("B and C alone", "", propose(b, 2, b, c))
	t.is("who is no steward", "not-a-steward", endorse(x, q))
	endorse(b, q)
	endorse(c, q)
	t.is("A acts once more", "not-a-steward", a.Act(&protocol.Remove{Org: x.Org.ID}))
	t.is("who is no steward proposes", "not-a-steward", propose(a, 2, a, b, c))
	t.chain, t.stewards = append(t.chain, q), daemons{b, c}
	return t
}

func firstVote() *tale {
	t := newTale("first-vote-counts", "two proposals after one config: of each steward only the first endorsement counts, so the second proposal gets C's "+
		"vote too late", "A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	t.carried("A, B and C decide, two of them", a, 2, daemons{a, b, c}, daemons{a})
	p, q := propose(a, 3, a, b, c), propose(b, 2, b, a, c)
	t.is("the first vote of C", "", endorse(c, p))
	t.is("the second", "already-endorsed", endorse(c, q))
	t.is("the same vote again", "already-endorsed", endorse(c, p))
	endorse(a, q)
	t.is("an endorsement of what is no config", "config-unknown", a.Say(&protocol.Endorse{Config: id.ConfigID(c.Case.ID())}))
	t.is("A turns round", "already-endorsed", endorse(a, p))
	endorse(b, q)
	t.is("the one that is carried", "", q)
	t.chain, t.stewards = append(t.chain, q), daemons{b, a, c}
	return t
}

func soundProposals() *tale {
	t := newTale("proposals", "proposals that break one rule each; none can be endorsed", "A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	t.carried("A and B decide together", a, 2, daemons{a, b}, daemons{a})
	stranger := party.NewDaemon(nil, "S")
	next := func(stewards ...*party.Daemon) protocol.Config {
		return a.Case.NextConfig(a.Kid, orgsOf(stewards...), 2)
	}
	put := func(what, rule string, f protocol.Config) *entry.Sealed {
		return t.is(what, rule, a.Say(&protocol.Propose{Config: f}))
	}
	bad := put("a steward nobody knows", "unknown-steward", next(a, b, stranger))
	t.is("it is endorsed", "config-unknown", endorse(a, bad))
	f := next(a, b, c)
	f.Parent = &id.ConfigID{1}
	put("after a config nobody knows", "config-unknown", f)
	f = next(a, b, c)
	f.N++
	put("a number left out", "bad-config", f)
	f = next(a, b, c)
	f.Quorum = 1
	put("one of three carries", "bad-config", f)
	put("a steward twice", "bad-config", next(a, b, b))
	f = next(a, c)
	f.Cuts = nil
	put("drops B and does not say from where on", "cut-missing", f)
	f = next(a, c)
	f.Cuts[0].Places = []protocol.Place{{Kid: b.Kid, Seq: 0, ID: id.EntryID{2}}}
	put("a cut at an entry nobody has", "place-unknown", f)
	f = next(a, b, c)
	f.Heads = []protocol.Place{{Kid: c.Kid, Seq: 0, ID: c.Say(status(protocol.RMValid)).ID}}
	put("a head of who is no steward", "place-of-another", f)
	f = next(a, b, c)
	f.Basis = []protocol.Place{}
	put("an ordinary config with a basis", "bad-config", f)
	f = a.Case.Succeed(a.Kid, orgsOf(a, b, c), 2)
	put("a succession where the stewards that stay are a quorum", "quorum-left", f)
	f = next(a, b, c)
	f.Lapsed = []id.ConfigID{t.chain[0].ID}
	put("names as lapsed what is not beside it", "not-lapsed", f)
	f.Lapsed[0] = propose(a, 2, b, a).ID
	put("names as lapsed what nobody has voted for", "not-lapsed", f)
	return t
}

// apart are two stewards that vote for a proposal each, and then for a third.
func apart() *tale {
	t := newTale("votes-apart", "A and B, both needed, each propose and endorse something before they hear of each other. Neither can be carried; what C is "+
		"added by names both as lapsed, and both endorse it. A proposal that does not know of both votes frees nobody", "A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	t.carried("A and B decide together", a, 2, daemons{a, b}, daemons{a})
	t.alone(b)
	p := propose(b, 2, b, a)
	t.is("B's vote", "", endorse(b, p))
	t.is("A's", "", endorse(a, propose(a, 1, a)))
	f := a.Case.NextConfig(a.Kid, orgsOf(a, b, c), 2)
	early := t.is("C as well, before A heard of B", "", a.Say(&protocol.Propose{Config: f}))
	t.met()
	t.is("A's second vote", "already-endorsed", endorse(a, early))
	f = a.Case.NextConfig(a.Kid, orgsOf(a, b, c), 2)
	if len(f.Lapsed) != 2 {
		panic("both have lapsed")
	}
	whole := f.Lapsed
	f.Lapsed = []id.ConfigID{p.ID}
	half := t.is("names B's alone", "", a.Say(&protocol.Propose{Config: f}))
	f.Lapsed = whole
	q := t.is("names both", "", a.Say(&protocol.Propose{Config: f}))
	t.is("A endorses what does not free it", "already-endorsed", endorse(a, half))
	t.met()
	t.is("A endorses it", "", endorse(a, q))
	t.is("B endorses it", "", endorse(b, q))
	t.chain, t.stewards = append(t.chain, q), daemons{a, b, c}
	return t
}

func belowFinalised() *tale {
	t := newTale("cut-below-finalised", "a checkpoint has finalised what B did; a later config may not cut B below that", "A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	t.carried("A, B and C decide, two of them", a, 2, daemons{a, b, c}, daemons{a})
	first := b.Say(status(protocol.RMValid))
	b.Say(status(protocol.RMAccepted))
	t.carried("a checkpoint: B is finalised up to its second entry", c, 2, daemons{a, b, c}, daemons{a, c})
	f := a.Case.NextConfig(a.Kid, orgsOf(a, c), 2)
	f.Cuts[0].Places = []protocol.Place{{Kid: b.Kid, Seq: first.Seq, ID: first.ID}}
	t.is("B is cut at its first", "cut-below-finalised", a.Say(&protocol.Propose{Config: f}))
	f.Cuts[0].Places = []protocol.Place{}
	t.is("B is cut at nothing", "cut-below-finalised", a.Say(&protocol.Propose{Config: f}))
	t.is("B is dropped where it stands", "", propose(a, 2, a, c))
	return t
}

func backDated() *tale {
	t := newTale("dropped-steward-back-dates", "B has removed D when A and C drop it. Alone, B admits X under the old config, dated before it was dropped: "+
		"that is above the cut. What stands below the cut stands", "A", "B", "C", "D")
	a, b, c, d := t.ds[0], t.ds[1], t.ds[2], t.ds[3]
	t.carried("A, B and C decide, two of them", a, 2, daemons{a, b, c}, daemons{a})
	t.is("seen of B before", "", b.Act(&protocol.Remove{Org: d.Org.ID}))
	t.alone(b)
	a.Clock = func() uint64 { return party.Start + 1000 }
	t.carried("B is dropped", a, 2, daemons{a, c}, daemons{a, c})
	x := t.daemon("X")
	x.Case, x.Held = b.Case, b.Held
	t.is("B admits X", "above-the-cut", b.Admit(x, protocol.Observer))
	t.is("B's own status", "", b.Say(status(protocol.RMValid)))
	t.is("X writes", "not-a-member", x.Say(status(protocol.RMValid)))
	t.out = daemons{d, x}
	return t
}

func forkedSteward() *tale {
	t := newTale("fork-under-finalised", "A has admitted B, and a checkpoint finalises that. Then A signs a second entry at a place below. What is finalised "+
		"stands; the admission of X, which is not, has no force", "A", "B")
	a, b := t.ds[0], t.ds[1]
	low := a.Say(&protocol.Claim{What: protocol.Attack})
	removed := t.daemon("D")
	t.is("finalised", "", a.Admit(removed, protocol.Observer))
	t.carried("a checkpoint", a, 1, daemons{a}, daemons{a})
	x := t.daemon("X")
	m := a.Admission(x, protocol.Observer, "1")
	t.is("not finalised", "forked-authority", a.Act(m))
	t.is("the other entry after the claim", "", forkOff(a, low, &protocol.Claim{What: protocol.Exploit}))
	b.Say(status(protocol.RMValid))
	t.out = daemons{x}
	return t
}

func rivals() *tale {
	t := newTale("double-certificate", "B forks and votes for two children of one config: both are certified. Votes are equal in number; A and B rank before "+
		"B and C, so the first child is in the chain, and acts under the other are not in force", "A", "B", "C", "D")
	a, b, c, d := t.ds[0], t.ds[1], t.ds[2], t.ds[3]
	t.carried("A, B and C decide, two of them", a, 2, daemons{a, b, c}, daemons{a})
	head := b.Say(status(protocol.RMValid))
	t.alone(a)
	t.alone(c)
	p, q := t.is("drops C", "", propose(a, 2, a, b)), t.is("drops A", "", propose(c, 2, b, c))
	endorse(a, p)
	endorse(c, q)
	vote := func(to *party.Daemon, proposal *entry.Sealed) {
		b.Accept(proposal)
		m := &protocol.Endorse{Config: id.ConfigID(proposal.ID)}
		e := t.is("a vote of B", "", b.WriteAfter(head, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Deps: []id.EntryID{proposal.ID}}))
		to.Accept(e)
	}
	vote(a, p)
	vote(c, q)
	t.is("C acts under its own", "config-not-in-chain", c.Act(&protocol.Remove{Org: d.Org.ID}))
	t.is("A acts", "", a.Act(&protocol.Remove{Org: d.Org.ID}))
	t.chain, t.stewards, t.out = append(t.chain, p), daemons{a, b}, daemons{d}
	return t
}

func unsure() *tale {
	t := newTale("no-certificate", "B proposes itself as a steward beside A, nobody endorses that, and B acts all the same", "A", "B")
	a, b := t.ds[0], t.ds[1]
	p := t.is("A and B decide", "", propose(a, 2, a, b))
	cfg := id.ConfigID(p.ID)
	m := &protocol.Remove{Org: a.Org.ID}
	act := func(m protocol.Message, cfg *id.ConfigID) *entry.Sealed {
		return b.Write(entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: cfg, Deps: b.Case.Deps(b.Kid, id.Control, b.Case.Needs(m)...)})
	}
	t.is("under its proposal", "subject-is-steward", act(m, &cfg))
	x := t.daemon("X")
	a.Act(&protocol.Ident{Events: x.Org.Events})
	t.is("admits X under its proposal", "config-not-in-chain", act(b.Admission(x, protocol.Observer, "1"), &cfg))
	t.is("names no config", "config-missing", act(m, nil))
	t.is("names a config nobody has", "config-unknown", act(m, &id.ConfigID{1}))
	t.is("under the config in force", "not-a-steward", b.Act(m))
	t.out = daemons{x}
	return t
}

func removedWins() *tale {
	t := newTale("concurrent-admit-and-remove", "A removes D; B, who has not heard, admits D once more: D is removed, by whatever order. Its status that the "+
		"removal did not see is void", "A", "B", "D")
	a, b, d := t.ds[0], t.ds[1], t.ds[2]
	t.carried("A and B decide together", a, 2, daemons{a, b}, daemons{a})
	t.is("seen by the removal", "", d.Say(status(protocol.RMValid)))
	t.alone(b)
	d.Case, d.Held = b.Case, b.Held
	t.is("the removal", "", a.Act(&protocol.Remove{Org: d.Org.ID}))
	t.is("the admission", "", b.Act(b.Admission(d, protocol.Observer, "2")))
	t.is("not seen by the removal", "removed", d.Say(status(protocol.RMAccepted)))
	t.is("content stays", "", d.Tell(protocol.Note, id.Everyone))
	t.met()
	t.is("D knows", "no-longer-a-member", d.Say(status(protocol.RMDeferred)))
	t.out = daemons{d}
	return t
}

// revoked is a case in which A's second daemon brings the revocation of the first,
// with a cut or without, after the first has admitted X unseen.
func revoked(name, comment, rule string, cut func(t *tale, stands *entry.Sealed) []byte) *tale {
	t := newTale(name, comment, "A", "B", "D")
	a, d := t.ds[0], t.ds[2]
	a.Say(&protocol.Ident{Events: [][]byte{a.Certify("A/2", identity.CapWrite)}})
	deps := a.Case.Deps(party.KidOf("A/2"), id.Control)
	stands := t.is("removes D", rule, a.Act(&protocol.Remove{Org: d.Org.ID}))
	x := t.daemon("X")
	t.is("admits X", "revoked-authority", a.Admit(x, protocol.Observer))
	m := &protocol.Ident{Events: [][]byte{mustSpec(a.Org.RevokeDaemon(a.Root, a.Kid, 1))}}
	if m.Cut = cut(t, stands); m.Cut != nil {
		deps = []id.EntryID{stands.ID} // what the cut names is in the past
	}
	a.Use("A/2")
	t.is("the revocation", "", a.Write(entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Deps: deps}))
	t.is("X writes", "not-a-member", x.Say(status(protocol.RMValid)))
	t.out = daemons{x}
	return t
}

func revokedBare() *tale {
	t := revoked("revocation", "A's daemon removes D and admits X; another daemon of A, that has seen neither, revokes it without a cut: what the "+
		"revocation has not seen loses its force, what it has seen (the admissions of B and D) stands", "revoked-authority",
		func(*tale, *entry.Sealed) []byte { return nil })
	return t
}

func revokedCut() *tale {
	t := revoked("revocation-with-cut", "as before, but A's root says that its daemon's acts stand up to the removal of D", "",
		func(t *tale, stands *entry.Sealed) []byte {
			a := t.ds[0]
			return identity.SealCut(a.Root, identity.Cut{Case: a.Case.ID(), Kid: a.Kid, At: &identity.CutPlace{Seq: stands.Seq, Entry: stands.ID}})
		})
	t.out = append(t.out, t.ds[2])
	return t
}

func revokedUse() *tale {
	t := newTale("revoked-certificate-used", "a daemon of B is certified, writes, is revoked, and writes on: before it was heard of, its entries count, "+
		"afterwards they do not", "A", "B")
	b := t.ds[1]
	b.Certify("B/2", identity.CapWrite)
	b.Use("B/2")
	t.is("not certified in its past", "key-not-certified", b.Tell(protocol.Note, id.Everyone))
	b.Use("B/1")
	b.Say(&protocol.Ident{Events: b.Org.Events[2:]})
	b.Use("B/2")
	t.is("certified", "", b.Say(status(protocol.RMValid)))
	t.is("lacks cap consent", "cap-missing", b.Say(&protocol.Exit{}))
	old := b.Case.Deps(b.Kid, id.Control)
	b.Use("B/1")
	b.Say(&protocol.Ident{Events: [][]byte{mustSpec(b.Org.RevokeDaemon(b.Root, party.KidOf("B/2"), 1))}})
	b.Use("B/2")
	m := status(protocol.RMAccepted)
	t.is("has not heard", "", b.Write(entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Deps: old}))
	t.is("has heard", "key-revoked", b.Say(status(protocol.RMDeferred)))
	return t
}

func rootFork() *tale {
	t := newTale("root-fork", "B's root signs two events at one index: its chain counts up to there only, and nobody admits it again", "A", "B")
	a, b := t.ds[0], t.ds[1]
	one, two := mustSpec(b.Org.Rename(b.Root, "B one", nil)), mustSpec(b.Org.Rename(b.Root, "B two", nil))
	a.Act(&protocol.Ident{Events: [][]byte{one}})
	b.Say(&protocol.Ident{Events: [][]byte{two}})
	t.is("admits B in another role", "identity-suspect", a.Act(a.Admission(b, protocol.Observer, "2")))
	t.is("B goes on writing", "", b.Say(status(protocol.RMValid)))
	return t
}

func uncertifiedIdent() *tale {
	t := newTale("identity-of-others", "who is no steward, or acts under a config without a certificate, does not bring another's identity into the case", "A", "B")
	a, b := t.ds[0], t.ds[1]
	x := party.NewDaemon(nil, "X")
	t.is("by B", "not-its-own-identity", b.Act(&protocol.Ident{Events: x.Org.Events}))
	p := propose(a, 2, a, b)
	cfg := id.ConfigID(p.ID)
	m := &protocol.Ident{Events: x.Org.Events}
	t.is("by B, under what A proposed", "config-not-certified", b.Write(entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: &cfg, Deps: b.Case.Deps(b.Kid, id.Control)}))
	t.is("without its beginning", "identity-gap", a.Act(&protocol.Ident{Events: x.Org.Events[1:]}))
	endorse(a, p)
	t.chain, t.stewards = append(t.chain, p), daemons{a, b}
	t.is("by B, now a steward", "", b.Act(m))
	return t
}

func tooManySignatures() *tale {
	t := newTale("signatures-inside", "B shows identity events again and again: 512 signatures inside its entries are looked at, and no more", "A", "B")
	b := t.ds[1]
	var events [][]byte
	for range 52 {
		events = append(events, mustSpec(b.Org.Rename(b.Root, "B", nil)))
		b.Org = mustSpec(b.Org.Extend(events[len(events)-1]))
	}
	for range 9 {
		b.Say(&protocol.Ident{Events: events})
	}
	t.is("45 where 44 are left", "too-many-signatures", b.Say(&protocol.Ident{Events: events[:45]}))
	t.is("the last 44", "", b.Say(&protocol.Ident{Events: events[:44]}))
	t.is("one more", "too-many-signatures", b.Say(&protocol.Ident{Events: events[51:]}))
	t.is("B goes on writing", "", b.Say(status(protocol.RMValid)))
	return t
}

// later lets time pass for daemons.
func later(ms uint64, ds ...*party.Daemon) {
	for _, d := range ds {
		now := d.Clock() + ms
		d.Clock = func() uint64 { return now }
	}
}

func succession() *tale {
	t := newTale("succession", "two parties; A is silent. B notes it, waits 14 days by its own clock, and decides alone", "A", "B")
	a, b := t.ds[0], t.ds[1]
	t.is("notes the silence", "", b.Say(&protocol.Alive{}))
	p := t.is("B in place of A", "", succeed(b, 1, b))
	later(protocol.Silence-1, b)
	t.is("a millisecond too early", "endorsed-too-early", endorse(b, p))
	later(1, b)
	t.is("14 days", "", endorse(b, p))
	t.is("B acts", "", b.Act(&protocol.Remove{Org: a.Org.ID}))
	t.chain, t.stewards, t.out = append(t.chain, p), daemons{b}, daemons{a}
	return t
}

func halfVoted() *tale {
	t := newTale("succession-half-voted", "A and B decide together, and A vanishes after B has voted for its checkpoint: that vote is for an ordinary "+
		"config, and B still has one for the succession", "A", "B")
	a, b := t.ds[0], t.ds[1]
	t.carried("A and B decide, both of them", a, 2, daemons{a, b}, daemons{a})
	t.is("B votes for a checkpoint", "", endorse(b, propose(a, 2, a, b)))
	b.Say(&protocol.Alive{})
	p := t.is("B in place of A", "", succeed(b, 1, b))
	later(protocol.Silence, b)
	t.is("14 days", "", endorse(b, p))
	t.is("once more", "already-endorsed", endorse(b, p))
	t.chain, t.stewards = append(t.chain, p), daemons{b}
	return t
}

// stranded are two stewards that vote apart, and a third that is gone.
func stranded() *tale {
	t := newTale("stranded", "two of A, B and C carry. C is gone, A and B each endorse a proposal of their own. C might have endorsed either, so neither has "+
		"lapsed; but A and B can carry nothing by themselves, and the members succeed C", "A", "B", "C", "D")
	a, b, c, d := t.ds[0], t.ds[1], t.ds[2], t.ds[3]
	t.carried("A, B and C decide, two of them", a, 2, daemons{a, b, c}, daemons{a})
	t.alone(b)
	t.is("B's vote", "", endorse(b, propose(b, 2, b, a)))
	early := t.is("a succession, before A knows of B's vote", "quorum-left", succeed(a, 2, a, b))
	p := propose(a, 2, a, b)
	t.is("A's vote", "", endorse(a, p))
	t.met()
	f := a.Case.NextConfig(a.Kid, orgsOf(a, b), 2)
	f.Lapsed = []id.ConfigID{p.ID}
	t.is("what C could have endorsed has not lapsed", "not-lapsed", a.Say(&protocol.Propose{Config: f}))
	for _, x := range (daemons{a, b, d}) {
		x.Say(&protocol.Alive{})
	}
	t.met()
	q := t.is("the succession of C", "", succeed(a, 2, a, b))
	t.met()
	later(protocol.Silence, a, b, d)
	t.is("A endorses the early one", "config-unknown", endorse(a, early))
	t.is("A endorses it", "", endorse(a, q))
	t.is("D too", "", endorse(d, q))
	t.chain, t.stewards = append(t.chain, q), daemons{a, b}
	return t
}

func heard() *tale {
	t := newTale("steward-heard", "B would succeed A; before it endorses, it hears of A. Nothing changes", "A", "B")
	a, b := t.ds[0], t.ds[1]
	b.Say(&protocol.Alive{})
	t.alone(b)
	p := t.is("B in place of A", "", succeed(b, 1, b))
	t.is("A is there", "", a.Say(&protocol.Alive{}))
	t.met()
	later(protocol.Silence, b)
	t.is("B has heard of A", "steward-was-heard", endorse(b, p))
	return t
}

func impatient() *tale {
	t := newTale("succession-of-three", "A is silent; B and C succeed it with two thirds of the members. Who has written nothing since it last saw A waits "+
		"from its first word on; who is no member has no vote", "A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	s := t.daemon("S")
	a.Act(&protocol.Ident{Events: s.Org.Events})
	b.Say(&protocol.Alive{})
	p := t.is("B and C in place of A", "", succeed(b, 2, b, c))
	later(protocol.Silence, b, c, s)
	t.is("C's first word", "silence-not-noted", endorse(c, p))
	t.is("S is no member", "not-a-member", s.Say(&protocol.Alive{}))
	t.is("B has waited", "", endorse(b, p))
	later(protocol.Silence, c, s)
	t.is("S has no vote", "not-an-elector", endorse(s, p))
	t.is("C has waited", "", endorse(c, p))
	t.chain, t.stewards, t.out = append(t.chain, p), daemons{b, c}, daemons{s}
	return t
}

func cameBack() *tale {
	t := newTale("steward-comes-back", "B has succeeded A and removed it, while A, cut off, has certified a checkpoint: ordinary before succession, so A "+
		"decides, and what B did has no force", "A", "B")
	a, b := t.ds[0], t.ds[1]
	b.Say(&protocol.Alive{})
	t.alone(a)
	p := t.is("B in place of A", "", succeed(b, 1, b))
	later(protocol.Silence, b)
	endorse(b, p)
	t.is("B removes A", "config-not-in-chain", b.Act(&protocol.Remove{Org: a.Org.ID}))
	t.carried("A's checkpoint", a, 1, daemons{a}, daemons{a})
	return t
}

func forkProven() *tale {
	t := newTale("fork-proof", "B signs two entries at one place; C shows it. Who has the proof in its past neither writes with that key nor depends on what "+
		"it wrote since", "A", "B", "C")
	b, c := t.ds[1], t.ds[2]
	low := b.Say(status(protocol.RMValid))
	t.is("on one branch", "", b.Say(status(protocol.RMAccepted)))
	t.is("on the other", "", forkOff(b, low, status(protocol.RMDeferred)))
	t.alone(b)
	pair := c.Case.Unproven()[0]
	t.is("two ids in falling order", "bad-fork", c.Say(&protocol.Fork{A: pair[1], B: pair[0]}))
	t.is("two entries at two places", "no-fork", c.Say(&protocol.Fork{A: minID(low.ID, pair[0]), B: maxID(low.ID, pair[0])}))
	proof := t.is("the proof", "", c.Say(&protocol.Fork{A: pair[0], B: pair[1]}))
	m := status(protocol.RMClosed)
	on := t.is("B goes on, and has not seen the proof", "", b.Write(entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}))
	c.Accept(on)
	m = status(protocol.RMValid)
	t.is("C depends on that", "dep-after-fork", c.Write(entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Deps: []id.EntryID{on.ID}}))
	t.met()
	t.is("B goes on, and has", "feed-forked", b.Write(entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Deps: []id.EntryID{proof.ID}}))
	return t
}

func minID(a, b id.EntryID) id.EntryID {
	if string(a[:]) < string(b[:]) {
		return a
	}
	return b
}

func maxID(a, b id.EntryID) id.EntryID {
	if minID(a, b) == a {
		return b
	}
	return a
}

func contentFork() *tale {
	t := newTale("fork-of-content", "B forks its content feed; content is in nobody's past, so the proof carries both entries", "A", "B", "C")
	b, c := t.ds[1], t.ds[2]
	one := b.Tell(protocol.Note, id.Everyone)
	agr := b.Case.Embargo().Agreement
	two := b.WriteAfter(nil, entry.Fields{Type: protocol.Attachment, Comp: id.Everyone, Agr: &agr, Deps: one.Deps,
		Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 1, KC: [32]byte{2}}})
	if minID(one.ID, two.ID) == two.ID {
		one, two = two, one
	}
	t.is("names them alone", "no-fork", c.Say(&protocol.Fork{A: one.ID, B: two.ID}))
	t.is("the proof", "", c.Say(&protocol.Fork{A: one.ID, B: two.ID, Entries: [][]byte{one.Raw, two.Raw}}))
	t.is("B writes on", "feed-forked", b.Say(status(protocol.RMValid)))
	return t
}

func upgrade() *tale {
	t := newTale("upgrade-needed", "a config names rules 2: a reader of rules 1 goes on receiving, and honours no act under it", "A", "B")
	a, b := t.ds[0], t.ds[1]
	f := a.Case.NextConfig(a.Kid, orgsOf(a), 1)
	f.Rules = 2
	p := t.is("rules 2", "", a.Say(&protocol.Propose{Config: f}))
	endorse(a, p)
	t.is("A removes B under it", "upgrade-needed", a.Act(&protocol.Remove{Org: b.Org.ID}))
	t.is("a type of rules 2", "not-known-to-rules", b.Write(entry.Fields{Type: 20, Ctl: dict(), Deps: b.Case.Deps(b.Kid, id.Control)}))
	t.chain, t.state = append(t.chain, p), protocol.StateUpgrade
	return t
}

// stray puts bytes beside the history that are not authentic.
func (t *tale) stray(what, rule string, raw []byte) {
	t.strays = append(t.strays, stray{what, rule, raw})
}

// spoilt is an entry with one bit of its signature changed.
func spoilt(e *entry.Sealed) []byte {
	raw := append([]byte(nil), e.Raw...)
	raw[len(raw)-1] ^= 1
	return raw
}

func notAuthentic() *tale {
	t := newTale("not-authentic", "entries that no daemon stores, each by one rule; they change nothing, the digest neither", "A", "B")
	b := t.ds[1]
	last := b.Say(status(protocol.RMValid))
	note := b.Tell(protocol.Note, id.Everyone)
	forge := func(what, rule string, change func(*entry.Fields)) *entry.Sealed {
		m := status(protocol.RMAccepted)
		f := entry.Fields{Case: b.Case.ID(), Seq: last.Seq + 1, Prev: last.ID, LC: last.LC + 1, T: last.T, Type: m.Type(), Ctl: protocol.Ctl(m)}
		change(&f)
		e := mustSpec(f.Seal(b.Key))
		t.stray(what, rule, e.Raw)
		return e
	}
	forge("a Lamport number too many", "wrong-lamport", func(f *entry.Fields) { f.LC++ })
	forge("a Lamport number too few", "wrong-lamport", func(f *entry.Fields) { f.LC-- })
	forge("a time before that of prev", "time-runs-back", func(f *entry.Fields) { f.T-- })
	forge("a seq left out", "bad-link", func(f *entry.Fields) { f.Seq++ })
	forge("prev in another feed", "bad-link", func(f *entry.Fields) { f.Prev, f.Seq = note.ID, note.Seq+1 })
	forge("a dep that nobody has", "missing-entry", func(f *entry.Fields) { f.Deps = []id.EntryID{{1}} })
	forge("a dep on content", "dep-not-control", func(f *entry.Fields) { f.Deps = []id.EntryID{note.ID} })
	forge("above what is missing", "missing-entry", func(f *entry.Fields) { f.Prev = id.EntryID{2} })
	m := status(protocol.RMDeferred)
	next := entry.Fields{Case: b.Case.ID(), Seq: last.Seq + 1, Prev: last.ID, LC: last.LC + 1, T: last.T, Type: m.Type(), Ctl: protocol.Ctl(m)}
	good := mustSpec(next.Seal(b.Key))
	t.stray("one bit of the signature", "bad-signature", spoilt(good))
	s := party.NewDaemon(nil, "S")
	f := entry.Fields{Case: b.Case.ID(), Deps: []id.EntryID{id.EntryID(b.Case.ID())}, LC: 1, T: last.T, Type: m.Type(), Ctl: protocol.Ctl(m)}
	t.stray("a key that nobody certifies", "unknown-kid", mustSpec(f.Seal(s.Key)).Raw)
	t.stray("a head longer than it need be", "head-not-shortest", cat(hx("98 04"), good.Raw[1:]))
	t.stray("an array that is no COSE_Sign1", "not-cose-profile", arr(num(1)))
	return t
}

func covered() *tale {
	t := newTale("covered", "an entry whose own signature is bad, below one that is good: that one vouches for it", "A", "B")
	b := t.ds[1]
	low := t.is("a bad signature", "", b.Say(status(protocol.RMValid)))
	t.is("a good one above it", "", b.Say(status(protocol.RMAccepted)))
	bad := mustSpec(entry.Parse(spoilt(low)))
	for _, d := range t.ds {
		d.Held[low.ID] = bad
	}
	return t
}

func mustSpec[T any](v T, err error) T {
	if err != nil {
		panic("spec: a vector's own doing: " + err.Error())
	}
	return v
}
