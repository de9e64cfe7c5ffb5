package daemon

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/ledger/projection"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// duel is a case whose sole steward has signed, with two copies of its daemon, two
// changes of stewards that are both carried. The chain of who holds all follows
// the first.
type duel struct {
	c             id.CaseID
	common        []*entry.Sealed // in causal order
	first, second []*entry.Sealed // a proposal and the vote for it
	steward       *link.Daemon    // whom the second makes a steward
	act           *entry.Sealed   // it removes an observer, under the second
	removed       id.OrgID
}

func newDuel(t *testing.T) *duel {
	t.Helper()
	a, b, x := link.NewDaemon(nil, "A"), link.NewDaemon(nil, "B"), link.NewDaemon(nil, "X")
	a.Open("case", link.Terms(), protocol.Coordinator)
	a.Admit(b, protocol.MitigatingVendor)
	a.Admit(x, protocol.Observer)
	y := link.NewDaemon(nil, "Y")
	a.Admit(y, protocol.Observer)
	d := &duel{c: a.Case.ID(), common: allOf(a)}
	change := func(add *link.Daemon) (es []*entry.Sealed, act *entry.Sealed) {
		copied := a.Fresh()
		copied.Restart(d.common)
		p := copied.Say(&protocol.Propose{Config: copied.Case.NextConfig(a.Kid, []id.OrgID{a.Org.ID, add.Org.ID}, 2)})
		es = []*entry.Sealed{p, copied.Say(&protocol.Endorse{Config: p.ID})}
		add.Case, add.Held = copied.Case, copied.Held
		return es, add.Act(&protocol.Remove{Org: y.Org.ID})
	}
	var other *entry.Sealed
	d.first, other = change(b)
	d.second, d.act = change(x)
	d.steward, d.removed = x, y.Org.ID
	if bytes.Compare(d.first[0].ID[:], d.second[0].ID[:]) > 0 {
		d.first, d.second, d.act, d.steward = d.second, d.first, other, b
	}
	return d
}

// pinned is a service that reads a ledger which others fill.
func pinned(t *testing.T) *service {
	t.Helper()
	s, _ := quarantined(t)
	s.titles.of = map[id.CaseID]string{}
	s.restart()
	return s
}

// restart forgets what is in memory.
func (s *service) restart() {
	s.cases, s.pins = projection.New(s.led), newPins(openShelf[pinRow](s.led, "pins"), s.ms)
	s.linked = openShelf[linkedRow](s.led, "linked")
	s.cases.PinBy(s.pins.pin)
}

