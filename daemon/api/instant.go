package api

import "time"

// lastInstant is the last millisecond that RFC 3339, and so JSON, can write:
// the end of the year 9999.
var lastInstant = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).Add(-time.Millisecond)

// Instant is a time of the protocol, in Unix milliseconds, for people and for
// JSON, in UTC. The protocol calls no clock wrong (spec/protocol.md §9): what
// lies after the year 9999 is shown as its last millisecond, so that no author
// can make a view fail.
func Instant(ms uint64) time.Time {
	return time.UnixMilli(int64(min(ms, uint64(lastInstant.UnixMilli())))).UTC()
}
