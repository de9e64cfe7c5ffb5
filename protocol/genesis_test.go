package protocol_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// TestGenesis breaks one thing in a genesis at a time. A case whose genesis is
// refused has no members: everything in it is refused.
func TestGenesis(t *testing.T) {
	a, b := link.NewDaemon(nil, "A"), link.NewDaemon(nil, "B")
	parent := id.AgrID{1}
	for name, tc := range map[string]struct {
		rule   string
		change func(*protocol.Genesis)
	}{
		"as it should be":    {"", func(*protocol.Genesis) {}},
		"two stewards":       {"bad-config", func(g *protocol.Genesis) { g.Config.Stewards = append(g.Config.Stewards, b.Org.ID) }},
		"another steward":    {"bad-config", func(g *protocol.Genesis) { g.Config.Stewards = []id.OrgID{b.Org.ID} }},
		"a quorum of two":    {"bad-config", func(g *protocol.Genesis) { g.Config.Quorum = 2 }},
		"a succession":       {"bad-config", func(g *protocol.Genesis) { g.Config.Kind = 2 }},
		"no roles":           {"bad-genesis", func(g *protocol.Genesis) { g.Roles = nil }},
		"a role twice":       {"bad-genesis", func(g *protocol.Genesis) { g.Roles = append(g.Roles, g.Roles[0]) }},
		"another's identity": {"key-not-certified", func(g *protocol.Genesis) { g.Events, g.Config.Stewards = b.Org.Events, []id.OrgID{b.Org.ID} }},
		"no certificate":     {"key-not-certified", func(g *protocol.Genesis) { g.Events = g.Events[:1] }},
		"no create":          {"identity-gap", func(g *protocol.Genesis) { g.Events = g.Events[1:] }},
		"not an event":       {"bad-identity", func(g *protocol.Genesis) { g.Events = [][]byte{{0}} }},
		"another text":       {"bad-agreement", func(g *protocol.Genesis) { g.Terms.Text += "!" }},
		"terms with a parent": {"bad-agreement", func(g *protocol.Genesis) {
			g.Terms = protocol.NewAgreement(protocol.Record{Parent: &parent, Terms: protocol.DefaultTerms()}, "")
		}},
	} {
		g := protocol.NewGenesis([32]byte{1}, a.Org, link.Terms(), protocol.Coordinator)
		tc.change(g)
		f := entry.Fields{T: link.Start, Type: g.Type(), Ctl: protocol.Ctl(g)}
		err := protocol.NewCase().May(a.Kid, f)
		var r *protocol.Refusal
		if errors.As(err, &r) != (tc.rule != "") || r != nil && r.Rule != tc.rule {
			t.Errorf("%s: the dry run says %v", name, err)
		}
		e := must(f.Seal(link.Keys("A/1").Sig))
		c := protocol.NewCase()
		if out := c.Apply(e); out.Refused != tc.rule {
			t.Errorf("%s: %q, want %q", name, out.Refused, tc.rule)
		}
		if _, opened := c.Opener(); opened != (tc.rule == "") || len(c.Participants()) > 0 != opened {
			t.Errorf("%s: a refused genesis opens a case", name)
		}
	}
}

// TestGenesisHoldsAFullChain: who certifies as many daemons as a card has room for
// can still open a case under the longest agreement.
func TestGenesisHoldsAFullChain(t *testing.T) {
	a := link.NewDaemon(nil, "A")
	d, _ := a.Org.Daemon(a.Kid)
	d.Caps = []identity.Cap{identity.CapWrite}
	for i := 2; ; i++ {
		event, err := a.Org.CertifyDaemon(a.Root, link.Keys(fmt.Sprintf("A/%d", i)), d)
		if errors.Is(err, identity.ErrFull) {
			break
		}
		a.Org = must(a.Org.Extend(must(event, err)))
	}
	end := link.Start + 1
	terms := protocol.NewAgreement(protocol.Record{Start: link.Start, End: &end, Terms: protocol.DefaultTerms()}, strings.Repeat("t", protocol.MaxText))
	if e := a.Open("full", terms, protocol.Coordinator); a.Case.Len() != 1 || len(e.Raw) > entry.MaxControl {
		t.Errorf("%d entries, %d bytes", a.Case.Len(), len(e.Raw))
	}
	t.Logf("%d events", len(a.Org.Events))
}

