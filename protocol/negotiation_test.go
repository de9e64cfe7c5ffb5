package protocol_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// bargain is a case of a lead and two others in which each speaks without having
// heard the others, until they meet.
type bargain struct {
	t       *testing.T
	a, b, c *link.Daemon
	ds      []*link.Daemon
}

// bargaining opens a case under terms 0 and admits two; days 0 opens it without an embargo.
func bargaining(t *testing.T, days uint64, more ...*link.Daemon) *bargain {
	s := &bargain{t: t, a: link.NewDaemon(nil, "A"), b: link.NewDaemon(nil, "B"), c: link.NewDaemon(nil, "C")}
	s.a.Open("bargain", terms(nil, days, keepIt), protocol.MitigatingVendor)
	s.ds = append([]*link.Daemon{s.a, s.b, s.c}, more...)
	for _, d := range s.ds[1:] {
		s.a.Admit(d, protocol.DependentVendor)
	}
	s.meet()
	return s
}

// meet gives everybody everything, in two orders.
func (s *bargain) meet() {
	var all []*entry.Sealed
	for _, d := range s.ds {
		for _, e := range d.Held {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(x, y *entry.Sealed) int { return slices.Compare(x.ID[:], y.ID[:]) })
	for i, d := range s.ds {
		if i%2 == 1 {
			slices.Reverse(all)
		}
		for _, e := range all {
			d.Accept(e)
		}
	}
	want := fmt.Sprintf("%+v %+v", s.a.Case.Embargo(), s.a.Case.Participants())
	for _, d := range s.ds[1:] {
		if got := fmt.Sprintf("%+v %+v", d.Case.Embargo(), d.Case.Participants()); got != want {
			s.t.Fatalf("%s has\n%s, A\n%s", d.Org.Name, got, want)
		}
	}
}

// council makes the first n stewards.
func (s *bargain) council(n int) {
	s.t.Helper()
	p := s.a.Say(&protocol.Propose{Config: s.a.Case.NextConfig(s.a.Kid, orgs(s.ds[:n]...), uint8(n/2+1))})
	s.a.Say(&protocol.Endorse{Config: id.ConfigID(p.ID)})
	s.meet()
	if got := len(s.a.Case.Stewards()); got != n {
		s.t.Fatalf("%d stewards", got)
	}
}

func (s *bargain) offers(d *link.Daemon, days uint64) protocol.Agreement {
	now := d.Case.Embargo().Agreement
	a := terms(&now, days, keepIt)
	verdict(s.t, d.Case, d.Speak(&protocol.EmbargoPropose{Terms: a}), "")
	return a
}

func (s *bargain) agrees(d *link.Daemon, a protocol.Agreement) {
	verdict(s.t, d.Case, d.Speak(&protocol.EmbargoAccept{Agr: a.ID()}), "")
}

func (s *bargain) refuses(d *link.Daemon, a protocol.Agreement) {
	verdict(s.t, d.Case, d.Say(&protocol.EmbargoReject{Agr: a.ID()}), "")
}

// is asks state and end, in days from the start on.
func (s *bargain) is(state protocol.EM, days uint64) {
	s.t.Helper()
	s.meet()
	e := s.a.Case.Embargo()
	end := uint64(0)
	if days > 0 {
		end = link.Start + days*day
	}
	if e.State != state || e.End != end {
		s.t.Fatalf("%s until day %d, want %s until %d", e.State, (e.End-link.Start)/day, state, days)
	}
}

func (s *bargain) consents(want ...protocol.Consent) {
	s.t.Helper()
	for i, p := range s.a.Case.Participants() {
		if i < len(want) && p.Consent != want[i] {
			s.t.Errorf("%s: %s, want %s", p.Name, p.Consent, want[i])
		}
	}
}

// TestBargains are the serial histories of MODEL §3: with two parties they end as the
// published tables have it.
func TestBargains(t *testing.T) {
	for _, tc := range []struct {
		name  string
		days  uint64
		do    func(*bargain)
		state protocol.EM
		end   uint64
	}{
		{"nothing", 0, func(*bargain) {}, protocol.EMNone, 0},
		{"p", 0, func(s *bargain) { s.offers(s.b, 45) }, protocol.EMProposed, 0},
		{"p by the steward", 0, func(s *bargain) { s.offers(s.a, 45) }, protocol.EMProposed, 0},
		{"pa", 0, func(s *bargain) { x := s.offers(s.b, 45); s.meet(); s.agrees(s.a, x) }, protocol.EMActive, 45},
		{"pa by the other", 0, func(s *bargain) { x := s.offers(s.a, 45); s.meet(); s.agrees(s.b, x) }, protocol.EMActive, 45},
		{"pa by the same", 0, func(s *bargain) { x := s.offers(s.a, 45); s.agrees(s.a, x) }, protocol.EMActive, 45},
		{"pr", 0, func(s *bargain) { x := s.offers(s.b, 45); s.meet(); s.refuses(s.a, x) }, protocol.EMNone, 0},
		{"pr by its author", 0, func(s *bargain) { x := s.offers(s.b, 45); s.refuses(s.b, x) }, protocol.EMNone, 0},
		{"withdrawn, and accepted after", 0, func(s *bargain) {
			x := s.offers(s.a, 45)
			s.refuses(s.a, x)
			s.meet()
			s.agrees(s.b, x)
		}, protocol.EMNone, 0},
		{"withdrawn, and accepted meanwhile", 0, func(s *bargain) {
			x := s.offers(s.a, 45)
			s.meet()
			s.refuses(s.a, x)
			s.agrees(s.b, x)
		}, protocol.EMActive, 45},
		{"papa", 0, func(s *bargain) {
			x := s.offers(s.b, 45)
			s.meet()
			s.agrees(s.a, x)
			s.meet()
			y := s.offers(s.b, 90)
			s.is(protocol.EMRevise, 45)
			s.agrees(s.a, y)
		}, protocol.EMActive, 90},
		{"papr", 45, func(s *bargain) {
			y := s.offers(s.b, 90)
			s.is(protocol.EMRevise, 45)
			s.refuses(s.a, y)
		}, protocol.EMActive, 45},
		{"pat", 45, func(s *bargain) { s.a.Say(&protocol.EmbargoEnd{}) }, protocol.EMExited, 45},
		{"papt", 45, func(s *bargain) { s.offers(s.b, 90); s.meet(); s.a.Say(&protocol.EmbargoEnd{}) }, protocol.EMExited, 45},
		{"t by who is no steward", 45, func(s *bargain) { s.b.Say(&protocol.EmbargoEnd{}) }, protocol.EMActive, 45},
		{"p, and it is public", 0, func(s *bargain) {
			s.offers(s.b, 45)
			s.meet()
			s.a.Say(&protocol.Claim{What: protocol.Public})
		}, protocol.EMNone, 0},
		{"counter-proposals, each its own", 0, func(s *bargain) {
			x := s.offers(s.b, 90)
			s.meet()
			s.refuses(s.c, x)
			y := s.offers(s.c, 45)
			s.meet()
			s.agrees(s.a, y)
		}, protocol.EMActive, 45},
		{"two at once come to the earlier end", 45, func(s *bargain) {
			x, y := s.offers(s.b, 90), s.offers(s.c, 60)
			s.meet()
			s.agrees(s.a, x)
			s.agrees(s.a, y)
		}, protocol.EMActive, 60},
		{"later, then earlier again", 45, func(s *bargain) {
			s.agrees(s.a, s.offers(s.a, 90))
			s.agrees(s.a, s.offers(s.a, 60))
		}, protocol.EMActive, 60},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := bargaining(t, tc.days)
			tc.do(s)
			s.is(tc.state, tc.end)
		})
	}
}

