package protocol_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// trio is a case of A (steward), B and C, with one fold; X is outside.
func trio() (a, b, c, x *link.Daemon) {
	a, b, c, x = link.NewDaemon(nil, "A"), link.NewDaemon(nil, "B"), link.NewDaemon(nil, "C"), link.NewDaemon(nil, "X")
	a.Open("trio", link.Terms(), protocol.Coordinator)
	for _, d := range []*link.Daemon{b, c, x} {
		d.Case, d.Held = a.Case, a.Held
	}
	a.Admit(b, protocol.MitigatingVendor)
	a.Admit(c, protocol.Reporter)
	return a, b, c, x
}

func to(d *link.Daemon) protocol.Recipient {
	return protocol.Recipient{Org: d.Org.ID, Key: d.Peer(), Directory: d.Org}
}

// from is what a daemon knows when all is well.
func from(d *link.Daemon) protocol.Local {
	now := link.Start / 1000
	return protocol.Local{Us: d.Org.ID, Now: now, BodyHere: true, StewardHeard: now}
}

// TestGates asks each gate with one thing wrong.
func TestGates(t *testing.T) {
	a, b, c, x := trio()
	note := b.Tell(protocol.Note, id.Everyone)
	room := id.Comp(b.Say(protocol.NewCompartment(a.Org.ID, b.Org.ID)).ID)
	secret := b.Tell(protocol.Note, room)
	status := b.Say(&protocol.Status{RM: protocol.RMValid})
	day := uint64(24 * 3600)
	for _, tc := range []struct {
		name string
		e    *entry.Sealed
		part protocol.Part
		to   *link.Daemon
		r    func(*protocol.Recipient)
		l    func(*protocol.Local)
		send bool
		gate string
	}{
		{"a control entry to a member", status, protocol.Header, c, nil, nil, true, "G3"},
		{"a control entry has no body", status, protocol.Body, c, nil, nil, false, "G3"},
		{"a header to a member", note, protocol.Header, c, nil, nil, true, "G6"},
		{"a body to a member", note, protocol.Body, c, nil, nil, true, "G9"},
		{"on hold", note, protocol.Header, c, nil, func(l *protocol.Local) { l.Hold = true }, false, "G0"},
		{"erased", status, protocol.Header, c, nil, func(l *protocol.Local) { l.Erased = true }, false, "G0"},
		{"to an outsider", status, protocol.Header, x, nil, nil, false, "G1"},
		{"another's transport key", status, protocol.Header, c, func(r *protocol.Recipient) { r.Key = x.Peer() }, nil, false, "G1"},
		{"under another's name", status, protocol.Header, x, func(r *protocol.Recipient) { r.Org = c.Org.ID }, nil, false, "G1"},
		{"certificate expired", status, protocol.Header, c, nil, func(l *protocol.Local) { l.Now += 301 * day }, false, "G1"},
		{"directory knows nothing", status, protocol.Header, c, func(r *protocol.Recipient) { r.Directory = nil }, nil, true, "G3"},
		{"a header in a room", secret, protocol.Header, a, nil, nil, true, "G6"},
		{"a header to who does not read it", secret, protocol.Header, c, nil, nil, false, "G5"},
		{"no body here", note, protocol.Body, c, nil, func(l *protocol.Local) { l.BodyHere = false }, false, "G8"},
		{"no steward heard", note, protocol.Body, c, nil, func(l *protocol.Local) { l.StewardHeard = 0 }, false, "G9"},
		{"steward heard long ago", note, protocol.Body, c, nil, func(l *protocol.Local) { l.StewardHeard -= 22 * day }, false, "G9"},
		{"the clock stepped back", note, protocol.Body, c, nil, func(l *protocol.Local) { l.Now -= day }, false, "G9"},
		{"to a steward without a lease", note, protocol.Body, a, nil, func(l *protocol.Local) { l.StewardHeard = 0 }, true, "G9"},
		{"from a steward without a lease", note, protocol.Body, c, nil, func(l *protocol.Local) { l.Us, l.StewardHeard = a.Org.ID, 0 }, true, "G9"},
		{"control without a lease", status, protocol.Header, c, nil, func(l *protocol.Local) { l.StewardHeard = 0 }, true, "G3"},
	} {
		r, l := to(tc.to), from(b)
		if tc.r != nil {
			tc.r(&r)
		}
		if tc.l != nil {
			tc.l(&l)
		}
		if got := b.Case.MaySend(tc.e.ID, tc.part, r, l); got.Send != tc.send || got.Gate != tc.gate {
			t.Errorf("%s: %+v, want %v by %s", tc.name, got, tc.send, tc.gate)
		}
	}
	if got := b.Case.MaySend(id.EntryID{1}, protocol.Header, to(c), from(b)); got.Send {
		t.Error("an entry that is not folded passes the gate")
	}
}

