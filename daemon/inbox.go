package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/canon"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Limits of the quarantine in which invitations to us wait (spec/protocol.md §5.4).
const (
	maxPendingPeer = 64
	maxPendingAll  = 1000
	maxPendingTime = 30 * 24 * time.Hour
)

// The states of an invitation to us.
const (
	inboxOpen     = "open"     // nobody has answered
	inboxAccepted = "accepted" // signed; the inviter has not let us in yet
	inboxRefused  = "refused"  // signed; the inviter says no
	inboxJoined   = "joined"   // let in: kept until the outbox has heard so
	// Another took its place: kept until it ends, for who still has its id.
	inboxSuperseded = "superseded"
	inboxErased     = "erased"    // signed, and of a case that was erased here: nothing of it was taken
	inboxWithdrawn  = "withdrawn" // by who has sent it: kept until it ends or a person puts it away
)

// inboxRow is an invitation to us.
type inboxRow struct {
	Invite    []byte      `json:"invite"` // the signed object
	Agreement []byte      `json:"agreement"`
	From      id.OrgID    `json:"from"`
	Until     time.Time   `json:"until"` // when we forget it
	State     string      `json:"state"`
	By        *id.EntryID `json:"by,omitempty"`   // which took its place
	Anew      bool        `json:"anew,omitempty"` // a person wants the case, though it was erased here
}

// invitations are both sides of /cordon/invite/1: what we were sent, in
// quarantine, and what we sent. It is peer.Invitations. Safe for concurrent use.
type invitations struct {
	s    *service
	in   shelf[inboxRow]   // by id of the invite
	out  shelf[invitedRow] // by id of the invite
	edit sync.Mutex        // held by who changes in; out is changed under the case's lock
}

func openInvitations(s *service) *invitations {
	return &invitations{s: s, in: openShelf[inboxRow](s.led, shelfInbox), out: openShelf[invitedRow](s.led, shelfInvited)}
}

var errNoInvitation = &api.Error{Kind: api.NotFound, Text: "no such invitation"}

// wireAgreement is "agreement" of spec/cordon.cddl.
type wireAgreement struct {
	Record []byte `cbor:"1,keyasint"`
	Text   string `cbor:"2,keyasint"`
}

// openAgreement reads an agreement that stands beside an invitation.
func openAgreement(raw []byte) (protocol.Agreement, protocol.Record, error) {
	var w wireAgreement
	if err := canon.Unmarshal(raw, &w); err != nil {
		return protocol.Agreement{}, protocol.Record{}, err
	}
	a := protocol.Agreement{Raw: w.Record, Text: w.Text}
	r, err := a.Open()
	return a, r, err
}

// Offered is peer.Invitations: it keeps what verifies, within the limits, and
// does nothing else: no case data has come, none is asked for.
func (v *invitations) Offered(from peer.Contact, o peer.Offer) error {
	card, err := identity.OpenCard(o.Card)
	if err != nil {
		return fmt.Errorf("offer: card: %w", err)
	}
	if _, ok := v.s.dir.pinned(from.Org); !ok || card.Org.ID != from.Org {
		return errors.New("offer: not of a pinned organisation")
	}
	v.s.dir.Learn(from.Org, card.Org.Events)
	org, _ := v.s.dir.org(from.Org)
	invite, err := admission.OpenInvite(o.Invite, org)
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	if invite.Invitee != v.s.org.ID {
		return errors.New("offer: for somebody else")
	}
	if a, _, err := openAgreement(o.Agreement); err != nil || a.ID() != invite.Agr {
		return errors.New("offer: its agreement is not the one it names")
	}
	now := v.s.now()
	until := time.UnixMilli(int64(invite.Expiry))
	if !until.After(now) {
		return errors.New("offer: expired")
	}
	if most := now.Add(maxPendingTime); until.After(most) {
		until = most
	}
	v.edit.Lock()
	defer v.edit.Unlock()
	if _, ok, err := v.in.get(invite.ID[:]); ok || err != nil {
		return err // the same invite again
	}
	if late, err := v.supersede(invite); late || err != nil {
		return err // a newer one is here already
	}
	if err := v.room(from.Org); err != nil {
		return err
	}
	v.s.log.Info("an invitation has come: cordon inbox")
	return v.in.put(invite.ID[:], inboxRow{Invite: invite.Raw, Agreement: o.Agreement, From: from.Org, Until: until, State: inboxOpen})
}

// room says whether the quarantine can take one more of an organisation.
func (v *invitations) room(from id.OrgID) error {
	all, ofPeer := 0, 0
	err := v.in.all(func(_ []byte, row inboxRow) error {
		if row.State == inboxSuperseded {
			return nil // its place is taken by another, which counts
		}
		all++
		if row.From == from {
			ofPeer++
		}
		return nil
	})
	if err == nil && (all >= maxPendingAll || ofPeer >= maxPendingPeer) {
		err = errors.New("offer: too many invitations wait already")
	}
	return err
}

