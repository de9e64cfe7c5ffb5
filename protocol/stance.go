package protocol

import (
	"slices"

	"cordon/protocol/model"
)

// emStates are the embargo states in the model.
var emStates = map[EM]model.State{EMNone: "N", EMProposed: "P", EMActive: "A", EMRevise: "R", EMExited: "X"}

// Over says whether the end of an embargo in force has come by a clock, Unix milliseconds.
func (e Embargo) Over(now uint64) bool {
	return (e.State == EMActive || e.State == EMRevise) && now >= e.End
}

// Stance is where a participant stands in the formal model, for asking its rules: p is one
// of Case.Participants, e Case.Embargo's, cs Case.CS's, now a clock, Unix milliseconds. A
// vendor has the model's role of a deployer too, since it deploys its own fix
// (spec/model.md §11).
func (p Participant) Stance(e Embargo, cs string, now uint64) model.Participant {
	at := model.Participant{RM: rmStates[p.RM], EM: emStates[e.State], CS: model.State(p.VFD + cs[len("vfd"):])}
	if e.Over(now) {
		at.EM = emStates[EMExited]
	}
	for _, r := range p.Roles {
		switch {
		case r.Vendor():
			at.Roles = append(at.Roles, model.Vendor, model.Deployer)
		default:
			at.Roles = append(at.Roles, model.Role(r.String()))
		}
	}
	slices.Sort(at.Roles)
	at.Roles = slices.Compact(at.Roles)
	return at
}
