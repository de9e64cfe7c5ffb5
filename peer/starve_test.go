package peer_test

import (
	"bytes"
	"crypto/rand"
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

// member is a bare member of a case of a, which runs.
func member(t *testing.T, a *peertest.Org) (id.CaseID, *bare) {
	t.Helper()
	o := opener(t, a)
	peertest.Meet(a, o)
	start(t, a)
	c := must(a.Open())(t)
	if err := a.Admit(c, o, protocol.Coordinator); err != nil {
		t.Fatal(err)
	}
	until(t, "the admission is folded", nil, func() bool { return a.Node.CountsAsMember(c, o.ID) })
	return c, dress(t, o, a)
}

// headsOf is what VEC would tell of everything that o holds.
func headsOf(t *testing.T, o *peertest.Org, c id.CaseID) (list []wire.Head) {
	t.Helper()
	for _, h := range must(o.Ledger.Heads(c))(t) {
		list = append(list, wire.Head{Feed: h.Feed, Seq: h.Seq, ID: [16]byte(h.ID[:16])})
	}
	return list
}

// TestLiveFramesFit: small bodies of entries that waited behind a slow reader do not
// make a frame that nobody reads.
func TestLiveFramesFit(t *testing.T) {
	orgs := newOrgs(t, 1)
	a := orgs[0]
	var all spies
	all.watch(a)
	c, b := member(t, a)
	big := must(a.Note(c, make([]byte, 12<<20)))(t)
	tag, _ := b.Tags(c)
	b.send(&wire.Vec{Tag: tag, Heads: headsOf(t, a, c)})
	b.send(&wire.Want{Tag: tag, Bodies: []wire.BodyWant{{Entry: big.ID}}})
	until(t, "the writer is at work", orgs, func() bool { return all.count() > 0 })
	want := map[id.EntryID]bool{}
	for range 150 {
		text := make([]byte, 15<<10)
		_, _ = rand.Read(text)
		want[must(a.Note(c, text))(t).ID] = true
	}
	entries, frames := 0, uint64(0)
	for entries < len(want) {
		f := b.next(patience)
		if f == nil {
			t.Fatalf("after %d entries came a frame that is too long, or none", entries)
		}
		if e, ok := f.(*wire.Entries); ok {
			entries += len(e.Raws)
			frames++
			b.send(&wire.Ack{Number: frames, Held: uint64(len(e.Raws))})
		}
	}
}

// copyBodies gives b the bodies of entries that a holds.
func copyBodies(t *testing.T, c id.CaseID, a, b *peertest.Org, list []ledger.Entry) {
	t.Helper()
	for _, e := range list {
		if e.Body == nil {
			continue
		}
		if err := b.Ledger.PutChunk(c, *e.Body, 0, must(a.Ledger.Chunk(c, *e.Body, 0))(t)); err != nil {
			t.Fatal(err)
		}
		if err := b.Ledger.PutKey(c, *e.Body, must(a.Ledger.Key(c, *e.Body))(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCoveredStretchWithBodies: who took a long stretch on one signature, and its
// small bodies later, can pass all of it on.
func TestCoveredStretchWithBodies(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	a, b, d := orgs[0], orgs[1], orgs[2]
	peertest.Meet(orgs...)
	c := must(a.Open())(t)
	for _, o := range orgs[1:] {
		if err := a.Admit(c, o, protocol.Observer); err != nil {
			t.Fatal(err)
		}
	}
	copyCase(t, c, a, d)
	var last ledger.Entry
	text := make([]byte, 15<<10)
	for range 150 {
		last = must(a.Note(c, text))(t)
	}
	copyBodies(t, c, a, b, copyCase(t, c, a, b))
	heard := must(time.Now().MarshalBinary())(t)
	if err := b.Ledger.Shelf("peer-heard").Put(c[:], heard); err != nil {
		t.Fatal(err)
	}
	start(t, b, d)
	reads(t, c, last.ID, text, d)
	for _, e := range must(b.Ledger.Tail(c, 0, 1000))(t) {
		if e.Body != nil {
			reads(t, c, e.ID, text, d)
		}
	}
}

// TestHeadsAreBounded: what a member says it holds costs no more memory for being
// said in many frames.
func TestHeadsAreBounded(t *testing.T) {
	t.Parallel()
	a := newOrgs(t, 1)[0]
	c, b := member(t, a)
	tag, _ := b.Tags(c)
	for range 12 {
		f := &wire.IHave{Tag: tag}
		for range 10_000 {
			var h wire.Head
			_, _ = rand.Read(h.Feed.Kid[:])
			h.Feed.Comp = id.Everyone
			f.Heads = append(f.Heads, h)
		}
		b.send(f)
	}
	mark := wire.Head{Feed: id.Feed{Kid: id.Kid{7}, Comp: id.Control}}
	b.send(&wire.IHave{Tag: tag, Heads: []wire.Head{mark}}) // asked for at once: the others before it are through
	for through := false; !through; {
		f := b.next(patience)
		if f == nil {
			t.Fatal("the session ended before the last heads were through: nothing was judged")
		}
		if w, ok := f.(*wire.Want); ok {
			through = slices.ContainsFunc(w.Ranges, func(r wire.Range) bool { return r.Feed == mark.Feed })
		}
		if n := a.Node.HeadsOf(b.ID, c); n > 1<<16+10_000 {
			t.Fatalf("%d heads are remembered", n)
		}
	}
}

// TestRemovedSeesNoActivity: while the others write on, the removed one gets TAGS on
// the schedule and nothing else.
func TestRemovedSeesNoActivity(t *testing.T) {
	t.Parallel()
	a := newOrgs(t, 1)[0]
	o := opener(t, a)
	peertest.Meet(a, o)
	start(t, a)
	c := must(a.Open())(t)
	if err := a.Admit(c, o, protocol.Coordinator); err != nil {
		t.Fatal(err)
	}
	must(a.Remove(c, o.ID))(t)
	until(t, "the removal is folded", nil, func() bool { return !a.Node.CountsAsMember(c, o.ID) })
	b := dress(t, o, a)
	for tags := 0; tags < 6; {
		must(a.Note(c, []byte("among ourselves")))(t)
		switch f := b.next(patience).(type) {
		case *wire.Tags:
			tags++
		default:
			t.Fatalf("%T came", f)
		}
	}
}

// TestInviterIsNoMemberForever: who has let us in counts as a member only until our
// own fold knows us, after a restart too, and not for a case we are in already.
func TestInviterIsNoMemberForever(t *testing.T) {
	a, stranger := newOrgs(t, 1)[0], id.OrgID{9}
	start(t, a)
	c := must(a.Open())(t)
	until(t, "the case is known", nil, func() bool { return a.Node.CountsAsMember(c, a.ID) })
	if err := a.Node.JoinAgain(c, stranger); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(); err != nil {
		t.Fatal(err)
	}
	if a.Node.CountsAsMember(c, stranger) {
		t.Error("a join packet for a case that we are in has made a member")
	}
}

// TestKeysOfOthersEndNoAsk: a key that does not fit, of any member, does not make
// what another was asked for unasked.
func TestKeysOfOthersEndNoAsk(t *testing.T) {
	patient := peertest.Fast()
	patient.Retry = patience
	a, b := askedFor(t, patient, 2)
	e := b.list[0]
	b.send(must(b.Keys(b.tag, wire.Key{Entry: e.ID, CEK: [32]byte{1}}))(t))
	b.send(&wire.Body{Tag: b.tag, Entry: e.ID, Hashes: must(b.from.Ledger.Hashes(b.c, *e.Body))(t), CT: must(b.from.Ledger.Chunk(b.c, *e.Body, 0))(t)})
	until(t, "the chunk is stored", nil, func() bool { return must(a.Ledger.BodyState(b.c, *e.Body))(t).Have == 1 })
}

// TestWithheldBodyIsAskedElsewhere: who answers with nothing of use does not keep
// the others from being asked.
func TestWithheldBodyIsAskedElsewhere(t *testing.T) {
	t.Parallel()
	a, b := askedFor(t, peertest.Fast(), 1)
	e := b.list[0]
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		junk := &wire.Body{Tag: b.tag, Entry: e.ID, Hashes: [][32]byte{{1}}, CT: []byte{1}}
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				b.send(junk)
			}
		}
	}()
	defer func() { close(stop); <-done }()
	start(t, b.from)
	until(t, "the body came from the other", nil, func() bool { _, err := a.Body(b.c, e.ID); return err == nil })
}

// TestBodyThatNobodyHolds: who has not brought a body is asked for it again, and more
// and more seldom; who has it and comes late is asked.
func TestBodyThatNobodyHolds(t *testing.T) {
	t.Parallel()
	quick := peertest.Fast()
	quick.Retry = 100 * time.Millisecond
	a, b := askedFor(t, quick, 1)
	asked := 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		if w, ok := b.next(time.Until(end)).(*wire.Want); ok && len(w.Bodies) > 0 {
			asked++
		}
	}
	if asked == 0 || asked > 10 {
		t.Errorf("asked %d times more in 30 times the retry", asked)
	}
	start(t, b.from)
	until(t, "the body came", nil, func() bool { _, err := a.Body(b.c, b.list[0].ID); return err == nil })
	var pauses []time.Duration
	for vain := 1; vain <= 11; vain++ {
		pauses = append(pauses, peer.Pause(vain, 3, 10*time.Second)/time.Second)
	}
	if want := []time.Duration{0, 0, 0, 20, 40, 80, 160, 320, 600, 600, 600}; !slices.Equal(pauses, want) {
		t.Errorf("with three to ask, the pauses are %v s, want %v", pauses, want)
	}
}

// TestRemovedIsNotAsked: what a removed organisation says it holds is not asked of
// it, when others have not brought it either.
func TestRemovedIsNotAsked(t *testing.T) {
	t.Parallel()
	quick := peertest.Fast()
	quick.Retry = 200 * time.Millisecond
	a := newOrgsOn(t, 1, quick)[0]
	gone, member := opener(t, a), opener(t, a)
	peertest.Meet(a, gone, member)
	start(t, a)
	c := must(a.Open())(t)
	for _, o := range []*peertest.Org{gone, member} {
		if err := a.Admit(c, o, protocol.Coordinator); err != nil {
			t.Fatal(err)
		}
	}
	must(a.Remove(c, gone.ID))(t)
	until(t, "the removal is folded", nil, func() bool {
		return !a.Node.CountsAsMember(c, gone.ID) && a.Node.CountsAsMember(c, member.ID)
	})
	g, m := dress(t, gone, a), dress(t, member, a)
	claim := []wire.Head{{Feed: id.Feed{Kid: id.Kid{7}, Comp: id.Control}, Seq: 5}}
	tag, _ := g.Tags(c)
	g.send(&wire.Vec{Tag: tag, Heads: claim})
	until(t, "the claim is noted", nil, func() bool { return a.Node.HeadsOf(gone.ID, c) == 1 })
	tag, _ = m.Tags(c)
	for range 3 {
		m.send(&wire.IHave{Tag: tag, Heads: claim})
		for asked := false; !asked; {
			f := m.next(patience)
			if f == nil {
				t.Fatal("the member is not asked")
			}
			_, asked = f.(*wire.Want)
		}
		until(t, "the ask ran out", nil, func() bool { return a.Node.HeadsOf(member.ID, c) == 0 })
	}
	for tags := 0; tags < 3; {
		switch f := g.next(patience).(type) {
		case *wire.Tags:
			tags++
		case *wire.Vec:
		default:
			t.Fatalf("%T came to the removed one", f)
		}
	}
}

// withholder is a bare member that was asked for bodies which from has.
type withholder struct {
	*bare
	c    id.CaseID
	tag  wire.Tag
	from *peertest.Org
	list []ledger.Entry
}

// askedFor makes a case of from's whose n large bodies a lacks and has asked the
// bare member for.
func askedFor(t *testing.T, s0 peer.Schedule, n int) (*peertest.Org, *withholder) {
	t.Helper()
	orgs := newOrgsOn(t, 2, s0)
	a, from := orgs[0], orgs[1]
	o := opener(t, a)
	peertest.Meet(a, from, o)
	c := must(from.Open())(t)
	for _, x := range []*peertest.Org{a, o} {
		if err := from.Admit(c, x, protocol.Coordinator); err != nil {
			t.Fatal(err)
		}
	}
	w := &withholder{c: c, from: from}
	for i := range n {
		w.list = append(w.list, must(from.Note(c, bytes.Repeat([]byte{byte(i)}, 3<<20)))(t))
	}
	copyCase(t, c, from, a)
	start(t, a)
	w.bare = dress(t, o, a)
	w.tag, _ = w.Tags(c)
	for asked := 0; asked < n; {
		f := w.next(patience)
		if f == nil {
			t.Fatal("the session ended")
		}
		if x, ok := f.(*wire.Want); ok {
			asked += len(x.Bodies)
		}
	}
	return a, w
}

// TestPartOfTheHeadsIsNotAnswered: a VEC as long as one can be may be a part; to
// answer it would make two full daemons answer each other for ever.
func TestPartOfTheHeadsIsNotAnswered(t *testing.T) {
	t.Parallel()
	slow := peertest.Fast()
	slow.Compare, slow.Tags = time.Hour, time.Hour
	for n, answered := range map[int]bool{10_000: false, 9_999: true} {
		a := newOrgsOn(t, 1, slow)[0]
		c, b := member(t, a)
		f := &wire.Vec{}
		f.Tag, _ = b.Tags(c)
		for range n {
			var h wire.Head
			_, _ = rand.Read(h.Feed.Kid[:])
			h.Feed.Comp = id.Control
			f.Heads = append(f.Heads, h)
		}
		b.send(f)
		vec := false
		for f := b.next(patience); f != nil && !vec; f = b.next(time.Second) {
			_, vec = f.(*wire.Vec)
		}
		if vec != answered {
			t.Errorf("%d heads: answered with VEC: %v", n, vec)
		}
	}
}

// TestJoiningAgainIsNoticed: the inviter of a case that is here already, from before
// we were removed, is talked to about it at once.
func TestJoiningAgainIsNoticed(t *testing.T) {
	slow := peertest.Fast()
	slow.Tags = time.Hour
	orgs := newOrgsOn(t, 2, slow)
	a, back := orgs[0], orgs[1]
	inviter := opener(t, back)
	peertest.Meet(back, inviter)
	c := must(a.Open())(t)
	if err := a.Admit(c, back, protocol.Observer); err != nil {
		t.Fatal(err)
	}
	must(a.Remove(c, back.ID))(t)
	copyCase(t, c, a, back)
	start(t, back)
	b := dress(t, inviter, back)
	_, theirs := b.Tags(c)
	named := func() bool {
		f, ok := b.next(2 * time.Second).(*wire.Tags)
		return ok && slices.ContainsFunc(f.Pairs, func(p wire.Pair) bool { return p.Tag == theirs })
	}
	if named() {
		t.Fatal("a stranger to the case is told of it")
	}
	if err := back.Node.JoinAgain(c, inviter.ID); err != nil {
		t.Fatal(err)
	}
	if !named() {
		t.Error("the inviter is not told what is here of the case")
	}
}
