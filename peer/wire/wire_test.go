package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"testing"

	"cordon/protocol/canon"
	"cordon/protocol/id"
)

func fill(b byte) (h [32]byte) {
	for i := range h {
		h[i] = b
	}
	return h
}

// samples has one frame of each kind, every list filled.
func samples() []Frame {
	feed := id.Feed{Kid: fill(1), Comp: fill(2)}
	heads := []Head{{Feed: feed, Seq: 70000, ID: [16]byte{3}}, {Feed: id.Feed{Kid: fill(4), Comp: id.Everyone}}}
	tag := Tag{9}
	return []Frame{
		&Hello{Versions: []uint64{1, 2}, Kid: fill(1), Nonce: fill(2), MaxFrame: MaxFrame, Events: [][]byte{{1, 2}, {3}}},
		&Tags{Pairs: []Pair{{Tag: tag, Mark: Mark{1}}, {Tag: Tag{8}}}},
		&Vec{Tag: tag, Heads: heads},
		&Want{Tag: tag, Done: 70000, Ranges: []Range{{Feed: id.Feed{Kid: fill(4)}, From: 3, To: 300}}, Bodies: []BodyWant{{Entry: fill(7), From: 2}}},
		&Entries{Tag: tag, Raws: [][]byte{{1}, {2, 3}}, Bodies: []Small{{Entry: fill(5), CT: []byte{1}}}},
		&Keys{Tag: tag, Enc: []byte{1}, Sealed: []byte{2}},
		&Body{Tag: tag, Entry: fill(5), Hashes: [][32]byte{fill(6)}, CT: []byte{1}},
		&IHave{Tag: tag, Heads: heads},
		&Proof{Tag: tag, A: []byte{1}, B: []byte{2}},
		&Ack{Number: 1 << 40, Held: 256},
		&Genesis{Raw: []byte{1, 2}},
		&Beat{Next: 1000},
	}
}

func TestFramesReadBack(t *testing.T) {
	for _, f := range samples() {
		b := Append(nil, f)
		raw, err := ReadFrame(bytes.NewReader(b), nil, MaxFrame)
		if err != nil {
			t.Fatalf("%T: %v", f, err)
		}
		if err := canon.Check(raw); err != nil {
			t.Errorf("%T is not canonical: %v", f, err)
		}
		got, err := Parse(raw)
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("%T reads back as %+v, %v", f, got, err)
		}
		var begun Body
		body, is := f.(*Body)
		if ok := begun.Begins(raw); ok != is || is && begun.Entry != body.Entry {
			t.Errorf("%T is a chunk of the body of %v: %v", f, begun.Entry, ok)
		}
	}
}

// TestEveryTruncationIsRefused also appends a byte and flips each one: an error or
// a frame that writes the same bytes again, never a panic.
func TestEveryTruncationIsRefused(t *testing.T) {
	for _, f := range samples() {
		b := Append(nil, f)[4:]
		for i := range b {
			if _, err := Parse(b[:i]); err == nil {
				t.Errorf("%T cut at %d of %d is accepted", f, i, len(b))
			}
			c := bytes.Clone(b)
			c[i] ^= 0x41
			if g, err := Parse(c); err == nil && !bytes.Equal(Append(nil, g)[4:], c) {
				t.Errorf("%T with byte %d changed reads as something it is not", f, i)
			}
		}
		if _, err := Parse(append(bytes.Clone(b), 0)); !errors.Is(err, canon.ErrTrailing) {
			t.Errorf("%T with a byte more: %v", f, err)
		}
	}
}

// TestLengthIsJudgedBeforeMemory: a peer's claim costs nothing.
func TestLengthIsJudgedBeforeMemory(t *testing.T) {
	claim := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	for _, n := range []uint32{0, MaxFrame + 1, 1 << 31, 1<<32 - 1} {
		b := claim(n)
		allocs := testing.AllocsPerRun(10, func() {
			if _, err := ReadFrame(bytes.NewReader(b), nil, MaxFrame); !errors.Is(err, ErrLength) {
				t.Fatalf("length %d: %v", n, err)
			}
		})
		if allocs > 8 {
			t.Errorf("length %d costs %v allocations", n, allocs)
		}
	}
	if _, err := ReadFrame(bytes.NewReader(claim(10)), nil, MaxFrame); !errors.Is(err, io.EOF) {
		t.Errorf("a frame that never comes: %v", err)
	}
	// A list that claims more items than bytes follow, in a frame as long as allowed.
	b := make([]byte, MaxFrame)
	copy(b, []byte{0x82, kindTags, 0x9a, 0, 0x10, 0, 0})
	if _, err := Parse(b); !errors.Is(err, canon.ErrTruncated) {
		t.Errorf("a list of 2^20 pairs in 2^20 bytes: %v", err)
	}
}

