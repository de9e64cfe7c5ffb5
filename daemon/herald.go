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
// this home was before, for that is the one they wait for (spec/sync.md §3.1). Who
// is connected needs no telling. Of a certificate that was renewed it tells with its own
// keys: by what a peer knows that may be over, where it was not connected for long; sooner
// this would be in the way of the session itself.
func (s *service) herald(every time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		own, _ := s.org.Daemon(s.kid)
		if len(s.former) == 0 && !own.Renewed {
			return nil
		}
		pauses := map[id.Kid]time.Duration{} // an organisation may have several daemons
		due, alone := map[id.Kid]time.Time{}, map[id.Kid]time.Time{}
		for {
			connected := map[id.Kid]bool{}
			for _, p := range s.net.Status() {
				connected[p.Kid] = p.Connected
			}
			for _, to := range s.dir.Targets() {
				c, ok := s.dir.Allowed(to.Transport)
				if !ok || connected[c.Kid] || len(to.Addrs) == 0 {
					delete(alone, c.Kid)
					continue
				}
				if alone[c.Kid].IsZero() {
					alone[c.Kid] = time.Now()
				}
				known := s.former
				if own.Renewed && time.Since(alone[c.Kid]) > heraldMax {
					known = append(slices.Clone(known), peer.Former{Kid: s.kid, Transport: s.keys.peer})
				}
				if len(known) == 0 || time.Now().Before(due[c.Kid]) {
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
