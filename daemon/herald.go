package daemon

import (
	"context"
	"time"

	"cordon/peer"
	"cordon/protocol/id"
)

// heraldMax is the longest pause before a daemon is told again, in vain so far.
const heraldMax = 5 * time.Minute

// herald tells peers of our new keys: with the transport key of each daemon that
// this home was before, for that is the one they wait for (spec/sync.md §4.1). Who
// is connected, or knows us under the new key already, needs no telling.
func (s *service) herald(every time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		if len(s.former) == 0 {
			return nil
		}
		pauses := map[id.OrgID]time.Duration{}
		due := map[id.OrgID]time.Time{}
		for {
			connected := s.connected()
			for _, to := range s.dir.Targets() {
				if connected[to.Org] || time.Now().Before(due[to.Org]) || len(to.Addrs) == 0 {
					continue
				}
				s.tellPeer(ctx, to)
				pauses[to.Org] = min(max(2*pauses[to.Org], every), heraldMax)
				due[to.Org] = time.Now().Add(jitter(pauses[to.Org]))
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

// tellPeer comes to one daemon under each of our former keys, until one is let in.
func (s *service) tellPeer(ctx context.Context, to peer.Target) {
	for _, f := range s.former {
		if d, ok := s.org.Daemon(f.Kid); !ok || uint64(s.now().Unix()) > d.NotAfter {
			continue // nobody lets it in any more
		}
		if err := peer.Herald(ctx, f, to, s.org.Events); err == nil {
			s.log.Info("a peer has been told of our new keys")
			return
		}
	}
}
