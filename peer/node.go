package peer

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"cordon/peer/wire"
	"cordon/protocol/id"
)

// The protocols of spec/sync.md; their names say nothing of a case.
const (
	protoSync   protocol.ID = "/cordon/sync/1"
	protoInvite protocol.ID = "/cordon/invite/1"
	protoKeys   protocol.ID = "/cordon/keys/1"

	protoHandover protocol.ID = "/cordon/handover/1"
)

// handshakeTime is how long a dial, a HELLO or an invitation's exchange may take.
const handshakeTime = 10 * time.Second

// Node is our end of the network. Its methods may be called from any goroutine.
type Node struct {
	c      Config
	host   host.Host
	log    *slog.Logger
	cases  *cases
	outbox *outbox
	fetch  *fetcher
	asks   asks
	spy    func(c id.CaseID, to Contact, left []item, folded int) // of what release writes; tests only
	wg     sync.WaitGroup                                         // every goroutine that Run, a handler or a session started

	mu       sync.Mutex
	closed   bool
	sessions map[libpeer.ID]*session
	dials    map[libpeer.ID]*dialled
	tells    map[id.CaseID]map[id.Feed]wire.Head // of what we accepted, until the delay is over
	copies   map[id.Kid][32]byte                 // what a standby of ours had when it last asked
	places   map[libpeer.ID]string               // relays at which we wait; "" or why we have no place there
	via      map[libpeer.ID]bool                 // relays on the way to others
}

// dialled is what is remembered of a daemon that has no session.
type dialled struct {
	contact  Contact // of the last session; zero before one
	next     time.Time
	pause    time.Duration
	busy     bool
	away     bool          // the last attempt reached nobody
	begun    time.Time     // the last session
	since    time.Time     // nothing has come back; zero: something did
	took     time.Duration // the last dial that got through; zero: none did
	tries    int
	floods   int // sessions that ended so
	fault    Fault
	shutTill time.Time // no session before
	err      string
	ended    time.Time // the last session; zero: none yet
	requests allowance // of streams that it opens
	excess   allowance // of streams, served or not
}

// Listen opens the listeners. Nothing is dialled and nothing is answered before Run.
func Listen(c Config) (*Node, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Schedule = c.Schedule.orDefault()
	n := &Node{c: c, log: c.Log, sessions: map[libpeer.ID]*session{}, dials: map[libpeer.ID]*dialled{},
		tells: map[id.CaseID]map[id.Feed]wire.Head{}, copies: map[id.Kid][32]byte{},
		places: map[libpeer.ID]string{}, via: map[libpeer.ID]bool{}}
	relays, err := waiting(&c)
	if err != nil {
		return nil, err
	}
	for _, r := range relays {
		n.places[r.ID] = noPlace
	}
	if n.cases, err = newCases(&n.c); err != nil {
		return nil, err
	}
	if n.outbox, err = newOutbox(&n.c); err != nil {
		return nil, err
	}
	if n.fetch, err = newFetcher(n); err != nil {
		return nil, err
	}
	if n.host, err = newHost(&n.c, gater{n.mayConnect, n.isGuest, n.isRelay, n.waitsAt, n.opened, len(relays) > 0}); err != nil {
		return nil, err
	}
	if c.Tap != nil {
		n.host = tapped{n.host, c.Tap}
	}
	return n, nil
}

// orDefault fills the fields that are zero.
func (s Schedule) orDefault() Schedule {
	d := DefaultSchedule()
	return Schedule{
		Dial: cmp.Or(s.Dial, d.Dial), DialMax: cmp.Or(s.DialMax, d.DialMax), Tags: cmp.Or(s.Tags, d.Tags),
		TagsDelay: cmp.Or(s.TagsDelay, d.TagsDelay), Tell: cmp.Or(s.Tell, d.Tell),
		Compare: cmp.Or(s.Compare, d.Compare), Retry: cmp.Or(s.Retry, d.Retry), Beat: cmp.Or(s.Beat, d.Beat), Public: cmp.Or(s.Public, d.Public),
	}
}

