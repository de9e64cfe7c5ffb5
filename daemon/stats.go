package daemon

import (
	"net/http"
	"slices"
	"strings"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/model"
)

// getStats answers GET /stats[?case=CASE].
func (s *service) getStats(r *http.Request) (any, error) {
	cases, err := s.namedOrAll(r)
	if err != nil {
		return nil, err
	}
	out := &api.Stats{Schema: "cordon.stats/1", Cases: []api.CaseStats{}}
	for _, c := range cases {
		if err := r.Context().Err(); err != nil {
			return nil, err // it may take long, and nobody waits any more
		}
		x, err := s.caseStats(c)
		if err != nil {
			return nil, err
		}
		out.Cases = append(out.Cases, *x)
	}
	slices.SortFunc(out.Cases, func(a, b api.CaseStats) int { return strings.Compare(a.Title+a.Case.String(), b.Title+b.Case.String()) })
	out.Skill = skills(out.Cases)
	return out, nil
}

// caseStats are the figures of one case.
func (s *service) caseStats(c id.CaseID) (*api.CaseStats, error) {
	var entries []*entry.Sealed
	err := s.each(c, 0, func(e ledger.Entry) error {
		entries = append(entries, e.Sealed)
		return nil
	})
	if err != nil {
		return nil, err
	}
	h := protocol.Chronicled(entries, s.ms())
	out := &api.CaseStats{Case: c, Heading: s.heading(c), History: h.History(), Events: []api.CaseEvent{}, Reports: []api.ReportTimes{},
		Embargo: map[string]uint64{}, CS: map[string]uint64{}}
	for _, x := range h.Events {
		out.Events = append(out.Events, api.CaseEvent{Event: x.Event, T: api.Instant(x.T)})
	}
	for _, d := range model.Desiderata() {
		x := api.DesideratumResult{Before: d.Before, After: d.After, Verdict: d.Verdict(out.History)}
		out.Desiderata = append(out.Desiderata, x)
		*map[string]*int{"met": &out.Met, "missed": &out.Missed, "open": &out.Open}[x.Verdict]++
	}
	for state, ms := range h.Embargo {
		out.Embargo[string(state)] = ms / 1000
	}
	for state, ms := range h.CS {
		out.CS[state] = ms / 1000
	}
	return out, s.cases.With(c, func(k *protocol.Case) error {
		for _, p := range k.Participants() {
			row := api.ReportTimes{Org: p.Org, Name: p.Name, States: map[string]uint64{}}
			for state, ms := range h.RM[p.Org] {
				row.States[state.String()] = ms / 1000
			}
			out.Reports = append(out.Reports, row)
		}
		return nil
	})
}

// skills compares the cases in which a desideratum is decided with luck.
func skills(cases []api.CaseStats) (out []api.Skill) {
	for i, d := range model.Desiderata() {
		x := api.Skill{Before: d.Before, After: d.After, F: d.F.String()}
		for _, c := range cases {
			switch c.Desiderata[i].Verdict {
			case "met":
				x.Met++
				x.Of++
			case "missed":
				x.Of++
			}
		}
		if k, ok := model.SkillOf(d.F, x.Met, x.Of); ok {
			alpha := k.Alpha.Float()
			x.Alpha = &alpha
			if k.Bounded {
				x.Low, x.High = &k.Low, &k.High
			}
		}
		out = append(out, x)
	}
	return out
}