// pending is an invitation to us, read.
type pending struct {
	row    inboxRow
	invite *admission.Invite
}

// open reads a row; its objects verified when it came, the chain may have grown.
func (v *invitations) open(row inboxRow) (pending, error) {
	org, ok := v.s.dir.org(row.From)
	if !ok {
		return pending{}, errNoInvitation
	}
	invite, err := admission.OpenInvite(row.Invite, org)
	if err != nil {
		return pending{}, fmt.Errorf("stored invitation: %w", err)
	}
	return pending{row, invite}, nil
}

// list is every invitation that waits for a person, oldest end first.
func (v *invitations) list() ([]api.InboxItem, error) {
	items := []api.InboxItem{}
	now := v.s.now()
	memberships := sync.OnceValue(v.memberships) // none for an empty inbox
	replaced, err := v.replaced()
	if err != nil {
		return nil, err
	}
	err = v.in.all(func(key []byte, row inboxRow) error {
		if row.State == inboxJoined || row.State == inboxSuperseded || !row.Until.After(now) {
			return nil
		}
		p, err := v.open(row)
		if err != nil {
			return nil // its organisation was unpinned or revoked the key: nothing to answer
		}
		item, err := p.item()
		if err != nil {
			return err
		}
		if org, ok := v.s.dir.org(row.From); ok {
			item.FromName = org.Name
		}
		if old, ok := replaced[id.EntryID(key)]; ok {
			item.Replaces = &old
		}
		if c, ok := memberships()[p.invite.Commitment]; ok {
			item.Case = &c
		}
		items = append(items, item)
		return nil
	})
	slices.SortFunc(items, func(a, b api.InboxItem) int { return a.Expires.Compare(b.Expires) })
	return items, err
}

func (p pending) item() (api.InboxItem, error) {
	agreement, record, err := openAgreement(p.row.Agreement)
	if err != nil {
		return api.InboxItem{}, err
	}
	return api.InboxItem{
		ID: id.EntryID(p.invite.ID).String(), Kind: "invitation", From: p.row.From,
		Role:      protocol.Role(p.invite.Role).String(),
		Agreement: api.Agreement{ID: agreement.ID(), End: msTime(record.End), Text: agreement.Text},
		History:   historyName(p.invite.FromAdmission),
		Teaser:    p.invite.Teaser, Expires: p.row.Until.UTC(), State: p.row.State,
	}, nil
}

// find is the one invitation that name (an id or a prefix of it) means.
func (v *invitations) find(name string) (key []byte, p pending, err error) {
	var rows []inboxRow
	var keys [][]byte
	err = v.in.all(func(k []byte, row inboxRow) error {
		if row.State != inboxJoined && row.Until.After(v.s.now()) && prefixOf(name, id.EntryID(k).String()) {
			rows, keys = append(rows, row), append(keys, slices.Clone(k))
		}
		return nil
	})
	if err != nil {
		return nil, p, err
	}
	if len(rows) != 1 {
		return nil, p, errNoInvitation
	}
	if rows[0].State == inboxSuperseded {
		return nil, p, v.superseded(rows[0])
	}
	p, err = v.open(rows[0])
	return keys[0], p, err
}

// accept signs the agreement of an invitation and hands it to the outbox.
// Accepting again sends the same answer again. anew: also if it is of a case that was
// erased here.
func (v *invitations) accept(name string, anew bool) (id.EntryID, error) {
	v.edit.Lock()
	defer v.edit.Unlock()
	key, p, err := v.find(name)
	if err != nil {
		return id.EntryID{}, err
	}
	if p.row.State == inboxWithdrawn {
		return id.EntryID{}, errWithdrawn
	}
	if err := v.s.certified(); err != nil {
		return id.EntryID{}, err
	}
	raw, err := admission.SealAccept(v.s.keys.sign, p.invite.Accept())
	if err != nil {
		return id.EntryID{}, fmt.Errorf("accept: %w", err)
	}
	if p.row.State == inboxErased && !anew {
		return id.EntryID{}, errErasedCase
	}
	p.row.State, p.row.Anew = inboxAccepted, anew
	if err := v.in.put(key, p.row); err != nil {
		return id.EntryID{}, err
	}
	// Commit point: the answer is ours from here on; resume hands it over again after a crash.
	return id.EntryID(p.invite.ID), v.deliver(p, raw)
}

func (v *invitations) deliver(p pending, accept []byte) error {
	card, err := v.s.self.raw()
	if err != nil {
		return err
	}
	return v.s.net.SendAccept(p.row.From, p.invite.ID, peer.Acceptance{Accept: accept, Card: card}, p.row.Until)
}

