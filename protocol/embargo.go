package protocol

import (
	"bytes"
	"maps"
	"slices"

	"cordon/protocol/id"
)

// Embargo is the state of the embargo (spec/kinds.md, agreements). The fold has no clock:
// an active one whose End has passed is over for who compares it with their own.
type Embargo struct {
	State       EM
	ExitPending bool      // somebody claims what would end it, unconfirmed
	End         uint64    // Unix milliseconds; 0 when the terms say no embargo
	Agreed      uint64    // the end that the agreement in force names: End, where no merged case brings an earlier one
	Merged      id.Pair   // the merged case that has brought End; zero: it is the agreement's own
	Agreement   id.AgrID  // in force
	Open        []Offered // what is proposed in its place, the earliest end first
}

// Offered is an agreement that is proposed in place of the one in force.
type Offered struct {
	ID       id.AgrID
	By       []id.OrgID // who proposes it, sorted
	End      uint64     // Unix milliseconds; 0 when it says no embargo
	AnswerBy uint64     // until when an answer is asked for; 0 for ever
	Relaxes  bool       // who signed what is in force is bound by it: one steward activates it
	Accepted []id.OrgID // sorted
	Declined []id.OrgID // sorted
	Missing  []id.OrgID // stewards whose word for it would count and is not given, by rank
	Need     int        // how many words more make it active
}

// Embargo is derived from the agreements, what organisations said to them, and the claims.
func (c *Case) Embargo() Embargo {
	now := c.current()
	if now == nil {
		return Embargo{State: EMNone}
	}
	e := Embargo{State: EMNone, Agreement: now.id, End: now.ends(), Agreed: now.ends()}
	if end, of, ok := c.earliest(id.Pair{}); ok && end < e.End {
		e.End, e.Merged = end, of
	}
	for _, a := range c.open() {
		e.Open = append(e.Open, c.offered(a))
	}
	switch {
	case c.ended() && c.hadOne():
		e.State = EMExited
	case now.End != nil && len(e.Open) > 0:
		e.State = EMRevise
	case now.End != nil:
		e.State = EMActive
	case len(e.Open) > 0:
		e.State = EMProposed
	}
	e.ExitPending = now.End != nil && c.alarmed()
	return e
}

// alarmed says whether somebody claims what would end an embargo, and nobody has
// confirmed or refuted it.
func (c *Case) alarmed() bool {
	return !c.ended() && slices.ContainsFunc(c.claims, func(n *node) bool { return !c.refuted(n) })
}

// hadOne says whether an embargo was ever in force: by terms 0, or by the words of stewards of a
// certified config, whatever has become of that config or of them. It only grows, so that
// an embargo that is over stays so.
func (c *Case) hadOne() bool {
	for _, a := range c.terms.all {
		if a.End != nil && c.wasCarried(a) {
			return true
		}
	}
	return false
}

// wasCarried is carriedTerms for a and all above it under any certified config.
func (c *Case) wasCarried(a *agreed) bool {
	for ; a.parent != nil; a = a.parent {
		relaxes := a.relaxes(&a.parent.Record)
		if !slices.ContainsFunc(slices.Collect(maps.Values(c.configs)), func(x *config) bool {
			said := 0
			for _, o := range x.Stewards {
				if slices.ContainsFunc(a.words, func(n *node) bool { return n.org.id == o && x.follows(*n.cfg) }) {
					said++
				}
			}
			return x.certified && (2*said > len(x.Stewards) || relaxes && said > 0)
		}) {
			return false
		}
	}
	return true
}

// follows says whether y is x or stands above it.
func (x *config) follows(y id.ConfigID) bool {
	for ; x != nil; x = x.parent {
		if x.ID == y {
			return true
		}
	}
	return false
}