// Run dials, serves and replicates until ctx ends; it returns after every goroutine
// has ended and the listeners are closed. It is called once.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all, own := n.c.Ledger.Subscribe(), n.c.Ledger.SubscribeOwn()
	defer all.Close()
	defer own.Close()
	n.host.SetStreamHandler(protoSync, func(s network.Stream) { n.spawn(func() { n.answerSync(ctx, s) }) })
	n.host.SetStreamHandler(protoInvite, func(s network.Stream) { n.spawn(func() { n.answerInvite(ctx, s) }) })
	n.host.SetStreamHandler(protoKeys, func(s network.Stream) { n.spawn(func() { n.answerKeys(ctx, s) }) })
	if n.c.Handover != nil {
		n.host.SetStreamHandler(protoHandover, func(s network.Stream) { n.spawn(func() { n.answerHandover(ctx, s) }) })
		n.spawn(func() { n.copyHandover(ctx) })
	}
	failed := make(chan error, 2)
	if n.c.Public != nil {
		n.spawn(func() {
			if err := n.gossip(ctx); err != nil && ctx.Err() == nil {
				failed <- err
			}
		})
	}
	relays, err := waiting(&n.c)
	if err != nil {
		return err
	}
	for _, r := range relays {
		n.spawn(func() { n.reserve(ctx, r) })
	}
	n.spawn(func() { n.dial(ctx) })
	n.spawn(func() { n.compare(ctx) })
	n.spawn(func() { n.noteAheads(ctx) })
	n.spawn(func() { n.fetch.run(ctx) })
	n.spawn(func() {
		if err := n.follow(ctx, all, own); err != nil {
			failed <- err
		}
	})
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	cancel()
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	err = cmp.Or(err, n.host.Close())
	n.wg.Wait()
	return err
}

// Close releases the listeners of a Node that was never run.
func (n *Node) Close() error { return n.host.Close() }

// spawn starts f, which Run waits for; after the end of Run it does nothing.
func (n *Node) spawn(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.wg.Go(f)
}

// Addrs are the multiaddrs we listen on, without /p2p, ports resolved.
func (n *Node) Addrs() []string {
	var list []string
	for _, a := range n.host.Network().ListenAddresses() {
		if !relayed(a) {
			list = append(list, a.String())
		}
	}
	return list
}

// Reached are the multiaddrs at which others reach us: those of the relays, if any is
// named, for then nobody can dial us; else Addrs.
func (n *Node) Reached() []string {
	var list []string
	for _, r := range n.c.Relays {
		list = append(list, r+"/p2p-circuit")
	}
	if list == nil {
		return n.Addrs()
	}
	return list
}

// Status lists every target and every connected daemon, ordered by organisation and kid.
func (n *Node) Status() []PeerStatus {
	list := map[libpeer.ID]PeerStatus{}
	for _, t := range n.c.Directory.Targets() {
		p, err := peerID(t.Transport)
		if err != nil {
			continue
		}
		c, _ := n.allowed(p)
		list[p] = PeerStatus{Org: t.Org, Kid: c.Kid, Introduced: c.Introduced}
	}
	n.mu.Lock()
	for p, d := range n.dials {
		if s, ok := list[p]; ok {
			s.LastError, s.Since = d.err, d.ended
			list[p] = s
		}
	}
	sessions := n.sessionsLocked()
	faults := map[libpeer.ID]Fault{}
	for p, d := range n.dials {
		d.fault.Until = d.shutTill
		faults[p] = d.fault
	}
	n.mu.Unlock()
	for _, s := range sessions {
		list[s.peer] = s.status()
	}
	for p, s := range list {
		s.Fault = faults[p]
		list[p] = s
	}
	var out []PeerStatus
	for _, s := range list {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b PeerStatus) int {
		return cmp.Or(bytes.Compare(a.Org[:], b.Org[:]), bytes.Compare(a.Kid[:], b.Kid[:]))
	})
	return out
}

// Drop closes the connections with daemons of org, as when it was unpinned.
func (n *Node) Drop(org id.OrgID) {
	for _, s := range n.with() {
		if s.contact.Org == org {
			s.end(errDropped)
			_ = n.host.Network().ClosePeer(s.peer)
			n.host.Peerstore().ClearAddrs(s.peer)
			n.host.Peerstore().RemovePeer(s.peer)
		}
	}
}

// with lists the open sessions.
func (n *Node) with() []*session {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sessionsLocked()
}

func (n *Node) sessionsLocked() []*session {
	list := make([]*session, 0, len(n.sessions))
	for _, s := range n.sessions {
		list = append(list, s)
	}
	return list
}

// internal says that a store of ours failed, as opposed to what a peer did.
func internal(doing string, err error) error { return fmt.Errorf("%s: %w", doing, err) }
