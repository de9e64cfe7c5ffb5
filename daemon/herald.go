package daemon

import (
	"context"
	"slices"
	"time"

	"cordon/peer"
	"cordon/protocol/id"
)

// heraldMax is the longest pause before a daemon is told again, in vain so far.
const heraldMax = 5 * time.Minute

// herald tells peers of our new keys: with the transport key of each daemon that
// this home was before, for that is the one they wait for (spec/sync.md §3.1), and of a
// certificate that was renewed with the keys themselves, for by what they know it may be
// over. Who is connected needs no telling.
func (s *service) herald(every time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		known := slices.Clone(s.former)
		if d, ok := s.org.Daemon(s.kid); ok && d.Renewed {
			known = append(known, peer.Former{Kid: s.kid, Transport: s.keys.peer})
		}
		if len(known) == 0 {
			return nil
		}
		pauses := map[id.Kid]time.Duration{} // an organisation may have several daemons
		due := map[id.Kid]time.Time{}
		for {
			connected := map[id.Kid]bool{}
			for _, p := range s.net.Status() {
				connected[p.Kid] = p.Connected
			}
			for _, to := range s.dir.Targets() {
				c, ok := s.dir.Allowed(to.Transport)
				if !ok || connected[c.Kid] || time.Now().Before(due[c.Kid]) || len(to.Addrs) == 0 {
					continue
				}
				s.tellPeer(ctx, known, to)
				pauses[c.Kid] = min(max(2*pauses[c.Kid], every), heraldMax)
				due[c.Kid] = time.Now().Add(jitter(pauses[c.Kid]))
			}
			t := time.NewTimer(every)
			select {
			case <-ctx.Done():
				t.Stop()
				return nil
			case <-t.C:
			}
		}
	}
}

// tellPeer comes to one daemon under each key that it may know us by, until one is let in.
func (s *service) tellPeer(ctx context.Context, known []peer.Former, to peer.Target) {
	for _, f := range known {
		if err := peer.Herald(ctx, f, to, s.org.Events); err == nil {
			s.log.Info("a peer has been told of our new keys")
			return
		}
	}
}
