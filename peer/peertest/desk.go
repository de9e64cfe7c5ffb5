package peertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/canon"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// desk accepts every invitation and admits everybody it has invited.
type desk struct {
	o *Org

	mu      sync.Mutex
	asked   map[[32]byte]asked // invitations we sent, by id
	offered map[[32]byte]*admission.Invite
}

// asked is an invitation that we sent.
type asked struct {
	c    id.CaseID
	salt [32]byte
	raw  []byte
}

var errNobody = errors.New("not an invitation of ours")

func newDesk(o *Org) *desk {
	return &desk{o: o, asked: map[[32]byte]asked{}, offered: map[[32]byte]*admission.Invite{}}
}

// card is our card, fresh.
func (o *Org) card() ([]byte, error) {
	return identity.SealCard(o.key, identity.Card{Org: o.Chain, T: uint64(time.Now().UnixMilli())})
}

// Invite offers a place in the case to an organisation that is pinned on both sides.
func (o *Org) Invite(c id.CaseID, to id.OrgID, role protocol.Role) error {
	sealed, a, text, err := o.invite(c, to, role)
	if err != nil {
		return err
	}
	o.desk.mu.Lock()
	o.desk.asked[sealed.ID] = a
	o.desk.mu.Unlock()
	card, err := o.card()
	if err != nil {
		return err
	}
	agreement := canon.MustMarshal(map[uint64]any{1: text.Raw, 2: text.Text})
	return o.Node.SendOffer(to, sealed.ID, peer.Offer{Invite: a.raw, Agreement: agreement, Card: card}, time.Now().Add(time.Hour))
}

// Admit makes to a member without asking it over the network.
func (o *Org) Admit(c id.CaseID, to *Org, role protocol.Role) error {
	sealed, a, _, err := o.invite(c, to.ID, role)
	if err != nil {
		return err
	}
	accept, err := admission.SealAccept(to.key, sealed.Accept())
	if err != nil {
		return err
	}
	raw, err := to.card()
	if err != nil {
		return err
	}
	card, err := identity.OpenCard(raw)
	if err != nil {
		return err
	}
	return o.desk.admit(a, peer.Acceptance{Accept: accept, Card: raw}, card)
}

func (o *Org) invite(c id.CaseID, to id.OrgID, role protocol.Role) (*admission.Invite, asked, protocol.Agreement, error) {
	a := asked{c: c}
	_, _ = rand.Read(a.salt[:]) // never fails (crypto/rand)
	i := admission.Invite{Inviter: o.ID, Invitee: to, Commitment: admission.Commitment(c, a.salt), Role: uint8(role),
		Expiry: uint64(time.Now().Add(time.Hour).UnixMilli())}
	_, _ = rand.Read(i.Nonce[:])
	var text protocol.Agreement
	err := o.Cases.With(c, func(k *protocol.Case) error {
		i.Agr = k.Embargo().Agreement
		text, _, _ = k.Agreement(i.Agr)
		return nil
	})
	if err != nil {
		return nil, a, text, err
	}
	if a.raw, err = admission.SealInvite(o.key, i); err != nil {
		return nil, a, text, err
	}
	sealed, err := admission.OpenInvite(a.raw, o.Chain)
	return sealed, a, text, err
}

// Offered is peer.Invitations'.
func (d *desk) Offered(from peer.Contact, o peer.Offer) error {
	if d.o.Shut {
		return errNobody
	}
	card, err := identity.OpenCard(o.Card)
	if err != nil {
		return err
	}
	i, err := admission.OpenInvite(o.Invite, card.Org)
	if err != nil {
		return err
	}
	if i.Inviter != from.Org {
		return errNobody
	}
	accept, err := admission.SealAccept(d.o.key, i.Accept())
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.offered[i.ID] = i
	d.mu.Unlock()
	ours, err := d.o.card()
	if err != nil {
		return err
	}
	return d.o.Node.SendAccept(from.Org, i.ID, peer.Acceptance{Accept: accept, Card: ours}, time.Now().Add(time.Hour))
}

// Accepted is peer.Invitations'.
func (d *desk) Accepted(from peer.Contact, a peer.Acceptance) (*peer.Join, error) {
	card, err := identity.OpenCard(a.Card)
	if err != nil {
		return nil, err
	}
	accept, err := admission.OpenAccept(a.Accept, card.Org)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	inv, ok := d.asked[accept.Invite]
	if !ok || card.Org.ID != from.Org {
		return nil, errNobody
	}
	member := false
	var admit id.EntryID
	look := func(k *protocol.Case) error {
		member = k.Member(from.Org)
		admit, _ = k.Admission(from.Org)
		return nil
	}
	if err := d.o.Cases.With(inv.c, look); err != nil {
		return nil, err
	}
	if !member {
		if err := d.admit(inv, a, card); err != nil {
			return nil, err
		}
		if err := d.o.Cases.With(inv.c, look); err != nil {
			return nil, err
		}
	}
	return &peer.Join{Invite: accept.Invite, Case: inv.c, Salt: inv.salt, Admit: admit, Config: id.ConfigID(inv.c)}, nil
}

func (d *desk) admit(inv asked, a peer.Acceptance, card *identity.Card) error {
	known := false
	var hist []protocol.Anchor
	err := d.o.Cases.With(inv.c, func(k *protocol.Case) error {
		_, known = k.Org(card.Org.ID)
		if d.o.FromNow {
			hist = k.FromNow(card.Org.ID, d.o.ID)
			if d.o.Lie != nil {
				d.o.Lie(hist)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !known {
		if _, err := d.o.Write(inv.c, &protocol.Ident{Events: card.Org.Events}); err != nil {
			return fmt.Errorf("identity: %w", err)
		}
	}
	_, err = d.o.Write(inv.c, &protocol.Admit{Invite: inv.raw, Accept: a.Accept, Salt: inv.salt, Hist: hist, Card: a.Card})
	return err
}

// Declined is peer.Invitations'.
func (d *desk) Declined(peer.Contact, [16]byte) error { return nil }

// Joined is peer.Invitations'.
func (d *desk) Joined(from peer.Contact, j peer.Join) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := d.offered[j.Invite]; i == nil || !admission.Opens(i.Commitment, j.Case, j.Salt) {
		return errNobody
	}
	if d.o.Joined != nil {
		d.o.Joined()
	}
	return nil
}

// Settled is peer.Invitations'.
func (d *desk) Settled(_ id.OrgID, _ [32]byte, kind peer.RequestKind, err error) {
	if d.o.Settled != nil {
		d.o.Settled(kind, err)
	}
}

// background is for writes that nothing cancels.
func background() context.Context { return context.Background() }
