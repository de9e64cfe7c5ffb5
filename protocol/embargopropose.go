package protocol

import (
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// EmbargoPropose puts an agreement forward, in the place of the one that its record
// names as parent (EP and EV of the MPCVD messages). Its author accepts it by writing it.
type EmbargoPropose struct {
	Terms Agreement
}

var embargoProposeKind = kind{
	typ: 10, name: "embargo-propose", cap: identity.CapConsent, who: byParty,
	make: func() Message { return new(EmbargoPropose) }, once: checkProposed, enter: enterProposed,
	check: checkEmbargoPropose, holds: wordHolds, standing: true,
}

// Type is the kind's number.
func (*EmbargoPropose) Type() entry.Type { return embargoProposeKind.typ }

func (m *EmbargoPropose) fields() []field { return []field{mapOf(1, m.Terms.fields())} }

// checkProposed judges the agreement by the entry's past alone.
func checkProposed(c *Case, n *node) *Refusal {
	if r := citesIfAny(c, n); r != nil {
		return r
	}
	m := n.msg.(*EmbargoPropose)
	r, err := m.Terms.Open()
	if err != nil {
		return err.(*Refusal)
	}
	if r.Parent == nil || r.End == nil {
		return refuse("bad-agreement", "a proposal names the agreement that it is to follow, and an end")
	}
	if !c.terms.all[*r.Parent].in(n.past) {
		return refuse("agreement-unknown", "the agreement that this one is to follow is not in the entry's past")
	}
	made := 0
	for _, p := range n.org.offers {
		if n.past.has(p) {
			made++
		}
	}
	if made >= MaxOffers {
		return refuse("too-many-proposals", "the organisation has proposed %d agreements, which is the limit", MaxOffers)
	}
	return nil
}

func enterProposed(c *Case, n *node) {
	m := n.msg.(*EmbargoPropose)
	r, _ := m.Terms.Open() // judged by the check
	c.terms.add(m.Terms, r, n)
	m.Terms.Text = "" // kept once for all that share it
	n.org.offers = append(n.org.offers, n)
}

// byParty is the rule for who speaks of an embargo: a steward under the config that it
// cites, so that its word counts as one of the stewards', else any member.
func byParty(c *Case, n *node) *Refusal {
	if n.cfg != nil {
		return inForce(c, n)
	}
	return byMember(c, n)
}

// citesIfAny is cites for what members may write too.
func citesIfAny(c *Case, n *node) *Refusal {
	if n.cfg == nil {
		return nil
	}
	return cites(c, n)
}

// wordHolds is what a steward's word needs beside its past as an act, and a member's as a status.
func wordHolds(c *Case, n *node) *Refusal {
	if n.cfg != nil {
		return empowered(c, n)
	}
	return unremoved(c, n)
}

func checkEmbargoPropose(c *Case, n *node) *Refusal {
	if !n.own {
		return nil
	}
	if r := c.negotiable(n); r != nil {
		return r
	}
	e := c.Embargo()
	if _, gone := c.MergedInto(); gone && e.Merged == (id.Pair{}) {
		return c.mergedAway()
	}
	r, _ := n.msg.(*EmbargoPropose).Terms.Open()
	now := c.current()
	switch {
	case *r.Parent != now.id:
		return refuse("agreement-superseded", "the terms in force are %v now: propose what is to follow these", now.id)
	case r.End != nil && n.t >= *r.End:
		return refuse("end-in-past", "the embargo would have ended already: give a later end, or end it now with embargo end")
	case r.ends() == now.ends() && e.End == now.ends() && r.Terms == now.Terms && r.TextHash == now.TextHash:
		return refuse("no-change", "these are the terms in force already")
	}
	return nil
}

// negotiable refuses what we would say to an embargo that is over, or that somebody says is, or
// that is no matter of ours any more (spec/kinds.md, agreements). Others may have written before
// they heard of it.
func (c *Case) negotiable(n *node) *Refusal {
	switch {
	case RM(n.org.rm.last()) == RMClosed && n.cfg == nil:
		return refuse("report-closed", "the organisation has closed its report, which is final: the embargo is no matter of its own any more")
	case c.ended():
		return refuse("embargo-exited", "the embargo is over, and there is no second one in a case")
	case c.alarmed():
		return refuse("exit-pending", "somebody says that it is public, exploited or attacked: confirm or refute that first").after(c.alarmAnswers(n)...)
	}
	return nil
}

// alarmAnswers are what n's author can say to the claims that alarm.
func (c *Case) alarmAnswers(n *node) (ms []Message) {
	for _, x := range c.claims {
		if c.refuted(x) {
			continue
		}
		if !c.asserts[x.msg.(*Claim).What][n.org.id] {
			ms = append(ms, &Confirm{Claim: x.id})
		}
		if c.steward(n.org.id) {
			ms = append(ms, &Refute{Claim: x.id})
		}
	}
	return ms
}

func (m *EmbargoPropose) apply(c *Case, n *node) {
	c.speakOf(c.terms.all[m.Terms.ID()], n)
}

// speakOf takes an organisation's yes to an agreement, and what it says as a steward.
func (c *Case) speakOf(a *agreed, n *node) {
	c.yes(a, n.org, n)
	if n.cfg == nil {
		n.org.status.put(n, 0)
		return
	}
	c.act(n)
}

// yes notes an acceptance.
func (c *Case) yes(a *agreed, o *org, n *node) {
	x := c.hears(a).answer(o)
	x.yes = append(x.yes, n)
	if o.signed == nil {
		o.signed = map[*agreed]bool{}
	}
	o.signed[a] = true
}

// ends is the end for comparing: 0 when the terms say no embargo.
func (r *Record) ends() uint64 {
	if r.End == nil {
		return 0
	}
	return *r.End
}

// MaxOffers is how many agreements an organisation proposes in a case, at most.
const MaxOffers = 64

func (m *EmbargoPropose) needs(c *Case) []id.EntryID {
	if r, err := m.Terms.Open(); err == nil && r.Parent != nil {
		return append(ids(c.terms.all[*r.Parent].carrier()), c.mergers()...)
	}
	return nil
}

func (m *EmbargoPropose) says(*Case) (what, about string) { return "", m.Terms.ID().String() }
