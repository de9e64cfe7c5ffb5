package spec_test

import (
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	party "cordon/protocol/link"
)

// termsTales are histories of agreements (spec/kinds.md, agreements).
var termsTales = []func() *tale{bargained, takenBack, byMajority, sideBySide, twoMinds, endedOnce, uselessWords, voidYes, earliestEnd, earliestStays, agreedSince}

// after is an agreement that follows the one in force as d sees it, with an end some days
// after party.Start and the text of party.Terms; 0 says no embargo.
func after(d *party.Daemon, days uint64) protocol.Agreement {
	parent := d.Case.Embargo().Agreement
	r := protocol.Record{Parent: &parent, Start: party.Start, Terms: protocol.DefaultTerms()}
	if end := party.Start + days*24*3600*1000; days > 0 {
		r.End = &end
	}
	return protocol.NewAgreement(r, "Keep it among us.")
}

func offer(d *party.Daemon, a protocol.Agreement) *entry.Sealed {
	return d.Speak(&protocol.EmbargoPropose{Terms: a})
}

func accept(d *party.Daemon, a protocol.Agreement) *entry.Sealed {
	return d.Speak(&protocol.EmbargoAccept{Agr: a.ID()})
}

func reject(d *party.Daemon, a protocol.Agreement) *entry.Sealed {
	return d.Say(&protocol.EmbargoReject{Agr: a.ID(), Code: 1})
}

// comes says what the embargo is in the end, and who has signed what is in force.
func (t *tale) comes(state protocol.EM, inForce protocol.Agreement, signed ...*party.Daemon) *tale {
	t.embargo, t.inForce, t.signed = state, inForce.ID(), signed
	return t
}

