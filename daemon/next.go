package daemon

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/model"
)

// getNext answers GET /cases/{case}/next.
func (s *service) getNext(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	out := &api.Next{Schema: "cordon.next/1", Case: c, Heading: s.heading(c), May: []api.Move{}, Suggest: []api.Suggestion{}}
	heard, err := s.hear(c)
	if err != nil {
		return nil, err
	}
	err = s.cases.With(c, func(k *protocol.Case) error {
		out.Clocks = s.showClocks(k, heard)
		s.next(out, k)
		return nil
	})
	return out, err
}

// next fills in what we may do, and what the model suggests.
func (s *service) next(out *api.Next, k *protocol.Case) {
	a := s.adviser(k)
	out.RM, out.VFD, out.CS, out.Embargo = a.us.RM.String(), a.us.VFD, k.CS(), showEmbargo(a.embargo)
	for _, m := range a.moves {
		row := api.Move{Command: m.command}
		if r, ok := strongest(a.rules(m)); ok {
			row.Rule, row.Strength, row.Text = r.ID, r.Strength, r.Text
		}
		out.May = append(out.May, row)
	}
	if s.mayWrite() != nil {
		x := s.stopped()
		out.Stopped = x.Rule
		a.add(rankHalted, x)
	}
	if a.us.Admitted {
		a.suggest()
		a.silence(s.showSilence(k))
		a.stuck()
		a.succeeded(s.succession(k))
	}
	for _, x := range out.Clocks { // who has left has to tell its authority all the same
		if x.Done == nil {
			a.add(rankClock, api.Suggestion{Text: "attacks are seen: tell your authority, if the law asks you to (" + x.Code + "); then note it",
				Command: "cordon clock done CASE " + x.Code, Rule: "our policy", Strength: "MUST", Due: &x.Due})
		}
	}
	slices.SortStableFunc(a.all, func(x, y ranked) int { return cmp.Compare(x.rank, y.rank) })
	for _, x := range a.all {
		out.Suggest = append(out.Suggest, x.Suggestion)
	}
	name := out.Case.String()[:short]
	for i := range out.May {
		out.May[i].Command = inCase(out.May[i].Command, name)
	}
	for i := range out.Suggest {
		x := &out.Suggest[i]
		x.Command = inCase(x.Command, name)
		for j := range x.Or {
			x.Or[j] = inCase(x.Or[j], name)
		}
	}
}

// adviser asks the model what to do in a case.
type adviser struct {
	k        *protocol.Case
	proposed outlook // of stewards
	us       protocol.Participant
	embargo  protocol.Embargo
	cs       string // of the case
	at       model.Participant
	moves    []move
	now      time.Time
	all      []ranked
}

// ranked is a suggestion and how urgent it is.
type ranked struct {
	rank int
	api.Suggestion
}

// How urgent suggestions are, the most urgent first.
const (
	rankHalted = 1 // nothing else can be done
	rankAlarm  = 2 // somebody says that the secret is out
	rankClock  = 3 // the law waits, or an agreed instant has come
	rankMust   = 4
	rankAnswer = 5 // somebody waits for us
	rankShould = 6
	rankNot    = 7 // what to leave for now
	rankIf     = 8 // where only people know whether it is so
)

func (s *service) adviser(k *protocol.Case) *adviser {
	a := &adviser{k: k, proposed: outlookOf(k), embargo: k.Embargo(), cs: k.CS(), moves: s.moves(k), now: s.now()}
	for _, p := range k.Participants() {
		if p.Org == s.org.ID {
			a.us = p
		}
	}
	a.at = a.us.Stance(a.embargo, a.cs, s.ms())
	return a
}

// rules are those of the model on a move, where we stand. What concerns the embargo and
// its parties goes by the case's state, the rest by our own.
func (a *adviser) rules(m move) []model.Rule {
	at := a.at
	if strings.HasPrefix(m.code, "E") || m.code == "RS" {
		at.CS = model.State(a.cs)
	}
	return model.RulesFor(m.code, at)
}

// suggest lists all suggestions.
func (a *adviser) suggest() {
	a.halt()
	a.alarms()
	a.answers()
	a.report()
	a.embargoEnd()
	a.release()
	for _, m := range a.moves {
		for _, r := range a.rules(m) {
			a.rule(m, r)
		}
	}
}