// TestMajority: more than half of the stewards make terms active that ask more; one is enough
// for terms that ask less; words that are given under a config stand when stewards change.
func TestMajority(t *testing.T) {
	s := bargaining(t, 45)
	s.council(3)
	x := s.offers(s.b, 90)
	s.is(protocol.EMRevise, 45)
	s.agrees(s.a, x)
	s.is(protocol.EMActive, 90) // B proposed, A accepted: two of three
	s.consents(protocol.Signatory, protocol.Signatory, protocol.Lapsed)
	sooner := s.offers(s.c, 30)
	s.is(protocol.EMRevise, 90)
	s.agrees(s.c, sooner)
	s.is(protocol.EMActive, 30)
	s.consents(protocol.Signatory, protocol.Signatory, protocol.Signatory)
}

// TestOneStewardMovesNoEndLater is the point of the majority.
func TestOneStewardMovesNoEndLater(t *testing.T) {
	s := bargaining(t, 45)
	s.council(3)
	s.agrees(s.a, s.offers(s.a, 90))
	s.is(protocol.EMRevise, 45)
}

// TestConcurrentActivations is P4.4: two that were made active side by side come to the
// earlier end, whoever heard of which first.
func TestConcurrentActivations(t *testing.T) {
	s := bargaining(t, 45)
	s.council(2)
	x, y := s.offers(s.a, 90), s.offers(s.b, 60)
	s.meet()
	s.agrees(s.a, x)
	s.agrees(s.b, x)
	s.agrees(s.a, y)
	s.agrees(s.b, y)
	s.is(protocol.EMActive, 60)
}

