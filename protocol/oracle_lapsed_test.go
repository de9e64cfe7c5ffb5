package protocol_test

import (
	"slices"

	"cordon/protocol"
	"cordon/protocol/id"
)

// votes are what each organisation's endorsements in a past are for that count, of the
// children of p of a kind.
func (w *world) votes(past map[id.EntryID]bool, p id.ConfigID, kind uint8) map[id.OrgID][]id.ConfigID {
	of := map[id.OrgID][]id.ConfigID{}
	for x := range past {
		e := w.by[x]
		m, ok := e.m.(*protocol.Endorse)
		if !ok || len(w.broken(e)) > 0 || len(w.worthless(e)) > 0 {
			continue
		}
		if y := w.sound(m.Config); *y.Parent == p && y.Kind == kind {
			of[e.org] = append(of[e.org], m.Config)
		}
	}
	return of
}

// freed: at most 8 votes, each for what c names as lapsed.
func freed(c *protocol.Config, votes []id.ConfigID) bool {
	for _, x := range votes {
		if !slices.Contains(c.Lapsed, x) {
			return false
		}
	}
	return len(votes) <= 8
}

// lapsed is what spec/authority.md §3 says of x by a past.
func (w *world) lapsed(past map[id.EntryID]bool, x id.ConfigID) bool {
	c := w.sound(x)
	p, v := w.sound(*c.Parent), w.over(past)
	if !past[x] || !v.certified(*c.Parent) || len(v.ballot(x)) == 0 {
		return false
	}
	if c.Kind == protocol.Ordinary {
		return w.able(past, x, p.Stewards) < int(p.Quorum)
	}
	var voters []id.OrgID
	for o := range w.electorate(x) {
		voters = append(voters, o)
	}
	for _, o := range c.Stewards {
		if !slices.Contains(voters, o) && !slices.Contains(p.Stewards, o) {
			return true
		}
	}
	return 3*w.able(past, x, voters) < 2*len(voters)
}

// able is how many of these have voted for x in a past, or are free to.
func (w *world) able(past map[id.EntryID]bool, x id.ConfigID, of []id.OrgID) (n int) {
	c := w.sound(x)
	votes := w.votes(past, *c.Parent, c.Kind)
	for _, o := range of {
		if slices.Contains(votes[o], x) || freed(c, votes[o]) {
			n++
		}
	}
	return n
}

// stranded: of the stewards that stay no quorum is able to carry what one of them has
// voted for, nor anything new.
func (w *world) stranded(past map[id.EntryID]bool, p id.ConfigID, z []id.OrgID) bool {
	if !w.over(past).certified(p) {
		return false
	}
	parent, votes := w.sound(p), w.votes(past, p, protocol.Ordinary)
	var stay []id.OrgID
	for _, o := range parent.Stewards {
		if !slices.Contains(z, o) {
			stay = append(stay, o)
		}
	}
	fresh, gone := 0, map[id.ConfigID]bool{}
	for _, o := range stay {
		if len(votes[o]) > 8 {
			return false
		}
		spent := false
		for _, x := range votes[o] {
			if w.able(past, x, stay) >= int(parent.Quorum) {
				return false
			}
			if w.lapsed(past, x) {
				gone[x] = true
			} else {
				spent = true
			}
		}
		if !spent {
			fresh++
		}
	}
	return len(gone) > 8 || fresh < int(parent.Quorum)
}
