package peer_test

import (
	"slices"
	"testing"

	"cordon/ledger"
	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/id"
)

// filled is how many bytes of an organisation's one key lie at o, and how many of them
// are in the content plane.
func filled(t *testing.T, o *peertest.Org, c id.CaseID, kid id.Kid) (all, content uint64) {
	t.Helper()
	for _, e := range must(o.Ledger.Tail(c, 0, 1<<20))(t) {
		if e.Kid == kid {
			all += protocol.Size(e.Sealed)
			if !e.Control() {
				content += protocol.Size(e.Sealed)
			}
		}
	}
	return all, content
}

// limited gives o so much room for every other organisation.
func limited(o *peertest.Org, room uint64) {
	o.Tune = func(c *peer.Config) { c.Room = room }
}

// TestAnAuthorFillsItsRoom is THREATS' A1 for the disk: what an admitted organisation
// writes fills no more than its room at a daemon that has a bound, over restarts too,
// through whomever it comes, and is said there; its control entries, and everybody else,
// go on. The controls are a member without a bound, and the same daemon with a greater one.
func TestAnAuthorFillsItsRoom(t *testing.T) {
	t.Parallel()
	const room = 256 << 10
	orgs := newOrgs(t, 3)
	a, b, floods := orgs[0], orgs[1], orgs[2]
	limited(a, room)
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(a.Open())(t)
	admit(t, c, a, b)
	admit(t, c, a, floods)
	same(t, c, orgs...)
	text := make([]byte, 12<<10)
	var last ledger.Entry
	for range 60 {
		last = must(floods.Note(c, text))(t)
	}
	reads(t, c, last.ID, text, b)
	full := func() bool {
		return slices.ContainsFunc(a.Node.Full(), func(f peer.Full) bool { return f.Org == floods.ID && f.Case == c })
	}
	until(t, "it is said who has filled its room", orgs, full)
	goesOn := func() {
		t.Helper()
		must(floods.Write(c, &protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1000"}}))(t)
		same(t, c, orgs...)
		n := must(b.Note(c, []byte("of somebody else")))(t)
		reads(t, c, n.ID, []byte("of somebody else"), orgs...)
		all, content := filled(t, a, c, floods.Kid)
		if all > room || content == 0 {
			t.Errorf("%d bytes fill a room of %d, %d of them content", all, room, content)
		}
		for _, s := range a.Node.Status() {
			if s.Fault.Rule != "" {
				t.Errorf("to fill a room ends sessions: %+v", s.Fault)
			}
		}
	}
	goesOn()
	if err := a.Restart(); err != nil {
		t.Fatal(err)
	}
	until(t, "it is said again", orgs, full)
	goesOn()
	limited(a, 64<<20)
	if err := a.Restart(); err != nil {
		t.Fatal(err)
	}
	reads(t, c, last.ID, text, a)
	if len(a.Node.Full()) > 0 || len(b.Node.Full()) > 0 {
		t.Error("who has room left is said to be full")
	}
}

// TestAFullAuthorIsNotAskedForMore: what is not taken for want of room is asked for no
// more, whoever tells of it and however often; control entries are. A fork of what is
// here, which is evidence, is taken, and its body is not.
func TestAFullAuthorIsNotAskedForMore(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 1)
	a := orgs[0]
	limited(a, 64<<10)
	o := opener(t, a)
	peertest.Meet(a, o)
	start(t, a)
	c := must(a.Open())(t)
	if err := a.Admit(c, o, protocol.Observer); err != nil {
		t.Fatal(err)
	}
	var after ledger.Entry
	var agr id.AgrID
	err := a.Cases.With(c, func(k *protocol.Case) error {
		x, _ := k.Admission(o.ID)
		agr = k.Embargo().Agreement
		var err error
		after, err = a.Ledger.Entry(c, x)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	raws, other := o.Notes(c, after, agr, 200), o.Notes(c, after, agr, 2)
	b := dress(t, o, a)
	tag, _ := b.Tags(c)
	feed := id.Feed{Kid: o.Kid, Comp: id.Everyone}
	tell := func() { b.send(&wire.Vec{Tag: tag, Heads: []wire.Head{{Feed: feed, Seq: 199, ID: [16]byte{1}}}}) }
	want := func() (ranges []wire.Range) {
		for {
			switch f := b.next(patience).(type) {
			case nil:
				t.Fatalf("the session ended: %s", lastError(a, o.ID))
			case *wire.Want:
				return f.Ranges
			}
		}
	}
	tell()
	if r := want(); len(r) != 1 || r[0].Feed != feed {
		t.Fatalf("asked for %v", r)
	}
	b.send(&wire.Entries{Tag: tag, Raws: raws[:20]}) // the first of a key is taken before it is known whose it is
	until(t, "the first are here", orgs, func() bool { n, _ := filled(t, a, c, o.Kid); return n > 0 })
	b.send(&wire.Entries{Tag: tag, Raws: raws[20:]})
	until(t, "the room is full", orgs, func() bool { return len(a.Node.Full()) == 1 })
	held, _ := filled(t, a, c, o.Kid)
	if held == 0 || held > 64<<10 {
		t.Fatalf("%d bytes", held)
	}
	control := id.Feed{Kid: o.Kid, Comp: id.Control}
	for i := range 20 {
		tell()
		b.send(&wire.IHave{Tag: tag, Heads: []wire.Head{{Feed: feed, Seq: id.Seq(300 + i), ID: [16]byte{2}}}})
		b.send(&wire.IHave{Tag: tag, Heads: []wire.Head{{Feed: control, Seq: id.Seq(i), ID: [16]byte{3}}}})
		if r := want(); slices.ContainsFunc(r, func(r wire.Range) bool { return r.Feed != control }) {
			t.Fatalf("asked for %v of one who is full", r)
		}
	}
	b.send(&wire.Entries{Tag: tag, Raws: other})
	until(t, "the fork is taken", orgs, func() bool { return len(must(a.Ledger.Forks(c))(t)) == 1 })
}
