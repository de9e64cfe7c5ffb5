package peer_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/id"
)

// bare is an organisation whose daemon is the test itself: keys, a connection and
// one session, of which the test writes and reads every frame.
type bare struct {
	*peertest.Org
	host host.Host
	*peer.Bare
}

// opener makes an organisation whose transport id is smaller than that of towards,
// so that it is the one to open the session.
func opener(t *testing.T, towards *peertest.Org) *peertest.Org {
	t.Helper()
	o := must(peertest.Identity("bare"))(t) // until one fits, which may take thousands: without a store
	for !peer.Opens(peerOf(t, o), peerOf(t, towards)) {
		o = must(peertest.Identity("bare"))(t)
	}
	if err := o.Settle(filepath.Join(t.TempDir(), "store"), peertest.Fast()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}

func peerOf(t *testing.T, o *peertest.Org) libpeer.ID {
	t.Helper()
	return must(peer.PeerID(o.Config().Transport.Public().(ed25519.PublicKey)))(t)
}

// where is an organisation that runs, and is to be dialled.
func where(t *testing.T, o *peertest.Org) libpeer.AddrInfo {
	t.Helper()
	at := libpeer.AddrInfo{ID: peerOf(t, o)}
	for _, a := range o.Node.Addrs() {
		at.Addrs = append(at.Addrs, ma.StringCast(a))
	}
	return at
}

// dress connects o's bare host to a started organisation and greets it.
func dress(t *testing.T, o, to *peertest.Org) *bare {
	t.Helper()
	h := must(peer.BareHost(o.Config()))(t)
	t.Cleanup(func() { _ = h.Close() })
	return &bare{o, h, greet(t, h, o, to)}
}

func greet(t *testing.T, h host.Host, o, to *peertest.Org) *peer.Bare {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := peerOf(t, to)
	if err := h.Connect(ctx, where(t, to)); err != nil {
		t.Fatal(err)
	}
	st := must(h.NewStream(ctx, p, peer.ProtoSync))(t)
	d, _ := to.Chain.Daemon(to.Kid)
	return must(peer.Dressed(o.Config(), st, peer.Contact{Org: to.ID, Kid: to.Kid, KEM: d.KEM}))(t)
}

// next reads one frame; nil when the session ended or nothing came in time.
func (b *bare) next(within time.Duration) wire.Frame {
	_ = b.Stream.SetReadDeadline(time.Now().Add(within))
	raw, err := wire.ReadFrame(b.Stream, nil, wire.MaxFrame)
	if err != nil {
		return nil
	}
	f, err := wire.Parse(raw)
	if err != nil {
		return nil
	}
	if _, ok := f.(*wire.Beat); ok {
		return b.next(within)
	}
	return f
}

func (b *bare) send(f wire.Frame) { _, _ = b.Stream.Write(wire.Append(nil, f)) }

// TestNothingAfterARemovalWasFolded is P5.2: the removed one has asked for 64
// frames and reads none; once the removal is folded, what leaves is the removal
// and its past, and at most the frame that was being written completes.
func TestNothingAfterARemovalWasFolded(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 1)
	a := orgs[0]
	var all spies
	all.watch(a)
	o := opener(t, a)
	peertest.Meet(a, o)
	start(t, a)
	c := must(a.Open())(t)
	if err := a.Admit(c, o, protocol.MitigatingVendor); err != nil {
		t.Fatal(err)
	}
	const notes = 64
	text := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(text)
	var w wire.Want
	for range notes {
		e := must(a.Note(c, text))(t)
		w.Bodies = append(w.Bodies, wire.BodyWant{Entry: e.ID})
	}
	b := dress(t, o, a)
	w.Tag, _ = b.Tags(c)
	b.send(&w) // 64 MiB: far more than any window
	until(t, "the writer is at work", orgs, func() bool { return all.count() > 0 })
	removal := must(a.Remove(c, o.ID))(t)
	at := int(removal.Pos)
	until(t, "the removal is folded", orgs, func() bool { return !a.Member(c, o.ID) })
	var kinds []string
	told := false
	for !told {
		f := b.next(patience)
		if f == nil {
			t.Fatalf("the session ended after %v", kinds)
		}
		kinds = append(kinds, fmt.Sprintf("%T", f))
		switch f := f.(type) {
		case *wire.Tags: // the removed one compares and asks, as a daemon would
			_, theirs := b.Tags(c)
			if slices.ContainsFunc(f.Pairs, func(p wire.Pair) bool { return p.Tag == theirs }) {
				b.send(&wire.Vec{Tag: w.Tag})
				b.send(&wire.Want{Tag: w.Tag, Ranges: []wire.Range{{Feed: removal.Feed(), From: 0, To: removal.Seq}}})
			}
		case *wire.Entries:
			for _, raw := range f.Raws {
				told = told || string(raw) == string(removal.Raw)
			}
		}
	}
	all.mu.Lock()
	chunks := 0
	for _, l := range all.left {
		if l.Part == protocol.Body {
			chunks++
			if l.Folded >= at {
				t.Error("a body left after the removal was folded")
			}
		}
	}
	all.mu.Unlock()
	if chunks == 0 || chunks >= 2*notes {
		t.Errorf("%d chunks and keys left: the test does not bite", chunks)
	}
	all.check(t, finder([]*peertest.Org{a, o}))
}

