package protocol

import (
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// EmbargoAccept is an organisation's own consent to an agreement (EA and EC of the
// MPCVD messages). By a steward that cites its config it is also a word for making
// the agreement active.
type EmbargoAccept struct {
	Agr id.AgrID
}

var embargoAcceptKind = kind{
	typ: 11, name: "embargo-accept", cap: identity.CapConsent, who: byParty,
	make: func() Message { return new(EmbargoAccept) }, once: checkAnswered, enter: enterAccept,
	check: checkEmbargoAccept, holds: wordHolds, standing: true,
}

// Type is the kind's number.
func (*EmbargoAccept) Type() entry.Type { return embargoAcceptKind.typ }

func (m *EmbargoAccept) fields() []field { return []field{hash(1, &m.Agr)} }

func (m *EmbargoAccept) about() id.AgrID { return m.Agr }

// answer is a message about an agreement of the case.
type answer interface{ about() id.AgrID }

// checkAnswered judges by the past alone whether there is such an agreement.
func checkAnswered(c *Case, n *node) *Refusal {
	if r := citesIfAny(c, n); r != nil {
		return r
	}
	if !c.terms.all[n.msg.(answer).about()].in(n.past) {
		return refuse("agreement-unknown", "the agreement is not in the entry's past")
	}
	return nil
}

// enterAccept notes the words of stewards, whoever has power.
func enterAccept(c *Case, n *node) {
	a := c.terms.all[n.msg.(answer).about()]
	if n.cfg != nil {
		a.words = append(a.words, n)
	}
	a.words = append(a.words, a.answeredBy(n)...)
}

// answeredBy lists the stewards' proposals of an agreement to which n is another
// organisation's yes, and that were not taken back before: with it, the proposer has given
// its word for making it active (spec/kinds.md, agreements).
func (a *agreed) answeredBy(n *node) (ps []*node) {
	for _, p := range a.carriers {
		if p.cfg != nil && p.org.id != n.org.id && n.past.has(p) && !slices.ContainsFunc(a.taken[p.org.id], n.past.has) {
			ps = append(ps, p)
		}
	}
	return ps
}

func checkEmbargoAccept(c *Case, n *node) *Refusal {
	if !n.own {
		return nil
	}
	if r := c.negotiable(n); r != nil {
		return r
	}
	a, now := c.terms.all[n.msg.(answer).about()], c.current()
	switch {
	case a != now && a.parent != now:
		return refuse("agreement-superseded", "these terms are no longer asked for; in force are %v: accept those", now.id).after(c.unlessSaid(now, n)...)
	case c.said(a, n):
		return refuse("no-change", "the organisation has accepted these terms already")
	}
	return nil
}

// unlessSaid is the acceptance of an agreement, if the author has not accepted it.
func (c *Case) unlessSaid(a *agreed, n *node) []Message {
	if c.said(a, n) {
		return nil
	}
	return []Message{&EmbargoAccept{Agr: a.id}}
}

// said says whether the author has accepted an agreement in so many words; a steward
// that has only proposed it may still give its word.
func (c *Case) said(a *agreed, n *node) bool {
	h := c.of(a)
	return c.accepts(n.org, a) && (n.cfg == nil || h.active || slices.ContainsFunc(h.votes, func(v vote) bool { return v.org == n.org.id }))
}

func (m *EmbargoAccept) apply(c *Case, n *node) {
	a := c.terms.all[m.Agr]
	h := c.hears(a)
	c.speakOf(a, n)
	c.inForceNow = nil
	if n.cfg != nil {
		if !n.honoured() {
			return // it has no force: it is no other's yes either
		}
		h.votes = append(h.votes, vote{n.org.id, c.configs[*n.cfg].N, n, n})
	}
	for _, p := range a.answeredBy(n) {
		if inForce(c, p) == nil && empowered(c, p) == nil {
			h.votes = append(h.votes, vote{p.org.id, c.configs[*p.cfg].N, n, p})
		}
	}
}

func (m *EmbargoAccept) needs(c *Case) []id.EntryID {
	return append(ids(c.terms.all[m.Agr].carrier()), c.mergers()...)
}

func (m *EmbargoAccept) says(*Case) (what, about string) { return "", m.Agr.String() }