func bargained() *tale {
	t := newTale("terms-bargained", "B proposes a later end, C rejects it, A gives its word: it is in force, and C is bound by terms 0 alone. C's content "+
		"under the new terms counts all the same; content that A wrote under them before they were active does not", "A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	x := after(b, 60)
	t.is("B proposes", "", offer(b, x))
	t.is("the subject, under terms that nobody made active", "agreement-not-active", a.TellUnder(protocol.Subject, x.ID()))
	t.is("C rejects", "", reject(c, x))
	t.is("A's word", "", accept(a, x))
	t.is("a note of C under the new terms", "", c.TellUnder(protocol.Note, x.ID()))
	return t.comes(protocol.EMActive, x, a, b)
}

func takenBack() *tale {
	t := newTale("terms-taken-back", "a steward's proposal takes effect with the first yes of another: B's yes comes after A has taken it back, C's had not "+
		"heard of that", "A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	x, y := after(a, 60), after(a, 70)
	t.is("A proposes 60 days", "", offer(a, x))
	t.is("A proposes 70 days", "", offer(a, y))
	t.alone(c)
	reject(a, x)
	reject(a, y)
	t.is("B accepts what was taken back", "", accept(b, x))
	t.is("C accepts meanwhile", "", accept(c, y))
	t.met()
	return t.comes(protocol.EMActive, y, c)
}

func byMajority() *tale {
	t := newTale("terms-majority", "of three stewards one word is not enough for a later end, two are; one is for an earlier end, and binds who signed the later",
		"A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	t.carried("A, B and C decide, two of them", a, 2, daemons{a, b, c}, daemons{a})
	lone := after(a, 90)
	offer(a, lone)
	t.is("one word for 90 days", "", accept(a, lone))
	t.is("a note under it", "agreement-not-active", c.TellUnder(protocol.Note, lone.ID()))
	x := after(b, 60)
	offer(b, x)
	t.is("the second word, A's, for 60 days", "", accept(a, x))
	y := after(c, 50)
	offer(c, y)
	t.is("one word for 50 days", "", accept(c, y))
	t.is("B's note under them", "", b.TellUnder(protocol.Note, y.ID()))
	return t.comes(protocol.EMActive, y, a, b, c)
}

func sideBySide() *tale {
	t := newTale("terms-side-by-side", "two proposals are made active by who has not heard of the other: the earlier end is in force. An admission under the "+
		"other is refused", "A", "B")
	a, b := t.ds[0], t.ds[1]
	t.carried("A and B decide together", a, 2, daemons{a, b}, daemons{a})
	x, y := after(a, 90), after(a, 60)
	offer(a, x)
	offer(a, y)
	t.alone(b)
	accept(a, x)
	accept(b, x)
	accept(a, y)
	accept(b, y)
	t.met()
	late := party.NewDaemon(nil, "L")
	late.Case, late.Held = a.Case, a.Held
	t.ds = append(t.ds, late)
	t.is("an admission under 90 days", "agreement-not-current", a.Act(a.AdmissionUnder(late, protocol.Observer, "late", x.ID())))
	t.out = append(t.out, late)
	return t.comes(protocol.EMActive, y, a, b)
}

func twoMinds() *tale {
	t := newTale("terms-two-minds", "B says yes and no without the one in the past of the other, by two of its daemons' feeds: that is a no. C's yes has its no in the past: a yes",
		"A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	x := after(a, 60)
	offer(a, x)
	accept(a, x)
	head := b.Say(&protocol.Alive{})
	accept(b, x)
	f := entry.Fields{Type: (*protocol.EmbargoReject)(nil).Type(), Ctl: protocol.Ctl(&protocol.EmbargoReject{Agr: x.ID()})}
	t.is("B's other daemon, a fork here", "", b.WriteAfter(head, f))
	reject(c, x)
	accept(c, x)
	return t.comes(protocol.EMActive, x, a, c)
}

func voidYes() *tale {
	t := newTale("terms-void-yes", "B, a steward, proposes; A's yes as a steward lies where A's key forked and has no force: it is not the yes of another that makes B's offer its word",
		"A", "B")
	a, b := t.ds[0], t.ds[1]
	t.carried("A and B decide together", a, 2, daemons{a, b}, daemons{a})
	x := after(b, 30)
	t.is("B proposes an earlier end", "", offer(b, x))
	head := a.Say(&protocol.Alive{})
	t.is("A's yes", "forked-authority", accept(a, x))
	t.is("A's key forks there", "", a.WriteAfter(head, entry.Fields{Type: (*protocol.Alive)(nil).Type(), Ctl: protocol.Ctl(&protocol.Alive{})}))
	return t.comes(protocol.EMRevise, party.Terms(), a, b)
}

func endedOnce() *tale {
	t := newTale("terms-ended", "A ends the embargo and is dropped by a config that cuts it below that: the end stands. A claim that was refuted ends nothing",
		"A", "B")
	a, b := t.ds[0], t.ds[1]
	t.carried("A and B decide", a, 2, daemons{a, b}, daemons{a})
	claim := b.Say(&protocol.Claim{What: protocol.Attack})
	t.is("A refutes what a steward asserts", "", a.Act(&protocol.Refute{Claim: claim.ID}))
	t.is("A ends it", "", a.Say(&protocol.EmbargoEnd{Code: 1}))
	return t.comes(protocol.EMExited, party.Terms())
}

// ending says when the embargo ends, in days after party.Start.
func (t *tale) ending(days uint64) *tale {
	t.ends = party.Start + days*24*3600*1000
	return t
}

// tookOver says that another case was merged into d's, whose embargo ends after some days.
func tookOver(d *party.Daemon, other byte, days uint64) *entry.Sealed {
	return d.Act(&protocol.CaseLink{Pair: protocol.PairOf(d.Case.ID(), id.CaseID{other}), Relation: protocol.TookOver, Until: party.Start + days*24*3600*1000})
}

func earliestEnd() *tale {
	t := newTale("terms-earliest-end", "two cases are merged into this one of 45 days. Of the first A says 40 days, then 30; of the second A and B say 35 and 25 side "+
		"by side. What a child says, and a later end, is of no matter", "A", "B")
	a, b := t.ds[0], t.ds[1]
	t.carried("A and B decide together", a, 2, daemons{a, b}, daemons{a})
	t.is("the first ends after 40 days", "", tookOver(a, 1, 40))
	t.is("after 30", "", tookOver(a, 1, 30))
	t.is("a child ends after 5", "", a.Act(&protocol.CaseLink{Pair: id.Pair{9}, Relation: protocol.SplitOff, Until: party.Start + 5*24*3600*1000}))
	t.is("a third ends after 90", "", tookOver(b, 3, 90))
	t.alone(b)
	t.is("the second, says A", "", tookOver(a, 2, 35))
	t.is("the second, says B", "", tookOver(b, 2, 25))
	t.met()
	return t.comes(protocol.EMActive, party.Terms(), a, b).ending(25)
}

func earliestStays() *tale {
	t := newTale("terms-earliest-stays", "of a case that was merged into this one of 45 days A says 20 days, then 30, then that it is a sibling: nobody takes "+
		"an earlier end back alone", "A", "B")
	a, b := t.ds[0], t.ds[1]
	t.is("it ends after 20 days", "", tookOver(a, 1, 20))
	t.is("after 30", "", tookOver(a, 1, 30))
	t.is("it is a sibling", "", a.Act(&protocol.CaseLink{Pair: protocol.PairOf(a.Case.ID(), id.CaseID{1}), Relation: protocol.Sibling}))
	return t.comes(protocol.EMActive, party.Terms(), a, b).ending(20)
}

func agreedSince() *tale {
	t := newTale("terms-agreed-since", "the end of a case merged in, 20 days, holds against the 60 that A and C agree on without having heard of it, until B and C, who "+
		"have, agree on 50. What is said later of the other does not bring its end back", "A", "B", "C")
	a, b, c := t.ds[0], t.ds[1], t.ds[2]
	t.carried("A, B and C decide, two of them", a, 2, daemons{a, b, c}, daemons{a})
	x := after(a, 60)
	offer(a, x)
	t.alone(c)
	t.is("C's word for 60 days, deaf", "", accept(c, x))
	t.is("the other ends after 20 days", "", tookOver(b, 1, 20))
	t.met()
	y := after(a, 50)
	t.is("50 days", "", offer(b, y))
	t.met()
	t.is("C's word, A's silence", "", accept(c, y))
	t.met()
	t.is("the other ends after 10 days now", "", tookOver(a, 1, 10))
	return t.comes(protocol.EMActive, y, a, b, c).ending(50)
}

func uselessWords() *tale {
	t := newTale("terms-refused", "words about agreements that break one rule each", "A", "B")
	a, b := t.ds[0], t.ds[1]
	none := id.AgrID{1}
	lost := after(a, 60)
	r, _ := lost.Open()
	r.Parent = &none
	t.is("a proposal without a parent", "bad-agreement", offer(b, party.Terms()))
	t.is("one that follows what nobody proposed", "agreement-unknown", offer(b, protocol.NewAgreement(r, "Keep it among us.")))
	t.is("a yes to what nobody proposed", "agreement-unknown", accept(b, lost))
	t.is("a no to it", "agreement-unknown", reject(b, lost))
	t.is("an end by who was never a steward", "not-a-steward", b.Say(&protocol.EmbargoEnd{}))
	t.is("a member's word under a config", "not-a-steward", b.Act(&protocol.EmbargoAccept{Agr: party.Terms().ID()}))
	t.is("a refutation of nothing", "claim-unknown", a.Act(&protocol.Refute{Claim: id.EntryID{1}}))
	return t.comes(protocol.EMActive, party.Terms(), a, b)
}