func (s *service) take(t *testing.T, c id.CaseID, es ...*entry.Sealed) {
	t.Helper()
	for _, e := range es {
		if r, err := s.led.Accept(t.Context(), c, [][]byte{e.Raw}); err != nil || len(r.Rejected) > 0 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
}

// sees is the state of a case and the config in force.
func (s *service) sees(t *testing.T, c id.CaseID) (state string, tip id.ConfigID) {
	t.Helper()
	err := s.cases.With(c, func(k *protocol.Case) error {
		state, tip = k.State(), k.Config().ID
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return state, tip
}

// decides answers `case pin`.
func (s *service) decides(t *testing.T, c id.CaseID, config string, accept ...bool) (*api.Pin, error) {
	t.Helper()
	r := httptest.NewRequest("POST", "/", strings.NewReader(fmt.Sprintf(`{"what":%q,"accept_loss":%v}`, config, len(accept) > 0)))
	r.SetPathValue("case", c.String())
	out, err := s.setPin(r)
	if err != nil {
		return nil, err
	}
	return out.(*api.Pin), nil
}

// TestPin: a config that was in force here for a day is not left silently: not by
// what arrives, not by a restart, only by a person; and only for the chain's own.
func TestPin(t *testing.T) {
	d := newDuel(t)
	s := pinned(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	ours, theirs := d.second[0].ID, d.first[0].ID

	s.take(t, d.c, d.common...)
	s.take(t, d.c, d.second...)
	if state, tip := s.sees(t, d.c); state != protocol.StateOK || tip != ours {
		t.Fatalf("state %s under %v", state, tip)
	}
	if due := s.pins.due(d.c); due != s.ms()+pinAfter {
		t.Errorf("to be pinned at %d", due)
	}
	now = now.Add(24 * time.Hour)
	if s.sees(t, d.c); s.pins.due(d.c) != 0 {
		t.Error("not pinned after a day")
	}
	s.restart()
	s.take(t, d.c, d.first...)
	for range 2 {
		if state, tip := s.sees(t, d.c); state != protocol.StateConflict || tip != theirs {
			t.Fatalf("state %s under %v", state, tip)
		}
		now = now.Add(48 * time.Hour) // a pin does not move in conflict
		s.restart()
	}
	p, err := s.showPinOf(d.c)
	if err != nil || p.Rivals == nil || p.Pinned != ours || p.Chain != theirs || *p.Rivals.Pinned.Config != ours ||
		*p.Rivals.Chain.Config != theirs || len(p.Rivals.Both) != 1 || len(p.Rivals.Chain.Endorsed) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := s.decides(t, d.c, d.common[1].ID.String()); apiError(err).Kind != api.NotFound {
		t.Errorf("what is no choice: %v", err)
	}
	if p, err := s.decides(t, d.c, ours.String()[:8]); err != nil || p.State != protocol.StateConflict {
		t.Errorf("to stay: %+v, %v", p, err)
	}
	if p, err := s.decides(t, d.c, theirs.String()[:8]); err != nil || p.State != protocol.StateOK || p.Rivals != nil {
		t.Errorf("to follow: %+v, %v", p, err)
	}
	s.restart()
	if state, tip := s.sees(t, d.c); state != protocol.StateOK || tip != theirs {
		t.Errorf("after the decision: %s under %v", state, tip)
	}
	if _, err := s.decides(t, d.c, theirs.String()); apiError(err).Kind != api.Refused {
		t.Errorf("nothing to decide: %v", err)
	}
}

func (s *service) showPinOf(c id.CaseID) (p *api.Pin, err error) {
	err = s.cases.With(c, func(k *protocol.Case) error {
		p, err = s.showPin(k)
		return err
	})
	return p, err
}

// TestPinSaysWhatIsLost: who goes on with the chain is told which acts lose their
// force by it and that it is a steward no more, and neither happens unasked.
func TestPinSaysWhatIsLost(t *testing.T) {
	d := newDuel(t)
	for _, acted := range []bool{true, false} {
		s := pinned(t)
		now := time.Now()
		s.now, s.org = func() time.Time { return now }, d.steward.Org
		s.take(t, d.c, d.common...)
		s.take(t, d.c, d.second...)
		rule := "steward-no-more"
		if acted {
			s.take(t, d.c, d.act)
			rule = "acts-would-be-void"
		}
		s.sees(t, d.c)
		now = now.Add(25 * time.Hour)
		s.sees(t, d.c)
		s.take(t, d.c, d.first...)
		p, err := s.showPinOf(d.c)
		if err != nil || p.Rivals == nil {
			t.Fatalf("%+v, %v", p, err)
		}
		x := p.Rivals.Chain
		if acted && (len(x.Void) != 1 || x.Lost[0].ID != d.act.ID || x.Lost[0].About != d.removed.String() || x.Lost[0].Then != "in") || !acted && len(x.Void) != 0 {
			t.Errorf("lost: %+v", x.Lost)
		}
		if len(x.Warnings) != 1 || x.Warnings[0] != stewardNoMore || len(p.Rivals.Pinned.Lost)+len(p.Rivals.Pinned.Warnings) != 0 {
			t.Errorf("warnings: %q, %+v", x.Warnings, p.Rivals.Pinned)
		}
		if _, err := s.decides(t, d.c, d.first[0].ID.String()); apiError(err).Rule != rule {
			t.Errorf("unasked: %v", err)
		}
		if state, _ := s.sees(t, d.c); state != protocol.StateConflict {
			t.Errorf("state %s after a refusal", state)
		}
		if p, err := s.decides(t, d.c, d.first[0].ID.String(), true); err != nil || p.State != protocol.StateOK {
			t.Errorf("to follow: %+v, %v", p, err)
		}
	}
}

// TestForkIsNamed: whose key signed two histories is said to who follows the winner
// too, and that a rival of what is followed is carried, with who voted on both sides.
func TestForkIsNamed(t *testing.T) {
	d := newDuel(t)
	s := pinned(t)
	s.take(t, d.c, d.common...)
	s.take(t, d.c, d.first...)
	s.take(t, d.c, d.second...)
	forks, err := s.led.Forks(d.c)
	if err != nil {
		t.Fatal(err)
	}
	err = s.cases.With(d.c, func(k *protocol.Case) error {
		keys, opener := showForks(k, forks, s.kid), k.Stewards()[0]
		if len(keys) != 1 || keys[0].Org != opener || keys[0].Kid != d.common[0].Kid || keys[0].Name != "A" || keys[0].Proven || keys[0].Revoked ||
			len(keys[0].Places) != len(forks) || keys[0].Places[0].Comp != "0" {
			t.Errorf("forked: %+v", keys)
		}
		who, err := s.showStewards(k)
		if err != nil {
			return err
		}
		if len(who.Beside) != 1 || *who.Beside[0].Change.Config != d.second[0].ID || who.Beside[0].Chain != d.first[0].ID ||
			len(who.Beside[0].Both) != 1 || who.Beside[0].Both[0] != opener || who.State != protocol.StateOK {
			t.Errorf("beside: %+v", who.Beside)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestUnpinned: before a day is over a config without a child is no pin; and where
// no case is pinned nobody notices: the test above can fail.
func TestUnpinned(t *testing.T) {
	d := newDuel(t)
	s := pinned(t)
	s.take(t, d.c, d.common...)
	s.take(t, d.c, d.second...)
	s.sees(t, d.c)
	s.take(t, d.c, d.first...)
	if state, tip := s.sees(t, d.c); state != protocol.StateOK || tip != d.first[0].ID {
		t.Errorf("state %s under %v", state, tip)
	}
	s = pinned(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	s.cases.PinBy(func(*protocol.Case) error { return nil })
	s.take(t, d.c, d.common...)
	s.take(t, d.c, d.second...)
	s.sees(t, d.c)
	now = now.Add(48 * time.Hour)
	s.sees(t, d.c)
	s.take(t, d.c, d.first...)
	if state, _ := s.sees(t, d.c); state != protocol.StateOK {
		t.Errorf("state %s without pins", state)
	}
}
