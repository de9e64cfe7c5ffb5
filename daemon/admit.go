package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/canon"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// invitationTime is how long an invitation may be answered.
const invitationTime = 7 * 24 * time.Hour

// invitedRow is an invitation of ours. With it goes the salt: who has no row can
// tell nobody which case an invitation was of.
type invitedRow struct {
	Case   id.CaseID `json:"case"`
	Org    id.OrgID  `json:"org"`
	Invite []byte    `json:"invite"` // the signed object
	Salt   []byte    `json:"salt"`
	Until  time.Time `json:"until"`
	Sent   bool      `json:"sent"`   // the outbox is done with it
	Joined bool      `json:"joined"` // admitted by it: kept, since the invitee may ask again
	// Accepted, and not admitted: our contact was too low then. The invitee asks again.
	Accepted bool `json:"accepted,omitempty"`
	// Declined: kept without its salt until it expires, so that the inviter sees it.
	Declined bool `json:"declined,omitempty"`
	// Withdrawn: kept without its salt until the invitee has heard so.
	Withdrawn bool `json:"withdrawn,omitempty"`
	// How often the organisation had left the case, or was removed, when it was invited.
	Departures int `json:"departures,omitempty"`
}

// invite answers POST /cases/{case}/invite.
func (s *service) invite(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var q api.Invite
	if err := readJSON(r.Body, &q); err != nil {
		return nil, err
	}
	role, err := protocol.ParseRole(q.Role)
	if err != nil {
		return nil, invalid("%v", err)
	}
	if err := identity.PlainText(q.Teaser, admission.MaxTeaser); err != nil {
		return nil, invalid("a teaser is one line of at most %d bytes", admission.MaxTeaser)
	}
	org, err := s.findGuest(c, q.Org)
	if err != nil {
		return nil, err
	}
	if err := s.invitable(c, org, role); err != nil {
		return nil, s.elsewhere(c, err)
	}
	limited, err := s.historyFor(c, org, q.History)
	if err != nil {
		return nil, err
	}
	x, err := s.inv.send(c, org, asking{role, q.Teaser, limited})
	if err != nil {
		return nil, err
	}
	warn, err := s.policyWarnings(c, org)
	return &api.Written{Schema: writtenSchema, Case: &c, ID: x.String(), To: []id.OrgID{org}, Warnings: warn}, err
}

// invitable says why we cannot invite an organisation into a case.
func (s *service) invitable(c id.CaseID, org id.OrgID, role protocol.Role) error {
	if err := s.cases.With(c, func(k *protocol.Case) error { return mayInvite(k, s.org.ID, org, role) }); err != nil {
		return err
	}
	if err := s.mayDecide(); err != nil {
		return err // it could not admit who accepts
	}
	if _, ok := s.dir.pinned(org); !ok {
		return &api.Error{Kind: api.Refused, Rule: "not-pinned", Text: "only an organisation whose card a person has pinned can be invited",
			Try: "ask it for its card, compare the words, then: cordon peer add FILE"}
	}
	return s.sure(c, org)
}

// asking is what an organisation is invited to.
type asking struct {
	role          protocol.Role
	teaser        string
	fromAdmission bool
}

// send writes an invitation and hands it to the outbox.
func (v *invitations) send(c id.CaseID, org id.OrgID, ask asking) (id.EntryID, error) {
	defer v.s.locks.lock(c, id.Control)()
	if err := v.none(c, org); err != nil {
		return id.EntryID{}, err
	}
	x, err := v.sendLocked(c, org, ask, nil)
	return x, errors.Join(err, v.forgetDeclined(c, org))
}

