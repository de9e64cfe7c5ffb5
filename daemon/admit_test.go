package daemon

import (
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/ledger"
	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// invites writes an invitation as send does, but hands it to nobody.
func (s *service) invites(t *testing.T, c id.CaseID, p *party, nonce byte) *admission.Invite {
	t.Helper()
	salt := [32]byte{nonce}
	var agr id.AgrID
	var left int
	err := s.cases.With(c, func(k *protocol.Case) error {
		agr, left = k.Embargo().Agreement, k.Departures(p.org.ID)
		return mayInvite(k, s.org.ID, p.org.ID, protocol.MitigatingVendor)
	})
	if err != nil {
		t.Fatal(err)
	}
	row := invitedRow{Case: c, Org: p.org.ID, Salt: salt[:], Until: s.now().Add(time.Hour), Departures: left}
	row.Invite, err = admission.SealInvite(s.keys.sign, admission.Invite{
		Nonce: [16]byte{nonce}, Inviter: s.org.ID, Invitee: p.org.ID, Commitment: admission.Commitment(c, salt),
		Role: uint8(protocol.MitigatingVendor), Agr: agr, Expiry: uint64(row.Until.UnixMilli()),
	})
	if err != nil {
		t.Fatal(err)
	}
	i, err := admission.OpenInvite(row.Invite, s.org)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.inv.out.put(i.ID[:], row); err != nil {
		t.Fatal(err)
	}
	return i
}

// says is p's yes to an invitation.
func (p *party) says(i *admission.Invite) peer.Acceptance {
	p.t.Helper()
	raw, err := admission.SealAccept(p.keys.sign, i.Accept())
	if err != nil {
		p.t.Fatal(err)
	}
	return peer.Acceptance{Accept: raw, Card: p.card(1, "/ip4/127.0.0.1/tcp/1").Raw}
}

func (s *service) count(t *testing.T, c id.CaseID, typ entry.Type) (n int) {
	t.Helper()
	err := s.each(c, 0, func(e ledger.Entry) error {
		if e.Type == typ {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAcceptOnce: one accept, shown a hundred times at once, admits once, and
// every caller is told the same.
func TestAcceptOnce(t *testing.T) {
	s, c := writer(t)
	p, thief := newParty(t, "Partner"), newParty(t, "Thief")
	s.knows(t, p)
	i := s.invites(t, c, p, 1)
	yes := p.says(i)
	if _, err := s.inv.Accepted(peer.Contact{Org: thief.org.ID}, yes); err == nil {
		t.Error("a stolen accept admits")
	}
	stolen := i.Accept()
	stolen.Invitee = thief.org.ID
	raw, err := admission.SealAccept(thief.keys.sign, stolen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.inv.Accepted(peer.Contact{Org: thief.org.ID}, peer.Acceptance{Accept: raw, Card: thief.card(1).Raw}); err == nil {
		t.Error("a stolen invitation admits")
	}
	var wg sync.WaitGroup
	joins := make(chan peer.Join, 100)
	for range 100 {
		wg.Go(func() {
			j, err := s.inv.Accepted(peer.Contact{Org: p.org.ID}, yes)
			if err != nil || j == nil {
				t.Errorf("accepted: %v, %v", j, err)
				return
			}
			joins <- *j
		})
	}
	wg.Wait()
	close(joins)
	first, ok := <-joins
	if !ok || first.Case != c || first.Config != id.ConfigID(c) {
		t.Fatalf("joins at %+v", first)
	}
	for j := range joins {
		if j != first {
			t.Errorf("one is told %+v, another %+v", first, j)
		}
	}
	if n := s.count(t, c, (*protocol.Admit)(nil).Type()); n != 1 {
		t.Errorf("%d admissions", n)
	}
	// After a removal the same accept opens nothing.
	if _, err := s.write(t.Context(), c, asSteward(&protocol.Remove{Org: p.org.ID})); err != nil {
		t.Fatal(err)
	}
	if j, err := s.inv.Accepted(peer.Contact{Org: p.org.ID}, yes); err == nil {
		t.Errorf("a removed organisation is let in again: %+v", j)
	}
	// A new invitation does.
	if j, err := s.inv.Accepted(peer.Contact{Org: p.org.ID}, p.says(s.invites(t, c, p, 2))); err != nil || j == nil {
		t.Errorf("invited again: %v, %v", j, err)
	}
	// One that has expired or was declined does not.
	q := newParty(t, "Late")
	late := s.invites(t, c, q, 3)
	s.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if _, err := s.inv.Accepted(peer.Contact{Org: q.org.ID}, q.says(late)); err == nil {
		t.Error("an expired invitation admits")
	}
	s.now = time.Now
	if err := s.inv.Declined(peer.Contact{Org: thief.org.ID}, late.Nonce); err != nil {
		t.Fatal(err)
	}
	if l, err := s.inv.invited(c); err != nil || len(l) != 1 {
		t.Errorf("another organisation has declined for it: %v, %v", l, err)
	}
	if err := s.inv.Declined(peer.Contact{Org: q.org.ID}, late.Nonce); err != nil {
		t.Fatal(err)
	}
	if _, err := s.inv.Accepted(peer.Contact{Org: q.org.ID}, q.says(late)); err == nil {
		t.Error("a declined invitation admits")
	}
}

func (s *service) knows(t *testing.T, p *party) {
	t.Helper()
	if err := s.dir.pin(p.card(1)); err != nil {
		t.Fatal(err)
	}
}

// TestAcceptIsHeld: who was verified when it was invited, and is not when it accepts,
// waits, is not told no, and is let in by the same accept once it is verified again.
func TestAcceptIsHeld(t *testing.T) {
	s, c := writer(t)
	p := newParty(t, "Partner")
	s.knows(t, p)
	words := func(at time.Time) {
		t.Helper()
		if err := s.dir.speak(p.org.ID, func(k *contact) { k.Words = at }); err != nil {
			t.Fatal(err)
		}
	}
	words(s.now())
	if err := s.minima.put(c[:], minimumRow{Contact: "verified"}); err != nil {
		t.Fatal(err)
	}
	if err := s.sure(c, p.org.ID); err != nil {
		t.Fatal(err)
	}
	yes := p.says(s.invites(t, c, p, 1))
	words(time.Time{})
	for range 2 {
		if j, err := s.inv.Accepted(peer.Contact{Org: p.org.ID}, yes); j != nil || err != nil {
			t.Fatalf("while the contact is too low: %v, %v; want pending", j, err)
		}
	}
	l, err := s.inv.invited(c)
	if err != nil || len(l) != 1 || l[0].Held == nil || !strings.Contains(l[0].Held.Try, "cordon peer verify") {
		t.Errorf("the case shows %+v, %v", l, err)
	}
	if n := s.count(t, c, (*protocol.Admit)(nil).Type()); n != 0 {
		t.Errorf("%d admissions", n)
	}
	words(s.now())
	if l, err := s.inv.invited(c); err != nil || len(l) != 1 || l[0].Held == nil || l[0].Held.Try != "" {
		t.Errorf("verified again, the case shows %+v, %v", l, err)
	}
	if j, err := s.inv.Accepted(peer.Contact{Org: p.org.ID}, yes); j == nil || err != nil {
		t.Errorf("verified again: %v, %v", j, err)
	}
}

// TestTellIdentity: a steward brings a member's new certificate into the case.
func TestTellIdentity(t *testing.T) {
	s, c := writer(t)
	p := newParty(t, "Partner")
	s.knows(t, p)
	if _, err := s.inv.Accepted(peer.Contact{Org: p.org.ID}, p.says(s.invites(t, c, p, 1))); err != nil {
		t.Fatal(err)
	}
	s.self = &selfCard{s: s}
	if in, err := s.meetMembers(t.Context(), c, false); err != nil || !in {
		t.Fatal(in, err)
	}
	k, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	p.certify(k)
	s.dir.Learn(p.org.ID, p.org.Events)
	if o := <-s.dir.grew; o != p.org.ID {
		t.Fatalf("%v has grown", o)
	}
	for range 2 {
		if err := s.tellIdentity(t.Context(), p.org.ID); err != nil {
			t.Fatal(err)
		}
	}
	err = s.cases.With(c, func(k *protocol.Case) error {
		if org, ok := k.Org(p.org.ID); !ok || !org.Extends(p.org) {
			t.Error("the case does not know the new certificate")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := s.count(t, c, (*protocol.Ident)(nil).Type()); n != 2 {
		t.Errorf("%d ident entries", n)
	}
}