func TestInviteReadsBack(t *testing.T) {
	agreement := []byte{0xa2, 0x01, 0x41, 0x00, 0x02, 0x61, 'x'}
	for _, q := range []*Request{
		{Kind: Offer, Object: []byte{1}, Agreement: agreement, Card: []byte{2}},
		{Kind: Accept, Object: []byte{1}, Card: []byte{2}},
		{Kind: Decline, Nonce: [16]byte{1}},
	} {
		raw, err := ReadFrame(bytes.NewReader(appendRequest(nil, q)), nil, MaxInviteFrame)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseRequest(raw); err != nil || !reflect.DeepEqual(got, q) {
			t.Errorf("request %d reads back as %+v, %v", q.Kind, got, err)
		}
	}
	for _, a := range []*Answer{{Kind: Kept}, {Kind: Joined, Enc: []byte{1}, Sealed: []byte{2}}, {Kind: No}} {
		if got, err := ParseAnswer(AppendAnswer(nil, a)[4:]); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("answer %d reads back as %+v, %v", a.Kind, got, err)
		}
	}
	p := &Packet{Case: fill(1), Salt: fill(2), Genesis: []byte{1}, Admit: fill(3), Config: fill(1), Members: []id.OrgID{fill(4), fill(5)}}
	if got, err := ParsePacket(AppendPacket(nil, p)); err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("packet reads back as %+v, %v", got, err)
	}
	keys := []Key{{Entry: fill(1), CEK: fill(2)}}
	if got, err := ParseKeys(AppendKeys(nil, keys)); err != nil || !reflect.DeepEqual(got, keys) {
		t.Errorf("keys read back as %+v, %v", got, err)
	}
}

// FuzzFrame: what Parse accepts is canonical and is written again as the same bytes.
func FuzzFrame(f *testing.F) {
	for _, s := range samples() {
		f.Add(Append(nil, s)[4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := Parse(b)
		if err != nil {
			return
		}
		if err := canon.Check(b); err != nil {
			t.Fatalf("accepted, not canonical: %v", err)
		}
		if !bytes.Equal(Append(nil, g)[4:], b) {
			t.Fatal("writes other bytes than it read")
		}
	})
}

// FuzzInvite is FuzzFrame for requests and answers of /cordon/invite/1, and for what
// is sealed into a join packet or KEYS, or stands on the public topic of revocations.
func FuzzInvite(f *testing.F) {
	f.Add((&Request{Kind: Offer, Agreement: []byte{0xa0}}).Append(nil))
	f.Add((&Request{Kind: Accept}).Append(nil))
	f.Add((&Request{Kind: Decline}).Append(nil))
	f.Add(AppendAnswer(nil, &Answer{Kind: Joined})[4:])
	f.Add(AppendPacket(nil, &Packet{Genesis: []byte{1}, Members: []id.OrgID{fill(1)}}))
	f.Add(AppendKeys(nil, []Key{{Entry: fill(1)}}))
	f.Add(AppendEvents(nil, [][]byte{{1}, {2}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := ParseRequest(b); err == nil && !bytes.Equal(q.Append(nil), b) {
			t.Fatal("the request writes other bytes than it read")
		}
		if a, err := ParseAnswer(b); err == nil && !bytes.Equal(AppendAnswer(nil, a)[4:], b) {
			t.Fatal("the answer writes other bytes than it read")
		}
		if p, err := ParsePacket(b); err == nil && !bytes.Equal(AppendPacket(nil, p), b) {
			t.Fatal("the packet writes other bytes than it read")
		}
		if k, err := ParseKeys(b); err == nil && !bytes.Equal(AppendKeys(nil, k), b) {
			t.Fatal("the keys write other bytes than they read")
		}
		if e, err := ParseEvents(b); err == nil && !bytes.Equal(AppendEvents(nil, e), b) {
			t.Fatal("the events write other bytes than they read")
		}
	})
}
