package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

const day = 24 * 3600 * 1000 // milliseconds

// TestQuietSteward is P3.12: a steward that writes alive every five days, and is
// heard within eight, is not succeeded while more than a third of the electorate
// is honest. The others lie about their clocks and leave out what they have seen.
func TestQuietSteward(t *testing.T) {
	seeds(t, 40, func(seed uint64) string { return quietSteward(seed, 1, protocol.NewCase) })
	for rule, hint := range map[string]uint64{"silence lasts 14 days": 1, "a steward that was heard is not silent": 4} {
		notices(t, rule, hint, func(seed uint64) string {
			return quietSteward(seed, 1, func() *protocol.Case { return protocol.Broken(rule) })
		})
	}
	notices(t, "more than a third is honest", 1, func(seed uint64) string { return quietSteward(seed, 0, protocol.NewCase) })
}

// TestTwoParties: of two, the one may succeed the other that has fallen silent,
// and not one that is heard.
func TestTwoParties(t *testing.T) {
	seeds(t, 20, func(seed uint64) string {
		s := newSilence(seed, 1, 1)
		s.live(60, true)
		if len(s.h.known.Chain()) > 1 {
			return "a steward that is there is succeeded"
		}
		s.live(150, false) // days on which it may note, propose and vote, at random
		if len(s.h.known.Chain()) < 2 {
			return "a steward that is gone is not succeeded"
		}
		return ""
	})
}

// silence is a case of one steward and members, of which the first few are honest,
// day by day.
type silence struct {
	h       *history
	rng     *rand.Rand
	lead    *writer
	members []*writer
	honest  int
	post    [][]delivery // by member
}

type delivery struct {
	on   uint64 // ms
	what int
}

// quietSteward plays two months. honest 0: too few are.
func quietSteward(seed uint64, honest int, fresh func() *protocol.Case) string {
	rng := rand.New(rand.NewPCG(seed, 3))
	n := 1 + rng.IntN(len(orgNames)-1)
	s := newSilence(seed, n, n/3+honest)
	s.live(60, true)
	if chain := fold(fresh(), s.h.pool).Chain(); len(chain) > 1 {
		return fmt.Sprintf("of %d members %d honest ones: the steward is succeeded", n, s.honest)
	}
	return ""
}

func newSilence(seed uint64, members, honest int) *silence {
	s := &silence{rng: rand.New(rand.NewPCG(seed, 4)), honest: honest}
	now := steady()
	s.h = opened(nil, now)
	for i := range members {
		s.h.admitAs(s.h.ws[0], i+1, protocol.MitigatingVendor, "0")
	}
	s.lead, s.members = s.h.ws[0], s.h.ws[1:1+members]
	s.post = make([][]delivery, members)
	for _, m := range s.members {
		m.seen = m.seen.or(s.h.control())
		s.h.later[m.org] = s.rng.Uint64N(100) * day // nobody's clock is another's
	}
	return s
}

// live lets days pass, for all clocks alike; the steward is there, or is not.
func (s *silence) live(days int, there bool) {
	for range days {
		for i := range s.h.later {
			s.h.later[i] += day
		}
		now := s.h.later[0]
		if there && (now/day)%5 == 0 {
			s.sends(s.h.say(s.lead, &protocol.Alive{}))
		}
		for i, m := range s.members {
			kept := s.post[i][:0]
			for _, d := range s.post[i] {
				if d.on <= now {
					m.seen = m.seen.or(s.h.past[d.what]).with(d.what)
				} else {
					kept = append(kept, d)
				}
			}
			s.post[i] = kept
			if i < s.honest {
				s.honestly(m)
			} else {
				s.lies(m)
			}
		}
	}
}

// sends puts an entry into the post: it reaches the honest within eight days.
func (s *silence) sends(at int) {
	for i := range s.post {
		s.post[i] = append(s.post[i], delivery{s.h.later[0] + s.rng.Uint64N(8*day), at})
	}
}

// honestly: it proposes a succession when its daemon has seen nothing of the
// steward for 14 days, and votes for any that its daemon lets it vote for.
func (s *silence) honestly(m *writer) {
	switch s.rng.IntN(6) {
	case 0:
		s.sends(s.h.say(m, &protocol.Alive{}))
	case 1:
		s.proposes(m, m.seen)
	case 2, 3:
		for i := max(1, len(s.h.confs)-3); i < len(s.h.confs); i++ {
			if x := s.h.confs[i]; m.seen.has(x.at) && s.rng.IntN(2) == 0 {
				s.sends(s.h.say(m, &protocol.Endorse{Config: x.ID}))
			}
		}
	}
}

// proposes a succession with the last that an author says it has seen of the lead.
func (s *silence) proposes(m *writer, seen set) {
	at, ok := s.h.lastIn(s.lead, seen)
	if !ok {
		return
	}
	e := s.h.pool[at]
	for _, x := range s.h.confs[1:] {
		if x.Basis[0].ID == e.ID && s.rng.IntN(4) > 0 {
			return
		}
	}
	last := protocol.Place{Kid: e.Kid, Seq: e.Seq, ID: e.ID}
	p := s.h.confs[0]
	f := protocol.Config{Parent: &p.ID, N: 1, Stewards: []id.OrgID{s.h.ds[m.org].Org.ID}, Quorum: 1, Rules: 1, Kind: protocol.Succession,
		Basis: []protocol.Place{last}, Cuts: []protocol.Cut{{Org: s.h.ds[0].Org.ID, Places: []protocol.Place{last}}}}
	was := m.seen
	m.seen = seen
	conf := s.h.putForward(m, p, f)
	m.seen = was.with(s.h.confs[conf].at)
	s.sends(s.h.confs[conf].at)
}

// lies: any clock, any knowledge, but what its feed shows already.
func (s *silence) lies(m *writer) {
	if tip, ok := m.tip[id.Control]; ok { // it pretends to have heard nothing else
		m.seen = s.h.past[tip].upTo(len(s.h.pool)).with(tip)
	}
	switch s.rng.IntN(5) {
	case 0:
		s.proposes(m, m.seen)
	case 1:
		s.h.later[m.org] += protocol.Silence
	case 2, 3:
		if len(s.h.confs) < 2 {
			return
		}
		x := s.h.confs[1+s.rng.IntN(len(s.h.confs)-1)]
		f := fields(&protocol.Alive{})
		know := s.h.past[x.at].upTo(len(s.h.pool)).with(x.at)
		if tip, ok := m.tip[id.Control]; ok && s.heard(s.h.past[tip], x) {
			return // this daemon has let it be seen that it heard the steward
		} else if ok {
			know = know.or(s.h.past[tip])
		}
		at := s.h.writeIn(m, f, know)
		s.h.later[m.org] += protocol.Silence
		s.sends(s.h.writeIn(m, fields(&protocol.Endorse{Config: x.ID}), s.h.past[at].upTo(len(s.h.pool)).with(at)))
	}
}

// heard says whether a past has more of the lead than a config's basis.
func (s *silence) heard(past set, x proposed) bool {
	at, ok := s.h.lastIn(s.lead, past)
	return ok && s.h.pool[at].Seq > x.Basis[0].Seq
}

// writeIn is write with less knowledge than w has.
func (h *history) writeIn(w *writer, f entry.Fields, know set) int {
	prev, ok := w.tip[id.Control]
	if !ok {
		prev = -1
	}
	return h.writeAfter(w, prev, f, know)
}
