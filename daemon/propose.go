package daemon

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// halted is why a person's word about who decides is not taken now.
func halted(k *protocol.Case) error {
	switch k.State() {
	case protocol.StateOK:
		return nil
	case protocol.StateConflict:
		return &protocol.Refusal{Rule: protocol.StateConflict, Text: "two changes of stewards are both carried, and this daemon has acted under the other one"}
	}
	return &protocol.Refusal{Rule: protocol.StateUpgrade, Text: "the case follows rules that this version does not know"}
}

// wish is a change of stewards that a person asks for, its names resolved.
type wish struct {
	api.ChangeStewards
	add, drop []id.OrgID
	lead      *id.OrgID
}

// readWish reads a request and finds whom it names.
func (s *service) readWish(r *http.Request) (c id.CaseID, w wish, err error) {
	if c, err = s.findCase(r.PathValue("case")); err != nil {
		return c, w, err
	}
	if err = readJSON(r.Body, &w.ChangeStewards); err != nil {
		return c, w, err
	}
	find := func(word string) (o id.OrgID) {
		if err == nil {
			o, err = s.findMember(c, word)
		}
		return o
	}
	for _, word := range w.Add {
		w.add = append(w.add, find(word))
	}
	for _, word := range w.Drop {
		w.drop = append(w.drop, find(word))
	}
	if w.Lead != "" {
		o := find(w.Lead)
		w.lead = &o
	}
	return c, w, err
}

// asks says what a wish leaves out that it must have.
func (w *wish) asks() error {
	try := "cordon steward propose CASE --add ORG, or --drop, --lead, --quorum"
	switch {
	case len(w.add)+len(w.drop) == 0 && w.lead == nil && w.Quorum == 0:
		return &api.Error{Kind: api.Invalid, Text: "say what is to change: nobody comes, goes or is to lead, and no quorum is given", Try: try}
	case w.Succession && len(w.drop) == 0:
		return &api.Error{Kind: api.Invalid, Text: "say who has fallen silent: a succession drops the stewards that it replaces",
			Try: "cordon steward propose CASE --drop ORG --add ORG --succession"}
	}
	return nil
}

// stewards is a number of them in words.
func stewards(n int) string {
	if n == 1 {
		return "1 steward"
	}
	return fmt.Sprintf("%d stewards", n)
}

// oneOrMore is a range of numbers in words.
func oneOrMore(from, to int) string {
	if from == to {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d to %d", from, to)
}

// config is the config that a wish makes of the one in force.
func (w *wish) config(k *protocol.Case, kid id.Kid) (f protocol.Config, err error) {
	now := k.Config()
	for _, o := range w.drop {
		if !slices.Contains(now.Stewards, o) {
			return f, invalid("who is dropped must be a steward: cordon steward list CASE")
		}
	}
	for _, o := range w.add {
		if !k.Member(o) {
			return f, &api.Error{Kind: api.Refused, Rule: "steward-not-a-member",
				Text: "only a member of the case, who has signed its agreement, can become a steward", Try: "cordon case invite CASE ORG --role ROLE"}
		}
	}
	next := append(without(now.Stewards, w.drop), without(w.add, now.Stewards)...)
	if w.lead != nil {
		at := slices.Index(next, *w.lead)
		if at < 0 {
			return f, invalid("who shall lead is no steward: add it too, with --add")
		}
		next = slices.Insert(slices.Delete(next, at, at+1), 0, *w.lead)
	}
	if len(next) == 0 {
		return f, &api.Error{Kind: api.Invalid, Text: "a case has a steward, this would leave none: say who is to decide instead",
			Try: "--add ORG too, a member: cordon case show CASE"}
	}
	if len(next) > protocol.MaxStewards {
		return f, invalid("a case has 1 to %d stewards, this would leave %d", protocol.MaxStewards, len(next))
	}
	quorum := w.Quorum
	if quorum == 0 {
		quorum = len(next)/2 + 1
	}
	if quorum <= len(next)/2 || quorum > len(next) {
		return f, invalid("a quorum of %d does not fit %s: more than half of them, and at most all, carry the next change: %s",
			quorum, stewards(len(next)), oneOrMore(len(next)/2+1, len(next)))
	}
	if slices.Equal(next, now.Stewards) && quorum == int(now.Quorum) {
		return f, &api.Error{Kind: api.Refused, Rule: "no-change", Text: "these stewards, in this order and with this quorum, are what the case has already", Try: "cordon steward list CASE"}
	}
	if w.Succession {
		return k.Succeed(kid, next, uint8(quorum)), nil
	}
	return k.NextConfig(kid, next, uint8(quorum)), nil
}

// plan is the config that a wish makes, if it may be proposed and endorsed.
func (s *service) plan(k *protocol.Case, w *wish) (f protocol.Config, err error) {
	if f, err = s.draft(k, w); err != nil {
		return f, err
	}
	p, comes := k.Preview(f)
	return f, outlookOf(k).voteSpent(k, s.org.ID, p, comes)
}

// draft is the config that a wish makes, if it may be proposed: by who has a voice left
// for it or not.
func (s *service) draft(k *protocol.Case, w *wish) (f protocol.Config, err error) {
	if err := halted(k); err != nil {
		return f, err
	}
	if err := w.asks(); err != nil {
		return f, err
	}
	if f, err = w.config(k, s.kid); err != nil {
		return f, err
	}
	m := &protocol.Propose{Config: f}
	if err := k.May(s.kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), T: s.ms()}); err != nil {
		return f, err
	}
	proposed := outlookOf(k)
	_, comes := k.Preview(f)
	slices.SortStableFunc(proposed.ps, func(p, q protocol.Proposal) int {
		return -cmp.Compare(truth(proposed.of[p.ID].Open), truth(proposed.of[q.ID].Open))
	})
	for _, p := range proposed.ps { // those that can be carried first
		x := proposed.of[p.ID]
		same := p.Kind == f.Kind && slices.Equal(p.Stewards, f.Stewards) && p.Quorum == f.Quorum
		switch {
		case same && x.Open && slices.Contains(p.Endorsed, s.org.ID):
			return f, &api.Error{Kind: api.Exists, Text: "just this is proposed already, and this organisation has endorsed it", Try: "cordon steward list CASE"}
		case same && x.Open:
			return f, &api.Error{Kind: api.Exists, Text: "just this is proposed already", Try: "cordon steward endorse CASE " + p.ID.String()[:short]}
		case same && len(x.Heard) == 0 && !comes.Open: // else a new one says what was heard since
			return f, &api.Error{Kind: api.Exists, Text: "just this is proposed already, and cannot be carried any more", Try: "cordon steward list CASE"}
		case f.Kind == protocol.Ordinary && x.Open && p.Config.After(k.Config()) == "checkpoint":
			return f, &api.Error{Kind: api.Pending, Text: "the stewards' daemons are voting on a checkpoint: what is proposed now would come to nothing", Try: "again in a moment"}
		}
	}
	return f, nil
}

