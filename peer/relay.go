package peer

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	ma "github.com/multiformats/go-multiaddr"
)

// RelayConfig is what a relay needs: a host of its own, that is in no case, knows
// nobody and reads nothing of what it passes on.
type RelayConfig struct {
	Key    ed25519.PrivateKey // of its libp2p identity
	Listen []string           // multiaddrs, as Config.Listen
	// For says whether the daemon with this transport key may wait for connections here.
	For func(transport ed25519.PublicKey) bool
}

// ServeRelay passes connections on to the daemons that RelayConfig.For names, from
// whoever knows them, until ctx ends (circuit relay v2). ready is told the addresses
// at which it listens, each with its own peer id, once it does.
func ServeRelay(ctx context.Context, c RelayConfig, ready func(addrs []string)) error {
	h, err := newHost(&Config{Transport: c.Key, Listen: c.Listen}, gater{ok: anybody, relay: func(libpeer.ID) bool { return true }, carries: true})
	if err != nil {
		return err
	}
	defer h.Close()
	resources := relay.DefaultResources()
	resources.Limit = nil // time and bytes of a connection: sessions stay
	resources.MaxReservations, resources.MaxReservationsPerIP, resources.MaxReservationsPerASN = maxConns, maxSubnet, maxConns
	resources.MaxCircuits = maxConns
	resources.BufferSize = 32 << 10
	r, err := relay.New(h, relay.WithResources(resources), relay.WithACL(guests(c.For)))
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	defer r.Close()
	var addrs []string
	for _, a := range h.Network().ListenAddresses() {
		if !relayed(a) {
			addrs = append(addrs, a.String()+"/p2p/"+h.ID().String())
		}
	}
	ready(addrs)
	<-ctx.Done()
	return nil
}

func anybody(libpeer.ID) bool { return true }

// guests are the daemons that may be reached over a relay.
type guests func(ed25519.PublicKey) bool

func (g guests) has(p libpeer.ID) bool {
	key, ok := transportKey(p)
	return ok && g(key)
}

func (g guests) AllowReserve(p libpeer.ID, _ ma.Multiaddr) bool { return g.has(p) }
func (g guests) AllowConnect(_ libpeer.ID, _ ma.Multiaddr, dest libpeer.ID) bool {
	return g.has(dest)
}

// relayed says whether an address leads over a relay.
func relayed(a ma.Multiaddr) bool {
	_, err := a.ValueForProtocol(ma.P_CIRCUIT)
	return err == nil
}

// relayOf is the relay that an address leads over.
func relayOf(a ma.Multiaddr) (libpeer.ID, bool) {
	if !relayed(a) {
		return "", false
	}
	text, err := a.ValueForProtocol(ma.P_P2P)
	if err != nil {
		return "", false
	}
	p, err := libpeer.Decode(text)
	return p, err == nil
}

// CheckRelay says whether a multiaddr may stand in Config.Relays: where a relay
// listens, and its peer id at the end.
func CheckRelay(addr string) error {
	_, err := libpeer.AddrInfoFromString(addr)
	return err
}

// waiting are the relays at which we wait for connections, as the operator named them.
func waiting(c *Config) (list []libpeer.AddrInfo, err error) {
	for _, text := range c.Relays {
		r, err := libpeer.AddrInfoFromString(text)
		if err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
		if at := slices.IndexFunc(list, func(x libpeer.AddrInfo) bool { return x.ID == r.ID }); at >= 0 {
			list[at].Addrs = append(list[at].Addrs, r.Addrs...)
			continue
		}
		list = append(list, *r)
	}
	return list, nil
}

// reserveEarly is how long before its end a place at a relay is asked for again.
const reserveEarly = 10 * time.Minute

// reserve keeps a place at one relay until ctx ends: on the schedule of dialling, never
// because of what happens in a case.
func (n *Node) reserve(ctx context.Context, r libpeer.AddrInfo) {
	var due time.Time // zero: no place
	var pause time.Duration
	for {
		if n.host.Network().Connectedness(r.ID) != network.Connected || time.Now().After(due) {
			place, err := n.place(ctx, r)
			n.noteRelay(r.ID, err)
			if err != nil {
				due, pause = time.Time{}, min(max(2*pause, n.c.Schedule.Dial), n.c.Schedule.DialMax)
			} else {
				due, pause = place.Expiration.Add(-reserveEarly), 0
			}
		}
		t := time.NewTimer(jitter(max(pause, n.c.Schedule.Dial)))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// place asks a relay for a place.
func (n *Node) place(ctx context.Context, r libpeer.AddrInfo) (*client.Reservation, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if s, ok := n.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(r.ID) // the schedule is ours
	}
	place, err := client.Reserve(ctx, n.host, r)
	if err == nil && (place.LimitDuration != 0 || place.LimitData != 0) {
		n.log.Warn("the relay limits time or bytes of a connection: sessions over it will break off")
	}
	return place, err
}

// Relays says of each relay that the operator named whether we have a place there: ""
// or what is wrong.
func (n *Node) Relays() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := map[string]string{}
	for _, text := range n.c.Relays {
		if r, err := libpeer.AddrInfoFromString(text); err == nil {
			out[text] = n.places[r.ID]
		}
	}
	return out
}

func (n *Node) noteRelay(p libpeer.ID, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.places[p] = ""
	if err != nil {
		n.places[p] = noPlace
	}
}

const noPlace = "no place there yet"

// waitsAt says whether a peer is a relay at which we wait.
func (n *Node) waitsAt(p libpeer.ID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ours := n.places[p]
	return ours
}

// isRelay says whether a peer is a relay at which we wait, or over which an address
// leads that we dial.
func (n *Node) isRelay(p libpeer.ID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ours := n.places[p]
	return ours || n.via[p]
}

// passBy lets the relays on the way to a daemon be dialled.
func (n *Node) passBy(addrs []ma.Multiaddr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range addrs {
		if r, ok := relayOf(a); ok {
			n.via[r] = true
		}
	}
}

// limiter gives relays room for the connections of others that they carry. Every
// other peer has what newLimits says.
type limiter struct {
	rcmgr.Limiter
	wide  rcmgr.Limiter
	relay func(libpeer.ID) bool
}

func (l limiter) GetPeerLimits(p libpeer.ID) rcmgr.Limit {
	if l.relay != nil && l.relay(p) {
		return l.wide.GetPeerLimits(p)
	}
	return l.Limiter.GetPeerLimits(p)
}
