package daemon

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// showSilence is the silence of stewards that is noted in a case; nil where none is.
func (s *service) showSilence(k *protocol.Case) *api.Quiet {
	q, ok := k.Quiet()
	if !ok {
		return nil
	}
	out := &api.Quiet{Silent: q.Stewards, Noted: []api.Noted{}, Missing: listed(q.Missing)}
	for _, x := range q.Noted {
		out.Noted = append(out.Noted, api.Noted{Org: x.Org, T: api.Instant(x.T)})
		if x.Org == s.org.ID {
			out.From = msEnd(x.T + protocol.Silence)
		}
	}
	return out
}

// succession is how our organisation was succeeded as a steward; nil where it was not, or
// is a steward again.
func (s *service) succession(k *protocol.Case) (out *api.Succeeded) {
	chain := k.Chain()
	for i, f := range chain {
		switch {
		case slices.Contains(f.Stewards, s.org.ID):
			out = nil
		case i > 0 && f.Kind == protocol.Succession && slices.Contains(chain[i-1].Stewards, s.org.ID):
			p, _ := k.Proposal(f.ID)
			out = &api.Succeeded{Config: f.ID, By: p.By, T: api.Instant(p.T), Endorsed: listed(p.Endorsed), Stewards: f.Stewards}
		}
	}
	return out
}

// succeeded tells an organisation that was succeeded what it can do now.
func (a *adviser) succeeded(x *api.Succeeded) {
	if x == nil {
		return
	}
	a.add(rankIf, api.Suggestion{Text: fmt.Sprintf("we are a steward no more: the members succeeded us while nothing came from here; %s proposed it on %s. "+
		"We go on as any member. To be a steward again, ask one that is now: %s. case show has the command for it",
		nameIn(a.k, x.By), x.T.UTC().Format(time.DateOnly), namesIn(a.k, a.k.Stewards())),
		Command: "cordon case show CASE", Rule: "authority.md §6", Strength: "MAY"})
}

// silence is what a silence that others have noted asks of us: to note it too, so that our
// voice will count, and then to propose who comes in the place of who is silent. A
// proposal that takes our voice already is among the answers.
func (a *adviser) silence(q *api.Quiet) {
	if q == nil {
		a.unnoted()
		return
	}
	silent := without(q.Silent, []id.OrgID{a.us.Org}) // we are there
	if len(silent) == 0 {
		return
	}
	x := api.Suggestion{Command: succeedCommand(a.k, silent), Rule: "authority.md §6", Strength: "SHOULD"}
	for _, p := range a.proposed.ps {
		switch {
		case p.Kind != protocol.Succession:
		case slices.Contains(p.Endorsed, a.us.Org):
			if a.proposed.of[p.ID].Open {
				return
			}
		case slices.Contains(p.Missing, a.us.Org) && len(a.proposed.of[p.ID].Heard) == 0 && len(a.proposed.of[p.ID].Outside) == 0:
			x.Command = command(&protocol.Endorse{Config: p.ID})
		}
	}
	none := "nothing comes from " + namesIn(a.k, silent)
	switch {
	case q.From == nil:
		x.Text = namesIn(a.k, notedBy(q)) + " noted that " + none + ": note it too; our voice for a succession counts 14 days after that" + whoComes(x.Command)
	case a.now.Before(*q.From):
		return
	case strings.HasPrefix(x.Command, "cordon steward endorse"):
		return
	default:
		x.Text = none + ", and our voice counts now: propose who decides instead; the members carry it" + whoComes(x.Command)
	}
	a.add(rankAnswer, x)
}

// unnoted says that stewards without whom the others are no quorum have written nothing for
// twice as long as their daemons ever do: nobody may have noticed.
func (a *adviser) unnoted() {
	const long = 2 * protocol.AliveAfter * time.Millisecond
	var late []id.OrgID
	since := a.now
	for _, o := range without(a.k.Stewards(), []id.OrgID{a.us.Org}) {
		if last := time.UnixMilli(int64(a.k.LastWord(o))); a.k.LastWord(o) > 0 && a.now.Sub(last) > long {
			late = append(late, o)
			if last.Before(since) {
				since = last
			}
		}
	}
	if now := a.k.Config(); len(late) == 0 || len(now.Stewards)-len(late) >= int(now.Quorum) {
		return
	}
	do := succeedCommand(a.k, late)
	a.add(rankAnswer, api.Suggestion{Text: fmt.Sprintf("nothing has come from %s for %d days, and a steward's daemon writes every 5: if it is gone, note the silence; "+
		"14 days later the members can put others in its place", namesIn(a.k, late), int(a.now.Sub(since).Hours()/24)) + whoComes(do),
		Command: do, Rule: "authority.md §6", Strength: "MAY"})
}

// notedBy lists who has noted a silence.
func notedBy(q *api.Quiet) (orgs []id.OrgID) {
	for _, x := range q.Noted {
		orgs = append(orgs, x.Org)
	}
	return orgs
}

// succeedCommand is what notes that stewards are silent and, when the time has come,
// proposes to replace them. ORG stands for who does, where nobody else stays.
func succeedCommand(k *protocol.Case, silent []id.OrgID) string {
	s := "cordon steward propose CASE"
	for _, o := range silent {
		s += " --drop " + o.String()[:short]
	}
	if len(without(k.Stewards(), silent)) == 0 {
		s += " --add ORG"
	}
	return s + " --succession"
}

// whoComes says what ORG stands for in a command that replaces all stewards.
func whoComes(command string) string {
	if strings.Contains(command, "--add ORG") {
		return ". ORG: a member, to decide then"
	}
	return ""
}

// namesIn lists organisations of a case by name.
func namesIn(k *protocol.Case, orgs []id.OrgID) string {
	all := make([]string, len(orgs))
	for i, o := range orgs {
		all[i] = nameIn(k, o)
	}
	return strings.Join(all, ", ")
}
