package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/peer"
	"cordon/protocol/identity"
)

// selfRow is what the daemon notes of itself.
type selfRow struct {
	Ports map[string]string `json:"ports"` // listen address with port 0: the one that it got
	Addrs []string          `json:"addrs"` // those on our card
	Told  bool              `json:"told"`  // the cases that we are in have been told
}

var selfKey = []byte("self")

// selfCard is our card, with the addresses at which we can be reached now.
type selfCard struct {
	s    *service
	rows shelf[selfRow]

	mu    sync.Mutex
	addrs []string // mu
	card  []byte   // mu
}

// listen opens our listeners. A port that was chosen for port 0 is tried first,
// so that the cards we gave away stay true.
func (s *service) listen(o Options) error {
	s.self = &selfCard{s: s, rows: openShelf[selfRow](s.led, "self")}
	row, _, err := s.self.rows.get(selfKey)
	if err != nil {
		return err
	}
	c := peer.Config{
		Org: s.org.ID, Kid: s.kid, Transport: s.keys.peer, KEM: s.keys.kem, Listen: wanted(s.cfg.Listen, row.Ports),
		Relays: s.cfg.Relays, Ledger: s.led, Cases: s.cases, Directory: s.dir, Invitations: s.inv, Handover: s.copied, Public: topics{s.dir, s.self}, Root: s.org.Root(),
		Room: s.cfg.room(), Now: s.now, Log: s.log, Schedule: o.Schedule, Tap: o.Tap,
	}
	if s.net, err = peer.Listen(c); err != nil && !slices.Equal(c.Listen, s.cfg.Listen) {
		s.log.Warn("the ports of the last run are taken; others are chosen, and told to the cases we are in")
		c.Listen = s.cfg.Listen
		s.net, err = peer.Listen(c)
	}
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := s.self.refresh(); err != nil {
		return errors.Join(err, s.net.Close())
	}
	return nil
}

// wanted is the configured addresses with the ports of the last run.
func wanted(listen []string, ports map[string]string) []string {
	out := slices.Clone(listen)
	for i, a := range out {
		if p, ok := ports[a]; ok {
			if head, tail, ok := freePort(a); ok {
				out[i] = head + p + tail
			}
		}
	}
	return out
}

// freePort splits an address around its port 0; ok is false when it has none.
func freePort(addr string) (head, tail string, ok bool) {
	for _, proto := range []string{"/tcp/", "/udp/"} {
		if head, tail, found := strings.Cut(addr, proto+"0"); found && (tail == "" || tail[0] == '/') {
			return head + proto, tail, true
		}
	}
	return "", "", false
}

// chosen notes, for each configured port 0, the port that the system gave.
func chosen(listen, actual []string) map[string]string {
	out := map[string]string{}
	for _, l := range listen {
		head, tail, ok := freePort(l)
		if !ok {
			continue
		}
		host, proto := head[:len(head)-5], head[len(head)-5:]
		for _, a := range actual {
			at, rest, found := strings.Cut(a, proto)
			port, end, _ := strings.Cut(rest, "/")
			if !found || "/"+end != tail && end != tail || at != host && !anyHost(host, at) {
				continue
			}
			out[l] = port
			break
		}
	}
	return out
}

// anyHost says whether host stands for every address of its family, at included.
func anyHost(host, at string) bool {
	return host == "/ip4/0.0.0.0" && strings.HasPrefix(at, "/ip4/") || host == "/ip6/::" && strings.HasPrefix(at, "/ip6/")
}

// refresh takes our addresses as they are now, and notes whether the cases that
// we are in are still to be told.
func (c *selfCard) refresh() error {
	var addrs []string
	for _, a := range c.s.net.Reached() {
		if len(addrs) < identity.MaxAddrs && !slices.Contains(addrs, a) && identity.CheckAddrs([]string{a}) == nil {
			addrs = append(addrs, a)
		}
	}
	slices.Sort(addrs)
	row, _, err := c.rows.get(selfKey)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if !slices.Equal(c.addrs, addrs) {
		c.addrs, c.card = addrs, nil
	}
	c.mu.Unlock()
	if slices.Equal(row.Addrs, addrs) {
		return nil
	}
	return c.rows.put(selfKey, selfRow{Ports: chosen(c.s.cfg.Listen, c.s.net.Addrs()), Addrs: addrs})
}

// current is our addresses.
func (c *selfCard) current() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.addrs)
}

// raw is our signed card; it is signed once for a set of addresses.
func (c *selfCard) raw() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.card != nil {
		return c.card, nil
	}
	p, err := c.s.cfg.Policy.onCard()
	if err != nil {
		return nil, err
	}
	raw, err := identity.SealCard(c.s.keys.sign, identity.Card{Org: c.s.org, Addrs: c.addrs, Policy: p, T: uint64(c.s.now().UnixMilli())})
	if err != nil {
		return nil, fmt.Errorf("write our card: %w", err)
	}
	c.card = raw
	return raw, nil
}

// addressPause is how often we look whether our addresses are still the same.
const addressPause = 30 * time.Second

// followAddresses tells the cases that we are in when our addresses have changed.
func (s *service) followAddresses(ctx context.Context) error {
	pause := time.NewTicker(addressPause)
	defer pause.Stop()
	for {
		if err := s.announce(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("tell our cases where we are; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
	}
}

// announce tells our addresses to the cases that we are in, if they have not
// been told.
func (s *service) announce(ctx context.Context) error {
	if err := s.self.refresh(); err != nil {
		return err
	}
	row, _, err := s.self.rows.get(selfKey)
	if err != nil || row.Told {
		return err
	}
	s.log.Info("our addresses are new", "listen", row.Addrs)
	if err := s.tellAddresses(ctx); err != nil {
		return err
	}
	row.Told = true
	return s.self.rows.put(selfKey, row)
}
