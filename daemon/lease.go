package daemon

import (
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
)

// leaseSoon is how long before its end people are told of a lease.
const leaseSoon = 7 * 24 * time.Hour

// showLease says whether notes and files flow from here to members that are no stewards
// (spec/protocol.md §5.2, G9); nil: they do, for a while, or we are a steward.
func (s *service) showLease(k *protocol.Case) *api.Lease {
	if !k.Member(s.org.ID) || slices.Contains(k.Stewards(), s.org.ID) {
		return nil
	}
	heard, now := s.net.StewardHeard(k.ID()), s.now()
	l := &api.Lease{Flows: protocol.Leased(unixOrZero(heard), unixOrZero(now))}
	if !heard.IsZero() {
		at := heard.UTC()
		until := at.Add(protocol.Lease * time.Second)
		if l.Heard, l.Until = &at, &until; l.Flows && until.Sub(now) > leaseSoon {
			return nil
		}
	}
	return l
}

// unixOrZero is a time in Unix seconds, 0 for the zero time.
func unixOrZero(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }
