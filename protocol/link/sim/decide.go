package sim

import (
	"fmt"
	"slices"

	"cordon/protocol"
	"cordon/protocol/id"
)

// decides: where the stewards are honest and a quorum of them is there, they carry what
// is proposed already or anew, however their votes went apart; or nothing but the votes
// keeps the members from a succession of who is gone.
func decides(w *World, o *Outcome) error {
	now := o.Case.Config()
	for _, x := range o.Case.Chain() {
		if len(x.Lapsed) > 0 {
			w.sides["carried after a lapse"]++
		}
	}
	var there []id.OrgID
	var by *Node
	for _, n := range o.Members {
		if slices.Contains(now.Stewards, n.Org.ID) {
			there, by = append(there, n.Org.ID), n
		}
	}
	if len(there) < int(now.Quorum) || o.Case.State() != protocol.StateOK || !w.honest(now.Stewards) {
		return nil
	}
	enough := func(p protocol.Proposal) bool {
		able := slices.DeleteFunc(slices.Clone(p.Missing), func(x id.OrgID) bool { return !slices.Contains(there, x) })
		return len(p.Endorsed)+len(able) >= p.Need
	}
	next, _ := o.Case.Preview(o.Case.NextConfig(by.Kid, now.Stewards, now.Quorum))
	if enough(next) {
		return nil
	}
	w.sides["votes that are not free"]++
	for _, p := range o.Case.Proposals() {
		if p.Kind == protocol.Ordinary && enough(p) {
			return nil
		}
	}
	if len(there) < len(now.Stewards) {
		m := &protocol.Propose{Config: o.Case.Succeed(by.Kid, there, majority(len(there)))}
		if err := may(o.Case, by.Kid, m); err == nil {
			w.sides["stranded"]++
			return nil
		}
	}
	return fmt.Errorf("%s are there and honest, and can carry nothing", w.called(there))
}

// honest says whether none of these cheats, lost a key or came back from an old copy.
func (w *World) honest(os []id.OrgID) bool {
	return !slices.ContainsFunc(os, func(o id.OrgID) bool { return w.cheats([]id.OrgID{o}) == nil })
}