// TestRemovedIsTold is the pure half of LEDGER's P5.2: once a removal is folded,
// its subject is told so and gets nothing else.
func TestRemovedIsTold(t *testing.T) {
	a, b, c, _ := trio()
	before := b.Say(&protocol.Status{RM: protocol.RMValid})
	note := b.Tell(protocol.Note, id.Everyone)
	if !a.Case.MaySend(note.ID, protocol.Body, to(c), from(a)).Send {
		t.Fatal("a member does not get a note")
	}
	removal := a.Act(&protocol.Remove{Org: c.Org.ID})
	after := b.Say(&protocol.Status{RM: protocol.RMAccepted})
	for _, tc := range []struct {
		name string
		e    *entry.Sealed
		send bool
	}{
		{"the removal", removal, true}, {"what it knew", before, true},
		{"control after it", after, false}, {"content before it", note, false},
	} {
		if got := a.Case.MaySend(tc.e.ID, protocol.Header, to(c), from(a)); got.Send != tc.send {
			t.Errorf("%s: %+v", tc.name, got)
		}
		if a.Case.MaySend(tc.e.ID, protocol.Body, to(c), from(a)).Send {
			t.Errorf("%s: a body goes to who was removed", tc.name)
		}
	}
	if r := a.Case.Removed(c.Org.ID); !slices.Equal(r, []id.EntryID{removal.ID}) {
		t.Errorf("removals of C: %v", r)
	}
	a.Act(a.Admission(c, protocol.Observer, "again"))
	if !a.Case.MaySend(note.ID, protocol.Body, to(c), from(a)).Send || a.Case.Removed(c.Org.ID) != nil {
		t.Error("who was admitted again is not served")
	}
}

// TestAnchors: an admission from a point on gives what stands above its anchors, and
// feeds that it does not name.
func TestAnchors(t *testing.T) {
	a, b, _, x := trio()
	var notes []*entry.Sealed
	for range 4 {
		notes = append(notes, b.Tell(protocol.Note, id.Everyone))
	}
	m := a.Admission(x, protocol.Observer, "late")
	m.Hist = a.Case.FromNow(x.Org.ID, a.Org.ID)
	m.Hist[0].Seq, m.Hist[0].Entry, m.Hist[0].LC = 1, notes[1].ID, notes[1].LC
	a.Act(m)
	other := a.Tell(protocol.Subject, id.Everyone)
	for i, e := range append(notes, other) {
		if got := a.Case.MaySend(e.ID, protocol.Header, to(x), from(a)); got.Send != (i >= 2) {
			t.Errorf("entry %d: %+v", i, got)
		}
	}
}

// TestClosedDaemon: a key that signed two entries at one place gets nothing more;
// its organisation goes on with another.
func TestClosedDaemon(t *testing.T) {
	a, b, c, _ := trio()
	head := b.Say(&protocol.Status{RM: protocol.RMValid})
	m := &protocol.Status{RM: protocol.RMInvalid}
	b.WriteAfter(nil, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Deps: head.Deps})
	note := a.Tell(protocol.Subject, id.Everyone)
	if got := a.Case.MaySend(note.ID, protocol.Header, to(b), from(a)); got.Send {
		t.Errorf("a closed daemon: %+v", got)
	}
	if got := a.Case.MaySend(note.ID, protocol.Header, to(c), from(a)); !got.Send {
		t.Errorf("another daemon: %+v", got)
	}
	event := b.Certify("B/2", identity.CapWrite)
	a.Act(&protocol.Ident{Events: [][]byte{event}})
	b.Use("B/2")
	if got := a.Case.MaySend(note.ID, protocol.Header, to(b), from(a)); !got.Send {
		t.Errorf("the organisation's other daemon: %+v", got)
	}
	if err := a.Case.May(link.KidOf("B/1"), entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}); err == nil {
		t.Error("a closed key may write")
	}
}

