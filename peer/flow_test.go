package peer_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"cordon/ledger"
	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/protocol"
	"cordon/protocol/id"
)

// copyCase gives b everything that a holds of a case, as an earlier session did.
func copyCase(t *testing.T, c id.CaseID, a, b *peertest.Org) []ledger.Entry {
	t.Helper()
	list := must(a.Ledger.Tail(c, 0, 1000))(t)
	raws := make([][]byte, len(list))
	for i, e := range list {
		raws[i] = bytes.Clone(e.Raw)
	}
	if res, err := b.Ledger.Accept(t.Context(), c, raws); err != nil || res.Stored != len(raws) {
		t.Fatalf("%+v, %v", res, err)
	}
	return list
}

// TestBodyResumesByChunk: what is here of a body is not sent again.
func TestBodyResumesByChunk(t *testing.T) {
	t.Parallel()
	patient := peertest.Fast()
	patient.Retry = patience // nothing is asked for twice because the machine is slow
	orgs := newOrgsOn(t, 2, patient)
	a, b := orgs[0], orgs[1]
	peertest.Meet(a, b)
	c := must(a.Open())(t)
	if err := a.Admit(c, b, protocol.Observer); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 5<<20)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(raw)
	e := must(a.Note(c, raw))(t)
	copyCase(t, c, a, b)
	total := must(a.Ledger.BodyState(c, *e.Body))(t).Total
	if err := b.Ledger.PutHashes(c, *e.Body, must(a.Ledger.Hashes(c, *e.Body))(t)); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := b.Ledger.PutChunk(c, *e.Body, i, must(a.Ledger.Chunk(c, *e.Body, i))(t)); err != nil {
			t.Fatal(err)
		}
	}
	var all spies
	all.watch(a)
	start(t, a, b)
	reads(t, c, e.ID, raw, b)
	all.mu.Lock()
	defer all.mu.Unlock()
	sent := 0
	for _, l := range all.left {
		if l.Part == protocol.Body {
			sent++
		}
	}
	if sent != total-2+1 {
		t.Errorf("%d chunks and keys were sent, of %d chunks 2 were there", sent, total)
	}
}

// TestOutboxSettles: a request ends with the other side's no, or with its expiry.
func TestOutboxSettles(t *testing.T) {
	orgs := newOrgs(t, 2)
	a, b := orgs[0], orgs[1]
	peertest.Meet(a, b)
	b.Shut = true
	ended := make(chan error, 4)
	a.Settled = func(kind peer.RequestKind, err error) {
		if kind == peer.RequestOffer {
			ended <- err
		}
	}
	start(t, a, b)
	c := must(a.Open())(t)
	wait := func(want error) {
		t.Helper()
		select {
		case err := <-ended:
			if !errors.Is(err, want) {
				t.Errorf("settled with %v, want %v", err, want)
			}
		case <-time.After(patience):
			t.Fatalf("not settled: %v", want)
		}
	}
	if err := a.Invite(c, b.ID, protocol.Observer); err != nil {
		t.Fatal(err)
	}
	wait(peer.ErrRefused)
	agreement := []byte{0xa0}
	if err := a.Node.SendOffer(id.OrgID{1}, [32]byte{1}, peer.Offer{Agreement: agreement}, time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	wait(peer.ErrExpired)
	if err := a.Node.SendOffer(b.ID, [32]byte{2}, peer.Offer{Agreement: agreement, Card: make([]byte, 1<<16)}, time.Now()); !errors.Is(err, peer.ErrTooBig) {
		t.Errorf("a card of 64 KiB: %v", err)
	}
}

// TestQuietCasesCostLittle is P6.6 in small: shared cases in which nothing happens
// cost their pair in TAGS and nothing else.
func TestQuietCasesCostLittle(t *testing.T) {
	const cases = 100
	orgs := newOrgs(t, 2)
	a, b := orgs[0], orgs[1]
	peertest.Meet(a, b)
	for range cases {
		c := must(a.Open())(t)
		if err := a.Admit(c, b, protocol.Observer); err != nil {
			t.Fatal(err)
		}
		copyCase(t, c, a, b)
	}
	var got atomic.Int64
	b.Tap = func(p []byte) { got.Add(int64(len(p))) }
	start(t, a, b)
	const tags = 4 + 5 + 128*35 // 100 cases are 128 pairs
	until(t, "three TAGS came", orgs, func() bool { return got.Load() >= 3*tags })
	if n := got.Load(); n > 6*tags+4096 {
		t.Errorf("%d bytes for at most a few TAGS of %d", n, tags)
	}
}

// TestManyLiveEntries: a burst beyond what is sent live ends in a comparison, not in
// a closed session.
func TestManyLiveEntries(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 2)
	a, b := orgs[0], orgs[1]
	peertest.Meet(a, b)
	start(t, a, b)
	c := must(a.Open())(t)
	admit(t, c, a, b)
	var last ledger.Entry
	for i := range 1500 {
		last = must(a.Note(c, []byte{byte(i), byte(i >> 8)}))(t)
	}
	until(t, "the last came", orgs, func() bool {
		_, err := b.Ledger.Entry(c, last.ID)
		return err == nil
	})
	if s := status(a, b.ID); s.LastError != "" || !s.Connected {
		t.Errorf("the session did not survive: %+v", s)
	}
	same(t, c, a, b)
}

// TestLastWordsOfOneWhoLeft: who leaves may be the only holder of what it wrote
// before. The others fold its exit first, and still take that from it.
func TestLastWordsOfOneWhoLeft(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	a, b, leaver := orgs[0], orgs[1], orgs[2]
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(a.Open())(t)
	admit(t, c, a, b)
	admit(t, c, a, leaver)
	same(t, c, orgs...)
	if err := leaver.Stop(); err != nil {
		t.Fatal(err)
	}
	why := bytes.Repeat([]byte("why we leave "), 1<<17) // more than a chunk: its key comes well after its header
	last := must(leaver.Note(c, why))(t)
	must(leaver.Write(c, &protocol.Exit{Code: 1, Reason: [32]byte{1}}))(t)
	if err := leaver.Start(); err != nil {
		t.Fatal(err)
	}
	reads(t, c, last.ID, why, a, b)
	after := must(a.Note(c, []byte("after")))(t)
	reads(t, c, after.ID, []byte("after"), b)
	if _, err := leaver.Ledger.Entry(c, after.ID); err == nil {
		t.Error("an entry reached one who had left")
	}
}