// decline forgets an invitation and tells the inviter.
func (v *invitations) decline(name string) (id.EntryID, error) {
	v.edit.Lock()
	defer v.edit.Unlock()
	key, p, err := v.find(name)
	if err != nil {
		return id.EntryID{}, err
	}
	if p.row.State == inboxWithdrawn {
		return id.EntryID(p.invite.ID), v.in.delete(key)
	}
	if p.row.State == inboxAccepted {
		return id.EntryID{}, &api.Error{Kind: api.Refused, Text: "the agreement is signed already", Try: "once in the case: cordon embargo leave"}
	}
	if err := v.s.net.SendDecline(p.row.From, p.invite.ID, p.invite.Nonce, p.row.Until); err != nil {
		return id.EntryID{}, err
	}
	return id.EntryID(p.invite.ID), v.in.delete(key)
}

// errErasedCase refuses to take a case again that was erased here.
var errErasedCase = &api.Error{Kind: api.Refused, Rule: "erased-here", Text: "the case of this invitation was erased here: nothing of it was taken",
	Try: "to have it again all the same: cordon inbox accept ID --take-erased"}

// Joined is peer.Invitations: the inviter has let us in. What it says is taken
// only if it opens the commitment that we signed.
func (v *invitations) Joined(from peer.Contact, j peer.Join) error {
	v.edit.Lock()
	defer v.edit.Unlock()
	row, ok, err := v.in.get(j.Invite[:])
	if err != nil {
		return err
	}
	if !ok || row.From != from.Org || row.State != inboxAccepted && row.State != inboxJoined {
		return errNoInvitation
	}
	p, err := v.open(row)
	if err != nil {
		return err
	}
	if !admission.Opens(p.invite.Commitment, j.Case, j.Salt) {
		return errors.New("join: another case than the one that was signed")
	}
	if v.s.led.Erased(j.Case) {
		if !row.Anew {
			return ledger.ErrErased
		}
		if err := v.s.led.Welcome(j.Case); err != nil {
			return err
		}
	}
	row.State = inboxJoined
	return v.in.put(j.Invite[:], row)
}

// Settled is peer.Invitations.
func (v *invitations) Settled(_ id.OrgID, invite [32]byte, kind peer.RequestKind, err error) {
	switch kind {
	case peer.RequestOffer:
		err = v.offerSettled(invite, err)
	case peer.RequestAccept:
		err = v.acceptSettled(invite, err)
	default:
		err = v.declineSettled(invite) // one of ours, or what we have withdrawn
	}
	if err != nil {
		v.s.log.Error("settle an invitation", "err", err)
	}
}

func (v *invitations) acceptSettled(invite [32]byte, outcome error) error {
	v.edit.Lock()
	defer v.edit.Unlock()
	row, ok, err := v.in.get(invite[:])
	if err != nil || !ok {
		return err
	}
	if row.State == inboxSuperseded || row.State == inboxWithdrawn {
		return nil
	}
	if errors.Is(outcome, ledger.ErrErased) {
		v.s.log.Warn("an invitation that was accepted is of a case that was erased here: cordon inbox")
		row.State = inboxErased
		return v.in.put(invite[:], row)
	}
	if errors.Is(outcome, peer.ErrRefused) {
		row.State = inboxRefused
		return v.in.put(invite[:], row)
	}
	return v.in.delete(invite[:])
}

// expire forgets, once an hour, what has passed its time on both sides; before
// that it hands over what a crash kept from the outbox.
func (v *invitations) expire(ctx context.Context) error {
	if err := errors.Join(v.renew(), v.resumeAccepts(), v.resumeOffers()); err != nil {
		return err
	}
	hour := time.NewTicker(time.Hour)
	defer hour.Stop()
	for {
		if err := errors.Join(v.forgetIn(), v.forgetOut()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-hour.C:
		}
	}
}

// resumeAccepts hands every signed answer to the outbox again, which knows
// those that it has.
func (v *invitations) resumeAccepts() error {
	v.edit.Lock()
	defer v.edit.Unlock()
	return v.in.all(func(_ []byte, row inboxRow) error {
		if row.State != inboxAccepted || !row.Until.After(v.s.now()) {
			return nil
		}
		p, err := v.open(row)
		if err != nil {
			return nil // unpinned meanwhile: there is nobody to answer to
		}
		raw, err := admission.SealAccept(v.s.keys.sign, p.invite.Accept())
		if err != nil {
			return err
		}
		return v.deliver(p, raw)
	})
}

func (v *invitations) forgetIn() error {
	v.edit.Lock()
	defer v.edit.Unlock()
	var old [][]byte
	err := v.in.all(func(key []byte, row inboxRow) error {
		if !row.Until.After(v.s.now()) {
			old = append(old, slices.Clone(key))
		}
		return nil
	})
	for _, key := range old {
		err = errors.Join(err, v.in.delete(key))
	}
	return err
}
