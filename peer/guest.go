package peer

import (
	"context"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
)

// isGuest says whether a peer is let in to show identity events and for nothing else
// (spec/sync.md §3.1): one whose certificate, as we know it, is over, one whose key was
// revoked, and our own root.
func (n *Node) isGuest(p libpeer.ID) bool {
	_, ok := n.allowed(p)
	return !ok && (n.isRoot(p) || !n.isShut(p) && len(n.shows(p)) > 0)
}

// isRoot says whether a peer has proven the key of our organisation's root.
func (n *Node) isRoot(p libpeer.ID) bool {
	pub, ok := transportKey(p)
	return ok && n.c.Root.Equal(pub)
}

// shows are the daemons as which a peer may show identity events; it names one of them.
func (n *Node) shows(p libpeer.ID) []Contact {
	if n.isRoot(p) {
		return []Contact{{Org: n.c.Org, Kid: rootKid(n.c.Root)}}
	}
	pub, ok := transportKey(p)
	if !ok {
		return nil
	}
	list := n.c.Directory.Former(pub)
	if c, ok := n.c.Directory.Allowed(pub); ok {
		list = append(list, c)
	}
	return list
}

// answerKeys is the handler of /cordon/keys/1: a HELLO is taken, nothing is said.
func (n *Node) answerKeys(ctx context.Context, st network.Stream) {
	defer st.Close()
	defer bounded(ctx, st)()
	p := st.Conn().RemotePeer()
	as := n.shows(p)
	if len(as) == 0 || !n.mayOpen(p) {
		_ = st.Reset()
		return
	}
	f, err := readHello(st)
	if err != nil || len(f.Events) == 0 {
		_ = st.Reset()
		return
	}
	of := slices.IndexFunc(as, func(c Contact) bool { return c.Kid == f.Kid })
	if of < 0 {
		_ = st.Reset()
		return
	}
	n.c.Directory.Learn(as[of].Org, f.Events)
}

// seeOut ends the connections of who may have none any more, or is a guest and has had
// the time to say what it came for.
func (n *Node) seeOut(p libpeer.ID) {
	for _, c := range n.host.Network().ConnsToPeer(p) {
		if time.Since(c.Stat().Opened) > handshakeTime {
			n.spawn(func() { _ = c.Close() })
		}
	}
}
