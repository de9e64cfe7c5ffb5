package daemon_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
)

// TestIntroduced: B and C, who have not pinned each other, go on when A, who
// invited both, is gone.
func TestIntroduced(t *testing.T) {
	a, b, c := newOrg(t, "Marmot", "coordinator"), newOrg(t, "Narwhal", "vendor"), newOrg(t, "Ocelot", "vendor")
	befriend(a, b)
	befriend(a, c)
	k := a.open("three", []byte("r"))
	a.admits(k, b, "mitigating-vendor")
	a.admits(k, c, "mitigating-vendor")
	eventually(t, "B and C are introduced and connected", func() bool {
		l, err := b.Peers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range l.Peers {
			if p.Org == c.id {
				return p.Level == "introduced" && p.Connected
			}
		}
		return false
	})
	agree(t, k, a, b, c)
	if _, err := b.Case(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	mine := b.open("mine", []byte("r"))
	if _, err := b.Invite(t.Context(), mine, api.Invite{Org: "Ocelot", Role: "observer"}); kindOf(err) != api.Refused {
		t.Errorf("an introduced organisation is invited: %v", err)
	}
	a.stop()
	if _, err := b.Say(t.Context(), k, api.Say{Text: "are you there?"}); err != nil {
		t.Fatal(err)
	}
	c.reads(k, "are you there?")
}

// TestClaims: a claim alarms, a second voice confirms it, the embargo ends; who
// leaves says why.
func TestClaims(t *testing.T) {
	a, b, c := newOrg(t, "Pangolin", "coordinator"), newOrg(t, "Quoll", "vendor"), newOrg(t, "Raccoon", "vendor")
	befriend(a, b, c)
	k := a.open("claims", []byte("r"))
	a.admits(k, b, "mitigating-vendor")
	a.admits(k, c, "mitigating-vendor")
	agree(t, k, a, b, c)
	w, err := b.Claim(t.Context(), k, "exploit", "seen on a forum")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Claim(t.Context(), k, "exploit", "again"); kindOf(err) != api.Refused {
		t.Errorf("the same claim again: %v", err)
	}
	embargo := func(o *org) api.Embargo {
		v, err := o.Case(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		return v.Embargo
	}
	eventually(t, "everybody is alarmed", func() bool { return embargo(c).ExitPending && embargo(c).State == "active" })
	if l := c.reads(k, "seen on a forum"); l.About != w.ID || l.Type != "reason" {
		t.Errorf("the evidence is %+v", l)
	}
	if _, err := c.Confirm(t.Context(), k, w.ID[:12]); err != nil {
		t.Fatal(err)
	}
	for _, o := range []*org{a, b, c} {
		eventually(t, "the embargo has ended", func() bool { return embargo(o).State == "exited" && !embargo(o).ExitPending })
	}
	v, err := a.Case(t.Context(), k)
	if err != nil || v.CS != "VfdPXa" || len(v.Claims) != 1 || !v.Claims[0].Confirmed {
		t.Errorf("the case is %+v, %v", v, err)
	}
	if _, err := c.Leave(t.Context(), k, "nothing left to do"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the leave is seen", func() bool {
		p, ok := a.sees(k, c)
		return ok && !p.Admitted
	})
	if _, err := c.Say(t.Context(), k, api.Say{Text: "one more thing"}); kindOf(err) != api.Refused {
		t.Errorf("who left writes: %v", err)
	}
	agree(t, k, a, b)
}

// TestMoved: who comes back at another port tells the cases it is in.
func TestMoved(t *testing.T) {
	a, b := newOrg(t, "Serval", "coordinator"), newOrg(t, "Tapir", "vendor")
	befriend(a, b)
	k := a.open("moved", []byte("r"))
	a.admits(k, b, "observer")
	agree(t, k, a, b)
	s, err := b.Status(t.Context())
	if err != nil || len(s.Listen) != 1 {
		t.Fatal(s, err)
	}
	b.stop()
	port := s.Listen[0][strings.LastIndex(s.Listen[0], "/")+1:]
	taken, err := net.Listen("tcp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	b.start()
	now, err := b.Status(t.Context())
	if err != nil || len(now.Listen) != 1 || now.Listen[0] == s.Listen[0] {
		t.Fatalf("listens at %v, %v", now.Listen, err)
	}
	eventually(t, "the new address is known", func() bool {
		l, err := a.Peers(t.Context())
		if err != nil || len(l.Peers) != 1 {
			t.Fatal(l, err)
		}
		return slices.Contains(l.Peers[0].Addrs, now.Listen[0]) && l.Peers[0].Connected
	})
	agree(t, k, a, b)
}

// TestWatchBodies: a watch gives the text of another's note with its line, once.
func TestWatchBodies(t *testing.T) {
	a, b := newOrg(t, "Uakari", "coordinator"), newOrg(t, "Vole", "vendor")
	befriend(a, b)
	k := a.open("watched", []byte("r"))
	a.admits(k, b, "observer")
	agree(t, k, a, b)
	seen := map[string]int{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := b.Log(ctx, k, true, 0, func(l api.LogLine) bool {
		if l.Type == "subject" {
			if _, err := a.Say(ctx, k, api.Say{Text: "hear, hear"}); err != nil {
				t.Error(err)
				return false
			}
		}
		if l.Type == "note" {
			seen[l.Text]++
		}
		return l.Type != "note"
	})
	if err != nil || seen["hear, hear"] != 1 {
		t.Errorf("seen %v, %v", seen, err)
	}
}