// changeStewards answers POST /cases/{case}/stewards.
func (s *service) changeStewards(r *http.Request) (any, error) {
	c, w, err := s.readWish(r)
	if err != nil {
		return nil, err
	}
	if w.Plan {
		return s.planned(c, &w)
	}
	if err := s.tellActive(r.Context(), c); err != nil {
		return nil, err
	}
	defer s.locks.lock(c, id.Control)() // what is planned is what is written
	if w.Succession {
		if err := s.patience(r.Context(), c, func(k *protocol.Case) (protocol.Config, error) { return s.draft(k, &w) }); err != nil {
			return nil, err
		}
	}
	p, err := s.beginLocked(c, func(k *protocol.Case) (act, error) {
		f, err := s.plan(k, &w)
		if err == nil {
			err = refuseLoss(k, f, w.AcceptLoss)
		}
		return act{say: &protocol.Propose{Config: f}}, err
	})
	if err != nil {
		return nil, err
	}
	e, err := p.Wait(context.WithoutCancel(r.Context()))
	if err != nil {
		return nil, err
	}
	// Commit point: the proposal stands. After a crash its author endorses it by hand.
	return s.endorseLocked(r.Context(), c, e.ID)
}

// planned says what a wish would change.
func (s *service) planned(c id.CaseID, w *wish) (out *api.Change, err error) {
	err = s.cases.With(c, func(k *protocol.Case) error {
		f, err := s.draft(k, w)
		if err != nil {
			return err
		}
		p, comes := k.Preview(f)
		if err := outlookOf(k).voteSpent(k, s.org.ID, p, comes); err != nil && !w.Succession { // a silence may be noted first
			return err
		}
		p.By, p.T = s.org.ID, s.ms()
		x, err := s.showChange(k, p)
		x.Schema, out = "cordon.change/1", &x
		x.Warnings = append(outlookOf(k).spending(k, s.org.ID, f), x.Warnings...)
		if !comes.Open {
			x.Warnings = append([]string{"This cannot be carried: " + whyStuck(k, comes) + "."}, x.Warnings...)
		}
		return err
	})
	return out, err
}

// refuseLoss refuses a config that would take the force of acts that stand here.
func refuseLoss(k *protocol.Case, f protocol.Config, accepted bool) error {
	n := len(k.Effects(f).Void)
	if n == 0 || accepted {
		return nil
	}
	return loss(n, "of who is dropped would lose its force: it is above the cut", "of who is dropped would lose their force: they are above the cut")
}

