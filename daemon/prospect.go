package daemon

import (
	"fmt"
	"slices"
	"strings"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// Votes are scarce: one for each parent and kind (spec/authority.md §3). What is said
// here tells people when they are spent; it changes nothing that counts.

// outlook is what is proposed after the config in force, and what can come of it.
type outlook struct {
	ps []protocol.Proposal
	of map[id.ConfigID]protocol.Prospect
}

func outlookOf(k *protocol.Case) outlook { return outlook{k.Proposals(), k.Prospects()} }

// showStuck says why an open proposal cannot be carried any more; nil where it can.
func (o outlook) showStuck(k *protocol.Case, p protocol.Proposal) *api.Stuck {
	x, ok := o.of[p.ID]
	if !ok || x.Open {
		return nil
	}
	out := &api.Stuck{Spent: []api.Elsewhere{}, Heard: listed(x.Heard), Outside: listed(x.Outside),
		Text: whyStuck(k, x), Remains: o.remains(k, p, x)}
	for _, v := range x.Spent {
		out.Spent = append(out.Spent, api.Elsewhere{Org: v.Org, Config: v.On})
	}
	return out
}

// whyStuck says in words why a proposal cannot be carried.
func whyStuck(k *protocol.Case, x protocol.Prospect) string {
	var why []string
	for _, v := range x.Spent {
		why = append(why, nameIn(k, v.Org)+" has voted for "+v.On.String()[:short])
	}
	if len(x.Heard) > 0 {
		why = append(why, namesIn(k, x.Heard)+" has written since, and who knows that cannot vote for it")
	}
	if len(x.Outside) > 0 {
		why = append(why, namesIn(k, x.Outside)+" was no member when who goes was last seen, and can come only later")
	}
	if why == nil {
		why = append(why, "too few have a voice in it")
	}
	return strings.Join(why, "; ")
}

// remains is what the rules leave to be done where a proposal cannot be carried.
func (o outlook) remains(k *protocol.Case, p protocol.Proposal, x protocol.Prospect) string {
	if i := slices.IndexFunc(o.ps, func(q protocol.Proposal) bool { return q.Kind == p.Kind && o.of[q.ID].Open }); i >= 0 {
		return "another proposal can still be carried: " + o.ps[i].ID.String()[:short]
	}
	if p.Kind == protocol.Ordinary {
		return "no proposal to follow this config can be carried but a succession: the members replace stewards that are silent " +
			"for 14 days, so many that the others are no quorum. A steward that steps back for that stops its daemon"
	}
	goes := namesIn(k, without(k.Stewards(), p.Stewards))
	var ways []string
	if o.ordinaryLeft() {
		ways = append(ways, "a change that "+goes+" carries with the other stewards: once it is in force, every vote is new")
	}
	if x.Again {
		ways = append(ways, "when nothing more comes from "+goes+": a new succession, 14 days after that was noted; enough votes are left")
	}
	switch {
	case x.Unasked:
		return "so many proposals are stuck that it is not worked out; try a new one: its plan says whether it can be carried"
	case ways == nil:
		return "the votes that are left carry no other proposal either: nobody can change who decides here. To go on without " + goes + ", open a new case"
	case !x.Again:
		return "only " + ways[0] + ". The votes that are left carry no other succession without " + goes
	}
	return strings.Join(ways, "; or ")
}

// ordinaryLeft says whether the stewards can still carry a change, if all of them are
// there.
func (o outlook) ordinaryLeft() bool {
	voted := false
	for _, q := range o.ps {
		if q.Kind == protocol.Ordinary {
			if x := o.of[q.ID]; x.Open || x.Again {
				return true
			}
			voted = true
		}
	}
	return !voted
}

// votedFor is the open proposal of a kind that an organisation has endorsed.
func (o outlook) votedFor(org id.OrgID, kind uint8) (p protocol.Proposal, ok bool) {
	i := slices.IndexFunc(o.ps, func(p protocol.Proposal) bool { return p.Kind == kind && slices.Contains(p.Endorsed, org) })
	if i < 0 {
		return p, false
	}
	return o.ps[i], true
}

// voteSpent refuses a vote beside the one that an organisation, ours, has given; nil
// where it has given none of the kind.
func (o outlook) voteSpent(org id.OrgID, kind uint8, on id.ConfigID) error {
	p, ok := o.votedFor(org, kind)
	switch {
	case !ok:
		return nil
	case p.ID == on:
		return &api.Error{Kind: api.Refused, Rule: "already-endorsed", Text: "this organisation has endorsed it already", Try: "cordon steward list CASE"}
	}
	return &api.Error{Kind: api.Refused, Rule: "already-endorsed", Try: "cordon steward list CASE",
		Text: "this organisation has endorsed another proposal, " + p.ID.String()[:short] + ", and only its first counts until one is in force"}
}

// spending warns who is about to give its organisation's voice to a config while others
// are proposed.
func (o outlook) spending(k *protocol.Case, org id.OrgID, f protocol.Config) []string {
	_, voted := o.votedFor(org, f.Kind)
	if voted || f.Kind == protocol.Ordinary && !slices.Contains(k.Stewards(), org) {
		return nil
	}
	const most = 3
	var others []string
	n := 0
	for _, q := range o.ps {
		if q.Kind != f.Kind || q.ID == f.ID {
			continue
		}
		if n++; n <= most {
			others = append(others, fmt.Sprintf("%s by %s (%d of %d voices)", q.ID.String()[:short], nameIn(k, q.By), len(q.Endorsed), q.Need))
		}
	}
	if n == 0 {
		return nil
	}
	if n > most {
		others = append(others, fmt.Sprintf("%d more", n-most))
	}
	return []string{"This spends our vote: only the first counts until one is in force. Also proposed: " + strings.Join(others, ", ") + "."}
}

// stuck says, of each kind of proposals that none can be carried of, why and what remains.
func (a *adviser) stuck() {
	said := map[uint8]bool{}
	what := map[uint8]string{protocol.Ordinary: "no change of stewards that is proposed", protocol.Succession: "no succession that is proposed"}
	for _, p := range a.proposed.ps {
		said[p.Kind] = said[p.Kind] || a.proposed.of[p.ID].Open
	}
	for _, p := range a.proposed.ps {
		if said[p.Kind] {
			continue
		}
		said[p.Kind] = true
		x := a.proposed.showStuck(a.k, p)
		a.add(rankAnswer, api.Suggestion{Text: what[p.Kind] + " can be carried any more: " + x.Text + ". What remains: " + x.Remains,
			Command: "cordon steward list CASE", Rule: "authority.md §3", Strength: "SHOULD"})
	}
}