func (a *adviser) add(rank int, x api.Suggestion) { a.all = append(a.all, ranked{rank, x}) }

// rule makes a suggestion of a rule on a move. Another move that the same rule asks for, of
// the same proposal if it is about one, stands beside the first.
func (a *adviser) rule(m move, r model.Rule) {
	x := api.Suggestion{Text: r.Text, Command: m.command, Rule: r.ID, Strength: r.Strength}
	rank := rankShould
	switch not := strings.HasSuffix(r.Strength, "NOT"); {
	case r.Strength == "MAY":
		return
	case r.If != "":
		x.Text, rank = r.Text+", if "+r.If, rankIf
	case not:
		rank = rankNot
		x.Text = "not now: " + inCase(m.command, a.k.ID().String()[:short]) + ": " + r.Text
	case r.Strength == "MUST" || r.Strength == "SHALL":
		rank = rankMust
	}
	if strings.HasSuffix(r.Strength, "NOT") {
		x.Command = ""
		if r.ID == "VP-02-003" { // its cure is a step of our own
			first, or := a.steps("RV", "RA")
			if !slices.ContainsFunc(a.all, func(y ranked) bool { return y.says(first) }) {
				x.Command, x.Or = first, or
			}
		}
	}
	if !m.due.IsZero() {
		rank, x.Due = rankAnswer, &m.due
	}
	same := func(y ranked) bool {
		return y.Rule == x.Rule && y.Strength == x.Strength && (m.about == id.AgrID{} || strings.HasSuffix(y.Command, m.about.String()[:short]))
	}
	if i := slices.IndexFunc(a.all, same); i >= 0 {
		if x.Command != "" && rank != rankNot && !a.all[i].says(x.Command) {
			a.all[i].Or = append(a.all[i].Or, x.Command)
		}
		return
	}
	a.add(rank, x)
}

// says says whether a command stands in a suggestion.
func (x ranked) says(command string) bool {
	return x.Command == command || slices.Contains(x.Or, command)
}

// steps are the commands of the moves with these codes that we can take: the first, and the rest.
func (a *adviser) steps(codes ...string) (first string, or []string) {
	for _, m := range a.moves {
		switch {
		case !slices.Contains(codes, m.code):
		case first == "":
			first = m.command
		default:
			or = append(or, m.command)
		}
	}
	return first, or
}

// halt is what keeps us from acting at all.
func (a *adviser) halt() {
	if err := halted(a.k); err != nil {
		a.add(rankHalted, api.Suggestion{Text: err.Error(), Command: "cordon case pin CASE", Rule: a.k.State(), Strength: "MUST"})
	}
}

// stopped is what a daemon that writes nothing, for want of a key that will do, asks for.
func (s *service) stopped() api.Suggestion {
	k := new(api.Keys)
	s.keyState(k)
	text := k.Text
	if k.Fresh && k.State != "revoked" { // it waits until it is level with others
		text += ". cordon key status says when to renew"
	}
	return api.Suggestion{Text: text, Command: "cordon key status", Or: []string{"cordon key renew"}, Rule: k.State, Strength: "MUST"}
}

// alarms are the claims that nobody has confirmed or refuted.
func (a *adviser) alarms() {
	for _, c := range a.k.Claims() {
		if c.Confirmed || c.Refuted || !a.embargo.ExitPending {
			continue
		}
		x := api.Suggestion{Text: fmt.Sprintf("%s says: %s. Confirm or refute it; until then no terms are agreed on", nameIn(a.k, c.Org), claimed(c.What)),
			Rule: "exit-pending", Strength: "SHOULD"}
		for _, m := range a.moves {
			if strings.Contains(m.command, c.ID.String()[:short]) {
				if x.Command == "" {
					x.Command = m.command
				} else {
					x.Or = append(x.Or, m.command)
				}
			}
		}
		if x.Command == "" {
			x.Text = fmt.Sprintf("%s says: %s. It waits for a steward's word, or another organisation's", nameIn(a.k, c.Org), claimed(c.What))
		}
		a.add(rankAlarm, x)
	}
}

// claimed is what a claim says, in words.
func claimed(w protocol.What) string {
	return map[protocol.What]string{protocol.Public: "it is public", protocol.Exploit: "an exploit is out", protocol.Attack: "attacks are seen"}[w]
}

