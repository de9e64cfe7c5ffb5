package wire

import (
	"bytes"
	"testing"

	"cordon/protocol/canon"
	"cordon/protocol/identity"
)

// appendRequest appends the length and the request, as a stream has them.
func appendRequest(b []byte, q *Request) []byte { return prefixed(b, q.Append) }

// TestLargestRequestFits: the largest offer fits its frame and reads back; with a
// byte more in any part it is none.
func TestLargestRequestFits(t *testing.T) {
	parts := func(object, agreement, card int) *Request {
		return &Request{Kind: Offer, Object: make([]byte, object), Agreement: canon.MustMarshal(make([]byte, agreement-3)),
			Card: make([]byte, card)}
	}
	for _, q := range []struct {
		*Request
		good bool
	}{
		{parts(MaxObject, MaxAgreement, identity.MaxCard), true},
		{parts(MaxObject+1, MaxAgreement, identity.MaxCard), false},
		{parts(MaxObject, MaxAgreement+1, identity.MaxCard), false},
		{parts(MaxObject, MaxAgreement, identity.MaxCard+1), false},
	} {
		raw, err := ReadFrame(bytes.NewReader(appendRequest(nil, q.Request)), nil, MaxInviteFrame)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseRequest(raw); (err == nil) != q.good {
			t.Errorf("%d, %d, %d bytes: %v", len(q.Object), len(q.Agreement), len(q.Card), err)
		}
	}
}

// TestEventsOfHello: 32 KiB of events pass, in any number that a chain has; on the
// public topic not none.
func TestEventsOfHello(t *testing.T) {
	for _, c := range []struct {
		events, size int
		good         bool
	}{
		{1, MaxEvents, true}, {1, MaxEvents + 1, false},
		{64, MaxEvents / 64, true}, {65, 1, false}, {0, 0, true},
	} {
		h := &Hello{Versions: []uint64{1}, MaxFrame: MaxFrame}
		for range c.events {
			h.Events = append(h.Events, make([]byte, c.size))
		}
		raw := Append(nil, h)[4:]
		if _, err := Parse(raw); (err == nil) != c.good || len(raw) > MaxEvents+4<<10 {
			t.Errorf("%d events of %d bytes, a frame of %d: %v", c.events, c.size, len(raw), err)
		}
		if _, err := ParseEvents(AppendEvents(nil, h.Events)); (err == nil) != (c.good && c.events > 0) {
			t.Errorf("%d events of %d bytes on the public topic: %v", c.events, c.size, err)
		}
	}
}
