package daemon

import (
	"crypto/ed25519"
	"io"
	"testing"
	"time"

	"cordon/ledger"
	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/canon"
	"cordon/protocol/id"
)

// quarantined is a service with no network: what Offered needs.
func quarantined(t *testing.T) (*service, *party) {
	t.Helper()
	l, err := ledger.Open(t.TempDir(), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	us := newParty(t, "Invitee")
	s := &service{led: l, org: us.org, keys: us.keys, now: time.Now, log: newLog(io.Discard), locks: newLocks()}
	if s.dir, err = alone(l, us.org); err != nil {
		t.Fatal(err)
	}
	s.inv = openInvitations(s)
	return s, us
}

// offers is an invitation as another organisation sends it.
type offers struct {
	from      *party
	invite    admission.Invite
	agreement protocol.Agreement
	key       ed25519.PrivateKey
}

func newOffer(from, to *party, nonce uint16) *offers {
	end := uint64(time.Now().Add(time.Hour).UnixMilli())
	a := protocol.NewAgreement(protocol.Record{Start: 1, End: &end, Terms: protocol.DefaultTerms()}, "text")
	return &offers{from: from, agreement: a, key: from.keys.sign, invite: admission.Invite{
		Nonce: [16]byte{byte(nonce), byte(nonce >> 8)}, Inviter: from.org.ID, Invitee: to.org.ID,
		Commitment: [32]byte{1, byte(nonce), byte(nonce >> 8)}, Role: 2, Agr: a.ID(), Expiry: end,
	}}
}

func (o *offers) send(t *testing.T, s *service) error {
	t.Helper()
	raw, err := admission.SealInvite(o.key, o.invite)
	if err != nil {
		t.Fatal(err)
	}
	return s.inv.Offered(peer.Contact{Org: o.from.org.ID}, peer.Offer{
		Invite: raw, Card: o.from.card(1).Raw,
		Agreement: canon.MustMarshal(wireAgreement{Record: o.agreement.Raw, Text: o.agreement.Text}),
	})
}

func TestQuarantine(t *testing.T) {
	s, us := quarantined(t)
	friend, stranger := newParty(t, "Friend"), newParty(t, "Stranger")
	if err := s.dir.pin(friend.card(1)); err != nil {
		t.Fatal(err)
	}
	met := newParty(t, "Met in a case")
	if err := s.dir.meet(id.CaseID{1}, map[id.OrgID]member{met.org.ID: {met.org, nil}}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*offers){
		"of a stranger":           func(o *offers) { *o = *newOffer(stranger, us, 1) },
		"of one met in a case":    func(o *offers) { *o = *newOffer(met, us, 1) },
		"for another":             func(o *offers) { o.invite.Invitee = stranger.org.ID },
		"in another's name":       func(o *offers) { o.invite.Inviter = stranger.org.ID },
		"signed by another":       func(o *offers) { o.key = stranger.keys.sign },
		"expired":                 func(o *offers) { o.invite.Expiry = 1 },
		"with another agreement":  func(o *offers) { o.invite.Agr = id.AgrID{7} },
		"with another text":       func(o *offers) { o.agreement.Text = "other terms" },
		"with a broken agreement": func(o *offers) { o.agreement.Raw = []byte{0xff} },
		"with another's card":     func(o *offers) { o.from = &party{t: t, keys: stranger.keys, org: stranger.org} },
	} {
		o := newOffer(friend, us, 1)
		change(o)
		if err := o.send(t, s); err == nil {
			t.Errorf("an invitation %s is kept", name)
		}
	}
	if l, err := s.inv.list(); err != nil || len(l) != 0 {
		t.Fatalf("kept: %v, %v", l, err)
	}
	for n := range uint16(maxPendingPeer) {
		if err := newOffer(friend, us, n).send(t, s); err != nil {
			t.Fatalf("invitation %d: %v", n, err)
		}
	}
	if err := newOffer(friend, us, 1000).send(t, s); err == nil {
		t.Errorf("invitation %d of one peer is kept", maxPendingPeer+1)
	}
	l, err := s.inv.list()
	if err != nil || len(l) != maxPendingPeer {
		t.Fatalf("%d are kept, %v", len(l), err)
	}
	// Time passes: the agreement's end is the expiry.
	s.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if l, err := s.inv.list(); err != nil || len(l) != 0 {
		t.Errorf("%d expired ones are shown, %v", len(l), err)
	}
	if err := s.inv.forgetIn(); err != nil {
		t.Fatal(err)
	}
	s.now = time.Now
	if l, err := s.inv.list(); err != nil || len(l) != 0 {
		t.Errorf("%d expired ones are left, %v", len(l), err)
	}
}

// TestJoined: only the inviter, with what opens the commitment, lets us in.
func TestJoined(t *testing.T) {
	s, us := quarantined(t)
	friend, other := newParty(t, "Friend"), newParty(t, "Other")
	for _, p := range []*party{friend, other} {
		if err := s.dir.pin(p.card(1)); err != nil {
			t.Fatal(err)
		}
	}
	salt, c := [32]byte{9}, id.CaseID{8}
	o := newOffer(friend, us, 1)
	o.invite.Commitment = admission.Commitment(c, salt)
	if err := o.send(t, s); err != nil {
		t.Fatal(err)
	}
	l, err := s.inv.list()
	if err != nil || len(l) != 1 {
		t.Fatalf("%v, %v", l, err)
	}
	key, p, err := s.inv.find(l[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	good := peer.Join{Invite: [32]byte(key), Case: c, Salt: salt}
	from := peer.Contact{Org: friend.org.ID}
	if err := s.inv.Joined(from, good); err == nil {
		t.Error("let in before we said yes")
	}
	p.row.State = inboxAccepted
	if err := s.inv.in.put(key, p.row); err != nil {
		t.Fatal(err)
	}
	for name, j := range map[string]peer.Join{
		"another invitation": {Invite: [32]byte{1}, Case: c, Salt: salt},
		"another case":       {Invite: good.Invite, Case: id.CaseID{7}, Salt: salt},
		"another salt":       {Invite: good.Invite, Case: c},
	} {
		if err := s.inv.Joined(from, j); err == nil {
			t.Errorf("let in by %s", name)
		}
	}
	if err := s.inv.Joined(peer.Contact{Org: other.org.ID}, good); err == nil {
		t.Error("let in by another organisation")
	}
	for range 2 {
		if err := s.inv.Joined(from, good); err != nil {
			t.Fatal(err)
		}
	}
	s.inv.Settled(friend.org.ID, good.Invite, peer.RequestAccept, nil)
	if _, ok, err := s.inv.in.get(key); ok || err != nil {
		t.Errorf("the row is left: %v", err)
	}
}
