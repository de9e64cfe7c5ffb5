package peer_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"cordon/ledger"
	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/id"
)

// still is a schedule in which nothing happens by itself after the first TAGS.
func still() peer.Schedule {
	s := peertest.Fast()
	s.Tags, s.Compare, s.Retry = time.Hour, time.Hour, time.Hour
	return s
}

// headers is how many entries have left.
func (s *spies) headers() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.left {
		if l.Part == protocol.Header {
			n++
		}
	}
	return n
}

// TestPassedOverIsMended: a daemon whose fold does not yet count the sender as a
// member passes over 64 frames of it. Once it does, it gets all of the case in the
// same session; nothing on the schedule helps.
func TestPassedOverIsMended(t *testing.T) {
	t.Parallel()
	orgs := newOrgsOn(t, 3, still())
	a, from, to := orgs[0], orgs[1], orgs[2]
	peertest.Meet(from, to)
	c := must(a.Open())(t)
	for _, o := range []*peertest.Org{to, from} {
		if err := a.Admit(c, o, protocol.Observer); err != nil {
			t.Fatal(err)
		}
	}
	must(a.Remove(c, from.ID))(t)
	known := len(copyCase(t, c, a, to))
	if err := a.Admit(c, from, protocol.Observer); err != nil {
		t.Fatal(err)
	}
	again := copyCase(t, c, a, from)[known:]
	if err := from.Ledger.Shelf("peer-heard").Put(c[:], must(time.Now().MarshalBinary())(t)); err != nil {
		t.Fatal(err)
	}
	var all spies
	all.watch(from)
	start(t, from, to)
	until(t, "the sender knows what the other holds", orgs, func() bool { return from.Node.HeadsOf(to.ID, c) > 0 })
	before := status(from, to.ID)
	var notes []ledger.Entry
	for i := range 64 {
		notes = append(notes, must(from.Note(c, []byte{byte(i)}))(t))
		until(t, "the note has left", orgs, func() bool { return all.headers() == i+1 })
	}
	for i := range 36 {
		notes = append(notes, must(from.Note(c, []byte{byte(64 + i)}))(t))
	}
	until(t, "the sender gives up", orgs, func() bool { return status(from, to.ID).Behind })
	if n := from.Node.OnTheWay(to.ID); n != 64 || all.headers() != 64 {
		t.Fatalf("%d frames are on the way, %d entries have left", n, all.headers())
	}
	if _, err := to.Ledger.Entry(c, notes[0].ID); err == nil {
		t.Fatal("nothing was passed over")
	}
	for _, e := range again {
		give(t, c, to, e.Sealed)
	}
	for i, e := range notes {
		reads(t, c, e.ID, []byte{byte(i)}, to)
	}
	until(t, "nothing is on the way", orgs, func() bool { return from.Node.OnTheWay(to.ID) == 0 })
	if now := status(from, to.ID); now.Behind || now.Since != before.Since {
		t.Errorf("the session was %+v and is %+v", before, now)
	}
	live := must(from.Note(c, []byte("live")))(t)
	reads(t, c, live.ID, []byte("live"), to)
}

// silent is a bare member that was sent n live entries and has said nothing.
func silent(t *testing.T, n int) (*peertest.Org, *bare, id.CaseID, []ledger.Entry) {
	t.Helper()
	a := newOrgsOn(t, 1, still())[0]
	c, b := member(t, a)
	tag, _ := b.Tags(c)
	b.send(&wire.Vec{Tag: tag, Heads: headsOf(t, a, c)})
	until(t, "the heads are known", nil, func() bool { return a.Node.HeadsOf(b.ID, c) > 0 })
	var notes []ledger.Entry
	for i := range n {
		notes = append(notes, must(a.Note(c, []byte{byte(i)}))(t))
		b.entries(t)
	}
	return a, b, c, notes
}

// entries is the next ENTRIES.
func (b *bare) entries(t *testing.T) *wire.Entries {
	t.Helper()
	for {
		f := b.next(patience)
		if f == nil {
			t.Fatal("the session ended, or nothing came")
		}
		if e, ok := f.(*wire.Entries); ok {
			return e
		}
	}
}

// quiet says whether no ENTRIES comes for a while.
func (b *bare) quiet(within time.Duration) bool {
	for end := time.Now().Add(within); ; {
		switch b.next(time.Until(end)).(type) {
		case nil:
			return true
		case *wire.Entries:
			return false
		}
	}
}