// loss is the refusal of what would take the force of n acts; one and many say it.
func loss(n int, one, many string) error {
	text, it := "1 act "+one, "it"
	if n != 1 {
		text, it = fmt.Sprintf("%d acts %s", n, many), "them"
	}
	return &api.Error{Kind: api.Refused, Rule: "acts-would-be-void", Text: text, Try: "cordon case log CASE shows " + it + "; to go on all the same: --yes"}
}

// patience sees to it that this organisation's vote for a succession will count:
// its silence is noted, and the time has passed. The caller holds the case's lock.
func (s *service) patience(ctx context.Context, c id.CaseID, config func(*protocol.Case) (protocol.Config, error)) error {
	var noted uint64
	var ok, shown bool
	look := func(k *protocol.Case) error {
		f, err := config(k)
		if err == nil {
			noted, ok = k.SilenceNoted(s.kid, f)
			q, _ := k.Quiet()
			shown = len(without(without(k.Stewards(), f.Stewards), q.Stewards)) == 0 && !slices.Contains(q.Stewards, s.org.ID) // we are there
		}
		return err
	}
	if err := s.cases.With(c, look); err != nil {
		return err
	}
	if ok && s.ms() >= noted+protocol.Silence {
		return nil
	}
	if !ok || !shown { // what we wrote for another reason tells nobody that we wait
		p, err := s.beginLocked(c, simple(new(protocol.Alive)))
		if err != nil {
			return err
		}
		e, err := p.Wait(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		if !ok {
			noted = e.T
		}
	}
	from := noted + protocol.Silence
	return &api.Error{Kind: api.Pending, Rule: "endorsed-too-early",
		Text: fmt.Sprintf("the silence is noted; if it lasts, this organisation can endorse a succession from %s on, by its own clock",
			api.Instant(from).Format("2006-01-02 15:04 UTC")),
		Try: "the same again then; every other member notes the silence with the same command"}
}

// endorse answers POST /cases/{case}/stewards/{id}.
func (s *service) endorse(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var q api.Vote
	if err := readJSON(r.Body, &q); err != nil {
		return nil, err
	}
	if err := s.tellActive(r.Context(), c); err != nil {
		return nil, err
	}
	defer s.locks.lock(c, id.Control)()
	var p protocol.Proposal
	err = s.cases.With(c, func(k *protocol.Case) error {
		if err := halted(k); err != nil {
			return err
		}
		if p, err = findProposal(k, r.PathValue("id")); err != nil {
			return err
		}
		if err := s.hopeless(k, p); err != nil {
			return err
		}
		return refuseLoss(k, p.Config, q.AcceptLoss)
	})
	if err == nil && p.Kind == protocol.Succession {
		err = s.patience(r.Context(), c, func(*protocol.Case) (protocol.Config, error) { return p.Config, nil })
	}
	if err != nil {
		return nil, err
	}
	return s.endorseLocked(r.Context(), c, p.ID)
}

// hopeless refuses a vote that would not count however long one waited.
func (s *service) hopeless(k *protocol.Case, p protocol.Proposal) error {
	proposed := outlookOf(k)
	x := proposed.of[p.ID]
	if err := proposed.voteSpent(k, s.org.ID, p, x); err != nil || p.Kind == protocol.Ordinary {
		return err
	}
	if len(x.Heard) > 0 {
		return &protocol.Refusal{Rule: "steward-was-heard", Text: namesIn(k, x.Heard) + " has written since this was proposed: it is not silent"}
	}
	if !slices.Contains(p.Missing, s.org.ID) {
		return &protocol.Refusal{Rule: "not-an-elector", Text: "in a succession those vote whom it does not drop, and who were members when who goes was last seen"}
	}
	return nil
}

// findProposal is the open proposal that a word means.
func findProposal(k *protocol.Case, word string) (protocol.Proposal, error) {
	var all []named[protocol.Proposal]
	for _, p := range k.Proposals() {
		all = append(all, named[protocol.Proposal]{it: p, id: p.ID.String()})
	}
	p, err := pick(word, all)
	return or(p, err, "cordon steward list CASE; an id takes 8 of its digits or more")
}

// endorseLocked writes our vote for a config and says how it stands then. The
// caller holds the case's lock.
func (s *service) endorseLocked(ctx context.Context, c id.CaseID, x id.ConfigID) (*api.Change, error) {
	pending, err := s.beginLocked(c, simple(&protocol.Endorse{Config: x}))
	if err != nil {
		return nil, err
	}
	if _, err := pending.Wait(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	var out api.Change
	err = s.cases.With(c, func(k *protocol.Case) error {
		p, _ := k.Proposal(x)
		out, err = s.showChange(k, p)
		out.Stuck = outlookOf(k).showStuck(k, p)
		out.Schema = "cordon.change/1"
		return err
	})
	return &out, err
}
