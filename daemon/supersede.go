package daemon

import (
	"cmp"
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

// maxFormer is how many former invitations of each role in a case stay, to tell who still
// has the id of one.
const maxFormer = 8

// supersede puts an invitation that has come in the place of the one that it is like. late says that one with a later end is here already: then this one changes nothing. The
// caller holds v.edit.
func (v *invitations) supersede(by *admission.Invite) (late bool, err error) {
	type former struct {
		key    []byte
		row    inboxRow
		expiry uint64
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
		all = append(all, former{slices.Clone(key), row, p.invite.Expiry})
		return nil
	})
	if err != nil || late {
		return late, err
	}
	slices.SortFunc(all, func(a, b former) int { return cmp.Compare(b.expiry, a.expiry) }) // the last one first
	for i, f := range all {
		switch {
		case i >= maxFormer:
			err = errors.Join(err, v.in.delete(f.key))
		case f.row.State != inboxSuperseded:
			f.row.State, f.row.By = inboxSuperseded, (*id.EntryID)(&by.ID)
			err = errors.Join(err, v.in.put(f.key, f.row))
		}
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

// superseded refuses an invitation whose place another took; of that it names the last.
func (v *invitations) superseded(row inboxRow) error {
	by := *row.By
	for {
		next, ok, err := v.in.get(by[:])
		if err != nil {
			return err
		}
		if !ok || next.State != inboxSuperseded {
			break
		}
		by = *next.By
	}
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
