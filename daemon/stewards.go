package daemon

import (
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
		out = s.showStewards(k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Schema = "cordon.stewards/1"
	return out, nil
}

func (s *service) showStewards(k *protocol.Case) *api.Stewards {
	now := k.Config()
	out := &api.Stewards{Case: k.ID(), State: k.State(), Config: now.ID, N: now.N, Quorum: int(now.Quorum), Proposals: []api.Change{}}
	for i, o := range now.Stewards {
		row := api.Steward{Rank: i, Org: o, LastWord: msEnd(k.LastWord(o))}
		if org, ok := k.Org(o); ok {
			row.Name = org.Name
		}
		out.Stewards = append(out.Stewards, row)
	}
	for _, p := range k.Proposals() {
		out.Proposals = append(out.Proposals, showChange(k, p))
	}
	for _, m := range k.Duties(s.kid, s.ms(), protocol.Word{At: s.ms()}) {
		name, _ := protocol.KindName(m.Type())
		out.Owes = append(out.Owes, name)
	}
	return out
}

// showChange is a config that was proposed, with what it changes in its parent.
func showChange(k *protocol.Case, p protocol.Proposal) api.Change {
	before := configOf(k, *p.Parent)
	out := api.Change{Parent: before.ID, Kind: p.Config.After(before), By: p.By, T: api.Instant(p.T),
		Stewards: p.Stewards, Quorum: int(p.Quorum), Need: p.Need,
		Endorsed: listed(p.Endorsed), Missing: listed(p.Missing), Void: listed[id.EntryID](nil),
		Added: without(p.Stewards, before.Stewards), Dropped: without(before.Stewards, p.Stewards), InForce: inChain(k, p.ID)}
	if p.ID != (id.ConfigID{}) {
		out.Config = &p.ID
	}
	if before.ID == k.Config().ID {
		out.Void = listed(k.Effects(p.Config).Void)
	}
	return out
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