// TestDoneMends: the sender of 64 unacknowledged frames sends no more of the case
// for a WANT that does not say what became of them, and goes on for one that does.
func TestDoneMends(t *testing.T) {
	t.Parallel()
	a, b, c, notes := silent(t, 64)
	tag, _ := b.Tags(c)
	first := wire.Range{Feed: notes[0].Feed(), To: 0}
	b.send(&wire.Want{Tag: tag, Ranges: []wire.Range{first}})
	if !b.quiet(time.Second) {
		t.Fatal("64 frames are on the way, and more came")
	}
	b.send(&wire.Want{Tag: wire.Tag{1}, Done: 64}) // of the session, whatever the tag
	if f := b.entries(t); !bytes.Equal(f.Raws[0], notes[0].Raw) {
		t.Error("another entry came")
	}
	b.send(&wire.Ack{Number: 65, Held: 1})
	until(t, "nothing is on the way", nil, func() bool { return a.Node.OnTheWay(b.ID) == 0 })
}

// TestWindowHoldsForWhatWaits: live entries that became due while there was room,
// and waited behind a slow reader, do not leave once there is none.
func TestWindowHoldsForWhatWaits(t *testing.T) {
	t.Parallel()
	a, b, c, notes := silent(t, 60)
	tag, _ := b.Tags(c)
	big := must(a.Note(c, make([]byte, 12<<20)))(t)
	b.entries(t)
	b.send(&wire.Want{Tag: tag, Bodies: []wire.BodyWant{{Entry: big.ID}}})
	if f, ok := b.next(patience).(*wire.Body); !ok || f.Entry != big.ID {
		t.Fatal("the writer is not at work")
	}
	text := make([]byte, 15<<10)
	for range 500 { // 7 MiB
		must(a.Note(c, text))(t)
	}
	frames := len(notes) + 1
	for f := b.next(patience / 10); f != nil; f = b.next(patience / 10) {
		if _, ok := f.(*wire.Entries); ok {
			frames++
		}
	}
	if n := a.Node.OnTheWay(b.ID); frames != 64 || n != 64 {
		t.Errorf("%d frames came, %d are on the way", frames, n)
	}
}

// TestAckNamesItsFrame: a frame that was passed over does not shift what the ACKs
// after it mean. The removed one is told of until it acknowledges the removal itself.
func TestAckNamesItsFrame(t *testing.T) {
	t.Parallel()
	quick := peertest.Fast()
	quick.Compare, quick.Retry = time.Hour, time.Hour
	a := newOrgsOn(t, 1, quick)[0]
	c, b := member(t, a)
	tag, theirs := b.Tags(c)
	b.send(&wire.Vec{Tag: tag, Heads: headsOf(t, a, c)})
	until(t, "the heads are known", nil, func() bool { return a.Node.HeadsOf(b.ID, c) > 0 })
	must(a.Note(c, []byte("passed over")))(t)
	b.entries(t)
	must(a.Note(c, []byte("taken")))(t)
	b.entries(t)
	removal := must(a.Remove(c, b.ID))(t)
	if f := b.entries(t); !bytes.Equal(f.Raws[0], removal.Raw) {
		t.Fatal("something else than the removal came")
	}
	named := func(rounds int) (n int) {
		for seen := 0; seen < rounds; {
			if f, ok := b.next(patience).(*wire.Tags); ok {
				seen++
				if slices.ContainsFunc(f.Pairs, func(p wire.Pair) bool { return p.Tag == theirs }) {
					n++
				}
			}
		}
		return n
	}
	b.send(&wire.Ack{Number: 2, Held: 1})
	until(t, "the first two are off the way", nil, func() bool { return a.Node.OnTheWay(b.ID) == 1 })
	if named(3) == 0 {
		t.Error("an ACK of another frame has acknowledged the removal")
	}
	b.send(&wire.Ack{Number: 3, Held: 1})
	until(t, "all are off the way", nil, func() bool { return a.Node.OnTheWay(b.ID) == 0 })
	named(1) // may have been under way
	if named(3) != 0 {
		t.Error("the removal is acknowledged, and the case is still named")
	}
}