// sendLocked is send for a caller that holds the lock of the case's control feed, and
// that leaves no other invitation of this organisation waiting but the one that this
// one takes the place of; nil: there is none.
func (v *invitations) sendLocked(c id.CaseID, org id.OrgID, ask asking, former *invitedRow) (id.EntryID, error) {
	s := v.s
	if err := s.certified(); err != nil {
		return id.EntryID{}, err
	}
	row := invitedRow{Case: c, Org: org, Until: s.now().Add(invitationTime)}
	var salt [32]byte
	var agreement protocol.Agreement
	err := s.cases.With(c, func(k *protocol.Case) error {
		agr := k.Embargo().Agreement
		agreement, _, _ = k.Agreement(agr)
		row.Departures = k.Departures(org)
		var member bool
		if salt, member = k.Salt(org); !member {
			_, _ = rand.Read(salt[:]) // never fails (crypto/rand)
		}
		return mayInvite(k, s.org.ID, org, ask.role)
	})
	if err != nil {
		return id.EntryID{}, err
	}
	if former != nil { // the same salt and a later end: so the invitee knows which takes whose place
		salt = [32]byte(former.Salt)
		if after := former.Until.Add(time.Millisecond); row.Until.Before(after) {
			row.Until = after
		}
	}
	row.Salt = salt[:]
	i := admission.Invite{
		Inviter: s.org.ID, Invitee: org, Commitment: admission.Commitment(c, salt), Role: uint8(ask.role),
		Agr: agreement.ID(), Expiry: uint64(row.Until.UnixMilli()), Teaser: ask.teaser, FromAdmission: ask.fromAdmission,
	}
	_, _ = rand.Read(i.Nonce[:])
	if row.Invite, err = admission.SealInvite(s.keys.sign, i); err != nil {
		return id.EntryID{}, fmt.Errorf("invite: %w", err)
	}
	sealed, err := admission.OpenInvite(row.Invite, s.org)
	if err != nil {
		return id.EntryID{}, fmt.Errorf("invite: %w", err)
	}
	if err := v.out.put(sealed.ID[:], row); err != nil {
		return id.EntryID{}, err
	}
	// Commit point: the invitation stands; resumeOffers hands it over again after a crash.
	return id.EntryID(sealed.ID), v.offer(sealed.ID, row, agreement)
}

// mayInvite says whether an invitation could end in an admission.
func mayInvite(k *protocol.Case, us, org id.OrgID, role protocol.Role) error {
	switch {
	case !slices.Contains(k.Stewards(), us):
		return &protocol.Refusal{Rule: "not-a-steward", Text: "only a steward of the case may invite"}
	case slices.Contains(k.Roles(org), role):
		return &protocol.Refusal{Rule: "role-already", Text: "the organisation is in the case with this role already"}
	}
	if _, gone := k.MergedInto(); gone {
		return errMergedAway
	}
	return halted(k)
}

// waits says whether an invitation may still be answered.
func (r invitedRow) waits(now time.Time) bool { return !r.Joined && !r.void() && r.Until.After(now) }

// void says whether it admits nobody any more.
func (r invitedRow) void() bool { return r.Declined || r.Withdrawn }

// none refuses a second invitation while one waits.
func (v *invitations) none(c id.CaseID, org id.OrgID) error {
	return v.out.all(func(_ []byte, row invitedRow) error {
		if row.Case == c && row.Org == org && row.waits(v.s.now()) && !v.gone(row) {
			return &api.Error{Kind: api.Exists, Text: "the organisation has been invited and has not answered yet"}
		}
		return nil
	})
}

// forgetDeclined makes way for a new invitation.
func (v *invitations) forgetDeclined(c id.CaseID, org id.OrgID) error {
	return v.forgetWhere(func(row invitedRow) bool { return row.Declined && row.Case == c && row.Org == org })
}

func (v *invitations) offer(invite [32]byte, row invitedRow, agreement protocol.Agreement) error {
	card, err := v.s.self.raw()
	if err != nil {
		return err
	}
	a := canon.MustMarshal(wireAgreement{Record: agreement.Raw, Text: agreement.Text})
	return v.s.net.SendOffer(row.Org, invite, peer.Offer{Invite: row.Invite, Agreement: a, Card: card}, row.Until)
}

