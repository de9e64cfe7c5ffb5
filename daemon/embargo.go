package daemon

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Windows of an answer, and what asks for a justification (spec/model.md §5).
const (
	answerTime  = 7 * 24 * time.Hour  // where a proposal names no time
	answerFloor = 72 * time.Hour      // a shorter one is raised to it
	longEmbargo = 90 * 24 * time.Hour // longer needs a justification that all agree to
)

// The words for the numbers of an agreement's terms.
var (
	tlpNames     = []string{1: "clear", 2: "green", 3: "amber", 4: "amber+strict", 5: "red"}
	publishNames = []string{1: "nobody-before-the-end", 2: "free"}
	useNames     = []string{1: "remediation-only", 2: "any"}
)

// getEmbargo answers GET /cases/{case}/embargo.
func (s *service) getEmbargo(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	out := &api.Terms{Schema: "cordon.terms/1", Case: c, Proposed: []api.AgreementTerms{}}
	err = s.cases.With(c, func(k *protocol.Case) error {
		e := k.Embargo()
		out.Embargo = showEmbargo(e)
		out.InForce = showTerms(k, e.Agreement)
		for _, o := range e.Open {
			out.Proposed = append(out.Proposed, showTerms(k, o.ID))
		}
		return nil
	})
	return out, err
}

// showEmbargo is an embargo in the words of the local API.
func showEmbargo(e protocol.Embargo) api.Embargo {
	out := api.Embargo{State: string(e.State), ExitPending: e.ExitPending, End: msEnd(e.End), Proposals: []api.Proposal{}}
	if e.Agreement != (id.AgrID{}) {
		out.Agreement = &e.Agreement
	}
	if e.Merged != (id.Pair{}) {
		out.Agreed, out.Merged = msEnd(e.Agreed), &e.Merged
	}
	for _, o := range e.Open {
		out.Proposals = append(out.Proposals, api.Proposal{ID: o.ID, End: msEnd(o.End), By: o.By[0], AnswerBy: msEnd(o.AnswerBy),
			Relaxes: o.Relaxes, Accepted: orEmpty(o.Accepted), Declined: orEmpty(o.Declined), Missing: orEmpty(o.Missing), Need: o.Need})
	}
	return out
}

func orEmpty(os []id.OrgID) []id.OrgID { return append([]id.OrgID{}, os...) }

func showTerms(k *protocol.Case, x id.AgrID) api.AgreementTerms {
	a, r, _ := k.Agreement(x)
	return api.AgreementTerms{ID: x, Start: api.Instant(r.Start), End: msTime(r.End), AnswerBy: msTime(r.AnswerBy),
		TLP: tlpNames[r.Terms.TLP], Publish: publishNames[r.Terms.PublishRule], Use: useNames[r.Terms.Use], Retain: int(r.Terms.Retention), Text: a.Text}
}

// asParty is the decision to say m about the embargo: as a steward under the config in
// force, so that its word counts as one of the stewards', else as a member.
func (s *service) asParty(m protocol.Message) decide {
	return func(k *protocol.Case) (act, error) {
		if slices.Contains(k.Stewards(), s.org.ID) && s.mayDecide() == nil {
			return asSteward(m)(k)
		}
		return act{say: m}, nil
	}
}

// proposeTerms answers POST /cases/{case}/embargo.
func (s *service) proposeTerms(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var q api.ProposeTerms
	if err := readJSON(r.Body, &q); err != nil {
		return nil, err
	}
	if q.Until.IsZero() {
		return nil, invalid("a proposal says until when")
	}
	s.noticing.Lock()
	defer s.noticing.Unlock()
	if err := s.announced(r.Context(), c, q); err != nil {
		return nil, s.elsewhere(c, err)
	}
	var agreed id.AgrID
	_, err = s.write(r.Context(), c, func(k *protocol.Case) (act, error) {
		a, err := s.wanted(k, q)
		if err != nil {
			return act{}, err
		}
		agreed = a.ID()
		return s.asParty(&protocol.EmbargoPropose{Terms: a})(k)
	})
	if err != nil {
		return nil, s.elsewhere(c, err)
	}
	return &api.Written{Schema: writtenSchema, Case: &c, ID: agreed.String()}, nil
}

// announced tells linked cases first of a proposal that would end an embargo earlier (spec/kinds.md,
// case-link), if it may be written at all.
func (s *service) announced(ctx context.Context, c id.CaseID, q api.ProposeTerms) error {
	end, sooner := uint64(max(q.Until.UnixMilli(), 0)), false
	err := s.cases.With(c, func(k *protocol.Case) error {
		a, err := s.wanted(k, q)
		if err != nil {
			return err
		}
		m := &protocol.EmbargoPropose{Terms: a}
		x, err := s.asParty(m)(k)
		if err != nil {
			return err
		}
		sooner = end < k.Embargo().End
		return k.May(s.kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: x.cfg, T: s.ms()})
	})
	if err != nil || !sooner {
		return err
	}
	return s.tellFirst(ctx, c, end)
}