// TestWrongCount: who says of frames that were not sent, or for a second time, that
// it has done with them, ends its session.
func TestWrongCount(t *testing.T) {
	t.Parallel()
	for name, lies := range map[string][]wire.Frame{
		"an ACK of what was not sent": {&wire.Ack{Number: 65}},
		"an ACK of number 0":          {&wire.Ack{}},
		"an ACK of the last number":   {&wire.Ack{Number: 1<<64 - 1}},
		"an ACK twice":                {&wire.Ack{Number: 7}, &wire.Ack{Number: 7}},
		"ACKs that fall":              {&wire.Ack{Number: 7}, &wire.Ack{Number: 6}},
		"an ACK of what was done":     {&wire.Want{Done: 7}, &wire.Ack{Number: 7}},
		"done with what was not sent": {&wire.Want{Done: 65}},
		"done that falls":             {&wire.Want{Done: 7}, &wire.Want{Done: 6}},
		"done behind an ACK":          {&wire.Ack{Number: 7}, &wire.Want{Done: 6}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b, _, _ := silent(t, 64)
			for _, f := range lies[:len(lies)-1] {
				b.send(f)
			}
			want := map[bool]int{true: 64, false: 57}[len(lies) == 1]
			until(t, "all but the last is in order", nil, func() bool { return a.Node.OnTheWay(b.ID) == want })
			b.send(lies[len(lies)-1])
			until(t, "the session ends", nil, func() bool { return !connected(a, b.ID) && lastError(a, b.ID) == "wrong-count" })
		})
	}
}

// TestSilenceCostsLittle: who asks for all, takes live entries and acknowledges
// nothing, or settles all and takes nothing, has 64 frames of a case on the way at
// most, and the others are served meanwhile.
func TestSilenceCostsLittle(t *testing.T) {
	orgs := newOrgs(t, 2)
	a, other := orgs[0], orgs[1]
	o := opener(t, a)
	peertest.Meet(a, o, other)
	start(t, a, other)
	c := must(a.Open())(t)
	admit(t, c, a, other)
	if err := a.Admit(c, o, protocol.Coordinator); err != nil {
		t.Fatal(err)
	}
	until(t, "the admission is folded", orgs, func() bool { return a.Node.CountsAsMember(c, o.ID) })
	b := dress(t, o, a)
	tag, _ := b.Tags(c)
	b.send(&wire.Vec{Tag: tag, Heads: headsOf(t, a, c)})
	one := []wire.Range{{Feed: id.Feed{Kid: a.Kid, Comp: id.Everyone}}}
	most := 0
	for i := range 200 {
		last := must(a.Note(c, []byte(fmt.Sprint("note ", i))))(t)
		b.send(&wire.Want{Tag: tag, Ranges: one})
		most = max(most, a.Node.OnTheWay(o.ID))
		if i%50 == 49 {
			reads(t, c, last.ID, []byte(fmt.Sprint("note ", i)), other)
		}
	}
	for range 64 {
		b.entries(t)
	}
	if most = max(most, a.Node.OnTheWay(o.ID)); most > 64 || !b.quiet(time.Second) {
		t.Errorf("%d frames were on the way, or more than 64 came", most)
	}
	if !connected(a, o.ID) {
		t.Fatalf("the session ended (%s): nothing was judged", lastError(a, o.ID))
	}
	for done := uint64(64); done <= 640; done++ { // settles what it has got and takes nothing
		b.send(&wire.Want{Tag: tag, Done: done, Ranges: one})
		b.entries(t)
		if n := a.Node.OnTheWay(o.ID); n > 64 {
			t.Fatalf("%d frames are on the way", n)
		}
	}
}

// TestPassedOverLooksTheSame: whoever sends entries about a case that it may not talk
// about sees what it sees when there is none: every frame to the byte, and the
// counts too, for they count its own frames.
func TestPassedOverLooksTheSame(t *testing.T) {
	t.Parallel()
	seen := map[string][][]byte{}
	for _, which := range []string{"no case", "a case of others", "a case it was removed from"} {
		a := newOrgsOn(t, 1, still())[0]
		o := opener(t, a)
		peertest.Meet(a, o)
		start(t, a)
		ours := must(a.Open())(t)
		if err := a.Admit(ours, o, protocol.Coordinator); err != nil {
			t.Fatal(err)
		}
		theirs := id.CaseID{1}
		if which != "no case" {
			theirs = must(a.Open())(t)
		}
		if which == "a case it was removed from" {
			if err := a.Admit(theirs, o, protocol.Coordinator); err != nil {
				t.Fatal(err)
			}
			must(a.Remove(theirs, o.ID))(t)
		}
		until(t, "what was written is folded", nil, func() bool {
			return a.Node.CountsAsMember(ours, o.ID) && !a.Node.CountsAsMember(theirs, o.ID) &&
				(which == "no case" || a.Node.CountsAsMember(theirs, a.ID))
		})
		seen[which] = dress(t, o, a).talk(t, ours, theirs)
	}
	for which, list := range seen {
		if len(list) < 3 || !slices.EqualFunc(list, seen["no case"], bytes.Equal) {
			t.Errorf("%s:\n%x\nno case:\n%x", which, list, seen["no case"])
		}
	}
}

