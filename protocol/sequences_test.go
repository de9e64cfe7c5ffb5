package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
	"cordon/protocol/model"
)

// talks is a case in which a few organisations send the messages of the formal protocol
// before they have heard each other; every daemon has a fold of its own.
type talks struct {
	rng   *rand.Rand
	ds    []*link.Daemon
	all   []*entry.Sealed
	wrong string
	steps map[string]int // transitions of the embargo that were seen, by name
}

// A sequence is at most maxSent messages; a case is played for at most maxRounds of
// them, or until the embargo has exited and one more.
const (
	maxSent   = 8
	maxRounds = 80
)

// emLetters are the model's letters for the states of an embargo.
var emLetters = map[protocol.EM]model.State{protocol.EMNone: "N", protocol.EMProposed: "P", protocol.EMActive: "A",
	protocol.EMRevise: "R", protocol.EMExited: "X"}

// newTalks opens a case under terms 0, or without an embargo; up to three are stewards.
func newTalks(rng *rand.Rand, fresh func() *protocol.Case) *talks {
	s := &talks{rng: rng, steps: map[string]int{}}
	for i := range 2 + rng.IntN(3) {
		d := link.NewDaemon(nil, orgNames[i])
		d.Case = fresh()
		s.ds = append(s.ds, d)
	}
	a := s.ds[0]
	a.Open("talks", terms(nil, uint64(45*rng.IntN(2)), keepIt), protocol.MitigatingVendor)
	for _, d := range s.ds[1:] {
		a.Admit(d, protocol.Role(1+rng.IntN(6)))
	}
	if k := 1 + rng.IntN(min(len(s.ds), 3)); k > 1 {
		p := a.Say(&protocol.Propose{Config: a.Case.NextConfig(a.Kid, orgs(s.ds[:k]...), uint8(k/2+1))})
		a.Say(&protocol.Endorse{Config: id.ConfigID(p.ID)})
	}
	s.all = inOrder(a)
	for _, d := range s.ds[1:] {
		for _, e := range s.all {
			d.Accept(e)
		}
	}
	return s
}

// hear gives a daemon at most n of the entries that it lacks, one after the other, in any
// causal order, and judges each step that its view takes.
func (s *talks) hear(d *link.Daemon, n int) {
	for ; n > 0; n-- {
		var ready []*entry.Sealed
		for _, e := range s.all {
			if d.Held[e.ID] == nil && (e.Seq == 0 || d.Held[e.Prev] != nil) &&
				!slices.ContainsFunc(e.Deps, func(x id.EntryID) bool { return d.Held[x] == nil }) {
				ready = append(ready, e)
			}
		}
		if len(ready) == 0 {
			return
		}
		e := ready[s.rng.IntN(len(ready))]
		s.judged(d, e, func() { d.Accept(e) })
	}
}

// judged does what brings one entry into a fold, and asks that embargo, report states and the
// public bits go along the machines of the model (I11).
func (s *talks) judged(d *link.Daemon, e *entry.Sealed, do func()) {
	em, cs, ps := d.Case.Embargo(), d.Case.CS(), d.Case.Participants()
	do()
	now := d.Case.Embargo()
	from, to := emLetters[em.State], emLetters[now.State]
	s.steps[string(from+to)]++
	if !emStep(from, to, em.Agreement != now.Agreement) {
		s.fail("the embargo goes from %s to %s", em.State, now.State)
	}
	for i, b := range d.Case.CS()[3:] {
		if cs[3+i] < 'a' && b >= 'a' {
			s.fail("%s goes back to %s", cs, d.Case.CS())
		}
	}
	for i, p := range d.Case.Participants() {
		if i < len(ps) && p.Org == ps[i].Org && p.RM != ps[i].RM && !model.RM.Reaches(rmLetter(ps[i].RM), rmLetter(p.RM)) {
			s.fail("a report goes from %v to %v", ps[i].RM, p.RM)
		}
	}
}

func rmLetter(s protocol.RM) model.State {
	return map[protocol.RM]model.State{protocol.RMStart: "S", protocol.RMReceived: "R", protocol.RMInvalid: "I", protocol.RMValid: "V",
		protocol.RMAccepted: "A", protocol.RMDeferred: "D", protocol.RMClosed: "C"}[s]
}

// emStep says whether an entry may take the embargo from one state to the other: nothing, or a row
// of the table. Where other terms come into force by it, it may be several at once: who had rejected
// them, or heard of their end before, comes to what the others have (spec/model.md §11).
func emStep(from, to model.State, others bool) bool {
	if from == to || others && model.EM.Reaches(from, to) {
		return true
	}
	return slices.ContainsFunc(model.EM.Next(from), func(r model.Transition) bool { return r.To == to })
}

func (s *talks) fail(format string, args ...any) {
	if s.wrong == "" {
		s.wrong = fmt.Sprintf(format, args...)
	}
}

