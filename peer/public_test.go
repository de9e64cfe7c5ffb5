package peer_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"

	"cordon/peer"
	"cordon/peer/peertest"
)

// public makes organisations that take part in the public topics.
func public(t *testing.T, n int) []*peertest.Org {
	t.Helper()
	orgs := newOrgs(t, n)
	for _, o := range orgs {
		o.Public = true
	}
	return orgs
}

// TestCardsGoRound: A and C are never connected, and C has pinned A: A's card and a
// chain of A's reach C over B. Who has not pinned A takes neither.
func TestCardsGoRound(t *testing.T) {
	t.Parallel()
	orgs := public(t, 4)
	a, b, c, d := orgs[0], orgs[1], orgs[2], orgs[3]
	peertest.Meet(a, b)
	peertest.Meet(b, c)
	peertest.Meet(b, d)
	c.Pin(a)
	start(t, orgs...)
	until(t, "A's card at C", orgs, func() bool { card, _, _ := c.Heard(a.ID); return card })
	until(t, "and B's at all", orgs, func() bool {
		return !slices.ContainsFunc([]*peertest.Org{a, c, d}, func(o *peertest.Org) bool { card, _, _ := o.Heard(b.ID); return !card })
	})
	longer := must(a.Renamed("A again"))(t)
	until(t, "B's mesh", orgs, func() bool {
		b.Revoke(longer)
		_, chains, _ := c.Heard(a.ID)
		return chains > 0
	})
	if card, chains, _ := d.Heard(a.ID); card || chains > 0 {
		t.Error("D takes what it has not pinned")
	}
}

// TestNoCardToGive: who has no card, as its key is revoked, runs on.
func TestNoCardToGive(t *testing.T) {
	t.Parallel()
	orgs := public(t, 2)
	a, b := orgs[0], orgs[1]
	peertest.Meet(a, b)
	asked := make(chan struct{}, 1)
	a.NoCard = func() {
		select {
		case asked <- struct{}{}:
		default:
		}
	}
	start(t, orgs...)
	<-asked
	until(t, "it takes part still", orgs, func() bool { card, _, _ := a.Heard(b.ID); return card })
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
}

// TestPublicIsForThePinned: who shares a case with B, and is not pinned by it, is told
// nothing of whom B knows. The control: once it is pinned, it is.
func TestPublicIsForThePinned(t *testing.T) {
	t.Parallel()
	for _, pins := range []bool{false, true} {
		t.Run(fmt.Sprintf("pinned %v", pins), func(t *testing.T) {
			t.Parallel()
			orgs := public(t, 4)
			a, b, lead, d := orgs[0], orgs[1], orgs[2], orgs[3]
			var mu sync.Mutex
			told := false
			d.Tap = func(got []byte) {
				mu.Lock()
				defer mu.Unlock()
				told = told || bytes.Contains(got, a.Chain.Events[0])
			}
			peertest.Meet(a, b)
			peertest.Meet(b, lead)
			peertest.Meet(d, lead)
			d.Pin(a)
			d.Pin(b)
			if pins {
				b.Pin(d)
			}
			start(t, orgs...)
			c := must(lead.Open())(t)
			admit(t, c, lead, b)
			admit(t, c, lead, d)
			same(t, c, lead, b, d)
			until(t, "B and D are connected", orgs, func() bool { return connected(b, d.ID) && connected(d, b.ID) })
			rounds := 0
			until(t, "B tells of A again and again", orgs, func() bool {
				rounds++
				b.Revoke(must(a.Renamed(fmt.Sprint("A ", rounds)))(t))
				_, _, looked := lead.Heard(a.ID)
				mu.Lock()
				defer mu.Unlock()
				return looked > 20 && (told || !pins)
			})
			mu.Lock()
			defer mu.Unlock()
			if told != pins {
				t.Errorf("D was told of A: %v", told)
			}
		})
	}
}

// TestPublicFlood: of what one peer says on the public topics only so much is looked
// at, and nothing else suffers.
func TestPublicFlood(t *testing.T) {
	t.Parallel()
	orgs := public(t, 2)
	a, b := orgs[0], orgs[1]
	o := opener(t, a)
	peertest.Meet(a, b, o)
	start(t, orgs...)
	bare := dress(t, o, a)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ps := must(pubsub.NewGossipSub(ctx, bare.host, pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithMessageIdFn(func(m *pb.Message) string { return string(m.Data) })))(t)
	topic := must(ps.Join(peer.TopicCards))(t)
	until(t, "A is in the topic", orgs, func() bool { return len(topic.ListPeers()) > 0 })
	c := must(a.Open())(t)
	admit(t, c, a, b)
	_, _, before := a.Heard(o.ID)
	for i := range 5_000 {
		if err := topic.Publish(ctx, fmt.Append(nil, "no card ", i)); err != nil {
			t.Fatal(err)
		}
	}
	n := must(b.Note(c, []byte("meanwhile")))(t)
	reads(t, c, n.ID, []byte("meanwhile"), a)
	_, _, after := a.Heard(o.ID)
	if after-before < 1 || after-before > 700 {
		t.Errorf("%d messages of 5,000 were looked at", after-before)
	}
	if !connected(a, b.ID) {
		t.Error("others suffer")
	}
}