// talk sends 70 ENTRIES about a case of others between two about ours, and what a
// member may ask and tell, and returns all that comes but TAGS and the tag of ours.
func (b *bare) talk(t *testing.T, ours, theirs id.CaseID) (seen [][]byte) {
	t.Helper()
	in, back := b.Tags(ours)
	out, _ := b.Tags(theirs)
	junk := make([]byte, 200)
	_, _ = rand.Read(junk)
	b.send(&wire.Entries{Tag: in, Raws: [][]byte{{0x80}}})
	for range 70 {
		b.send(&wire.Entries{Tag: out, Raws: [][]byte{junk}})
	}
	b.send(&wire.Vec{Tag: wire.Tag{1}})
	b.send(&wire.Want{Tag: out, Ranges: []wire.Range{{To: 9}}, Bodies: []wire.BodyWant{{Entry: id.EntryID(theirs)}}})
	b.send(&wire.Proof{Tag: out, A: []byte{0x80}, B: []byte{0x81}})
	b.send(&wire.IHave{Tag: out, Heads: []wire.Head{{Feed: id.Feed{Kid: id.Kid{7}}}}})
	b.send(&wire.IHave{Tag: in, Heads: []wire.Head{{Feed: id.Feed{Kid: id.Kid{7}}}}})
	b.send(&wire.Entries{Tag: in, Raws: [][]byte{{0x80}}})
	for acks := 0; acks < 2; {
		f := b.next(patience)
		switch f := f.(type) {
		case nil:
			t.Fatal("the session ended")
		case *wire.Tags:
			continue
		case *wire.Ack:
			acks++
		case *wire.Want:
			if f.Tag == back {
				f.Tag = wire.Tag{}
			}
		}
		seen = append(seen, wire.Append(nil, f))
	}
	return seen
}

// TestVecCrossesEntries: a VEC that was written before what is on the way came takes none of
// that back, and the next entry goes as it is. The control is one that does not name what was
// acknowledged: the next entry is only told.
func TestVecCrossesEntries(t *testing.T) {
	t.Parallel()
	a, b, c, notes := silent(t, 3)
	tag, _ := b.Tags(c)
	heads := headsOf(t, a, c)
	said := func(done uint64) { // the VEC of one that holds the first; the answer to WANT says that it was read
		list := slices.Clone(heads)
		at := slices.IndexFunc(list, func(h wire.Head) bool { return h.Feed == notes[0].Feed() })
		list[at].Seq, list[at].ID = notes[0].Seq, [16]byte(notes[0].ID[:16])
		b.send(&wire.Vec{Tag: tag, Heads: list})
		b.send(&wire.Want{Tag: tag, Done: done, Ranges: []wire.Range{{Feed: id.Feed{Kid: a.Kid}, To: 0}}})
		b.entries(t)
	}
	next := func() wire.Frame {
		must(a.Note(c, []byte("next")))(t)
		for {
			switch f := b.next(patience).(type) {
			case *wire.Entries, *wire.IHave, nil:
				return f
			}
		}
	}
	said(0)
	if f := next(); reflect.TypeOf(f) != reflect.TypeFor[*wire.Entries]() {
		t.Errorf("after a VEC of before, an entry comes as %T", f)
	}
	for i := range notes {
		b.send(&wire.Ack{Number: uint64(i) + 1, Held: 1})
	}
	until(t, "the notes are off the way", nil, func() bool { return a.Node.OnTheWay(b.ID) <= 2 })
	said(3)
	if f := next(); reflect.TypeOf(f) != reflect.TypeFor[*wire.IHave]() {
		t.Errorf("negative control: after a VEC that lacks what was acknowledged, an entry comes as %T", f)
	}
}