// nameIn is an organisation of a case by name.
func nameIn(k *protocol.Case, o id.OrgID) string {
	if view, ok := k.Org(o); ok {
		return view.Name
	}
	return o.String()[:short]
}

// answers are the questions to us: a change of stewards, and the terms in force that we have
// not signed.
func (a *adviser) answers() {
	for _, m := range a.moves {
		if strings.HasPrefix(m.command, "cordon steward endorse") {
			a.add(rankAnswer, api.Suggestion{Text: "a change of stewards waits for our vote: look at it with cordon steward list",
				Command: m.command, Rule: "authority.md §3", Strength: "SHOULD"})
		}
	}
	if c := a.us.At(uint64(a.now.UnixMilli())); c != protocol.Invited && c != protocol.Lapsed && c != protocol.Declined {
		return
	}
	for _, m := range a.moves {
		if m.about == a.embargo.Agreement && strings.HasPrefix(m.command, "cordon embargo accept") {
			x := api.Suggestion{Text: "we have not signed the terms in force: nothing that is written under them is sent to us", Command: m.command,
				Or: []string{"cordon embargo show CASE"}, Rule: "VP-08-001", Strength: "SHOULD"}
			if a.us.AnswerBy > 0 {
				due := api.Instant(a.us.AnswerBy)
				x.Due = &due
			}
			a.add(rankAnswer, x)
		}
	}
}

// report is what the state of the case says of our report: a new one is judged, and one that
// is valid, or was put off before attacks were seen, is prioritised by SSVC.
func (a *adviser) report() {
	switch a.us.RM {
	case protocol.RMReceived:
		first, or := a.steps("RV", "RI")
		a.add(rankShould, api.Suggestion{Text: "the report waits for our judgement", Command: first, Or: or, Rule: "spec/model.md §2", Strength: "SHOULD"})
	case protocol.RMValid, protocol.RMDeferred:
		first, or := a.steps("RA", "RD")
		var says []string
		for _, x := range model.Crossings() {
			if model.Match(x.Pattern, model.State(a.cs)) {
				says = append(says, x.Point+" "+x.Value)
			}
		}
		rank, strength := rankMust, "MUST"
		if a.us.RM == protocol.RMDeferred {
			if !strings.HasSuffix(a.cs, "A") {
				return
			}
			strength = "SHOULD"
		}
		a.add(rank, api.Suggestion{Text: "prioritise the report; what SSVC asks: " + strings.Join(says, ", "), Command: first, Or: or, Rule: "RMB-10-001", Strength: strength})
	}
}

// embargoEnd is what comes with the end of an embargo, and before it.
func (a *adviser) embargoEnd() {
	if first, _ := a.steps("EV"); a.embargo.Merged != (id.Pair{}) && a.embargo.State == protocol.EMActive {
		a.add(rankShould, api.Suggestion{Text: "the end that a merged case has brought holds, being earlier, until new terms are agreed on: propose some",
			Command: first, Rule: "VP-10", Strength: "SHOULD"})
	}
	switch {
	case a.embargo.Over(uint64(a.now.UnixMilli())):
		first, _ := a.steps("CP")
		a.add(rankShould, api.Suggestion{Text: "the time of the embargo is over: nobody is bound any longer, nobody is obliged to publish. Once it is public, say so",
			Command: first, Rule: "VP-05-001", Strength: "MAY"})
	case a.embargo.State == protocol.EMActive && model.HostOf(model.State(a.cs)).Existing == "prepare to end":
		first, _ := a.steps("EV")
		a.add(rankShould, api.Suggestion{Text: "every vendor has a fix: prepare the end of the embargo; propose an earlier one", Command: first,
			Rule: "VP-14-007..009", Strength: "MAY"})
	}
}

// strongest is the rule that says most of a move, those aside that ask what only people know.
func strongest(rules []model.Rule) (best model.Rule, ok bool) {
	order := []string{"", "MAY", "SHOULD", "MUST", "SHALL", "SHOULD NOT", "MUST NOT"}
	for _, r := range rules {
		if r.If == "" && slices.Index(order, r.Strength) > slices.Index(order, best.Strength) {
			best, ok = r, true
		}
	}
	return best, ok
}
