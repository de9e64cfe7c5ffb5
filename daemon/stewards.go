package daemon

import (
	"fmt"
	"net/http"
	"slices"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// getStewards answers GET /cases/{case}/stewards.
func (s *service) getStewards(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var out *api.Stewards
	err = s.cases.With(c, func(k *protocol.Case) error {
		out, err = s.showStewards(k)
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Schema = "cordon.stewards/1"
	return out, nil
}

func (s *service) showStewards(k *protocol.Case) (*api.Stewards, error) {
	now := k.Config()
	out := &api.Stewards{Case: k.ID(), State: k.State(), Config: now.ID, N: now.N, Quorum: int(now.Quorum), Proposals: []api.Change{}}
	for i, o := range now.Stewards {
		row := api.Steward{Rank: i, Org: o, LastWord: msEnd(k.LastWord(o))}
		if org, ok := k.Org(o); ok {
			row.Name = org.Name
		}
		out.Stewards = append(out.Stewards, row)
	}
	proposed := outlookOf(k)
	for _, p := range proposed.ps {
		x, err := s.showChange(k, p)
		if err != nil {
			return nil, err
		}
		x.Stuck, x.Warnings = proposed.showStuck(k, p), append(proposed.spending(k, s.org.ID, p.Config), x.Warnings...)
		out.Proposals = append(out.Proposals, x)
	}
	out.Silence, out.Succeeded = s.showSilence(k), s.succession(k)
	for _, m := range k.Duties(s.kid, s.ms(), protocol.Word{At: s.ms()}) {
		name, _ := protocol.KindName(m.Type())
		out.Owes = append(out.Owes, name)
	}
	var err error
	if out.Disowned, err = s.showDisowned(k); err != nil {
		return nil, err
	}
	out.Beside, err = s.showBeside(k)
	return out, err
}

// showChange is a config that was proposed, with what it changes in its parent; of
// one that follows the config in force also what people should know before it does.
func (s *service) showChange(k *protocol.Case, p protocol.Proposal) (out api.Change, err error) {
	before := configOf(k, *p.Parent)
	out = api.Change{Parent: before.ID, Kind: p.Config.After(before), By: p.By, T: api.Instant(p.T),
		Stewards: p.Stewards, Quorum: int(p.Quorum), Need: p.Need,
		Endorsed: listed(p.Endorsed), Missing: listed(p.Missing), Void: listed[id.EntryID](nil), Lost: listed[api.Lost](nil),
		Added: without(p.Stewards, before.Stewards), Dropped: without(before.Stewards, p.Stewards), InForce: inChain(k, p.ID)}
	if p.ID != (id.ConfigID{}) {
		out.Config = &p.ID
	}
	if before.ID == k.Config().ID {
		out.Warnings = warnings(out)
		err = s.showLost(k, &out, k.Effects(p.Config).Void)
	}
	return out, err
}

// maxLost is how many acts that would lose their force a change has as lines of the log.
const maxLost = 20

// showLost fills in the acts that would lose their force.
func (s *service) showLost(k *protocol.Case, out *api.Change, void []protocol.Voided) error {
	for i, v := range void {
		if out.Void = append(out.Void, v.ID); i >= maxLost {
			continue
		}
		e, err := s.led.Entry(k.ID(), v.ID)
		if err != nil {
			return err
		}
		x := api.Lost{LogLine: s.lineOf(k, e)}
		switch {
		case v.Org != nil && v.Member:
			x.Then = "in"
		case v.Org != nil:
			x.Then = "out"
		}
		out.Lost = append(out.Lost, x)
	}
	return nil
}

// warnings are what a change of stewards brings that its words do not say.
func warnings(x api.Change) []string {
	switch n := len(x.Stewards); {
	case x.Kind == "checkpoint":
		return nil
	case n == 1:
		return []string{"One steward decides alone: when it vanishes, the members can only succeed it, after 14 days."}
	case x.Quorum == n:
		return []string{fmt.Sprintf("All %d stewards must agree to the next change: one that falls silent, or says no, blocks it. Three stewards, of whom two carry a change, are recommended.", n)}
	}
	return nil
}

// listed is a list that JSON writes as [] where it is empty.
func listed[T any](all []T) []T { return append([]T{}, all...) }

func without(all, these []id.OrgID) []id.OrgID {
	return slices.DeleteFunc(listed(all), func(o id.OrgID) bool { return slices.Contains(these, o) })
}

func inChain(k *protocol.Case, x id.ConfigID) bool {
	return slices.ContainsFunc(k.Chain(), func(f protocol.Config) bool { return f.ID == x })
}

// configOf is a config of the case; the first is no proposal.
func configOf(k *protocol.Case, x id.ConfigID) protocol.Config {
	if p, ok := k.Proposal(x); ok {
		return p.Config
	}
	return k.Chain()[0]
}