// resumeOffers hands what the outbox has not settled to it again; it knows
// those that it has.
func (v *invitations) resumeOffers() error {
	return v.out.all(func(key []byte, row invitedRow) error {
		if row.Withdrawn {
			return v.tellWithdrawn(key, row)
		}
		if row.Sent || !row.waits(v.s.now()) {
			return nil
		}
		i, err := admission.OpenInvite(row.Invite, v.s.org)
		if err != nil {
			return fmt.Errorf("stored invitation: %w", err)
		}
		var agreement protocol.Agreement
		err = v.s.cases.With(row.Case, func(k *protocol.Case) error {
			agreement, _, _ = k.Agreement(i.Agr)
			return nil
		})
		if err != nil {
			return err
		}
		return v.offer([32]byte(key), row, agreement)
	})
}

func (v *invitations) offerSettled(invite [32]byte, outcome error) error {
	row, ok, err := v.out.get(invite[:])
	if err != nil || !ok {
		return err
	}
	defer v.s.locks.lock(row.Case, id.Control)()
	if row, ok, err = v.out.get(invite[:]); err != nil || !ok {
		return err
	}
	if outcome != nil && !row.Joined && !row.Declined {
		v.s.log.Warn("an invitation was not taken by the organisation it was for", "err", outcome)
		return v.out.delete(invite[:])
	}
	row.Sent = true
	if err := v.out.put(invite[:], row); err != nil || !row.Withdrawn {
		return err
	}
	return v.tellWithdrawn(invite[:], row)
}

// Accepted is peer.Invitations: a valid accept admits at once, with nobody awake.
// What is wrong with the accept, or what the case refuses, is an error, which the
// other side hears as "no"; a trouble of ours is "pending", and it asks again.
func (v *invitations) Accepted(from peer.Contact, a peer.Acceptance) (*peer.Join, error) {
	j, err := v.accepted(from, a)
	var trouble *troubled
	if errors.Is(err, errHeld) {
		return nil, nil
	}
	if errors.As(err, &trouble) {
		v.s.log.Error("admit an organisation that has accepted; it will ask again", "err", err)
		return nil, nil
	}
	return j, err
}

// troubled marks an error of this machine or daemon, not of what was asked.
type troubled struct{ err error }

func (t *troubled) Error() string { return t.err.Error() }
func (t *troubled) Unwrap() error { return t.err }

// ours marks err unless the rules of the case said it.
func ours(err error) error {
	var refused *protocol.Refusal
	if err == nil || errors.As(err, &refused) || errors.Is(err, errNoInvitation) {
		return err
	}
	return &troubled{err}
}

func (v *invitations) accepted(from peer.Contact, a peer.Acceptance) (*peer.Join, error) {
	if v.s.mayDecide() != nil {
		return nil, errHeld // for the active daemon of ours, which has not reached it
	}
	card, err := identity.OpenCard(a.Card)
	if err != nil {
		return nil, fmt.Errorf("accept: card: %w", err)
	}
	if card.Org.ID != from.Org {
		return nil, errors.New("accept: another organisation's card")
	}
	v.s.dir.Learn(from.Org, card.Org.Events)
	accept, err := admission.OpenAccept(a.Accept, card.Org)
	if err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	row, ok, err := v.out.get(accept.Invite[:])
	if err != nil {
		return nil, ours(err)
	}
	if !ok || row.Org != from.Org || row.void() {
		return nil, errNoInvitation
	}
	if err := v.s.tellActive(context.Background(), row.Case); err != nil {
		return nil, ours(err)
	}
	defer v.s.locks.lock(row.Case, id.Control)()
	if row, ok, err = v.out.get(accept.Invite[:]); err != nil {
		return nil, ours(err)
	}
	if !ok || row.void() {
		return nil, errNoInvitation // declined, withdrawn or expired meanwhile
	}
	return v.settle(row, accept, card)
}

