package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// Votes are scarce: one for each parent and kind, until what it was for has lapsed
// (spec/authority.md §3). What is said here tells people when they are spent; it changes
// nothing that counts.

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
	free := "propose it again; the votes that were given are free for a new one"
	switch {
	case len(x.Outside) > 0:
		free = "propose one without " + namesIn(k, x.Outside) + ", to be added once it is in force"
	case !x.Lapsed:
		free = "somebody who has not voted proposes it again; enough votes are left"
	}
	if p.Kind == protocol.Ordinary {
		if x.Again {
			return free
		}
		return "no proposal to follow this config can be carried but a succession: the members replace stewards that are silent " +
			"for 14 days. A steward that steps back for that stops its daemon"
	}
	goes := namesIn(k, without(k.Stewards(), p.Stewards))
	var ways []string
	if o.ordinaryLeft() {
		with := ""
		if len(k.Stewards()) > len(without(k.Stewards(), p.Stewards)) {
			with = " with the other stewards"
		}
		ways = append(ways, "a change that "+goes+" carries"+with+": once it is in force, every vote is new")
	}
	silent := ""
	if len(x.Heard) > 0 {
		silent = "when nothing more comes from " + goes + ", 14 days after that was noted: "
	}
	switch held := o.held(k, p.Kind); {
	case x.Unasked:
		return "so many proposals are stuck that it is not worked out; try a new one: its plan says whether it can be carried"
	case x.Again:
		ways = append(ways, silent+free)
	case held != "":
		ways = append(ways, silent+held)
	case ways == nil:
		return "the votes that are left carry no other proposal either: nobody can change who decides here. To go on without " + goes + ", open a new case"
	default:
		return "only " + ways[0] + ". The votes that are left carry no other succession without " + goes
	}
	return strings.Join(ways, "; or ")
}

