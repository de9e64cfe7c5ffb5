package daemon

import (
	"net/http"

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

func (s *service) showPin(k *protocol.Case) (*api.Pin, error) {
	row, _, err := s.pins.get(k.ID())
	if err != nil {
		return nil, err
	}
	out := &api.Pin{Schema: "cordon.pin/1", Case: k.ID(), State: k.State(), Pinned: row.Pin, Chain: k.Config().ID}
	if r, ok := k.Conflict(); ok {
		out.Rivals = &api.Rivals{Both: listed(r.Both)}
		if out.Rivals.Pinned, err = s.showChange(k, r.Pinned); err == nil {
			out.Rivals.Chain, err = s.showChange(k, r.Chain)
		}
	}
	return out, err
}

// setPin answers POST /cases/{case}/pin: a person decides a conflict. To stay with
// what is not in the chain changes nothing here or elsewhere; to take the chain's
// ends the conflict.
func (s *service) setPin(r *http.Request) (any, error) {
	c, a, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	var out *api.Pin
	err = s.cases.With(c, func(k *protocol.Case) error {
		row, _, err := s.pins.get(c)
		if err != nil {
			return err
		}
		if k.State() != protocol.StateConflict {
			return &api.Error{Kind: api.Refused, Rule: "no-conflict", Text: "there is nothing to decide: the case goes on under what this daemon acted under"}
		}
		tip := k.Config().ID
		choices := []id.ConfigID{row.Pin, tip}
		if rivals, ok := k.Conflict(); ok {
			choices = append(choices, rivals.Pinned.ID, rivals.Chain.ID)
		}
		x, err := choose(a.What, choices)
		if err == nil && inChain(k, x) {
			err = s.pins.set(k, pinRow{Pin: x, Tip: tip, Since: s.ms()})
		}
		if err != nil {
			return err
		}
		out, err = s.showPin(k)
		return err
	})
	return out, err
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
