package peer

import (
	"context"
	"errors"
	"math/rand/v2"
	stdnet "net"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
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

// Of those that are away, or fail (spec/sync.md §5.2).
const (
	stood     = time.Minute     // a session that lasted as long was no failure
	awayLong  = 6 * time.Minute // of who is away longer the pauses are long
	maxTries  = 8               // a second, at most: the more are away, the longer the pauses
	leastTry  = time.Second     // a dial has as long, and what HELLO took on the last connection
	longTries = 10              // one in so many has handshakeTime
)

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
		if _, ok := n.allowed(p); ok {
			n.try(ctx, p, nil)
		} else if !n.isRelay(p) {
			n.seeOut(p)
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
	begin := time.Now()
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
	if d.pause == 0 && away {
		d.next = n.nextTry(to.ID, max(0, n.awayPauseLocked(d)-time.Since(begin)))
	}
}

// settleLocked notes how an attempt or a session ended, and when the next is due: soon where
// the network is to blame, later each time where the other side is, or where that is not known.
func (n *Node) settleLocked(p libpeer.ID, err error) {
	d := n.dialLocked(p)
	if err == nil {
		d.pause, d.next, d.since = 0, time.Time{}, time.Time{}
		return
	}
	d.err = reason(err)
	if nobody(err) && d.quick() {
		if d.since.IsZero() {
			d.since = time.Now()
		}
		d.pause, d.next = 0, n.nextTry(p, n.awayPauseLocked(d))
		if errors.Is(err, errSilent) {
			d.next = n.nextTry(p, 0)
		}
		return
	}
	d.since = time.Time{}
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

// quick says whether the other side was reached since we started, and soon. On a line that
// is slow, or may be, many short tries leave room for none that succeeds.
func (d *dialled) quick() bool { return d.took > 0 && d.took <= maxSetup }

// long says whether it is away long enough for the pauses to be long.
func (d *dialled) long() bool { return !d.since.IsZero() && time.Since(d.since) > awayLong }

// awayPauseLocked is from one try of a daemon that is away to the next: within the first minutes
// as short as the number of those allows, for who is away longer comes back some day, and dials.
func (n *Node) awayPauseLocked(d *dialled) time.Duration {
	if d.long() {
		return n.c.Schedule.DialMax
	}
	away := 0
	for _, one := range n.dials {
		if !one.since.IsZero() {
			away++
		}
	}
	return min(max(1, time.Duration(away)/maxTries)*n.c.Schedule.Dial, n.c.Schedule.DialMax)
}

// backLocked is called when somebody answers while nobody else does: that was our own network,
// and the others are tried again as if they had been away only now.
func (n *Node) backLocked() {
	for p, d := range n.dials {
		if !d.since.IsZero() {
			d.since = time.Now()
			d.next = n.nextTry(p, n.awayPauseLocked(d))
		}
	}
}

// nobody says whether a dial or a session failed since nothing came back.
func nobody(err error) bool {
	var all *swarm.DialError
	if !errors.As(err, &all) {
		return errors.Is(err, errSilent) || net(err) != nil
	}
	return !slices.ContainsFunc(all.DialErrors, func(e swarm.TransportError) bool {
		var op *stdnet.OpError
		return net(e.Cause) == nil && !(errors.As(e.Cause, &op) && op.Op == "dial")
	})
}

// tryTime is how long a dial may take: where it is known how long the last one took, a little
// more, for soon there is another, and what was lost before the network healed is said again
// later each time. One in some has all the time, since lines get slower.
func (d *dialled) tryTime() time.Duration {
	if d.tries++; !d.quick() || d.tries%longTries == 0 || d.long() {
		return handshakeTime
	}
	return min(leastTry+d.took, handshakeTime)
}

// tookTo notes how long HELLO took on a new connection.
func (n *Node) tookTo(p libpeer.ID, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dialLocked(p).took = d
}

// connect dials, if there is no connection.
func (n *Node) connect(ctx context.Context, to libpeer.AddrInfo) error {
	if n.host.Network().Connectedness(to.ID) == network.Connected {
		return nil
	}
	n.mu.Lock()
	limit := n.dialLocked(to.ID).tryTime()
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if s, ok := n.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(to.ID) // the schedule is ours
	}
	n.passBy(to.Addrs)
	n.host.Peerstore().ClearAddrs(to.ID) // identify adds what a peer says of itself; we dial what is signed
	n.host.Peerstore().AddAddrs(to.ID, to.Addrs, peerstore.TempAddrTTL)
	_, err := n.host.Network().DialPeer(ctx, to.ID)
	return err
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