func (s *spies) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.left)
}

// TestOutsiderSeesTheSame is P5.3: the transcript of a pinned, connected, never
// admitted organisation has the same shape whether there is a case or not, and
// whether it guesses the case's tag or not.
func TestOutsiderSeesTheSame(t *testing.T) {
	t.Parallel()
	transcript := func(withCase bool) (shape []string) {
		orgs := newOrgs(t, 2)
		a, member := orgs[0], orgs[1]
		o := opener(t, a)
		peertest.Meet(a, member, o)
		start(t, a, member)
		b := dress(t, o, a)
		guess := id.CaseID{1}
		if withCase {
			guess = must(a.Open())(t)
			admit(t, guess, a, member)
		}
		tag, _ := b.Tags(guess)
		b.send(&wire.Tags{Pairs: []wire.Pair{{Tag: tag}}})
		b.send(&wire.Vec{Tag: tag})
		b.send(&wire.Want{Tag: tag, Ranges: []wire.Range{{To: 9}}, Bodies: []wire.BodyWant{{Entry: id.EntryID(guess)}}})
		b.send(&wire.Entries{Tag: tag, Raws: [][]byte{{0x80}}})
		b.send(&wire.Proof{Tag: tag, A: []byte{0x80}, B: []byte{0x81}})
		if withCase {
			must(member.Note(guess, []byte("while the outsider looks on")))(t)
			must(a.Note(guess, []byte("and again")))(t)
		}
		for len(shape) < 5 {
			f := b.next(patience)
			if f == nil {
				t.Fatal("the session ended")
			}
			shape = append(shape, fmt.Sprintf("%T of %d bytes", f, len(wire.Append(nil, f))))
		}
		return shape
	}
	with, without := transcript(true), transcript(false)
	if !slices.Equal(with, without) {
		t.Errorf("with a case:    %v\nwithout a case: %v", with, without)
	}
}

