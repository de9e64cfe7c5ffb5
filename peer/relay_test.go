package peer_test

import (
	"context"
	"crypto/ed25519"
	"strings"
	"testing"

	libpeer "github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"cordon/peer"
	"cordon/peer/peertest"
)

// carrier is a relay that may be stopped and started again at the same address.
type carrier struct {
	t      *testing.T
	key    ed25519.PrivateKey
	guests []*peertest.Org
	addr   string // with its peer id; "" before it ran
	stop   func()
}

func newCarrier(t *testing.T, guests ...*peertest.Org) *carrier {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &carrier{t: t, key: key, guests: guests}
	c.start()
	t.Cleanup(func() { c.stop() })
	return c
}

func (c *carrier) start() {
	c.t.Helper()
	listen := "/ip4/127.0.0.1/tcp/0"
	if c.addr != "" {
		listen, _, _ = strings.Cut(c.addr, "/p2p/")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- peer.ServeRelay(ctx, peer.RelayConfig{Key: c.key, Listen: []string{listen}, For: func(k ed25519.PublicKey) bool {
			for _, g := range c.guests {
				if g.Config().Transport.Public().(ed25519.PublicKey).Equal(k) {
					return true
				}
			}
			return false
		}}, func(addrs []string) { ready <- addrs[0] })
	}()
	select {
	case c.addr = <-ready:
	case err := <-done:
		c.t.Fatal(err)
	}
	c.stop = func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
		c.stop = func() {}
	}
}

// TestOverARelay: two organisations that nobody can dial reach each other over a relay
// that they name, also after it was away; it reads nothing of what it carries.
func TestOverARelay(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 2)
	a, b := orgs[0], orgs[1]
	r := newCarrier(t, a, b)
	a.Relays, b.Relays = []string{r.addr}, []string{r.addr}
	peertest.Meet(a, b)
	start(t, orgs...)
	until(t, "a connection over the relay", orgs, func() bool { return connected(a, b.ID) && connected(b, a.ID) })
	c := must(a.Open())(t)
	admit(t, c, a, b)
	n := must(b.Note(c, []byte("from behind a NAT")))(t)
	reads(t, c, n.ID, []byte("from behind a NAT"), a)
	r.stop()
	until(t, "the connection is gone with the relay", orgs, func() bool { return !connected(a, b.ID) && !connected(b, a.ID) })
	n = must(b.Note(c, []byte("while it was away")))(t)
	r.start()
	reads(t, c, n.ID, []byte("while it was away"), a)
	for at, fault := range a.Node.Relays() {
		if at != r.addr || fault != "" {
			t.Errorf("relay %s: %s", at, fault)
		}
	}
}

// TestRelayIsForItsGuests: who is none gets no place, and says so; and what comes over
// a relay at which a daemon does not wait is not let in.
func TestRelayIsForItsGuests(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	a, b, d := orgs[0], orgs[1], orgs[2]
	r := newCarrier(t, a, b)
	for _, o := range orgs {
		o.Relays = []string{r.addr}
	}
	peertest.Meet(orgs...)
	start(t, orgs...)
	until(t, "the guests are connected", orgs, func() bool { return connected(a, b.ID) })
	until(t, "D reaches the guests", orgs, func() bool { return connected(d, a.ID) && connected(d, b.ID) })
	if fault := d.Node.Relays()[r.addr]; fault == "" {
		t.Error("D has a place at a relay that is not for it")
	}
}

// comes is where a connection comes from.
type comes string

func (c comes) LocalMultiaddr() ma.Multiaddr  { return ma.StringCast("/ip4/127.0.0.1/tcp/1") }
func (c comes) RemoteMultiaddr() ma.Multiaddr { return ma.StringCast(string(c)) }

// TestRelaysThatWeNamed: over a relay at which we do not wait nobody is let in, a pinned
// organisation that plays relay included.
func TestRelaysThatWeNamed(t *testing.T) {
	const ours, other = "12D3KooWLqWMLKdEBfi9TBQFYSqYPKD3LVDQWc3EhVRuK5dMsSPB", "12D3KooWGB3LWRUYThAFuzhFbh1tbpsoqRRGGSPpgGnVhRU1dTLd"
	waits := func(p libpeer.ID) bool { return p.String() == ours }
	for from, want := range map[comes]bool{
		"/ip4/192.0.2.1/tcp/1":                               true,
		"/ip4/192.0.2.1/tcp/1/p2p/" + ours + "/p2p-circuit":  true,
		"/ip4/192.0.2.1/tcp/1/p2p/" + other + "/p2p-circuit": false,
		"/p2p-circuit": false,
	} {
		if got := peer.LetsIn(waits, from); got != want {
			t.Errorf("%s: let in %v", from, got)
		}
	}
	if peer.LetsIn(nil, comes("/ip4/192.0.2.1/tcp/1/p2p/"+ours+"/p2p-circuit")) {
		t.Error("who waits nowhere lets somebody in over a relay")
	}
}
