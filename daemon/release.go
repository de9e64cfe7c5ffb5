package daemon

import (
	"net/http"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// clockError is how far clocks may differ: for publishing, an instant has passed when
// it lies so far back (spec/protocol.md §9).
const clockError = 5 * time.Minute

// getRelease answers GET /cases/{case}/release.
func (s *service) getRelease(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	out := &api.Release{}
	err = s.cases.With(c, func(k *protocol.Case) error {
		showRelease(out, k, s.now())
		return nil
	})
	return out, err
}

// showRelease is the barrier at an instant of our clock (spec/kinds.md, release-ready);
// it says whether one is planned.
func showRelease(out *api.Release, k *protocol.Case, now time.Time) bool {
	out.Schema, out.Case = "cordon.release/1", k.ID()
	out.State, out.Embargo, out.Answers = "none", "none", []api.ReleaseAnswer{}
	r, ok := k.Release()
	if !ok {
		return false
	}
	at := api.Instant(r.At)
	from := at.Add(clockError)
	out.Plan, out.By, out.At, out.From = &r.Plan, &r.By, &at, &from
	switch {
	case now.After(at):
		out.State = "due"
	case r.Ready():
		out.State = "ready"
	default:
		out.State = "planned"
	}
	for _, a := range r.Answers {
		row := api.ReleaseAnswer{Org: a.Org, Vendor: a.Vendor, State: a.State.String()}
		if o, ok := k.Org(a.Org); ok {
			row.Name = o.Name
		}
		out.Answers = append(out.Answers, row)
	}
	out.Embargo = besideEmbargo(k.Embargo(), r.At)
	return true
}

// besideEmbargo says where the end of the embargo lies to an instant.
func besideEmbargo(e protocol.Embargo, at uint64) string {
	switch {
	case e.End == 0 || e.State != protocol.EMActive && e.State != protocol.EMRevise:
		return "none"
	case e.End > at:
		return "after-release"
	case e.End < at:
		return "before-release"
	}
	return "with-release"
}

// planRelease answers POST /cases/{case}/release.
func (s *service) planRelease(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var q api.PlanRelease
	if err := readJSON(r.Body, &q); err != nil {
		return nil, err
	}
	m := &protocol.ReleasePlan{}
	if !q.At.IsZero() {
		at := q.At.UnixMilli()
		if at <= 0 {
			return nil, invalid("no release lies before 1970")
		}
		m.At = uint64(at)
	}
	e, err := s.write(r.Context(), c, asSteward(m))
	return done(c, e, err)
}

// answerRelease answers POST /cases/{case}/release/answer.
func (s *service) answerRelease(r *http.Request) (any, error) {
	c, q, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	var state protocol.Readiness
	switch {
	case q.What == "ready":
		state = protocol.ReadyToRelease
	case q.What == "not-ready" && q.Text != "":
		state = protocol.NotReadyRelease
	case q.What == "not-ready":
		return nil, invalid("who is not ready says why: the others plan by it")
	default:
		return nil, invalid("an answer is ready or not-ready")
	}
	return s.because(r, c, q.Text, func(x [32]byte) decide {
		return func(k *protocol.Case) (act, error) {
			plan, ok := k.Release()
			if !ok {
				return act{}, &api.Error{Kind: api.Refused, Rule: "no-release-planned", Text: "no release is planned", Try: "a steward plans one: cordon release plan CASE --at TIME"}
			}
			return act{say: &protocol.ReleaseReady{Plan: plan.Plan, State: state, Reason: x}}, nil
		}
	})
}

// maxNap is how long a watch trusts its timer: a clock may be set meanwhile.
const maxNap = time.Minute

// tellRelease writes a line when the instant of the plan in force has passed by our
// clock, once for each plan; else it sets the timer to it.
func (t *timeline) tellRelease(due *time.Timer) error {
	var r protocol.Release
	var ok bool
	err := t.s.cases.With(t.c, func(k *protocol.Case) error {
		r, ok = k.Release()
		return nil
	})
	if err != nil || !ok || r.Plan == t.told {
		return err
	}
	at := api.Instant(r.At)
	if left := at.Sub(t.s.now()); left >= 0 {
		due.Reset(min(left+time.Millisecond, maxNap))
		return nil
	}
	t.told = r.Plan
	return t.out.Encode(api.LogLine{Schema: "cordon.log/1", Pos: uint64(t.pos), Org: t.s.org.ID, Name: t.s.org.Name, Kid: t.s.kid,
		Comp: id.Control.String(), T: at, Type: "release-due", About: r.Plan.String()})
}
