package peer_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"

	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/protocol/identity"
)

// estate is a Handover in memory.
type estate struct {
	mu     sync.Mutex
	rows   [][]byte
	copied map[[32]byte]bool
	whole  int // times that it was told so
}

func (e *estate) Rows(yield func([]byte) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.rows {
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}

func (e *estate) Copied() (list [][32]byte, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for h := range e.copied {
		list = append(list, h)
	}
	return list, nil
}

func (e *estate) Copy(rows [][]byte, gone [][32]byte, last bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range gone {
		delete(e.copied, h)
	}
	for _, r := range rows {
		e.copied[sha256.Sum256(r)] = true
	}
	if last {
		e.whole++
	}
	return nil
}

// is says whether e holds exactly rows.
func (e *estate) is(rows [][]byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.whole > 0 && len(e.copied) == len(rows) &&
		!slices.ContainsFunc(rows, func(r []byte) bool { return !e.copied[sha256.Sum256(r)] })
}

// one is an organisation of two daemons, of which the first is active.
func one(t *testing.T, active, standby *peertest.Org) *identity.Org {
	t.Helper()
	_, root, _ := ed25519.GenerateKey(nil)
	next, _, _ := ed25519.GenerateKey(nil)
	first := must(identity.Create(root, next, "One", nil))(t)
	all := must(identity.Replay([][]byte{first}))(t)
	all = must(active.Join(all, root, identity.CapWrite, identity.CapConsent, identity.CapSteward, identity.CapInvite))(t)
	return must(standby.Join(all, root, identity.CapWrite, identity.CapConsent, identity.CapInvite))(t)
}

// TestHandover: a standby comes to have what the active daemon has, over several
// frames and changes; nobody else is given anything, and the active one takes nothing.
func TestHandover(t *testing.T) {
	orgs := newOrgs(t, 2)
	active, standby := orgs[0], orgs[1]
	theirs, ours := &estate{copied: map[[32]byte]bool{}}, &estate{copied: map[[32]byte]bool{}}
	for i := range 5 {
		theirs.rows = append(theirs.rows, fmt.Appendf(make([]byte, peer.MaxRow-8), "%d", i))
	}
	ours.rows = [][]byte{[]byte("of the standby")}
	active.Tune = func(c *peer.Config) { c.Handover = theirs }
	standby.Tune = func(c *peer.Config) { c.Handover = ours }
	peertest.Meet(active, standby)
	start(t, active, standby)
	if err := peer.CopyFrom(standby.Node, peerOf(t, active)); err == nil {
		t.Error("another organisation is given a copy")
	}
	for _, o := range orgs {
		if err := o.Stop(); err != nil {
			t.Fatal(err)
		}
	}

	// The same, where each takes the other for a daemon of its own.
	all := one(t, active, standby)
	active.Tune = func(c *peer.Config) { c.Handover, c.Directory = theirs, kin{c.Directory, active.ID, standby, all} }
	standby.Tune = func(c *peer.Config) { c.Handover, c.Directory = ours, kin{c.Directory, standby.ID, active, all} }
	start(t, active, standby)
	copied := func(what string) {
		t.Helper()
		until(t, what, orgs, func() bool { return peer.CopyFrom(standby.Node, peerOf(t, active)) == nil && ours.is(theirs.rows) })
		until(t, "the active one knows", orgs, func() bool {
			has, err := active.Node.HasCopy(standby.Kid)
			return err == nil && has
		})
	}
	copied("all of it comes")
	theirs.mu.Lock()
	theirs.rows = append(theirs.rows[2:], []byte("new"))
	theirs.mu.Unlock()
	if has, err := active.Node.HasCopy(standby.Kid); has || err != nil {
		t.Errorf("what changed is taken for copied: %v", err)
	}
	copied("what changed comes, what is gone goes")
	if len(theirs.copied) > 0 {
		t.Error("the active one has taken something")
	}
}
