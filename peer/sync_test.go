package peer_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/protocol"
	"cordon/protocol/id"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// until waits for a condition; on failure it says which and shows every node.
func until(t *testing.T, what string, orgs []*peertest.Org, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			for i, o := range orgs {
				if o.Node == nil {
					continue
				}
				for _, s := range o.Node.Status() {
					t.Logf("node %d: %+v", i, s)
				}
			}
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// newOrgs makes n organisations; which of them know each other is the test's.
func newOrgs(t *testing.T, n int) []*peertest.Org {
	t.Helper()
	return newOrgsOn(t, n, peertest.Fast())
}

func newOrgsOn(t *testing.T, n int, schedule peer.Schedule) []*peertest.Org {
	t.Helper()
	orgs := make([]*peertest.Org, n)
	for i := range orgs {
		o, err := peertest.New(string(rune('A'+i)), filepath.Join(t.TempDir(), "store"), schedule)
		if err != nil {
			t.Fatal(err)
		}
		orgs[i] = o
		t.Cleanup(func() {
			if err := o.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return orgs
}

func start(t *testing.T, orgs ...*peertest.Org) {
	t.Helper()
	for _, o := range orgs {
		if err := o.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// admit invites to into the case and waits until it says itself that it is in.
func admit(t *testing.T, c id.CaseID, by, to *peertest.Org) {
	t.Helper()
	if err := by.Invite(c, to.ID, protocol.MitigatingVendor); err != nil {
		t.Fatal(err)
	}
	until(t, "the invited one is a member by its own fold", []*peertest.Org{by, to}, func() bool { return to.Member(c, to.ID) })
}

// same waits until all hold the same control plane.
func same(t *testing.T, c id.CaseID, orgs ...*peertest.Org) {
	t.Helper()
	until(t, "the same digest everywhere", orgs, func() bool {
		for _, o := range orgs {
			if d := o.Digest(c); d != orgs[0].Digest(c) || d == [32]byte{} {
				return false
			}
		}
		return true
	})
}

// reads waits until the body of an entry can be opened at all of orgs.
func reads(t *testing.T, c id.CaseID, x id.EntryID, want []byte, orgs ...*peertest.Org) {
	t.Helper()
	until(t, "the body everywhere", orgs, func() bool {
		for _, o := range orgs {
			got, err := o.Body(c, x)
			if err != nil {
				return false
			}
			if !bytes.Equal(got, want) {
				t.Fatal("another body")
			}
		}
		return true
	})
}

func TestTwoConverge(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 2)
	a, b := orgs[0], orgs[1]
	peertest.Meet(a, b)
	start(t, a, b)
	c := must(a.Open())(t)
	before := must(a.Note(c, []byte("written before B came")))(t)
	admit(t, c, a, b)
	same(t, c, a, b)
	reads(t, c, before.ID, []byte("written before B came"), b)
	live := must(b.Note(c, []byte("live")))(t)
	reads(t, c, live.ID, []byte("live"), a)
	large := bytes.Repeat([]byte("a large attachment "), 200_000) // four chunks
	big := must(a.Note(c, large))(t)
	reads(t, c, big.ID, large, b)
	if _, err := b.Write(c, &protocol.Status{RM: protocol.RMValid}); err != nil {
		t.Fatal(err)
	}
	same(t, c, a, b)
}
