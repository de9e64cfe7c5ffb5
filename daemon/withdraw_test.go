package daemon

import (
	"testing"

	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/id"
)

// TestMergedAdmitsNobody: once a case goes on in another, an accept of an invitation into
// it comes too late; one that was shown before is told again where the case is.
func TestMergedAdmitsNobody(t *testing.T) {
	s, c := writer(t)
	in, late := newParty(t, "In"), newParty(t, "Late")
	s.knows(t, in)
	s.knows(t, late)
	yes, no := in.says(s.invites(t, c, in, 1)), late.says(s.invites(t, c, late, 2))
	if j, err := s.inv.Accepted(peer.Contact{Org: in.org.ID}, yes); err != nil || j == nil {
		t.Fatal(j, err)
	}
	gone := &protocol.CaseLink{Pair: protocol.PairOf(c, id.CaseID{1}), Relation: protocol.GoesOnIn}
	if _, err := s.write(t.Context(), c, asSteward(gone)); err != nil {
		t.Fatal(err)
	}
	if j, err := s.inv.Accepted(peer.Contact{Org: in.org.ID}, yes); err != nil || j == nil {
		t.Errorf("who was let in asks again: %v, %v", j, err)
	}
	if j, err := s.inv.Accepted(peer.Contact{Org: late.org.ID}, no); err == nil {
		t.Errorf("let into a case that goes on elsewhere: %+v", j)
	}
	if n := s.count(t, c, (*protocol.Admit)(nil).Type()); n != 1 {
		t.Errorf("%d admissions", n)
	}
	if err := s.inv.renewIn(c); err != nil { // not sent yet: nobody is to be told
		t.Fatal(err)
	}
	if l, err := s.inv.invited(c); err != nil || len(l) != 0 {
		t.Errorf("still invited: %+v, %v", l, err)
	}
}

// TestWithdrawn: an invitation is taken back by who has sent it, and by nobody else; it
// stays so, whatever comes of an answer that was on its way.
func TestWithdrawn(t *testing.T) {
	s, us := quarantined(t)
	friend, other := newParty(t, "Friend"), newParty(t, "Other")
	for _, p := range []*party{friend, other} {
		if err := s.dir.pin(p.card(1)); err != nil {
			t.Fatal(err)
		}
	}
	o := newOffer(friend, us, 7)
	if err := o.send(t, s); err != nil {
		t.Fatal(err)
	}
	state := func(want string) (name string) {
		t.Helper()
		items, err := s.inv.list()
		if err != nil || len(items) != 1 || items[0].State != want {
			t.Fatalf("%+v, %v, want it %s", items, err, want)
		}
		return items[0].ID
	}
	if err := s.inv.Declined(peer.Contact{Org: other.org.ID}, o.invite.Nonce); err != nil {
		t.Fatal(err)
	}
	name := state(inboxOpen)
	for range 2 {
		if err := s.inv.Declined(peer.Contact{Org: friend.org.ID}, o.invite.Nonce); err != nil {
			t.Fatal(err)
		}
	}
	state(inboxWithdrawn)
	if _, err := s.inv.accept(name, false); err != errWithdrawn {
		t.Errorf("signed all the same: %v", err)
	}
	x, err := id.Parse[id.EntryID](name)
	if err != nil {
		t.Fatal(err)
	}
	s.inv.Settled(friend.org.ID, x, peer.RequestAccept, peer.ErrRefused)
	state(inboxWithdrawn)
	if err := o.send(t, s); err != nil { // the same once more
		t.Error(err)
	}
	state(inboxWithdrawn)
	if _, err := s.inv.decline(name); err != nil {
		t.Error(err)
	}
	if items, err := s.inv.list(); err != nil || len(items) != 0 {
		t.Errorf("put away, and %+v, %v", items, err)
	}
}
