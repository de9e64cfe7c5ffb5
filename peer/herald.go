package peer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"cordon/peer/wire"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// Former is a daemon that our organisation has replaced, as those remember it who
// have not seen our newest identity events.
type Former struct {
	Kid       id.Kid
	Transport ed25519.PrivateKey
}

// Herald shows our identity events to one daemon that still waits for the former
// one: it comes once more with the former transport key, leaves one HELLO on
// /cordon/keys/1, and is gone (spec/sync.md §3.1). It takes nothing, and is not told whether the events were new.
func Herald(ctx context.Context, f Former, to Target, events [][]byte) error {
	p, err := peerID(to.Transport)
	if err != nil {
		return fmt.Errorf("herald: %w", err)
	}
	addrs := multiaddrs(to.Addrs)
	h, err := newHost(&Config{Transport: f.Transport}, gater{
		ok: func(q libpeer.ID) bool { return p == q },
		relay: func(q libpeer.ID) bool {
			return slices.ContainsFunc(addrs, func(a ma.Multiaddr) bool { r, ok := relayOf(a); return ok && r == q })
		}})
	if err != nil {
		return fmt.Errorf("herald: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if err = h.Connect(ctx, libpeer.AddrInfo{ID: p, Addrs: addrs}); err == nil {
		var st network.Stream
		if st, err = h.NewStream(network.WithNoDial(ctx, "herald"), p, protoKeys); err == nil {
			err = leaveHello(st, f.Kid, events)
		}
	}
	if err = errors.Join(err, h.Close()); err != nil {
		return fmt.Errorf("herald: %w", err)
	}
	return nil
}

// leaveHello writes HELLO and waits until the other side is done with it.
func leaveHello(st network.Stream, kid id.Kid, events [][]byte) error {
	defer st.Reset()
	_ = st.SetDeadline(time.Now().Add(handshakeTime))
	hello := &wire.Hello{Versions: []uint64{version}, Kid: kid, MaxFrame: wire.MaxFrame, Events: newest(events, wire.MaxEvents)}
	_, _ = rand.Read(hello.Nonce[:]) // never fails (crypto/rand)
	if _, err := st.Write(wire.Append(nil, hello)); err != nil {
		return err
	}
	if _, err := st.Read(make([]byte, 1)); err != io.EOF {
		return errNotNow
	}
	return nil
}

// RootHerald is Herald with the root's key, to a daemon of our own organisation, which
// knows no other key of who comes: so it learns of a daemon that was certified just now.
func RootHerald(ctx context.Context, root ed25519.PrivateKey, to Target, events [][]byte) error {
	return Herald(ctx, Former{Kid: rootKid(root.Public().(ed25519.PublicKey)), Transport: root}, to, events)
}

// rootKid stands for a root where a HELLO names its sender.
func rootKid(root ed25519.PublicKey) id.Kid { return cose.Thumbprint(root) }

// readHello reads one frame, which must be HELLO.
func readHello(r io.Reader) (*wire.Hello, error) {
	b, err := wire.ReadFrame(r, nil, wire.MaxEvents+4<<10)
	if err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	f, err := wire.Parse(b)
	if err != nil {
		return nil, err
	}
	h, ok := f.(*wire.Hello)
	if !ok {
		return nil, ErrHello
	}
	return h, nil
}

// Recheck ends the sessions of daemons that may no longer connect: their key was
// revoked, say.
func (n *Node) Recheck() {
	for _, s := range n.with() {
		if c, ok := n.allowed(s.peer); !ok || c.Kid != s.contact.Kid {
			s.end(errNotNow)
			_ = n.host.Network().ClosePeer(s.peer)
		}
	}
}
