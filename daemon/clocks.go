package daemon

import (
	"net/http"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// clockRow is what this daemon remembers of a case whose vulnerability somebody says is
// exploited. It is ours, and is never told to the case.
type clockRow struct {
	Heard map[id.EntryID]time.Time `json:"heard"` // when we first saw a claim of attacks, by our clock
	Done  map[string]time.Time     `json:"done"`  // when a person said that a clock is met, by its code
}

// since is when we first saw a claim of attacks that stands; zero: there is none. A public
// exploit by itself is no attack, as in SSVC, and starts nothing.
func (r clockRow) since(k *protocol.Case) (first time.Time) {
	for _, c := range k.Claims() {
		if at, ok := r.Heard[c.ID]; ok && attack(c) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// attack says whether a claim says that attacks are seen, and stands.
func attack(c protocol.Assertion) bool {
	return c.What == protocol.Attack && (c.Confirmed || !c.Refuted)
}

// hear notes when we first see the claims of attacks of a case.
func (s *service) hear(c id.CaseID) (row clockRow, err error) {
	s.hearing.Lock()
	defer s.hearing.Unlock()
	if row, _, err = s.clocks.get(c[:]); err != nil {
		return row, err
	}
	var claims []protocol.Assertion
	err = s.cases.With(c, func(k *protocol.Case) error {
		claims = k.Claims()
		return nil
	})
	was := len(row.Heard)
	for _, x := range claims {
		if _, ok := row.Heard[x.ID]; !ok && attack(x) {
			if row.Heard == nil {
				row.Heard = map[id.EntryID]time.Time{}
			}
			row.Heard[x.ID] = s.now().UTC()
		}
	}
	if err != nil || len(row.Heard) == was {
		return row, err
	}
	return row, s.clocks.put(c[:], row)
}

// showClocks are the clocks of our policy that run in a case, or are met.
func (s *service) showClocks(k *protocol.Case, row clockRow) (out []api.Clock) {
	since := row.since(k)
	p, err := s.cfg.Policy.onCard()
	if err != nil || since.IsZero() {
		return nil
	}
	for _, c := range clocksOf(p) {
		x := api.Clock{Code: c.code, Hours: c.hours, Since: since, Due: since.Add(time.Duration(c.hours) * time.Hour)}
		if at, ok := row.Done[c.code]; ok {
			x.Done = &at
		}
		out = append(out, x)
	}
	return out
}

// clockDone answers POST /cases/{case}/clocks.
func (s *service) clockDone(r *http.Request) (any, error) {
	c, a, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	row, err := s.hear(c)
	if err != nil {
		return nil, err
	}
	var running []api.Clock
	err = s.cases.With(c, func(k *protocol.Case) error {
		running = s.showClocks(k, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(running, func(x api.Clock) bool { return x.Code == a.What }) {
		return nil, &api.Error{Kind: api.Invalid, Text: "no such clock runs in this case", Try: "cordon case show CASE; which clocks there are: cordon policy"}
	}
	s.hearing.Lock()
	defer s.hearing.Unlock()
	if row, _, err = s.clocks.get(c[:]); err != nil {
		return nil, err
	}
	if row.Done == nil {
		row.Done = map[string]time.Time{}
	}
	if _, ok := row.Done[a.What]; !ok { // the first time counts
		row.Done[a.What] = s.now().UTC()
		err = s.clocks.put(c[:], row)
	}
	return &api.Written{Schema: writtenSchema, Case: &c}, err
}
