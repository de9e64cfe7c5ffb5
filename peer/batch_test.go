package peer_test

import (
	"slices"
	"testing"

	"cordon/ledger"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/id"
)

// notesOf are n entries that the bare member has written and a does not hold.
func notesOf(t *testing.T, a *peertest.Org, b *bare, c id.CaseID, n int) [][]byte {
	t.Helper()
	var after ledger.Entry
	var agr id.AgrID
	err := a.Cases.With(c, func(k *protocol.Case) error {
		x, _ := k.Admission(b.ID)
		agr = k.Embargo().Agreement
		var err error
		after, err = a.Ledger.Entry(c, x)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Notes(c, after, agr, n)
}

// burst writes frames, and what is none, at once: they have arrived before the first is taken.
func (b *bare) burst(parts ...any) {
	var all []byte
	for _, p := range parts {
		if f, ok := p.(wire.Frame); ok {
			all = wire.Append(all, f)
		} else {
			all = append(all, p.([]byte)...)
		}
	}
	_, _ = b.Stream.Write(all)
}

// TestAcksOfABurst: however many frames went to the ledger as one batch, each has the ACK
// of its own: its number, and how many of its entries are held.
func TestAcksOfABurst(t *testing.T) {
	t.Parallel()
	a := newOrgsOn(t, 1, still())[0]
	c, b := member(t, a)
	tag, _ := b.Tags(c)
	raws := notesOf(t, a, b, c, 300)
	var parts []any
	var want []wire.Ack
	add := func(t wire.Tag, held uint64, raws ...[]byte) {
		parts = append(parts, &wire.Entries{Tag: t, Raws: raws})
		if t == tag {
			want = append(want, wire.Ack{Number: uint64(len(parts)), Held: held})
		}
	}
	for _, raw := range raws[:290] {
		add(tag, 1, raw)
	}
	add(wire.Tag{1}, 0, raws[290])       // of no case: passed over
	add(tag, 1, raws[290], raws[299])    // of the second the one below is missing for good
	add(tag, 0, raws[299])               // it does not come to be held by being said again
	add(tag, 1, []byte{0x80}, raws[291]) // the first is no entry
	add(tag, 2, raws[291], raws[292])    // the first is held
	add(tag, 0)
	b.burst(parts...)
	var got []wire.Ack
	for len(got) < len(want) {
		switch f := b.next(patience).(type) {
		case nil:
			t.Fatalf("the session ended: %s", lastError(a, b.ID))
		case *wire.Ack:
			got = append(got, *f)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got[288:], want[288:])
	}
}

// TestABadFrameInABurst: what came before it is stored, what comes behind it is not, and
// the session ends by its rule.
func TestABadFrameInABurst(t *testing.T) {
	t.Parallel()
	a := newOrgsOn(t, 1, still())[0]
	c, b := member(t, a)
	tag, _ := b.Tags(c)
	raws := notesOf(t, a, b, c, 20)
	before := len(must(a.Ledger.Tail(c, 0, 1000))(t))
	var parts []any
	for i, raw := range raws {
		if i == 10 {
			parts = append(parts, []byte{0, 0, 0, 1, 0x80})
		}
		parts = append(parts, &wire.Entries{Tag: tag, Raws: [][]byte{raw}})
	}
	b.burst(parts...)
	until(t, "the session ends", nil, func() bool { return !connected(a, b.ID) && lastError(a, b.ID) == "truncated" })
	stored := func() int { return len(must(a.Ledger.Tail(c, 0, 1000))(t)) - before }
	until(t, "what came before is stored", nil, func() bool { return stored() >= 10 })
	b = dress(t, b.Org, a) // the session before is over
	if n := stored(); n != 10 {
		t.Errorf("%d entries are stored", n)
	}
}
