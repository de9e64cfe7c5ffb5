package peer_test

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	protocolid "github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"

	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/peer/wire"
)

// claim is a length as a frame begins with it.
func claim(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// firstFrames are the streams that a pinned daemon may open without a session, with
// the most that the first frame may hold.
var firstFrames = map[string]struct {
	proto protocolid.ID
	limit int
}{"HELLO": {peer.ProtoSync, wire.MaxEvents + 4<<10}, "invitation": {peer.ProtoInvite, wire.MaxInviteFrame}}

// stranger is the bare host of a pinned daemon that has no session with a, and a's id.
func stranger(t *testing.T, a *peertest.Org) (host.Host, libpeer.ID) {
	t.Helper()
	o := opener(t, a)
	peertest.Meet(a, o)
	h := must(peer.BareHost(o.Config()))(t)
	t.Cleanup(func() { _ = h.Close() })
	return h, reach(t, h, a)
}

// TestOversizeBeforeASession: on each stream that a pinned daemon may open, a length
// beyond the limit ends it at once.
func TestOversizeBeforeASession(t *testing.T) {
	a := newOrgs(t, 1)[0]
	start(t, a)
	h, p := stranger(t, a)
	for name, s := range firstFrames {
		held := heap()
		for _, n := range []int{s.limit + 1, 1 << 30, 1<<32 - 1} {
			st := must(h.NewStream(t.Context(), p, s.proto))(t)
			if _, err := st.Write(claim(n)); err != nil {
				t.Fatal(err)
			}
			ends(t, name, st)
		}
		if grown := int64(heap()) - int64(held); grown > 32<<20 {
			t.Errorf("%s: the heap grew by %d MiB", name, grown>>20)
		}
	}
}

// TestDrips: a frame that drips ends its stream, before a session and in one, and
// costs no more memory than the peer's limit. All drip at once: each takes its time.
func TestDrips(t *testing.T) {
	a := newOrgs(t, 1)[0]
	_, b := member(t, a)
	until(t, "the session stands", nil, func() bool { return connected(a, b.ID) })
	h, p := stranger(t, a)
	held := heap()
	drip(b.Stream, append(claim(1<<20), 0x83))
	dripping := map[string]network.Stream{}
	for name, s := range firstFrames {
		dripping[name] = must(h.NewStream(t.Context(), p, s.proto))(t)
		drip(dripping[name], append(claim(s.limit), 0x81))
	}
	for name, st := range dripping {
		ends(t, name, st)
	}
	until(t, "the session ends", nil, func() bool {
		return strings.Contains(lastError(a, b.ID), "nothing-heard") && !connected(a, b.ID)
	})
	if grown := int64(heap()) - int64(held); grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// TestOversizeInASession: a frame of the limit is read, whatever it holds; one byte
// more, or 1 GiB, is refused by its length. (One that drips: TestDrips.)
func TestOversizeInASession(t *testing.T) {
	orgs := newOrgs(t, 1)
	a := orgs[0]
	start(t, a)
	for name, c := range map[string]struct {
		reason string
		tell   func(*bare)
	}{
		"the limit": {"unknown-frame", func(b *bare) {
			frame := make([]byte, wire.MaxFrame)
			copy(frame, []byte{0x82, 0x18, 0x63}) // two items, kind 99
			_, _ = b.Stream.Write(wire.Prefixed(frame))
		}},
		"one byte more": {"frame-length", func(b *bare) { _, _ = b.Stream.Write(claim(wire.MaxFrame + 1)) }},
		"1 GiB":         {"frame-length", func(b *bare) { _, _ = b.Stream.Write(claim(1 << 30)) }},
	} {
		t.Run(name, func(t *testing.T) {
			o := opener(t, a)
			peertest.Meet(a, o)
			b := dress(t, o, a)
			until(t, "the session stands", orgs, func() bool { return connected(a, o.ID) })
			c.tell(b)
			until(t, "the session ends: "+c.reason, orgs, func() bool {
				return !connected(a, o.ID) && strings.Contains(lastError(a, o.ID), c.reason)
			})
		})
	}
}

// reach connects a bare host to a started organisation.
func reach(t *testing.T, h host.Host, to *peertest.Org) libpeer.ID {
	t.Helper()
	p := peerOf(t, to)
	if err := h.Connect(t.Context(), libpeer.AddrInfo{ID: p, Addrs: []ma.Multiaddr{ma.StringCast(to.Node.Addrs()[0])}}); err != nil {
		t.Fatal(err)
	}
	return p
}

// ends fails unless the other side ends the stream.
func ends(t *testing.T, name string, st network.Stream) {
	t.Helper()
	_ = st.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, st); timedOut(err) {
		t.Errorf("%s: the stream stays open", name)
	}
}

// timedOut says whether an error is our own deadline.
func timedOut(err error) bool {
	e, ok := err.(interface{ Timeout() bool })
	return ok && e.Timeout()
}

// drip begins a frame and goes on with one byte at a time, until the stream ends.
func drip(st network.Stream, begin []byte) {
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for next := begin; ; next = []byte{0} {
			if _, err := st.Write(next); err != nil {
				return
			}
			<-tick.C
		}
	}()
}
