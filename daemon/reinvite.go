package daemon

import (
	"slices"

	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// renew signs invitations anew that wait for an answer and by which nobody could be
// admitted any more: they were signed with a key that is revoked since, or for terms
// that are no longer in force. What is for who was removed or left since, or for a case
// that was merged away, is withdrawn.
func (v *invitations) renew() error {
	return v.renewWhere(func(invitedRow) bool { return true })
}

// renewIn is renew for one case, whose terms may have changed.
func (v *invitations) renewIn(c id.CaseID) error {
	return v.renewWhere(func(row invitedRow) bool { return row.Case == c })
}

func (v *invitations) renewWhere(of func(invitedRow) bool) error {
	type stale struct {
		key []byte
		row invitedRow
	}
	var all []stale
	err := v.out.all(func(key []byte, row invitedRow) error {
		if of(row) && row.waits(v.s.now()) && !v.current(row) {
			all = append(all, stale{slices.Clone(key), row})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, x := range all {
		if err := v.again(x.key, x.row); err != nil {
			return err
		}
	}
	return nil
}

// current says whether an accept of an invitation could admit, as far as our key and
// the terms go.
func (v *invitations) current(row invitedRow) bool {
	i, err := admission.OpenInvite(row.Invite, v.s.org)
	if err != nil {
		return false
	}
	var now id.AgrID
	err = v.s.cases.With(row.Case, func(k *protocol.Case) error {
		now = k.Embargo().Agreement
		return nil
	})
	return err != nil || i.Agr == now && !v.gone(row) // a case that cannot be read: later
}

// gone says whether the invited organisation was removed, or left, since, or the case
// goes on in another.
func (v *invitations) gone(row invitedRow) (gone bool) {
	_ = v.s.cases.With(row.Case, func(k *protocol.Case) error { // a case that cannot be read: later
		_, merged := k.MergedInto()
		gone = merged || k.Departures(row.Org) != row.Departures
		return nil
	})
	return gone
}

// again puts a new invitation in the place of one.
func (v *invitations) again(key []byte, row invitedRow) error {
	defer v.s.locks.lock(row.Case, id.Control)()
	row, ok, err := v.out.get(key)
	if err != nil || !ok || !row.waits(v.s.now()) {
		return err // answered meanwhile
	}
	if v.gone(row) {
		return v.withdraw(key, row)
	}
	if err := v.s.mayDecide(); err != nil {
		v.s.log.Error("an invitation that nobody can accept any more is withdrawn: invite again, on the active daemon")
	} else if i := v.formerly(row.Invite); i != nil {
		// A crash after this leaves both: the next look renews the old one once more.
		if _, err := v.sendLocked(row.Case, row.Org, asking{protocol.Role(i.Role), i.Teaser, i.FromAdmission}, &row); err != nil {
			v.s.log.Error("an invitation that nobody can accept any more is withdrawn: invite again", "err", err)
		}
	}
	return v.out.delete(key)
}

// formerly reads an invitation of ours, also one whose key was revoked since; nil: it
// never was ours.
func (v *invitations) formerly(raw []byte) *admission.Invite {
	for n := len(v.s.org.Events); n > 0; n-- {
		org, err := identity.Replay(v.s.org.Events[:n])
		if err != nil {
			return nil
		}
		if i, err := admission.OpenInvite(raw, org); err == nil {
			return i
		}
	}
	return nil
}
