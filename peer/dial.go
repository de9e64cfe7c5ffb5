package peer

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

// A daemon that flooded us maxFloods times is not talked to for floodPause.
const (
	maxFloods  = 3
	floodPause = 10 * time.Minute
)

// turns is for how many rounds of dialling the larger id leaves it to the smaller one:
// two that dial each other at once keep two connections.
const turns = 4

// dial keeps connections and sessions with every target: one round per
// Schedule.Dial, never in answer to an event, so that who watches the network
// learns when we run and nothing of what happens (spec/sync.md §5).
func (n *Node) dial(ctx context.Context) {
	for {
		n.round(ctx)
		n.sendOutbox(ctx)
		t := time.NewTimer(jitter(n.c.Schedule.Dial))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// jitter is d give or take a quarter.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }

// round tries each daemon that has no session and whose pause is over.
func (n *Node) round(ctx context.Context) {
	for _, t := range n.c.Directory.Targets() {
		p, err := peerID(t.Transport)
		if err != nil || p == n.host.ID() {
			continue
		}
		n.try(ctx, p, t.Addrs)
	}
	for _, p := range n.host.Network().Peers() { // those that dialled us
		if _, ok := n.allowed(p); ok { // a relay is none
			n.try(ctx, p, nil)
		}
	}
}

// try starts one attempt, unless there is a session, another attempt or a pause.
func (n *Node) try(ctx context.Context, p libpeer.ID, addrs []string) {
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.dials[p]
	if d == nil {
		d = n.dialLocked(p)
		if !n.opens(p) {
			d.next = n.nextTry(p, 0)
		}
	}
	if n.closed || n.sessions[p] != nil || d.busy || now.Before(d.shutTill) {
		return // of most daemons, each round: nothing is worked out for them
	}
	connected := n.host.Network().Connectedness(p) == network.Connected
	if now.Before(d.next) && !(connected && d.away) { // unless it was away and has come to us
		return
	}
	to := libpeer.AddrInfo{ID: p, Addrs: multiaddrs(addrs)}
	if !connected && len(to.Addrs) == 0 || connected && !n.opens(p) {
		return
	}
	d.busy = true
	n.wg.Go(func() { n.attempt(ctx, to) })
}

func (n *Node) dialLocked(p libpeer.ID) *dialled {
	d := n.dials[p]
	if d == nil {
		d = &dialled{}
		n.dials[p] = d
	}
	return d
}

// opens says whether it is us who opens the session's stream: the smaller id does.
func (n *Node) opens(p libpeer.ID) bool { return n.host.ID() < p }

// nextTry is when a daemon is dialled after a pause.
func (n *Node) nextTry(p libpeer.ID, pause time.Duration) time.Time {
	if !n.opens(p) {
		pause += turns * n.c.Schedule.Dial
	}
	return time.Now().Add(jitter(pause))
}

// attempt connects and, where that is our part, runs a session until it ends.
func (n *Node) attempt(ctx context.Context, to libpeer.AddrInfo) {
	err := n.connect(ctx, to)
	away := err != nil
	if err == nil && n.opens(to.ID) {
		err = n.openSync(ctx, to.ID)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settleLocked(to.ID, err)
	d := n.dials[to.ID]
	d.busy, d.away = false, away
}

// settleLocked notes how an attempt or a session ended, and when the next is due.
func (n *Node) settleLocked(p libpeer.ID, err error) {
	d := n.dialLocked(p)
	if err == nil {
		d.pause, d.next = 0, time.Time{}
		return
	}
	d.err = reason(err)
	d.pause = min(max(2*d.pause, n.c.Schedule.Dial), n.c.Schedule.DialMax)
	d.next = n.nextTry(p, d.pause)
	if rule := broke(err); rule != "" {
		d.fault.Rule, d.fault.At = rule, n.c.Now()
		d.fault.Times++
	}
	if errors.Is(err, ErrFlood) {
		if d.floods++; d.floods >= maxFloods {
			d.floods, d.shutTill = 0, time.Now().Add(floodPause)
		}
	}
}

func (n *Node) connect(ctx context.Context, to libpeer.AddrInfo) error {
	if n.host.Network().Connectedness(to.ID) == network.Connected {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if s, ok := n.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(to.ID) // the schedule is ours
	}
	n.passBy(to.Addrs)
	n.host.Peerstore().ClearAddrs(to.ID) // identify adds what a peer says of itself; we dial what is signed
	return n.host.Connect(ctx, to)
}

// multiaddrs are those of a target that can be read.
func multiaddrs(texts []string) (addrs []ma.Multiaddr) {
	for _, s := range texts {
		if a, err := ma.NewMultiaddr(s); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs
}