// TestConsentInConflict is P4.1 for one organisation with two daemons: yes and no at the
// same time is no; yes with the no in its past is yes.
func TestConsentInConflict(t *testing.T) {
	s := bargaining(t, 45)
	x := s.offers(s.a, 90)
	s.meet()
	s.agrees(s.b, x)
	s.is(protocol.EMActive, 90)
	s.refuses(s.b, x)
	s.meet()
	s.consents(protocol.Signatory, protocol.Declined, protocol.Lapsed)
	s.agrees(s.b, x)
	s.meet()
	s.consents(protocol.Signatory, protocol.Signatory, protocol.Lapsed)
}

// TestCrossings is P4.7: the 35 unordered pairs of messages that two participants send before
// hearing each other, in each state of the embargo, leave both in the same state.
func TestCrossings(t *testing.T) {
	type move struct {
		name string
		do   func(*bargain, *link.Daemon, protocol.Agreement)
	}
	propose := move{"p", func(s *bargain, d *link.Daemon, _ protocol.Agreement) {
		s.offers(d, map[*link.Daemon]uint64{s.a: 70, s.b: 80}[d])
	}}
	accept := move{"a", func(s *bargain, d *link.Daemon, x protocol.Agreement) { s.agrees(d, x) }}
	reject := move{"r", func(s *bargain, d *link.Daemon, x protocol.Agreement) { s.refuses(d, x) }}
	end := move{"t", func(s *bargain, d *link.Daemon, _ protocol.Agreement) { d.Say(&protocol.EmbargoEnd{}) }}
	public := move{"public", func(s *bargain, d *link.Daemon, _ protocol.Agreement) { d.Say(&protocol.Claim{What: protocol.Public}) }}
	pairs := 0
	for _, tc := range []struct {
		state protocol.EM
		days  uint64
		open  bool
		moves []move
	}{
		{protocol.EMNone, 0, false, []move{propose, public}},
		{protocol.EMProposed, 0, true, []move{propose, accept, reject, public}},
		{protocol.EMActive, 45, false, []move{propose, end, public}},
		{protocol.EMRevise, 45, true, []move{propose, accept, reject, end, public}},
		{protocol.EMExited, 45, false, []move{public}},
	} {
		for i, m := range tc.moves {
			for _, n := range tc.moves[i:] {
				pairs++
				s := bargaining(t, tc.days)
				s.council(2)
				var x protocol.Agreement
				if tc.open {
					x = s.offers(s.c, 60)
				}
				if tc.state == protocol.EMExited {
					s.a.Say(&protocol.EmbargoEnd{})
				}
				s.is(tc.state, tc.days)
				m.do(s, s.a, x)
				n.do(s, s.b, x)
				s.meet() // fails where they differ
			}
		}
	}
	if pairs != 3+10+6+15+1 {
		t.Errorf("%d pairs", pairs)
	}
}