// TestKeyTheCaseDoesNotShow: a member's key that the case has not heard of gets control
// entries where the directory's chain of it goes on from the case's, and no content.
func TestKeyTheCaseDoesNotShow(t *testing.T) {
	a, b, c, x := trio()
	status, note := b.Say(&protocol.Status{RM: protocol.RMValid}), b.Tell(protocol.Note, id.Everyone)
	before := to(c)
	rival := *c
	c.Certify("C/2", identity.CapWrite)
	c.Use("C/2")
	stale, another, revoked := to(c), to(c), to(c)
	stale.Directory, another.Directory = before.Directory, x.Org
	revoked.Directory = must(c.Org.Extend(must(c.Org.RevokeDaemon(c.Root, c.Kid, 1))))
	for _, tc := range []struct {
		name string
		e    *entry.Sealed
		to   protocol.Recipient
		send bool
	}{
		{"control", status, to(c), true}, {"content", note, to(c), false},
		{"a key that no directory has", status, stale, false}, {"a directory of another", status, another, false},
		{"revoked since", status, revoked, false},
		{"a stranger", status, to(x), false}, {"the key that the case shows", note, before, true},
	} {
		if got := a.Case.MaySend(tc.e.ID, protocol.Header, tc.to, from(a)); got.Send != tc.send {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
	removal := a.Act(&protocol.Remove{Org: c.Org.ID})
	if !a.Case.MaySend(removal.ID, protocol.Header, to(c), from(a)).Send || a.Case.MaySend(b.Say(&protocol.Status{RM: protocol.RMAccepted}).ID, protocol.Header, to(c), from(a)).Send {
		t.Error("who was removed is told of that, and of nothing more, by whatever key")
	}
	a.Act(&protocol.Ident{Events: [][]byte{rival.Certify("C/3", identity.CapWrite)}})
	if a.Case.MaySend(removal.ID, protocol.Header, to(c), from(a)).Send {
		t.Error("a key is served that only another chain than the case's certifies")
	}
}

// TestProlongedWhileApart: a certificate that has ended in the case and that the directory
// prolongs counts as one that the case does not show.
func TestProlongedWhileApart(t *testing.T) {
	a, b, c, _ := trio()
	status, note := b.Say(&protocol.Status{RM: protocol.RMValid}), b.Tell(protocol.Note, id.Everyone)
	ended, here := to(c), from(a)
	here.Now += 301 * 24 * 3600
	d, _ := c.Org.Daemon(c.Kid)
	d.NotAfter = here.Now + 24*3600
	prolonged := ended
	prolonged.Directory = must(c.Org.Extend(must(c.Org.CertifyDaemon(c.Root, link.Keys("C/1"), d))))
	for _, tc := range []struct {
		name string
		e    *entry.Sealed
		to   protocol.Recipient
		send bool
	}{
		{"control", status, prolonged, true}, {"content", note, prolonged, false}, {"prolonged nowhere", status, ended, false},
	} {
		if got := a.Case.MaySend(tc.e.ID, protocol.Header, tc.to, here); got.Send != tc.send {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

// TestDirectoryRevokes: a revocation that only the directory knows closes the
// gate at once.
func TestDirectoryRevokes(t *testing.T) {
	a, b, c, _ := trio()
	note := b.Tell(protocol.Note, id.Everyone)
	r := to(c)
	r.Directory = must(c.Org.Extend(must(c.Org.RevokeDaemon(c.Root, c.Kid, 1))))
	if got := a.Case.MaySend(note.ID, protocol.Header, r, from(a)); got.Send || got.Gate != "G1" {
		t.Errorf("%+v", got)
	}
}

// TestGateFollowsMembership: over random histories, content goes to an
// organisation exactly when the case shows it as admitted and a reader, and a
// control entry to nobody else but who was removed.
func TestGateFollowsMembership(t *testing.T) {
	for seed := range uint64(20) {
		h := play(random(seed), steady())
		c := fold(protocol.NewCase(), h.pool)
		rng := rand.New(rand.NewPCG(seed, 2))
		for range 200 {
			e, d := h.pool[rng.IntN(len(h.pool))], h.ds[rng.IntN(len(h.ds))]
			here := from(h.ds[0])
			here.Now = link.Start / 1000
			got := c.MaySend(e.ID, protocol.Header, to(d), here)
			if !got.Send {
				continue
			}
			member := c.Member(d.Org.ID)
			switch {
			case e.Control() && !member && len(c.Removed(d.Org.ID)) == 0:
				t.Fatalf("seed %d: a control entry goes to who was never admitted", seed)
			case !e.Control() && !slices.Contains(c.Readers(e.Comp), d.Org.ID):
				t.Fatalf("seed %d: content goes to who is no reader", seed)
			}
		}
	}
}