// settle admits by an accept, once, and says where the case is. The caller holds
// the lock of the case's control feed.
func (v *invitations) settle(row invitedRow, accept *admission.Accept, card *identity.Card) (*peer.Join, error) {
	invite, err := admission.OpenInvite(row.Invite, v.s.org)
	if err != nil {
		return nil, fmt.Errorf("stored invitation: %w", err)
	}
	if !accept.Answers(invite) {
		return nil, errors.New("accept: of another invitation")
	}
	if !row.Joined {
		if !row.Until.After(v.s.now()) {
			return nil, errors.New("accept: the invitation has expired")
		}
		if err := v.sure(row, invite); err != nil {
			return nil, err
		}
		if err := v.s.admit(row, invite, accept, card); err != nil {
			return nil, ours(err)
		}
		row.Joined = true
		if err := v.out.put(accept.Invite[:], row); err != nil {
			return nil, ours(err)
		}
		v.s.log.Info("an organisation has accepted and was admitted")
	}
	j, err := v.s.join(row, accept.Invite)
	return j, ours(err)
}

// mayEnter says why who has accepted is not let in.
func (v *invitations) mayEnter(row invitedRow, invite *admission.Invite) error {
	if err := v.s.sure(row.Case, row.Org); err != nil {
		return err
	}
	return v.s.cases.With(row.Case, func(k *protocol.Case) error {
		_, err := v.s.historyOf(k, row.Org, invite.FromAdmission)
		return err
	})
}

// errHeld says that an accept waits for a person here.
var errHeld = errors.New("accept: held")

// sure asks again, before the admission, what was asked before the invitation. While
// the answer is no, the accept waits: the invitee is told that it is pending, asks
// again as after any trouble of ours, and so is let in once a person has seen to it.
func (v *invitations) sure(row invitedRow, invite *admission.Invite) error {
	err := v.mayEnter(row, invite)
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Kind != api.Refused {
		return ours(err)
	}
	if !row.Accepted {
		row.Accepted = true
		if err := v.out.put(invite.ID[:], row); err != nil {
			return ours(err)
		}
		v.s.log.Warn("an organisation has accepted and is not let in: cordon case show says why")
	}
	return errHeld
}

// held says why an accept waits and what lets it in; nil: it does not.
func (v *invitations) held(row invitedRow, invite *admission.Invite) *api.Warning {
	if !row.Accepted || row.Declined {
		return nil
	}
	w := &api.Warning{Text: "it has accepted, and is let in when it asks again, in a moment"}
	if e, ok := errors.AsType[*api.Error](v.mayEnter(row, invite)); ok {
		w.Text, w.Try = "it has accepted, and is not let in: "+e.Text, e.Try
	}
	return w
}

