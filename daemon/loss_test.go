package daemon

import (
	"errors"
	"strings"
	"testing"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/link"
)

// TestLost: what loses its force by a change of stewards is told as the log has it,
// with what becomes of whom it was about; and that a quorum of all is a risk, before
// it is proposed and before it is endorsed.
func TestLost(t *testing.T) {
	a, b, d := link.NewDaemon(nil, "Alpha"), link.NewDaemon(nil, "Beta"), link.NewDaemon(nil, "Delta")
	a.Open("case", link.Terms(), protocol.Coordinator)
	a.Admit(b, protocol.MitigatingVendor)
	c := link.NewDaemon(nil, "Gamma")
	a.Admit(c, protocol.MitigatingVendor)
	a.Admit(d, protocol.Observer)
	b.Case, b.Held = a.Case, a.Held
	change := func(by *link.Daemon, quorum uint8, to ...*link.Daemon) protocol.Config {
		f := protocol.Config{}
		for _, x := range to {
			f.Stewards = append(f.Stewards, x.Org.ID)
		}
		return by.Case.NextConfig(by.Kid, f.Stewards, quorum)
	}
	p := a.Say(&protocol.Propose{Config: change(a, 2, a, b, c)})
	a.Say(&protocol.Endorse{Config: p.ID})
	p = b.Say(&protocol.Propose{Config: change(b, 2, b, c)})
	remove := a.Act(&protocol.Remove{Org: d.Org.ID})

	s := pinned(t)
	s.take(t, a.Case.ID(), allOf(a)...)
	err := s.cases.With(a.Case.ID(), func(k *protocol.Case) error {
		who, err := s.showStewards(k)
		if err != nil {
			return err
		}
		x := who.Proposals[0]
		if len(x.Lost) != 1 || x.Void[0] != remove.ID || x.Lost[0].ID != remove.ID || x.Lost[0].Type != "remove" ||
			x.Lost[0].Org != a.Org.ID || x.Lost[0].About != d.Org.ID.String() || x.Lost[0].Then != "in" {
			t.Errorf("lost: %+v", x.Lost)
		}
		if len(x.Warnings) != 1 || !strings.Contains(x.Warnings[0], "All 2 stewards must agree") {
			t.Errorf("warnings: %q", x.Warnings)
		}
		f, err := findProposal(k, p.ID.String())
		if err != nil {
			return err
		}
		var refused *api.Error
		if err := refuseLoss(k, f.Config, false); !errors.As(err, &refused) || refused.Rule != "acts-would-be-void" ||
			!strings.Contains(refused.Text, "1 act of who is dropped would lose its force: it is") || !strings.Contains(refused.Try, "cordon case log CASE shows it") {
			t.Errorf("refused: %+v", refused)
		}
		return refuseLoss(k, f.Config, true)
	})
	if err != nil {
		t.Error(err)
	}
}
