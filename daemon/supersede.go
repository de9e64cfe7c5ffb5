package daemon

import (
	"errors"
	"slices"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/id"
)

// alike says whether two invitations are of one organisation, for one role in one case:
// only one salt makes one commitment (spec/identity.md §5.4.1).
func alike(a, b *admission.Invite) bool {
	return a.Inviter == b.Inviter && a.Role == b.Role && a.Commitment == b.Commitment
}

// supersede puts an invitation that has come in the place of those that it is like. Of
// each role in a case at most one former invitation stays, to tell who still has its id.
// late says that one with a later end is here already: then this one changes nothing. The
// caller holds v.edit.
func (v *invitations) supersede(by *admission.Invite) (late bool, err error) {
	type former struct {
		key []byte
		row inboxRow
	}
	var all []former
	err = v.in.all(func(key []byte, row inboxRow) error {
		if row.From != by.Inviter || row.State == inboxJoined {
			return nil
		}
		p, err := v.open(row)
		if err != nil || !alike(p.invite, by) {
			return nil // one that cannot be read any more is in nobody's way
		}
		late = late || p.invite.Expiry > by.Expiry
		all = append(all, former{slices.Clone(key), row})
		return nil
	})
	if err != nil || late {
		return late, err
	}
	for _, f := range all {
		if f.row.State == inboxSuperseded {
			err = errors.Join(err, v.in.delete(f.key))
			continue
		}
		f.row.State, f.row.By = inboxSuperseded, (*id.EntryID)(&by.ID)
		err = errors.Join(err, v.in.put(f.key, f.row))
	}
	return false, err
}

// replaced are the invitations whose place others took, by the id of the other.
func (v *invitations) replaced() (map[id.EntryID]id.EntryID, error) {
	of := map[id.EntryID]id.EntryID{}
	err := v.in.all(func(key []byte, row inboxRow) error {
		if row.State == inboxSuperseded {
			of[*row.By] = id.EntryID(key)
		}
		return nil
	})
	return of, err
}

// errSuperseded refuses an invitation whose place another took.
func errSuperseded(by id.EntryID) error {
	name := by.String()[:short]
	return &api.Error{Kind: api.Refused, Rule: "invitation-superseded", Text: "a newer invitation of the same organisation took its place: " + name,
		Try: "read what it asks you to sign: cordon inbox; then: cordon inbox accept " + name}
}

// memberships are the cases that we are in, by the commitment with which an invitation
// would offer a further role there. It reads every case.
func (v *invitations) memberships() map[[32]byte]id.CaseID {
	of := map[[32]byte]id.CaseID{}
	for _, c := range v.s.led.Cases() {
		_ = v.s.cases.With(c, func(k *protocol.Case) error { // one that cannot be read is not told
			if salt, ok := k.Salt(v.s.org.ID); ok {
				of[admission.Commitment(c, salt)] = c
			}
			return nil
		})
	}
	return of
}