// admit writes the invitee's identity events and its admission. The caller holds
// the lock of the case's control feed, so that one accept admits once; what an
// earlier, interrupted call has written is not written again.
func (s *service) admit(row invitedRow, invite *admission.Invite, accept *admission.Accept, card *identity.Card) error {
	ctx := context.Background() // the accept came over the network: nobody waits who could give up
	var lacks [][]byte
	has := false
	var hist []protocol.Anchor
	err := s.cases.With(row.Case, func(k *protocol.Case) (err error) {
		o, ok := k.Org(row.Org)
		if lacks = card.Org.Events; ok {
			lacks = lacking(o, card.Org)
		}
		has = slices.Contains(k.Roles(row.Org), protocol.Role(accept.Role))
		if _, merged := k.MergedInto(); k.Departures(row.Org) != row.Departures || merged && !has {
			return errNoInvitation // it was removed, or left, since it was invited; or the case goes on in another
		}
		hist, err = s.historyOf(k, row.Org, invite.FromAdmission)
		return err
	})
	if err != nil || has {
		return err
	}
	say := []decide{asSteward(&protocol.Admit{Invite: row.Invite, Accept: accept.Raw, Salt: [32]byte(row.Salt), Hist: hist, Card: card.Raw})}
	if len(lacks) > 0 {
		say = append([]decide{asSteward(&protocol.Ident{Events: lacks})}, say...)
	}
	for _, d := range say {
		p, err := s.beginLocked(row.Case, d)
		if err != nil {
			return err
		}
		if _, err := p.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// join says where the case is, made anew from the ledger whenever it is asked for.
func (s *service) join(row invitedRow, invite [32]byte) (*peer.Join, error) {
	j := &peer.Join{Invite: invite, Case: row.Case, Salt: [32]byte(row.Salt)}
	err := s.cases.With(row.Case, func(k *protocol.Case) error {
		admit, ok := k.Admission(row.Org)
		if !ok {
			return errNoInvitation // removed since
		}
		j.Admit, j.Config = admit, k.Config().ID
		return nil
	})
	if err != nil {
		return nil, err
	}
	return j, nil
}

// Declined is peer.Invitations: the salt is forgotten, so that nobody can be told
// any more which case it was. Of who has invited us it is the word that it takes the
// invitation back.
func (v *invitations) Declined(from peer.Contact, nonce [16]byte) error {
	if err := v.withdrawn(from, nonce); err != nil {
		return err
	}
	var key []byte
	var at id.CaseID
	err := v.out.all(func(k []byte, row invitedRow) error {
		if row.Org != from.Org || row.Joined || row.void() {
			return nil
		}
		i, err := admission.OpenInvite(row.Invite, v.s.org)
		if err == nil && i.Nonce == nonce {
			key, at = slices.Clone(k), row.Case
		}
		return nil
	})
	if err != nil || key == nil {
		return err // unknown: declined before, or never ours; nothing to forget
	}
	defer v.s.locks.lock(at, id.Control)()
	row, ok, err := v.out.get(key)
	if err != nil || !ok || row.Joined {
		return err
	}
	v.s.log.Info("an organisation has declined its invitation")
	row.Declined, row.Salt = true, nil
	return v.out.put(key, row)
}

// invited is the invitations of a case that wait for an answer or were declined,
// as participants.
func (v *invitations) invited(c id.CaseID) ([]api.Participant, error) {
	var out []api.Participant
	err := v.out.all(func(_ []byte, row invitedRow) error {
		if row.Case != c || !row.Declined && !row.waits(v.s.now()) || v.gone(row) {
			return nil
		}
		i, err := admission.OpenInvite(row.Invite, v.s.org)
		if err != nil {
			return fmt.Errorf("stored invitation: %w", err)
		}
		p := api.Participant{Org: row.Org, Roles: []string{protocol.Role(i.Role).String()}, RM: protocol.RMStart.String(),
			Consent: string(protocol.Invited), Held: v.held(row, i), History: historyName(i.FromAdmission)}
		if row.Declined {
			p.Consent = string(protocol.Declined)
		}
		if o, ok := v.s.dir.org(row.Org); ok {
			p.Name = o.Name
		}
		out = append(out, p)
		return nil
	})
	slices.SortFunc(out, func(a, b api.Participant) int { return slices.Compare(a.Org[:], b.Org[:]) })
	return out, err
}

// forgetOut drops our invitations that have expired; an admission stands without.
func (v *invitations) forgetOut() error {
	return v.forgetWhere(func(row invitedRow) bool { return !row.Until.After(v.s.now()) })
}

func (v *invitations) forgetWhere(done func(invitedRow) bool) error {
	var old [][]byte
	err := v.out.all(func(key []byte, row invitedRow) error {
		if done(row) {
			old = append(old, slices.Clone(key))
		}
		return nil
	})
	for _, key := range old {
		err = errors.Join(err, v.out.delete(key))
	}
	return err
}