// TestHostileSessions: each lie ends the session with a named reason, the memory it
// costs stays within the peer's limits, and others are served meanwhile.
func TestHostileSessions(t *testing.T) {
	orgs := newOrgs(t, 1)
	a := orgs[0]
	start(t, a)
	c := must(a.Open())(t)
	flood := func(f wire.Frame) func(*bare) {
		return func(b *bare) {
			one := wire.Append(nil, f)
			for range 1 << 16 {
				if _, err := b.Stream.Write(one); err != nil {
					return
				}
			}
		}
	}
	for name, lie := range map[string]struct {
		reason string
		tell   func(*bare)
	}{
		"oversize length": {"frame-length", func(b *bare) {
			_, _ = b.Stream.Write(claim(1 << 31))
		}},
		"garbage": {"", func(b *bare) { _, _ = b.Stream.Write([]byte{0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff}) }},
		"more entries than a batch": {"bad-frame", func(b *bare) {
			b.send(&wire.Entries{Raws: slices.Repeat([][]byte{make([]byte, 63<<10)}, 17)})
		}},
		"second hello": {"wrong-hello", func(b *bare) { b.send(&wire.Hello{Versions: []uint64{1}}) }},
		"keys that do not open": {"bad-keys", func(b *bare) {
			b.send(&wire.Keys{Enc: make([]byte, 1120), Sealed: make([]byte, 64)})
		}},
		"unasked entries": {"flood", func(b *bare) {
			tag, _ := b.Tags(c)
			raws := slices.Repeat([][]byte{{0x80}}, wire.MaxEntries)
			flood(&wire.Entries{Tag: tag, Raws: raws})(b)
		}},
		"BEATs without end": {"flood", flood(&wire.Beat{Next: 1})},
		"wants without reading": {"flood", func(b *bare) {
			tag, _ := b.Tags(c)
			ranges := make([]wire.Range, 512)
			for i := range ranges {
				ranges[i] = wire.Range{Feed: id.Feed{Kid: a.Kid, Comp: id.Everyone}, To: id.Seq(i)}
			}
			flood(&wire.Want{Tag: tag, Ranges: ranges})(b)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := opener(t, a)
			peertest.Meet(a, o)
			if err := a.Admit(c, o, protocol.Coordinator); err != nil {
				t.Fatal(err)
			}
			b := dress(t, o, a)
			until(t, "the session stands", orgs, func() bool { return connected(a, o.ID) })
			before := heap()
			lie.tell(b)
			until(t, "the session ends", orgs, func() bool {
				return strings.Contains(lastError(a, o.ID), lie.reason) && !connected(a, o.ID) && lastError(a, o.ID) != ""
			})
			until(t, "the culprit is named", orgs, func() bool {
				f := status(a, o.ID).Fault
				return f.Rule != "" && strings.Contains(f.Rule, lie.reason) && f.Times == 1 && !f.At.IsZero()
			})
			if grown := int64(heap()) - int64(before); grown > 64<<20 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func status(a *peertest.Org, o id.OrgID) (s peer.PeerStatus) {
	for _, s := range a.Node.Status() {
		if s.Org == o {
			return s
		}
	}
	return s
}

func connected(a *peertest.Org, o id.OrgID) bool   { return status(a, o).Connected }
func lastError(a *peertest.Org, o id.OrgID) string { return status(a, o).LastError }

// TestWhoMayConnect: a stranger gets no connection, nor does a key of another kind.
func TestWhoMayConnect(t *testing.T) {
	orgs := newOrgs(t, 2)
	a, stranger := orgs[0], orgs[1]
	start(t, a)
	h := must(peer.BareHost(stranger.Config()))(t)
	defer h.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := peerOf(t, a)
	if err := h.Connect(ctx, libpeer.AddrInfo{ID: p, Addrs: []ma.Multiaddr{ma.StringCast(a.Node.Addrs()[0])}}); err == nil {
		// The gate is after the handshake: the dialler may believe in a connection
		// that is being closed. No stream may come of it.
		if st, err := h.NewStream(ctx, p, peer.ProtoSync); err == nil {
			_, err := st.Write([]byte{0})
			if err == nil {
				_, err = st.Read(make([]byte, 1))
			}
			if err == nil {
				t.Error("a stranger has a stream")
			}
		}
	}
	for _, kind := range []int{crypto.RSA, crypto.Secp256k1, crypto.ECDSA} {
		_, pub, err := crypto.GenerateKeyPair(kind, 2048)
		if err != nil || kind == crypto.Ed25519 {
			continue
		}
		other := must(libpeer.IDFromPublicKey(pub))(t)
		if _, ok := peer.TransportKey(other); ok {
			t.Errorf("a key of kind %d passes for Ed25519", kind)
		}
	}
}

// TestExpiredCertificate: by whose clock a certificate has run out, that daemon
// neither keeps a session with its holder nor begins one.
func TestExpiredCertificate(t *testing.T) {
	orgs := newOrgs(t, 2)
	a, b := orgs[0], orgs[1]
	var ahead atomic.Int64
	a.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	peertest.Meet(a, b)
	start(t, a, b)
	connected := func() bool {
		list := a.Node.Status()
		return len(list) == 1 && list[0].Connected
	}
	until(t, "a session", orgs, connected)
	ahead.Store(int64(100 * 24 * time.Hour)) // certificates of these tests last sixty days
	until(t, "the session ends", orgs, func() bool { return !connected() })
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	until(t, "it is refused", orgs, func() bool {
		list := a.Node.Status()
		return len(list) == 1 && list[0].LastError != "" && !list[0].Connected
	})
	ahead.Store(0)
	until(t, "the same clock again, a session again", orgs, connected)
}

// TestIdentifyTellsNothing is P6.2: what libp2p says of us by itself is the same for
// every daemon and names no case.
func TestIdentifyTellsNothing(t *testing.T) {
	orgs := newOrgs(t, 1)
	a := orgs[0]
	a.Public = true
	o := opener(t, a)
	peertest.Meet(a, o)
	start(t, a)
	c := must(a.Open())(t)
	if err := a.Admit(c, o, protocol.Observer); err != nil {
		t.Fatal(err)
	}
	b := dress(t, o, a)
	p := peerOf(t, a)
	until(t, "identify is through", orgs, func() bool {
		list, err := b.host.Peerstore().GetProtocols(p)
		return err == nil && len(list) > 0
	})
	known := []string{"/cordon/sync/1", "/cordon/invite/1", "/cordon/keys/1", "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0",
		"/libp2p/circuit/relay/0.2.0/stop", "/meshsub/1.1.0", "/meshsub/1.2.0", "/meshsub/1.3.0"}
	for _, id := range must(b.host.Peerstore().GetProtocols(p))(t) {
		if !slices.Contains(known, string(id)) {
			t.Errorf("speaks %s", id)
		}
	}
	if v, err := b.host.Peerstore().Get(p, "AgentVersion"); err != nil || v != "cordon" {
		t.Errorf("agent %v, %v", v, err)
	}
}