// TestOwnWords: what a daemon does not write, though it would count from others.
func TestOwnWords(t *testing.T) {
	s := bargaining(t, 45)
	now := s.a.Case.Embargo().Agreement
	later := s.offers(s.b, 90)
	s.meet()
	stale := terms(&now, 120, keepIt)
	may := func(d *link.Daemon, m protocol.Message) error {
		f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), T: link.Start}
		if cfg := d.Case.Config().ID; d == s.a {
			f.Cfg = &cfg
		}
		return d.Case.May(d.Kid, f)
	}
	asks := func(name string, d *link.Daemon, m protocol.Message, rule string) {
		t.Helper()
		var r *protocol.Refusal
		if err := may(d, m); rule == "" && err != nil || rule != "" && (!errors.As(err, &r) || r.Rule != rule) {
			t.Errorf("%s: %v, want %q", name, err, rule)
		}
	}
	past := terms(&now, 1, keepIt)
	r, _ := past.Open()
	*r.End = link.Start - 1
	r.Start = link.Start - 2
	asks("an end that has passed", s.b, &protocol.EmbargoPropose{Terms: protocol.NewAgreement(r, keepIt)}, "end-in-past")
	asks("the same again", s.b, &protocol.EmbargoPropose{Terms: terms(&now, 45, keepIt)}, "no-change")
	asks("accepts what is in force", s.b, &protocol.EmbargoAccept{Agr: now}, "no-change")
	asks("accepts", s.c, &protocol.EmbargoAccept{Agr: later.ID()}, "")
	s.agrees(s.a, later)
	s.is(protocol.EMActive, 90)
	asks("follows what was in force", s.b, &protocol.EmbargoPropose{Terms: stale}, "agreement-superseded")
	agr := later.ID()
	note := entry.Fields{Type: protocol.Note, Comp: id.Everyone, Agr: &agr, T: link.Start}
	var ref *protocol.Refusal
	if err := s.c.Case.May(s.c.Kid, note); !errors.As(err, &ref) || ref.Rule != "consent-missing" {
		t.Errorf("writes under what it has not signed: %v", err)
	}
	if got, ok := s.c.Case.WritesUnder(s.c.Org.ID); !ok || got != now {
		t.Errorf("C writes under %v, %v", got, ok)
	}
	s.refuses(s.c, later)
	asks("rejects again", s.c, &protocol.EmbargoReject{Agr: later.ID()}, "no-change")
	asks("accepts after all", s.c, &protocol.EmbargoAccept{Agr: later.ID()}, "")
	asks("accepts what is above", s.c, &protocol.EmbargoAccept{Agr: now}, "agreement-superseded")
	for _, rm := range []protocol.RM{protocol.RMInvalid, protocol.RMClosed} {
		s.b.Say(&protocol.Status{RM: rm})
	}
	asks("with a closed report", s.b, &protocol.EmbargoReject{Agr: later.ID()}, "report-closed")
	s.meet()
	claim := s.b.Say(&protocol.Claim{What: protocol.Attack})
	s.meet()
	asks("while exit is pending", s.c, &protocol.EmbargoAccept{Agr: later.ID()}, "exit-pending")
	verdict(t, s.a.Case, s.a.Act(&protocol.Refute{Claim: claim.ID}), "")
	s.meet()
	asks("refuted", s.c, &protocol.EmbargoAccept{Agr: later.ID()}, "")
	asks("refutes again", s.a, &protocol.Refute{Claim: claim.ID}, "no-change")
	asks("claims again, with new evidence", s.b, &protocol.Claim{What: protocol.Attack, Evidence: [32]byte{2}}, "")
	s.a.Say(&protocol.EmbargoEnd{})
	s.meet()
	asks("after the end", s.c, &protocol.EmbargoAccept{Agr: later.ID()}, "embargo-exited")
	asks("ends it again", s.a, &protocol.EmbargoEnd{}, "no-change")
	s.is(protocol.EMExited, 90)
}

// TestTooManyProposals: one organisation does not fill the case with agreements.
func TestTooManyProposals(t *testing.T) {
	s := bargaining(t, 45)
	for i := range uint64(protocol.MaxOffers) {
		s.offers(s.b, 46+i)
	}
	now := s.b.Case.Embargo().Agreement
	verdict(t, s.b.Case, s.b.Say(&protocol.EmbargoPropose{Terms: terms(&now, 300, keepIt)}), "too-many-proposals")
	s.offers(s.c, 300)
}

// TestRemovedAfterItsWord: an agreement that a member's yes made active stays so when
// that member is removed by who had not heard the yes.
func TestRemovedAfterItsWord(t *testing.T) {
	s := bargaining(t, 45)
	s.council(2)
	x := s.offers(s.a, 90)
	s.meet()
	s.agrees(s.b, x)
	s.agrees(s.c, x)
	note := s.c.TellUnder(protocol.Note, s.c.Case.Embargo().Agreement)
	s.a.Act(&protocol.Remove{Org: s.c.Org.ID})
	s.is(protocol.EMActive, 90)
	verdict(t, s.a.Case, note, "")
}

// TestComesBack: consent that was given before leaving does not count after coming back.
func TestComesBack(t *testing.T) {
	s := bargaining(t, 45)
	x := s.offers(s.a, 90)
	s.meet()
	s.agrees(s.b, x)
	s.agrees(s.c, x)
	s.meet()
	s.c.Say(&protocol.Exit{})
	s.meet()
	s.consents(protocol.Signatory, protocol.Signatory, protocol.Declined)
	s.a.Act(s.a.Admission(s.c, protocol.Observer, "again"))
	s.meet()
	s.consents(protocol.Signatory, protocol.Signatory, protocol.Signatory)
	s.refuses(s.c, x)
	s.meet()
	s.consents(protocol.Signatory, protocol.Signatory, protocol.Declined)
}
