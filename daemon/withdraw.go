package daemon

import (
	"slices"

	"cordon/daemon/api"
	"cordon/peer"
	"cordon/protocol/admission"
	"cordon/protocol/id"
)

// withdraw takes an invitation of ours back, also one that has been accepted and waits for a
// person. The caller holds the lock of the case's control feed.
func (v *invitations) withdraw(key []byte, row invitedRow) error {
	row.Withdrawn, row.Salt = true, nil
	if err := v.out.put(key, row); err != nil {
		return err
	}
	// Commit point: nobody is admitted by it; resumeOffers goes on after a crash.
	v.s.log.Info("an invitation that nobody can accept any more is withdrawn; who was invited is told")
	return v.tellWithdrawn(key, row)
}

// tellWithdrawn tells who was invited, once it has the invitation itself.
func (v *invitations) tellWithdrawn(key []byte, row invitedRow) error {
	if !row.Sent {
		return nil // offerSettled
	}
	i := v.formerly(row.Invite)
	if i == nil {
		return v.out.delete(key)
	}
	return v.s.net.SendDecline(row.Org, [32]byte(key), i.Nonce, row.Until)
}

// declineSettled forgets what was withdrawn, once its invitee has heard so.
func (v *invitations) declineSettled(invite [32]byte) error {
	row, ok, err := v.out.get(invite[:])
	if err != nil || !ok {
		return err
	}
	defer v.s.locks.lock(row.Case, id.Control)()
	if row, ok, err = v.out.get(invite[:]); err != nil || !ok || !row.Withdrawn {
		return err
	}
	return v.out.delete(invite[:])
}

// withdrawn marks the invitation to us that its inviter takes back, signed or not. It
// stays until it ends or a person puts it away.
func (v *invitations) withdrawn(from peer.Contact, nonce [16]byte) error {
	v.edit.Lock()
	defer v.edit.Unlock()
	var key []byte
	var found inboxRow
	err := v.in.all(func(k []byte, row inboxRow) error {
		if row.From != from.Org || row.State == inboxJoined || row.State == inboxSuperseded {
			return nil
		}
		if p, err := v.open(row); err == nil && p.invite.Nonce == nonce {
			key, found = slices.Clone(k), row
		}
		return nil
	})
	if err != nil || key == nil || found.State == inboxWithdrawn {
		return err
	}
	v.s.log.Info("an invitation was withdrawn by who has sent it: cordon inbox")
	found.State = inboxWithdrawn
	return v.in.put(key, found)
}

// errWithdrawn refuses an invitation that was taken back.
var errWithdrawn = &api.Error{Kind: api.Refused, Rule: "invitation-withdrawn", Text: "who invited has withdrawn it: there is nothing to sign",
	Try: "ask them; to put it away: cordon inbox decline ID"}

// waiting yields the invitations of ours into a case that wait for an answer.
func (v *invitations) waiting(c id.CaseID, yield func(invitedRow, *admission.Invite)) error {
	return v.out.all(func(_ []byte, row invitedRow) error {
		if i := v.formerly(row.Invite); i != nil && row.Case == c && row.waits(v.s.now()) {
			yield(row, i)
		}
		return nil
	})
}
