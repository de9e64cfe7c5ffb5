package peer_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
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

// TestRevokedShowsAlone: the transport key of a revoked daemon is let in to show what has
// followed, and for nothing else; it is seen out after a while.
func TestRevokedShowsAlone(t *testing.T) {
	t.Parallel()
	a := newOrgs(t, 1)[0]
	b := opener(t, a)
	a.Pin(b)
	start(t, a)
	ends := func(h host.Host, p protocol.ID) error {
		t.Helper()
		return leaves(t, h, b, a, p)
	}
	control := guest(t, b, a)
	if err := ends(control, protoKeys); err != io.EOF {
		t.Errorf("before it is revoked it is answered %v", err)
	}
	if err := ends(control, peer.ProtoSync); err != nil {
		t.Errorf("before it is revoked it has no session: %v", err)
	}
	_ = control.Close()

	a.Pin(&peertest.Org{ID: b.ID, Chain: must(b.Revoked())(t)})
	h := guest(t, b, a)
	for _, p := range []protocol.ID{peer.ProtoSync, "/cordon/invite/1", "/cordon/handover/1"} {
		if err := ends(h, p); err == nil || err == io.EOF {
			t.Errorf("revoked it speaks %s", p)
		}
	}
	if err := ends(h, protoKeys); err != io.EOF {
		t.Errorf("what it shows is answered %v", err)
	}
	if connected(a, b.ID) {
		t.Error("revoked it has a session")
	}
	until(t, "it is seen out", []*peertest.Org{a}, func() bool { return h.Network().Connectedness(peerOf(t, a)) != network.Connected })
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

// leaves writes a HELLO of o's on a stream, and reads what comes back: nil for bytes, io.EOF
// for none, else what has ended it.
func leaves(t *testing.T, h host.Host, o, a *peertest.Org, p protocol.ID) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	st, err := h.NewStream(network.WithNoDial(ctx, "a test"), peerOf(t, a), p)
	if err != nil {
		return err
	}
	defer st.Reset()
	hello := &wire.Hello{Versions: []uint64{1}, Kid: o.Kid, MaxFrame: wire.MaxFrame, Events: o.Chain.Events}
	_, _ = rand.Read(hello.Nonce[:])
	if _, err := st.Write(wire.Append(nil, hello)); err != nil {
		return err
	}
	if err := st.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err = st.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
		return io.EOF
	}
	return err
}
