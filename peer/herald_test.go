package peer_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/peer/wire"
)

const protoKeys protocol.ID = "/cordon/keys/1"

// TestGuests: the transport key of a daemon that was revoked, or whose certificate is over, is
// let in to show what has followed, and for nothing else: it is not told who is there, none of
// the protocols of libp2p is spoken with it, it is not dialled, and it is seen out after a
// while. The control is the daemon before.
func TestGuests(t *testing.T) {
	for name, end := range map[string]func(a, b *peertest.Org, ahead *atomic.Int64){
		"revoked": func(a, b *peertest.Org, _ *atomic.Int64) {
			a.Pin(&peertest.Org{ID: b.ID, Chain: must(b.Revoked())(t)})
		},
		"over": func(_, _ *peertest.Org, ahead *atomic.Int64) {
			ahead.Store(int64(100 * 24 * time.Hour)) // certificates of these tests last sixty days
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ahead atomic.Int64
			a := newOrgs(t, 1)[0]
			a.Public = true
			a.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			b := opener(t, a)
			a.Pin(b)
			start(t, a)
			shut := []protocol.ID{peer.ProtoSync, "/cordon/invite/1", "/cordon/handover/1", "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0",
				"/meshsub/1.3.0", "/libp2p/circuit/relay/0.2.0/stop"}
			control := guest(t, b, a)
			if came, err := leaves(t, control, b, a, protoKeys); came || err != io.EOF {
				t.Errorf("before, it is answered %v, %v", came, err)
			}
			for _, p := range []protocol.ID{peer.ProtoSync, "/ipfs/id/1.0.0"} {
				if came, err := leaves(t, control, b, a, p); !came {
					t.Errorf("before, %s is not spoken: %v", p, err)
				}
			}
			_ = control.Close()

			end(a, b, &ahead)
			h := guest(t, b, a)
			for _, p := range shut {
				if came, err := leaves(t, h, b, a, p); came || err == nil || err == io.EOF {
					t.Errorf("it speaks %s: %v, %v", p, came, err)
				}
			}
			if came, err := leaves(t, h, b, a, protoKeys); came || err != io.EOF {
				t.Errorf("what it shows is answered %v, %v", came, err)
			}
			if connected(a, b.ID) {
				t.Error("it has a session")
			}
			until(t, "it is seen out", []*peertest.Org{a}, func() bool { return h.Network().Connectedness(peerOf(t, a)) != network.Connected })
			if n := peer.Dialled(a.Node, peerOf(t, b)); n {
				t.Error("it may be dialled")
			}
		})
	}
}

// guest connects the transport key of o with a.
func guest(t *testing.T, o, a *peertest.Org) host.Host {
	t.Helper()
	h := must(peer.BareHost(o.Config()))(t)
	t.Cleanup(func() { _ = h.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := h.Connect(ctx, where(t, a)); err != nil {
		t.Fatal(err)
	}
	return h
}

// leaves writes a HELLO of o's on a stream, and says whether anything came back, and what has
// ended it: io.EOF where the other side was done.
func leaves(t *testing.T, h host.Host, o, a *peertest.Org, p protocol.ID) (came bool, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	st, err := h.NewStream(network.WithNoDial(ctx, "a test"), peerOf(t, a), p)
	if err != nil {
		return false, err
	}
	defer st.Reset()
	hello := &wire.Hello{Versions: []uint64{1}, Kid: o.Kid, MaxFrame: wire.MaxFrame, Events: o.Chain.Events}
	_, _ = rand.Read(hello.Nonce[:]) // never fails (crypto/rand)
	if _, err := st.Write(wire.Append(nil, hello)); err != nil {
		return false, err
	}
	if err := st.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return false, err
	}
	n, err := st.Read(make([]byte, 1))
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n > 0, err
}