// wanted is the agreement that a request makes of the one in force.
func (s *service) wanted(k *protocol.Case, q api.ProposeTerms) (protocol.Agreement, error) {
	parent := k.Embargo().Agreement
	now, r, ok := k.Agreement(parent)
	if !ok {
		return now, errNothing
	}
	text, start, end := now.Text, s.ms(), uint64(max(q.Until.UnixMilli(), 0))
	r.Parent, r.Start, r.End = &parent, start, &end
	if end <= start {
		return now, &api.Error{Kind: api.Refused, Rule: "end-in-past", Text: "the embargo would have ended already", Try: "a later --until; or cordon embargo end CASE --reason TEXT"}
	}
	if q.Until.Sub(s.now()) > longEmbargo && q.Justify == "" && q.Text == "" {
		return now, &api.Error{Kind: api.Refused, Rule: "justification-missing",
			Text: "more than 90 days need a justification that all agree to", Try: "--justify TEXT: it becomes a part of the agreement"}
	}
	if tlp, err := label(q.TLP); err != nil {
		return now, err
	} else if tlp != 0 {
		r.Terms.TLP = tlp
	}
	if q.Text != "" {
		text = q.Text
	}
	if q.Justify != "" {
		text += fmt.Sprintf("\nWhy longer than 90 days: %s\n", q.Justify)
	}
	if len(text) > protocol.MaxText {
		return now, invalid("the text of an agreement has at most %d bytes, this has %d", protocol.MaxText, len(text))
	}
	by := uint64(max(orThen(q.AnswerBy, s.now().Add(s.cfg.Policy.answerTime())).UnixMilli(), s.now().Add(answerFloor).UnixMilli()))
	r.AnswerBy = &by
	return protocol.NewAgreement(r, text), nil
}

func orThen(t, then time.Time) time.Time {
	if t.IsZero() {
		return then
	}
	return t
}

// findTerms is the agreement of a case that a word means: an id, a prefix of one, or
// "current", the one in force.
func (s *service) findTerms(c id.CaseID, word string) (a id.AgrID, err error) {
	err = s.cases.With(c, func(k *protocol.Case) error {
		if word == "current" {
			a = k.Embargo().Agreement
			return nil
		}
		var all []named[id.AgrID]
		for _, x := range k.Agreements() {
			all = append(all, named[id.AgrID]{it: x, id: x.String()})
		}
		a, err = pick(word, all)
		return err
	})
	return or(a, err, "cordon embargo show CASE")
}

// acceptTerms answers POST /cases/{case}/embargo/{id}/accept.
func (s *service) acceptTerms(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	a, err := s.findTerms(c, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	e, err := s.write(r.Context(), c, s.asParty(&protocol.EmbargoAccept{Agr: a}))
	return done(c, e, err)
}

// rejectTerms answers POST /cases/{case}/embargo/{id}/reject.
func (s *service) rejectTerms(r *http.Request) (any, error) {
	c, q, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	a, err := s.findTerms(c, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return s.because(r, c, q.Text, func(x [32]byte) decide { return simple(&protocol.EmbargoReject{Agr: a, Reason: x}) })
}

// endEmbargo answers POST /cases/{case}/embargo/end.
func (s *service) endEmbargo(r *http.Request) (any, error) {
	c, q, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	if q.Text == "" {
		return nil, invalid("the end of an embargo needs a reason")
	}
	return s.because(r, c, q.Text, func(x [32]byte) decide { return simple(&protocol.EmbargoEnd{Reason: x}) })
}

// refute answers POST /cases/{case}/claims/{id}/refute.
func (s *service) refute(r *http.Request) (any, error) {
	c, q, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	claim, err := s.findEntry(c, r.PathValue("id"), (*protocol.Claim)(nil).Type())
	if err != nil {
		return nil, err
	}
	return s.because(r, c, q.Text, func(x [32]byte) decide { return asSteward(&protocol.Refute{Claim: claim.ID, Reason: x}) })
}

// because writes what say makes of a reason's commitment, then the reason; without a
// text there is none, and the commitment opens to nothing.
func (s *service) because(r *http.Request, c id.CaseID, text string, say func([32]byte) decide) (any, error) {
	if text == "" {
		e, err := s.write(r.Context(), c, say([32]byte{}))
		return done(c, e, err)
	}
	why, err := newReason(text)
	if err != nil {
		return nil, err
	}
	return s.explained(r.Context(), c, why, say(why.commitment()))
}
