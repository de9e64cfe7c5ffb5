package daemon

import (
	"net/http"
	"slices"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// getPin answers GET /cases/{case}/pin.
func (s *service) getPin(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var out *api.Pin
	err = s.cases.With(c, func(k *protocol.Case) error {
		out, err = s.showPin(k)
		return err
	})
	return out, err
}

// showPin says what a case is bound to; in conflict also what follows from going on
// with the chain. The caller holds the case.
func (s *service) showPin(k *protocol.Case) (*api.Pin, error) {
	row, _, err := s.pins.get(k.ID())
	if err != nil {
		return nil, err
	}
	out := &api.Pin{Schema: "cordon.pin/1", Case: k.ID(), State: k.State(), Pinned: row.Pin, Chain: k.Config().ID}
	r, ok := k.Conflict()
	if !ok {
		return out, nil
	}
	out.Rivals = &api.Rivals{Both: listed(r.Both)}
	if out.Rivals.Pinned, err = s.showChange(k, r.Pinned); err != nil {
		return nil, err
	}
	if out.Rivals.Chain, err = s.showChange(k, r.Chain); err != nil {
		return nil, err
	}
	chain := &out.Rivals.Chain
	if slices.Contains(configOf(k, row.Pin).Stewards, s.org.ID) && !slices.Contains(k.Stewards(), s.org.ID) {
		chain.Warnings = append(chain.Warnings, stewardNoMore)
	}
	return out, s.showLost(k, chain, k.Forgone())
}

// stewardNoMore is what following the chain means to who has lost the conflict.
const stewardNoMore = "Your organisation is a steward under what this daemon acted under, and none under this: it admits and removes nobody any more."

// setPin answers POST /cases/{case}/pin: a person decides a conflict. To stay with
// what is not in the chain changes nothing here or elsewhere; to take the chain's
// ends the conflict, and is refused where something is lost by it, until a person
// says that it may be.
func (s *service) setPin(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var to api.PinTo
	if err := readJSON(r.Body, &to); err != nil {
		return nil, err
	}
	var out *api.Pin
	err = s.cases.With(c, func(k *protocol.Case) error {
		if k.State() != protocol.StateConflict {
			return &api.Error{Kind: api.Refused, Rule: "no-conflict", Text: "there is nothing to decide: the case goes on under what this daemon acted under"}
		}
		if out, err = s.showPin(k); err != nil {
			return err
		}
		choices := []id.ConfigID{out.Pinned, out.Chain}
		if out.Rivals != nil {
			choices = append(choices, *out.Rivals.Pinned.Config, *out.Rivals.Chain.Config)
		}
		x, err := choose(to.What, choices)
		if err != nil || !inChain(k, x) {
			return err
		}
		if err := refuseFollow(out.Rivals, to.AcceptLoss); err != nil {
			return err
		}
		if err := s.pins.set(k, pinRow{Pin: x, Tip: out.Chain, Since: s.ms()}); err != nil {
			return err
		}
		out, err = s.showPin(k)
		return err
	})
	return out, err
}

// refuseFollow refuses to take the chain's config where something is lost by it.
func refuseFollow(r *api.Rivals, accepted bool) error {
	if r == nil || accepted {
		return nil
	}
	if n := len(r.Chain.Void); n > 0 {
		return loss(n, "under what this daemon acted under would lose its force", "under what this daemon acted under would lose their force")
	}
	if slices.Contains(r.Chain.Warnings, stewardNoMore) {
		return &api.Error{Kind: api.Refused, Rule: "steward-no-more", Text: "your organisation would be no steward any more",
			Try: "cordon case pin CASE shows both changes; to go on all the same: --yes"}
	}
	return nil
}

// choose is the one of some configs that a word means.
func choose(word string, choices []id.ConfigID) (id.ConfigID, error) {
	seen := map[id.ConfigID]bool{}
	var all []named[id.ConfigID]
	for _, x := range choices {
		if !seen[x] {
			all = append(all, named[id.ConfigID]{it: x, id: x.String()})
		}
		seen[x] = true
	}
	x, err := pick(word, all)
	return or(x, err, "cordon case pin CASE shows the two")
}