// open lists what is proposed in place of the agreement in force, and may still come
// about, the earliest end first.
func (c *Case) open() (open []*agreed) {
	if c.ended() {
		return nil
	}
	for _, a := range c.current().children {
		if !c.of(a).active && c.wanted(a) {
			open = append(open, a)
		}
	}
	slices.SortFunc(open, func(a, b *agreed) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	return open
}

// wanted says whether some proposal of an agreement stands and is not withdrawn,
// somebody else has not declined it, and enough stewards have not.
func (c *Case) wanted(a *agreed) bool {
	by := map[*org]bool{}
	for _, p := range a.carriers {
		if p.honoured() && !c.declines(p.org, a) {
			by[p.org] = true
		}
	}
	if len(by) == 0 {
		return false
	}
	others, willing := 0, 0
	for _, o := range c.orgs {
		if !c.member(o) || by[o] {
			continue
		}
		others++
		if !c.declines(o, a) {
			willing++
		}
	}
	return (willing > 0 || others == 0) && len(c.tip().Stewards)-c.stewardsAgainst(a) >= c.wordsFor(a)
}

func (c *Case) stewardsAgainst(a *agreed) (n int) {
	for _, o := range c.tip().Stewards {
		if c.declines(c.orgOrNone(o), a) {
			n++
		}
	}
	return n
}

// wordsFor is how many stewards' words make an agreement active.
func (c *Case) wordsFor(a *agreed) int {
	if a.relaxes(&a.parent.Record) {
		return 1
	}
	return len(c.tip().Stewards)/2 + 1
}

func (c *Case) offered(a *agreed) Offered {
	f := Offered{ID: a.id, End: a.ends(), Relaxes: a.relaxes(&a.parent.Record), Need: c.wordsFor(a)}
	if a.AnswerBy != nil {
		f.AnswerBy = *a.AnswerBy
	}
	for _, p := range a.carriers {
		if p.honoured() {
			f.By = append(f.By, p.org.id)
		}
	}
	for o := range c.of(a).answers {
		switch {
		case c.accepts(o, a):
			f.Accepted = append(f.Accepted, o.id)
		case c.declines(o, a):
			f.Declined = append(f.Declined, o.id)
		}
	}
	for _, os := range [][]id.OrgID{f.By, f.Accepted, f.Declined} {
		slices.SortFunc(os, compareOrgs)
	}
	f.By = slices.Compact(f.By)
	for _, o := range c.tip().Stewards {
		if slices.ContainsFunc(c.of(a).votes, func(v vote) bool { return v.org == o }) {
			f.Need--
		} else {
			f.Missing = append(f.Missing, o)
		}
	}
	f.Need = max(f.Need, 1)
	return f
}

// consent is an organisation's answer to the agreement in force; where none says an
// embargo, to the first that is proposed (spec/kinds.md, agreements). by is until when one that
// is asked may answer. e is Case.Embargo's.
func (c *Case) consent(o *org, e *Embargo) (s Consent, by uint64) {
	a := c.current()
	switch {
	case e.State == EMNone || e.State == EMExited:
		return NoEmbargo, 0
	case e.State == EMProposed:
		a = c.terms.all[e.Open[0].ID]
	}
	left := slices.ContainsFunc(o.kills, func(k *node) bool { return k.org == o }) && !o.memberIn(c.all)
	switch {
	case left || c.declines(o, a):
		return Declined, 0
	case c.signs(o, a):
		return Signatory, 0
	}
	if a.AnswerBy != nil {
		by = *a.AnswerBy
	}
	for b := range o.signed {
		if b.End != nil && c.accepts(o, b) {
			return Lapsed, by
		}
	}
	return Invited, by
}

// At is the consent by a clock, Unix milliseconds: who has not answered in time counts
// as having declined.
func (p Participant) At(now uint64) Consent {
	if (p.Consent == Invited || p.Consent == Lapsed) && p.AnswerBy > 0 && now > p.AnswerBy {
		return Declined
	}
	return p.Consent
}

// WritesUnder is the agreement under which an organisation writes content: the one in
// force, or the last above it that it has accepted. ok is false where it has accepted none.
func (c *Case) WritesUnder(o id.OrgID) (a id.AgrID, ok bool) {
	x := c.orgOrNone(o)
	for g := c.current(); g != nil; g = g.parent {
		if c.signs(x, g) {
			return g.id, true
		}
	}
	return a, false
}

// Agreements lists the agreements of the case, terms 0 among them, by id.
func (c *Case) Agreements() []id.AgrID {
	return slices.SortedFunc(maps.Keys(c.terms.all), func(a, b id.AgrID) int { return bytes.Compare(a[:], b[:]) })
}
