package daemon

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// TestSupersede has three invitations for one role with one commitment come in every
// order: the one with the latest expiry stays. Others are not touched.
func TestSupersede(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		s, us := quarantined(t)
		friend, other := newParty(t, "Friend"), newParty(t, "Other")
		for _, p := range []*party{friend, other} {
			if err := s.dir.pin(p.card(1)); err != nil {
				t.Fatal(err)
			}
		}
		like := func(nonce uint16, change func(*offers)) *offers {
			o := newOffer(friend, us, nonce)
			o.invite.Commitment = [32]byte{9}
			change(o)
			return o
		}
		apart := []*offers{
			like(10, func(o *offers) { o.invite.Role = 3 }),
			like(11, func(o *offers) { *o = *newOffer(other, us, 11); o.invite.Commitment = [32]byte{9} }),
			newOffer(friend, us, 12),
		}
		for _, o := range apart {
			if err := o.send(t, s); err != nil {
				t.Fatal(err)
			}
		}
		until := newOffer(friend, us, 0).invite.Expiry
		for _, i := range order {
			o := like(uint16(i), func(o *offers) { o.invite.Expiry = until + uint64(i); o.invite.Teaser = "like" })
			if err := o.send(t, s); err != nil {
				t.Fatal(err)
			}
		}
		items, err := s.inv.list()
		if err != nil {
			t.Fatal(err)
		}
		if len(items) != len(apart)+1 {
			t.Fatalf("order %v: %d invitations, want %d", order, len(items), len(apart)+1)
		}
		i := slices.IndexFunc(items, func(x api.InboxItem) bool { return x.Teaser == "like" })
		_, p, err := s.inv.find(items[i].ID)
		if err != nil || p.invite.Nonce[0] != 2 {
			t.Errorf("order %v: number %d stays, %v", order, p.invite.Nonce[0], err)
		}
		if old := items[i].Replaces; old != nil {
			_, _, err := s.inv.find(old.String())
			if e, ok := errors.AsType[*api.Error](err); !ok || e.Rule != "invitation-superseded" {
				t.Errorf("order %v: the former one: %v", order, err)
			}
		} else if order[0] != 2 {
			t.Errorf("order %v: it does not say what it replaces", order)
		}
	}
}

// TestSupersedeKeepsSome has an inviter renew for ever: the quarantine does not grow, and
// who has the id of one of the last is told which took its place.
func TestSupersedeKeepsSome(t *testing.T) {
	s, us := quarantined(t)
	friend := newParty(t, "Friend")
	if err := s.dir.pin(friend.card(1)); err != nil {
		t.Fatal(err)
	}
	until := newOffer(friend, us, 0).invite.Expiry
	var sent []string
	for i := range uint16(3 * maxPendingPeer) {
		o := newOffer(friend, us, i)
		o.invite.Commitment = [32]byte{9}
		o.invite.Expiry = until + uint64(i)
		if err := o.send(t, s); err != nil {
			t.Fatal(err)
		}
		items, err := s.inv.list()
		if err != nil || len(items) != 1 {
			t.Fatalf("%+v, %v", items, err)
		}
		if old := items[0].Replaces; i > 0 && (old == nil || old.String() != sent[i-1]) {
			t.Fatalf("number %d replaces %v, want the one before it", i, old)
		}
		sent = append(sent, items[0].ID)
	}
	rows := 0
	_ = s.inv.in.all(func([]byte, inboxRow) error { rows++; return nil })
	if rows != 1+maxFormer {
		t.Errorf("%d rows, want the last and %d before it", rows, maxFormer)
	}
	last := sent[len(sent)-1]
	for i, name := range sent[:len(sent)-1] {
		_, _, err := s.inv.find(name)
		e, ok := errors.AsType[*api.Error](err)
		if known := i >= len(sent)-1-maxFormer; known != (ok && e.Rule == "invitation-superseded") || known && !strings.Contains(e.Try, last[:short]) {
			t.Errorf("number %d: %v", i, err)
		}
	}
	if _, _, err := s.inv.find(id.EntryID{}.String()); !errors.Is(err, errNoInvitation) {
		t.Errorf("an unknown id: %v", err)
	}
}