// TestUpgradeNeeded: a case that follows later rules gets no content and no acts
// from here, and stays in sync.
func TestUpgradeNeeded(t *testing.T) {
	a := link.NewDaemon(nil, "A")
	g := protocol.NewGenesis([32]byte{1}, a.Org, link.Terms(), protocol.Coordinator)
	g.Config.Rules = protocol.Rules + 1
	f := entry.Fields{T: link.Start, Type: g.Type(), Ctl: protocol.Ctl(g)}
	a.Accept(must(f.Seal(link.Keys("A/1").Sig)))
	if a.Case.State() != protocol.StateUpgrade {
		t.Fatalf("state %s", a.Case.State())
	}
	cfg := a.Case.Config().ID
	m := &protocol.Remove{Org: id.OrgID{1}}
	var r *protocol.Refusal
	if err := a.Case.May(a.Kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: &cfg}); !errors.As(err, &r) || r.Rule != "upgrade-needed" {
		t.Errorf("an act: %v", err)
	}
	agr := a.Case.Embargo().Agreement
	if err := a.Case.May(a.Kid, entry.Fields{Type: protocol.Subject, Comp: id.Everyone, Agr: &agr}); !errors.As(err, &r) || r.Rule != "upgrade-needed" {
		t.Errorf("content: %v", err)
	}
	if d := a.Case.MaySend(id.EntryID(a.Case.ID()), protocol.Header, to(a), from(a)); !d.Send {
		t.Errorf("control: %+v", d)
	}
}

// TestEndInPast: a case whose embargo is over before it begins is not opened;
// the fold, which has no clock, takes what others opened.
func TestEndInPast(t *testing.T) {
	a := link.NewDaemon(nil, "A")
	g := protocol.NewGenesis([32]byte{1}, a.Org, link.Terms(), protocol.Coordinator)
	f := entry.Fields{T: link.Start + 46*24*3600*1000, Type: g.Type(), Ctl: protocol.Ctl(g)}
	var r *protocol.Refusal
	if err := protocol.NewCase().May(a.Kid, f); !errors.As(err, &r) || r.Rule != "end-in-past" {
		t.Errorf("%v", err)
	}
}

// TestLookups covers what other packages ask a case for.
func TestLookups(t *testing.T) {
	a, b, c, _ := trio()
	admit, ok := a.Case.Admission(b.Org.ID)
	if m, err := protocol.Read(a.Held[admit]); !ok || err != nil || m.Type() != 4 {
		t.Errorf("admission of B: %v, %v", ok, err)
	}
	room := b.Say(protocol.NewCompartment(c.Org.ID, b.Org.ID, c.Org.ID))
	rooms := a.Case.Compartments()
	if len(rooms) != 1 || rooms[0].Comp != id.Comp(room.ID) || rooms[0].By != b.Org.ID || len(rooms[0].Readers) != 2 {
		t.Errorf("compartments: %+v", rooms)
	}
	if rs := a.Case.Readers(id.Comp(room.ID)); len(rs) != 2 || slices.Contains(rs, a.Org.ID) {
		t.Errorf("readers: %v", rs)
	}
	genesis := id.EntryID(a.Case.ID())
	if !a.Case.Before(genesis, room.ID) || a.Case.Before(room.ID, genesis) {
		t.Error("genesis is shown first")
	}
	for _, s := range []string{"reporter", "mitigating-vendor", "dependent-vendor", "coordinator", "deployer", "observer"} {
		if r, err := protocol.ParseRole(s); err != nil || r.String() != s {
			t.Errorf("role %s: %v, %v", s, r, err)
		}
	}
	for s, want := range map[string]protocol.RM{"valid": 3, "invalid": 2, "accept": 4, "defer": 5, "close": 6} {
		if r, err := protocol.ParseRM(s); err != nil || r != want {
			t.Errorf("report state %s: %v, %v", s, r, err)
		}
	}
	if w, err := protocol.ParseWhat("exploit"); err != nil || w != protocol.Exploit {
		t.Errorf("%v, %v", w, err)
	}
	if _, err := protocol.ParseFix(""); err == nil {
		t.Error("an empty word is a fix state")
	}
}
