package daemon

import (
	"slices"

	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/identity"
)

// renew signs invitations anew that wait for an answer and were signed with a key
// which is revoked since: by such a one nobody could be admitted.
func (v *invitations) renew() error {
	type stale struct {
		key []byte
		row invitedRow
	}
	var all []stale
	err := v.out.all(func(key []byte, row invitedRow) error {
		if _, err := admission.OpenInvite(row.Invite, v.s.org); err != nil && row.waits(v.s.now()) {
			all = append(all, stale{slices.Clone(key), row})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, x := range all {
		i := v.formerly(x.row.Invite)
		if err := v.out.delete(x.key); err != nil {
			return err
		}
		if i == nil {
			continue
		}
		if err := v.s.mayDecide(); err != nil {
			v.s.log.Error("an invitation that a former key signed is withdrawn: invite again, on the active daemon")
			continue
		}
		if _, err := v.send(x.row.Case, x.row.Org, protocol.Role(i.Role), i.Teaser); err != nil {
			v.s.log.Error("an invitation that a former key signed is withdrawn: invite again", "err", err)
		}
	}
	return nil
}

// formerly reads an invitation as it was before its key was revoked; nil: it never
// was ours.
func (v *invitations) formerly(raw []byte) *admission.Invite {
	for n := len(v.s.org.Events) - 1; n > 0; n-- {
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
