package peer

import (
	"context"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"

	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/id"
)

// Left is one item that release wrote, and of how many entries the gate's fold was.
type Left struct {
	Case   id.CaseID
	To     Contact
	Entry  id.EntryID
	Part   protocol.Part
	Folded int
}

// Spy is told of everything that release writes. Set before Run.
func (n *Node) Spy(f func(Left)) {
	n.spy = func(c id.CaseID, to Contact, left []item, folded int) {
		for _, it := range left {
			f(Left{c, to, it.e.ID, it.part, folded})
		}
	}
}

// BareHost is a host like ours under somebody's transport key, that speaks no protocol.
func BareHost(c Config) (host.Host, error) {
	return newHost(&c, gater{ok: anybody})
}

// Dialled says whether a peer may be dialled.
func Dialled(n *Node, p libpeer.ID) bool {
	return gater{ok: n.mayConnect, relay: n.isRelay}.InterceptPeerDial(p)
}

// Wire puts the daemon of c on a simulated network.
func Wire(c *Config, wires ...libp2p.Option) { c.wires = wires }

// TopicCards is the public topic of cards.
const TopicCards = topicCards

// Bare is a session of which a test does both halves by itself.
type Bare struct {
	*session
	Stream network.Stream
}

// Dressed greets over a stream as the daemon of c would, towards the daemon with
// contact to.
func Dressed(c Config, st network.Stream, to Contact) (*Bare, error) {
	s := &session{n: &Node{c: c, dials: map[libpeer.ID]*dialled{}}, contact: to, stream: st, opener: true}
	return &Bare{s, st}, s.greet(s)
}

// Tags are the tags of a case from us and from the other side.
func (b *Bare) Tags(c id.CaseID) (ours, theirs wire.Tag) {
	key, err := caseKey(c)
	if err != nil {
		panic(err) // HKDF with a hash that is linked in
	}
	return b.tag(key, b.n.c.Kid, b.contact.Kid), b.tag(key, b.contact.Kid, b.n.c.Kid)
}

// Opens says who opens a session's stream.
func Opens(a, b libpeer.ID) bool { return a < b }

// Functions and names that tests look at.
var (
	TransportKey = transportKey
	PeerID       = peerID
	ProtoSync    = protoSync
	ProtoInvite  = protoInvite
	Pause        = pause
)

// HeadsOf is how many heads the session with org remembers of a case.
func (n *Node) HeadsOf(org id.OrgID, c id.CaseID) int {
	for _, s := range n.with() {
		if s.contact.Org == org {
			s.mu.Lock()
			defer s.mu.Unlock()
			if sh := s.shared[c]; sh != nil {
				return len(sh.heads)
			}
		}
	}
	return 0
}

// OnTheWay is how many ENTRIES to org are, all cases together.
func (n *Node) OnTheWay(org id.OrgID) int {
	for _, s := range n.with() {
		if s.contact.Org == org {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.way)
		}
	}
	return 0
}

// CountsAsMember says whether frames of org that bring something are taken.
func (n *Node) CountsAsMember(c id.CaseID, org id.OrgID) bool {
	st, _ := n.cases.standing(c, org)
	return st.member
}

// JoinAgain is what a join packet does with a case that is here already.
func (n *Node) JoinAgain(c id.CaseID, inviter id.OrgID) error {
	if err := n.cases.join(c, []id.OrgID{inviter}); err != nil {
		return err
	}
	return n.joinKnown(c)
}

// Join is what a join packet, or GENESIS of a daemon of ours, does.
func (n *Node) Join(c id.CaseID, genesis []byte, from id.OrgID) error {
	return n.join(context.Background(), c, genesis, []id.OrgID{from})
}

// Keys is a KEYS frame of ours.
func (b *Bare) Keys(tag wire.Tag, list ...wire.Key) (*wire.Keys, error) { return b.sealKeys(tag, list) }

// CopyFrom asks a daemon for a copy of what it knows, now.
func CopyFrom(n *Node, p libpeer.ID) error { return n.copyFrom(context.Background(), p) }

// LetsIn says whether a daemon that waits at relays lets a connection in by where it
// comes from.
func LetsIn(waits func(libpeer.ID) bool, from network.ConnMultiaddrs) bool {
	g := gater{ok: anybody, waits: waits}
	return g.InterceptAccept(from) && g.InterceptSecured(network.DirInbound, "", from)
}

// Conns is how many connections there are, and how many of them the smaller id has dialled.
func (n *Node) Conns() (all, smaller int) {
	for _, c := range n.host.Network().Conns() {
		all++
		if (c.Stat().Direction == network.DirOutbound) == n.opens(c.RemotePeer()) {
			smaller++
		}
	}
	return all, smaller
}

// Turns is how often, of many times that marks differ in a case of so many members, a daemon
// compares.
func Turns(members, times int) (n int) {
	k := &known{view: view{members: map[id.OrgID]bool{}}}
	for i := range members {
		k.view.members[id.OrgID{byte(i), byte(i >> 8)}] = true
	}
	x := &cases{all: map[id.CaseID]*known{{}: k}}
	for range times {
		if x.turn(id.CaseID{}) {
			n++
		}
	}
	return n
}

// Numbers of the live algorithm that a model of it takes over.
const (
	TellPeers    = tellPeers
	ComparePeers = comparePeers
)
