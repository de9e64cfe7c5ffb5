package sim

import (
	"bytes"
	"fmt"
	"slices"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// sets reads the rules of membership and authority word by word over explicit
// sets of ancestors. It takes from the fold whose an entry is, the chain, and which
// acts and exits are honoured; the rest it works out by itself.
type sets struct {
	w      *World
	c      *protocol.Case
	admits map[id.OrgID][]id.EntryID
	kills  map[id.OrgID][]id.EntryID
}

func (w *World) sets(c *protocol.Case) *sets {
	s := &sets{w: w, c: c, admits: map[id.OrgID][]id.EntryID{}, kills: map[id.OrgID][]id.EntryID{}}
	for i, e := range w.pool.all {
		if rule, known := c.Verdict(e.ID); !known || rule != "" {
			continue
		}
		switch m := w.pool.msgs[i].(type) {
		case *protocol.Genesis:
			s.admits[m.Config.Stewards[0]] = append(s.admits[m.Config.Stewards[0]], e.ID)
		case *protocol.Admit:
			o := w.invitee(m)
			s.admits[o] = append(s.admits[o], e.ID)
		case *protocol.Remove:
			s.kills[m.Org] = append(s.kills[m.Org], e.ID)
		case *protocol.Exit:
			o, _ := c.OrgOf(e.Kid)
			s.kills[o] = append(s.kills[o], e.ID)
		}
	}
	chain := c.Chain()
	for i := 1; i < len(chain); i++ {
		for _, o := range chain[i].Stewards {
			if !slices.Contains(chain[i-1].Stewards, o) {
				s.admits[o] = append(s.admits[o], chain[i].ID)
			}
		}
	}
	return s
}

// invitee finds whom an admit is of: its card has the organisation's events.
func (w *World) invitee(m *protocol.Admit) id.OrgID {
	for _, d := range w.cast.daemons {
		if bytes.Contains(m.Card, d.Org.Events[0]) {
			return d.Org.ID
		}
	}
	return id.OrgID{}
}

// some says whether an admit in reach stands against every removal and exit.
func (s *sets) some(o id.OrgID, reach func(a id.EntryID) bool, stands func(a, r id.EntryID) bool) bool {
	return slices.ContainsFunc(s.admits[o], func(a id.EntryID) bool {
		return reach(a) && !slices.ContainsFunc(s.kills[o], func(r id.EntryID) bool { return !stands(a, r) })
	})
}

func (s *sets) member(o id.OrgID) bool {
	before := s.w.pool.before
	return slices.Contains(s.c.Stewards(), o) ||
		s.some(o, func(id.EntryID) bool { return true }, func(a, r id.EntryID) bool { return before(r, a) })
}

// status is the rule for status entries, content that for all others that members
// write: content, exit, address, compartment, alive, fork.
func (s *sets) status(o id.OrgID, e id.EntryID) bool {
	before := s.w.pool.before
	return s.some(o, func(a id.EntryID) bool { return before(a, e) },
		func(a, r id.EntryID) bool { return before(e, r) || before(r, a) })
}

func (s *sets) content(o id.OrgID, e id.EntryID) bool {
	before := s.w.pool.before
	return s.some(o, func(a id.EntryID) bool { return before(a, e) },
		func(a, r id.EntryID) bool { return r == e || !before(r, e) || before(r, a) })
}

// byMembers are the control kinds that a member writes, status aside. A fork is shown by whoever was one.
var byMembers = []entry.Type{6, 8, 9, 18}

// standing compares the fold with the sets.
func standing(w *World, o *Outcome) error {
	s := w.sets(o.Case)
	for _, d := range w.cast.daemons[:w.Script.Orgs] {
		if got := o.Case.Member(d.Org.ID); got != s.member(d.Org.ID) {
			return fmt.Errorf("%s is a member: %v", d.Org.Name, got)
		}
	}
	for _, e := range w.pool.all {
		rule, known := o.Case.Verdict(e.ID)
		org, named := o.Case.OrgOf(e.Kid)
		if !known || !named || e.Control() && e.Type != 13 && !slices.Contains(byMembers, e.Type) {
			continue
		}
		may := s.content(org, e.ID)
		if e.Type == 13 {
			may = s.status(org, e.ID)
		}
		outside := rule == "removed" || rule == "not-a-member" || rule == "no-longer-a-member"
		switch {
		case rule == "" && !may:
			return fmt.Errorf("%s counts, though its author was no member", w.name(e.ID))
		case outside && may:
			return fmt.Errorf("%s is refused as %s, though its author was a member", w.name(e.ID), rule)
		case outside:
			w.sides[rule]++
		}
	}
	return nil
}

// force judges the honoured acts by §5 of authority.md, read word by word.
func force(w *World, o *Outcome) error {
	chain := o.Case.Chain()
	for i, e := range w.pool.all {
		rule, known := o.Case.Verdict(e.ID)
		switch w.pool.msgs[i].(type) {
		case *protocol.Admit, *protocol.Remove:
		default:
			continue
		}
		org, _ := o.Case.OrgOf(e.Kid)
		if !known || rule != "" {
			w.sides[rule]++
			continue
		}
		at := slices.IndexFunc(chain, func(f protocol.Config) bool { return e.Cfg != nil && f.ID == *e.Cfg })
		if at < 0 || !slices.Contains(chain[at].Stewards, org) {
			return fmt.Errorf("%s has force, by no steward of a config of the chain", w.name(e.ID))
		}
		if why := w.powerless(o, chain, at, e, org); why != "" {
			return fmt.Errorf("%s has force, though %s", w.name(e.ID), why)
		}
	}
	return nil
}

// powerless is why an act of a steward of chain[at] should have no force.
func (w *World) powerless(o *Outcome, chain []protocol.Config, at int, e *entry.Sealed, org id.OrgID) string {
	for i := at + 1; i < len(chain); i++ {
		if slices.Contains(chain[i].Stewards, org) || !slices.Contains(chain[i-1].Stewards, org) {
			continue
		}
		for _, cut := range chain[i].Cuts {
			for _, p := range cut.Places {
				if cut.Org == org && p.Kid == e.Kid && w.pool.before(e.ID, p.ID) {
					return ""
				}
			}
		}
		return "its author was dropped and it is above the cut"
	}
	if w.finalised(chain, e) {
		return ""
	}
	for _, pair := range o.forks(w) {
		if pair[0].Feed() == e.Feed() && pair[0].Seq <= e.Seq {
			return "its feed forks below it"
		}
	}
	return ""
}

// finalised says whether an entry is at or below the last head of its feed.
func (w *World) finalised(chain []protocol.Config, e *entry.Sealed) bool {
	for _, f := range slices.Backward(chain) {
		for _, h := range f.Heads {
			if h.Kid == e.Kid {
				return w.pool.below(e.ID, h.ID)
			}
		}
	}
	return false
}

// oneChild counts the certificates of each parent.
func oneChild(w *World, o *Outcome) error {
	byParent := map[id.ConfigID][]protocol.Proposal{}
	for i, e := range w.pool.all {
		if _, ok := w.pool.msgs[i].(*protocol.Propose); !ok {
			continue
		}
		p, ok := o.Case.Proposal(id.ConfigID(e.ID))
		if ok && p.Kind == protocol.Ordinary && len(p.Endorsed) >= p.Need {
			byParent[*p.Parent] = append(byParent[*p.Parent], p)
		}
	}
	for _, ps := range byParent {
		for i := 1; i < len(ps); i++ {
			w.sides["two certificates"]++
			both := slices.DeleteFunc(slices.Clone(ps[i].Endorsed), func(x id.OrgID) bool { return !slices.Contains(ps[0].Endorsed, x) })
			if slices.Contains(ps[0].Lapsed, ps[i].ID) || slices.Contains(ps[i].Lapsed, ps[0].ID) { // honest votes came free: for a lie of some other voter
				w.sides["two certificates after a lapse"]++
				both = slices.DeleteFunc(append(slices.Clone(ps[0].Endorsed), ps[i].Endorsed...), func(x id.OrgID) bool { return w.cheats([]id.OrgID{x}) != nil })
			}
			if err := w.cheats(both); err != nil {
				return fmt.Errorf("%s and %s: %w", w.name(ps[0].ID), w.name(ps[i].ID), err)
			}
		}
	}
	return nil
}

// cheats says whether those who voted twice are such as would, or had a key stolen.
// Who restored an old copy may have voted in what it lost; where nobody cheats, and
// somebody is there who knows, it hears of that before it votes again.
func (w *World) cheats(both []id.OrgID) error {
	if len(both) == 0 {
		return fmt.Errorf("no voter in common")
	}
	for i, d := range w.cast.daemons[:w.Script.Orgs] {
		if slices.Contains(both, d.Org.ID) && !w.Nodes[i].hostile && !w.victims[i] && (!w.restored[i] || w.Script.calm() && !w.blind[i]) {
			return fmt.Errorf("honest %s voted for both", d.Org.Name)
		}
	}
	return nil
}

// judgeConflict judges what a daemon shows whose pin the chain has left.
func (w *World) judgeConflict(n *Node) {
	r, ok := n.Case.Conflict()
	w.sides["conflicts"]++
	if !ok || r.Pinned.Kind != protocol.Ordinary || r.Chain.Kind != protocol.Ordinary {
		return
	}
	if err := w.cheats(r.Both); err != nil {
		w.wrong("%s is in conflict, and of its proof: %v", n.Name(), err)
	}
}

// embargo judges the end by the claims that count.
func embargo(w *World, o *Outcome) error {
	em := o.Case.Embargo()
	if want := w.ended(o.Case); (em.State == protocol.EMExited) != want {
		return fmt.Errorf("it is %v, and claims ended it: %v", em.State, want)
	}
	if _, r, ok := o.Case.Agreement(em.Agreement); !ok || em.End != *r.End {
		return fmt.Errorf("it ends at %d", em.End)
	}
	if em.Agreement != link.Terms().ID() {
		w.sides["other terms in force"]++
	}
	if len(em.Open) > 0 {
		w.sides["open proposals"]++
	}
	return nil
}

// ended says whether a steward of a certified config, or two organisations, assert
// one of the ends.
func (w *World) ended(c *protocol.Case) bool {
	asserts := map[protocol.What]map[id.OrgID]bool{protocol.Public: {}, protocol.Exploit: {}, protocol.Attack: {}}
	says := func(org id.OrgID, what protocol.What) {
		asserts[what][org] = true
		if what == protocol.Exploit { // who has it has read of the vulnerability
			asserts[protocol.Public][org] = true
		}
	}
	for i, e := range w.pool.all {
		if rule, known := c.Verdict(e.ID); !known || rule != "" {
			continue
		}
		org, _ := c.OrgOf(e.Kid)
		switch m := w.pool.msgs[i].(type) {
		case *protocol.EmbargoEnd:
			return true
		case *protocol.Claim:
			says(org, m.What)
		case *protocol.Confirm:
			if claim, ok := w.pool.msgs[w.pool.at[m.Claim]].(*protocol.Claim); ok {
				says(org, claim.What)
			}
		}
	}
	for _, by := range asserts {
		if len(by) > 1 {
			return true
		}
		for org := range by {
			if w.decided(c, org) {
				return true
			}
		}
	}
	return false
}

// decided says whether an organisation is a steward of a certified config.
func (w *World) decided(c *protocol.Case, org id.OrgID) bool {
	for _, f := range c.Chain() {
		if slices.Contains(f.Stewards, org) {
			return true
		}
	}
	for i, e := range w.pool.all {
		if _, ok := w.pool.msgs[i].(*protocol.Propose); !ok {
			continue
		}
		if p, ok := c.Proposal(id.ConfigID(e.ID)); ok && len(p.Endorsed) >= p.Need && slices.Contains(p.Stewards, org) && w.certified(c, p) {
			return true
		}
	}
	return false
}

// certified says whether a proposal and those on its path are carried.
func (w *World) certified(c *protocol.Case, p protocol.Proposal) bool {
	for {
		if len(p.Endorsed) < p.Need {
			return false
		}
		parent, ok := c.Proposal(*p.Parent)
		if !ok {
			return true // C0
		}
		p = parent
	}
}

// judgeEmbargo: a daemon tells its people that the embargo is over by its own
// clock, or by claims that count; whatever time others have.
func (n *Node) judgeEmbargo() {
	if !n.over() {
		return
	}
	em := n.Case.Embargo()
	if n.clock() <= em.End && !n.w.ended(n.Case) {
		n.w.wrong("%s says that the embargo is over", n.Name())
	}
}

// revoked: what the key of an organisation decides that revoked it is what the
// revocation had seen, or what is finalised.
func revoked(w *World, o *Outcome) error {
	chain := o.Case.Chain()
	for i, e := range w.pool.all {
		rule, known := o.Case.Verdict(e.ID)
		switch w.pool.msgs[i].(type) {
		case *protocol.Admit, *protocol.Remove:
		default:
			continue
		}
		if !known || rule != "" || w.finalised(chain, e) {
			continue
		}
		if by := w.revokedUnseen(o, e); by != "" && !w.wasDropped(chain, o, e) {
			return fmt.Errorf("%s has force, and %s", w.name(e.ID), by)
		}
	}
	return nil
}

// revokedUnseen finds a revocation of the entry's key, without a cut, that has the
// entry not in its past.
func (w *World) revokedUnseen(o *Outcome, e *entry.Sealed) (by string) {
	org, _ := o.Case.OrgOf(e.Kid)
	view, _ := o.Case.Org(org)
	if d, ok := view.Daemon(e.Kid); !ok || !d.Revoked {
		return ""
	}
	for i, x := range w.pool.all {
		m, ok := w.pool.msgs[i].(*protocol.Ident)
		if _, known := o.Case.Verdict(x.ID); !ok || !known || !w.revokes(m, e.Kid) {
			continue
		}
		if m.Cut != nil {
			return ""
		}
		if rule, _ := o.Case.Verdict(x.ID); rule == "" && !w.pool.before(e.ID, x.ID) {
			by = w.name(x.ID) + " revoked its key without having seen it"
		}
	}
	return by
}

// revokes says whether identity events end the certificate of a key.
func (w *World) revokes(m *protocol.Ident, kid id.Kid) bool {
	return slices.ContainsFunc(m.Events, func(event []byte) bool {
		revoked, ok := w.revocations[string(event)]
		return ok && revoked == kid
	})
}

// wasDropped says whether a config of the chain dropped the act's author later:
// then its cut alone decides.
func (w *World) wasDropped(chain []protocol.Config, o *Outcome, e *entry.Sealed) bool {
	org, _ := o.Case.OrgOf(e.Kid)
	at := slices.IndexFunc(chain, func(f protocol.Config) bool { return f.ID == *e.Cfg })
	return slices.ContainsFunc(chain[at+1:], func(f protocol.Config) bool { return !slices.Contains(f.Stewards, org) })
}

// judgeSend judges an entry that leaves an honest daemon for another: only to who
// is a member by the sender's fold, or, of what the removal of who is not has seen,
// to that one.
func (w *World) judgeSend(n *Node, e *entry.Sealed, to *Node) {
	w.sides["sent"]++
	if n.judged != n.Case.Len() || n.sets == nil {
		n.judged, n.sets = n.Case.Len(), w.sets(n.Case)
	}
	if n.sets.member(to.Org.ID) {
		return
	}
	for _, r := range n.Case.Removed(to.Org.ID) {
		if w.pool.before(e.ID, r) {
			w.sides["told of its removal"]++
			return
		}
	}
	w.wrong("%s sent %s to %s, which is no member", n.Name(), w.name(e.ID), to.Name())
}

// recovers: an organisation whose key was stolen, and that took another, is not
// locked out of what it decides in.
func recovers(w *World, o *Outcome) error {
	for i := range w.victims {
		n := w.Nodes[i]
		if n.hostile || !n.up || n.mute || w.recovered[i] == 0 || !o.Case.Member(n.Org.ID) {
			continue
		}
		err := may(o.Case, n.Kid, new(protocol.Alive))
		if r, ok := err.(*protocol.Refusal); ok && r.Rule != "no-longer-a-member" { // a thief may leave in its name
			return fmt.Errorf("%s is a member, and its new key may not speak: %w", n.Name(), err)
		}
		w.sides["recovered"]++
		now := o.Case.Config()
		if !slices.Contains(now.Stewards, n.Org.ID) {
			continue
		}
		m := &protocol.Propose{Config: o.Case.NextConfig(n.Kid, now.Stewards, now.Quorum)}
		if err := may(o.Case, n.Kid, m); err != nil {
			return fmt.Errorf("%s is a steward, and its new key may not propose: %w", n.Name(), err)
		}
		w.sides["recovered stewards"]++
	}
	return nil
}

// cheated says whether no more than a third of who elects in a succession is
// honest: then the design promises nothing.
func (w *World) cheated(c *protocol.Case, x id.ConfigID) bool {
	p, _ := c.Proposal(x)
	electors := append(slices.Clone(p.Endorsed), p.Missing...)
	honest := 0
	for _, n := range w.Nodes[:w.Script.Orgs] {
		if !n.hostile && slices.Contains(electors, n.Org.ID) {
			honest++
		}
	}
	return 3*honest <= len(electors)
}

// stewardKept: where the network is not parted, an honest steward with a right
// clock that has not gone for good is not succeeded.
func stewardKept(w *World, o *Outcome) error {
	if slices.ContainsFunc(w.Script.Steps, func(s Step) bool { return s.Do == "part" || s.Do == "skew" }) {
		return nil
	}
	chain := o.Case.Chain()
	for i := 1; i < len(chain); i++ {
		if chain[i].Kind != protocol.Succession {
			continue
		}
		w.sides["successions"]++
		if w.cheated(o.Case, chain[i].ID) {
			w.sides["electorates of cheats"]++
			continue
		}
		for at, n := range w.Nodes[:w.Script.Orgs] {
			dropped := slices.Contains(chain[i-1].Stewards, n.Org.ID) && !slices.Contains(chain[i].Stewards, n.Org.ID)
			if dropped && !n.hostile && !n.gone && !w.victims[at] {
				return fmt.Errorf("%s was there, and %s succeeds it", n.Name(), w.name(chain[i].ID))
			}
		}
	}
	return nil
}