// held says what sets the votes free that were given for proposals that cannot be carried
// and have not lapsed: others could have endorsed these. "" where there are none.
func (o outlook) held(k *protocol.Case, kind uint8) string {
	var all []string
	for _, q := range o.ps {
		if x := o.of[q.ID]; q.Kind == kind && !x.Open && !x.Lapsed && len(q.Endorsed) > 0 && len(q.Missing) > 0 {
			who := namesIn(k, q.Missing)
			if n := len(q.Endorsed) + len(q.Missing) - q.Need + 1; n < len(q.Missing) {
				who = fmt.Sprintf("%d of %s", n, who)
			}
			all = append(all, "the votes for "+q.ID.String()[:short]+" are free for a new proposal once another one is endorsed by "+who)
		}
	}
	return strings.Join(all, "; ")
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

// setsFree says whether a vote of an organisation for p, which cannot be carried, brings
// others nearer to be free: it could have been for what they voted for.
func (o outlook) setsFree(org id.OrgID, p protocol.Proposal) bool {
	x := o.of[p.ID]
	return slices.Contains(p.Missing, org) && len(x.Heard) == 0 && len(x.Outside) == 0 && slices.ContainsFunc(o.ps, func(q protocol.Proposal) bool {
		y := o.of[q.ID]
		return q.ID != p.ID && q.Kind == p.Kind && !y.Open && !y.Lapsed && len(q.Endorsed) > 0 && slices.Contains(q.Missing, org)
	})
}

// voteSpent refuses a vote of an organisation, ours, for a proposal that does not set free
// the one it has given; nil where it has given none of the kind, or that is free.
func (o outlook) voteSpent(k *protocol.Case, org id.OrgID, p protocol.Proposal, x protocol.Prospect) error {
	if slices.Contains(p.Endorsed, org) {
		return &api.Error{Kind: api.Refused, Rule: "already-endorsed", Text: "this organisation has endorsed it already", Try: "cordon steward list CASE"}
	}
	i := slices.IndexFunc(x.Spent, func(v protocol.Elsewhere) bool { return v.Org == org })
	if i < 0 {
		return nil
	}
	on := x.Spent[i].On
	e := &api.Error{Kind: api.Refused, Rule: "already-endorsed", Try: "cordon steward list CASE",
		Text: "this organisation has endorsed another proposal, " + on.String()[:short] + ", and its voice is free only when that cannot be carried any more"}
	was, left := o.of[on], k.Stranded()
	switch {
	case was.Lapsed && p.ID != (id.ConfigID{}):
		e.Text += ". It cannot, but this one does not say so: propose it again"
	case was.Lapsed:
		e.Text += ". It cannot, but votes went apart too often for all of them to be named"
	case !was.Open && o.held(k, p.Kind) != "":
		e.Text += ": " + o.held(k, p.Kind)
	case p.Kind == protocol.Ordinary && len(left) > 0:
		e.Text += ". " + apartText(k, left)
		e.Try = succeedCommand(k, left)
	}
	return e
}

// apartText says of stewards who alone can still carry something what to do without them.
func apartText(k *protocol.Case, left []id.OrgID) string {
	return "The votes of the other stewards went apart: without " + namesIn(k, left) + " nothing is carried. If nothing comes from there, " +
		"note the silence: 14 days later the members can put others in the place of who is silent"
}

// spending warns who is about to give its organisation's voice to a config while others
// are proposed.
func (o outlook) spending(k *protocol.Case, org id.OrgID, f protocol.Config) []string {
	voted := slices.ContainsFunc(o.ps, func(p protocol.Proposal) bool { return p.Kind == f.Kind && slices.Contains(p.Endorsed, org) })
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
	return []string{"This spends our vote, until what it is for cannot be carried any more. Also proposed: " + strings.Join(others, ", ") + "."}
}

// stuck says, of each kind of proposals that none can be carried of, why and what remains.
func (a *adviser) stuck() {
	said := map[uint8]bool{}
	what := map[uint8]string{protocol.Ordinary: "no change of stewards that is proposed", protocol.Succession: "no succession that is proposed"}
	for _, p := range a.proposed.ps {
		said[p.Kind] = said[p.Kind] || a.proposed.of[p.ID].Open
	}
	if left := a.k.Stranded(); len(left) > 0 && !slices.Contains(left, a.us.Org) {
		a.add(rankAnswer, api.Suggestion{Text: apartText(a.k, left), Command: succeedCommand(a.k, left), Rule: "authority.md §3", Strength: "MAY"})
	}
	last := func(p protocol.Proposal) int {
		x := a.proposed.of[p.ID]
		return truth(!x.Again) + truth(len(x.Heard)+len(x.Outside) > 0)
	}
	for _, p := range slices.SortedStableFunc(slices.Values(a.proposed.ps), func(p, q protocol.Proposal) int { return cmp.Compare(last(p), last(q)) }) {
		if said[p.Kind] {
			continue
		}
		said[p.Kind] = true
		x := a.proposed.showStuck(a.k, p)
		rank, s := rankAnswer, api.Suggestion{Command: "cordon steward list CASE", Rule: "authority.md §3", Strength: "SHOULD"}
		y := a.proposed.of[p.ID]
		switch ours := p.Kind == protocol.Succession || slices.Contains(a.k.Stewards(), a.us.Org); {
		case !ours: // for us it is no more than to know
			rank, s.Strength = rankIf, "MAY"
			if y.Again {
				x.Remains += ". That is for the stewards: " + namesIn(a.k, a.k.Stewards())
			}
		case y.Again && len(y.Heard) == 0 && len(y.Outside) == 0:
			s.Command = proposeCommand(a.k, p)
			if lead := a.k.Stewards()[0]; p.Kind == protocol.Ordinary && lead != a.us.Org {
				x.Remains += ". Leave it to " + nameIn(a.k, lead) + ", who leads, where it is there: two at once go apart again"
			}
		}
		s.Text = what[p.Kind] + " can be carried any more: " + x.Text + ". What remains: " + x.Remains
		a.add(rank, s)
	}
}

// proposeCommand proposes again what a proposal has proposed; of ranks, who leads.
func proposeCommand(k *protocol.Case, p protocol.Proposal) string {
	s := "cordon steward propose CASE"
	now := k.Stewards()
	kept := without(now, without(now, p.Stewards))
	for _, o := range without(now, p.Stewards) {
		s += " --drop " + o.String()[:short]
	}
	for _, o := range without(p.Stewards, now) {
		s += " --add " + o.String()[:short]
	}
	if len(kept) == 0 || p.Stewards[0] != kept[0] {
		s += " --lead " + p.Stewards[0].String()[:short]
	}
	if int(p.Quorum) != len(p.Stewards)/2+1 {
		s += fmt.Sprint(" --quorum ", p.Quorum)
	}
	if p.Kind == protocol.Succession {
		s += " --succession"
	}
	if p.Config.After(k.Config()) == "checkpoint" {
		return "cordon steward list CASE" // the daemons propose that
	}
	return s
}

// truth is 1 for what is so, else 0: for an order.
func truth(is bool) int {
	if is {
		return 1
	}
	return 0
}