// message draws one of the messages that carry state.
func (s *talks) message(d *link.Daemon) protocol.Message {
	e := d.Case.Embargo()
	agr := e.Agreement
	if len(e.Open) > 0 && s.rng.IntN(6) > 0 {
		agr = e.Open[s.rng.IntN(len(e.Open))].ID
	}
	claims := d.Case.Claims()
	switch k := s.rng.IntN(40); {
	case k < 10:
		return &protocol.EmbargoPropose{Terms: terms(&e.Agreement, uint64(15+5*s.rng.IntN(12)), keepIt)}
	case k < 22:
		return &protocol.EmbargoAccept{Agr: agr}
	case k < 27:
		return &protocol.EmbargoReject{Agr: agr}
	case k < 33:
		return &protocol.Status{RM: protocol.RM(2 + s.rng.IntN(5))}
	case k < 36:
		return &protocol.Status{Fix: protocol.Fix(2 + s.rng.IntN(2))}
	case k == 36 && s.rng.IntN(4) == 0:
		return &protocol.Claim{What: protocol.What(1 + s.rng.IntN(3))}
	case k == 37 && len(claims) > 0:
		return &protocol.Refute{Claim: claims[s.rng.IntN(len(claims))].ID}
	case k == 38 && len(claims) > 0 && s.rng.IntN(4) == 0:
		return &protocol.Confirm{Claim: claims[s.rng.IntN(len(claims))].ID}
	case k == 39 && s.rng.IntN(8) == 0:
		return &protocol.EmbargoEnd{Code: 1}
	}
	return &protocol.EmbargoAccept{Agr: agr}
}

// send lets a daemon write a message: mostly only what it may.
func (s *talks) send(d *link.Daemon) {
	m := s.message(d)
	f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), T: link.Start}
	if slices.Contains(d.Case.Stewards(), d.Org.ID) {
		switch m.(type) {
		case *protocol.EmbargoPropose, *protocol.EmbargoAccept, *protocol.Refute:
			cfg := d.Case.Config().ID
			f.Cfg = &cfg
		}
	}
	if s.rng.IntN(8) > 0 && d.Case.May(d.Kid, f) != nil {
		return
	}
	f.Deps = d.Case.Deps(d.Kid, id.Control, d.Case.Needs(m)...)
	s.judged(d, nil, func() { s.all = append(s.all, d.Write(f)) })
}

// sequence lets messages cross, then everybody hears everything: all come to the same (I3).
func (s *talks) sequence() {
	for range 2 + s.rng.IntN(maxSent-1) {
		d := s.ds[s.rng.IntN(len(s.ds))]
		s.hear(d, s.rng.IntN(4))
		s.send(d)
	}
	want := ""
	for i, d := range s.ds {
		s.hear(d, len(s.all))
		got := fmt.Sprintf("%+v %s %+v %+v", d.Case.Embargo(), d.Case.CS(), d.Case.Participants(), d.Case.Claims())
		if i == 0 {
			want = got
		} else if got != want {
			s.fail("two daemons have heard the same:\n%s\n%s", want, got)
		}
	}
}

// converse plays sequences in one case until the embargo is over; it returns how many, and what is wrong.
func converse(seed uint64, fresh func() *protocol.Case) (n int, s *talks) {
	s = newTalks(rand.New(rand.NewPCG(seed, 4)), fresh)
	for over := 0; n < maxRounds && over < 2 && s.wrong == ""; n++ {
		s.sequence()
		if s.ds[0].Case.Embargo().State == protocol.EMExited {
			over++
		}
	}
	return n, s
}

// TestSequences is THREATS B4: a million random sequences of messages at full volume (a tenth in
// the gate), each heard in another order by each daemon: all come to the same, and no view takes a step
// that the model does not have.
func TestSequences(t *testing.T) {
	want, played, steps := volume(1500, 1_000_000), 0, map[string]int{}
	for first := uint64(1); played < want; first += 64 {
		n := make([]int, 64)
		seen := make([]map[string]int, 64)
		seed, what := firstOf(64, func(seed uint64) string {
			var s *talks
			n[seed-1], s = converse(first+seed-1, protocol.NewCase)
			seen[seed-1] = s.steps
			return s.wrong
		})
		if what != "" {
			t.Fatalf("case %d: %s", first+seed-1, what)
		}
		for i := range n {
			played += n[i]
			for k, v := range seen[i] {
				steps[k] += v
			}
		}
	}
	t.Logf("%d sequences, steps %v", played, steps)
	for _, r := range model.EM.Transitions() {
		if steps[string(r.From+r.To)] == 0 {
			t.Errorf("no sequence takes the embargo from %s to %s", r.From, r.To)
		}
	}
}

// TestSequencesNotice: where an accept counts only while its proposal is open for who hears it, as
// in the published tables, daemons that heard the same come to different ends.
func TestSequencesNotice(t *testing.T) {
	notices(t, "an accept counts whenever it is heard", 4, func(seed uint64) string {
		_, s := converse(seed, func() *protocol.Case { return protocol.Broken("an accept counts whenever it is heard") })
		return s.wrong
	})
}
