package protocol

import "cordon/protocol/id"

// checkContent is what every kind of the content plane asks (spec/kinds.md,
// content plane): an agreement that is active, and a compartment that its author reads.
func checkContent(c *Case, n *node) *Refusal {
	if n.own && c.State() != StateOK {
		return c.halted()
	}
	if n.agr == nil {
		return refuse("agreement-not-active", "content names the agreement under which it is written")
	}
	a := c.terms.all[*n.agr]
	if !a.in(n.past) || !c.goesOn(n) && !c.activeIn(a, n.past) {
		return refuse("agreement-not-active", "the agreement under which this was written is not active in the entry's past")
	}
	if n.own && !c.signs(n.org, a) {
		return refuse("consent-missing", "the organisation has not accepted the terms that are in force: read and accept them first")
	}
	if n.comp == id.Everyone {
		return nil
	}
	room := c.comps[n.comp]
	if room == nil || !n.past.has(room) {
		return refuse("compartment-unknown", "the compartment is not open in the entry's past")
	}
	if !room.msg.(*Compartment).has(n.org.id) {
		return refuse("not-a-reader", "only a reader of the compartment writes in it")
	}
	return nil
}

// goesOn says whether the entry before n is honoured content under the same
// agreement: then it is active in n's past too, which has that entry's.
func (c *Case) goesOn(n *node) bool {
	return n.prev != nil && n.prev.honoured() && *n.prev.agr == *n.agr
}

// checkLater is checkContent for the kinds that are not the opener's first entry.
func checkLater(c *Case, n *node) *Refusal {
	if n.subjectPlace(c) {
		return refuse("subject-first", "the opener's first content is the subject: title and report")
	}
	return checkContent(c, n)
}

// subjectPlace says whether the entry stands where the subject belongs: seq 0 of
// the genesis key's feed for everybody.
func (n *node) subjectPlace(c *Case) bool {
	return n.comp == id.Everyone && n.seq == 0 && n.kid == c.genesis.kid
}

// halted is why we write neither content nor acts of our own.
func (c *Case) halted() *Refusal {
	if c.State() == StateConflict {
		return refuse("conflict", "two changes of stewards are both carried: see the case, and decide with case pin")
	}
	return needsUpgrade(c.tip().Rules)
}

func needsUpgrade(rules uint64) *Refusal {
	return refuse("upgrade-needed", "the case follows rules %d, this version knows %d: upgrade it first", rules, Rules)
}
