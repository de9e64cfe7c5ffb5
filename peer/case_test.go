package peer_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cordon/ledger"
	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQUIC(t *testing.T) {
	orgs := newOrgs(t, 2)
	peertest.Meet(orgs...)
	orgs[0].QUIC()
	orgs[1].QUIC()
	start(t, orgs...)
	c := must(orgs[0].Open())(t)
	admit(t, c, orgs[0], orgs[1])
	n := must(orgs[1].Note(c, []byte("over UDP")))(t)
	reads(t, c, n.ID, []byte("over UDP"), orgs[0])
}

// TestCaseSurvivesItsOpener is P5.6: A admits B and C, who do not know each other;
// A stops; B's note reaches C.
func TestCaseSurvivesItsOpener(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	a, b, c3 := orgs[0], orgs[1], orgs[2]
	peertest.Meet(a, b)
	peertest.Meet(a, c3)
	start(t, orgs...)
	c := must(a.Open())(t)
	admit(t, c, a, b)
	admit(t, c, a, c3)
	same(t, c, orgs...)
	until(t, "B and C are introduced to each other", orgs, func() bool {
		for _, s := range b.Node.Status() {
			if s.Org == c3.ID && s.Connected && s.Introduced {
				return true
			}
		}
		return false
	})
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	n := must(b.Note(c, []byte("without A")))(t)
	reads(t, c, n.ID, []byte("without A"), c3)
}

// TestJoinSurvivesTheInviter: who lets a newcomer in is gone before anything but the
// join packet was fetched; another member, named in it, brings the case.
func TestJoinSurvivesTheInviter(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	a, b, late := orgs[0], orgs[1], orgs[2]
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(a.Open())(t)
	admit(t, c, a, b)
	same(t, c, a, b)
	n := must(b.Note(c, []byte("from B")))(t)
	packet, gone := make(chan struct{}), make(chan struct{})
	late.Joined = func() {
		close(packet)
		select {
		case <-gone:
		case <-t.Context().Done():
		}
	}
	if err := a.Invite(c, late.ID, protocol.Coordinator); err != nil {
		t.Fatal(err)
	}
	<-packet
	until(t, "the admission has reached B", orgs, func() bool { return b.Member(c, late.ID) })
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	close(gone)
	until(t, "the newcomer is a member by its own fold", orgs[1:], func() bool { return late.Member(c, late.ID) })
	same(t, c, b, late)
	until(t, "the note came", orgs[1:], func() bool { _, err := late.Ledger.Entry(c, n.ID); return err == nil })
}

// TestOfflineInvitee: an invitation and its answer wait on disk, each on its side,
// until the other is there.
func TestOfflineInvitee(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 2)
	a, b := orgs[0], orgs[1]
	peertest.Meet(a, b)
	start(t, a)
	c := must(a.Open())(t)
	if err := a.Invite(c, b.ID, protocol.Coordinator); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(); err != nil {
		t.Fatal(err)
	}
	start(t, b)
	until(t, "B is in", orgs, func() bool { return b.Member(c, b.ID) })
}

// spies records everything that leaves any of the nodes.
type spies struct {
	mu   sync.Mutex
	left []struct {
		by *peertest.Org
		peer.Left
	}
}

func (s *spies) watch(orgs ...*peertest.Org) {
	for _, o := range orgs {
		o.Hook = func(n *peer.Node) {
			n.Spy(func(l peer.Left) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.left = append(s.left, struct {
					by *peertest.Org
					peer.Left
				}{o, l})
			})
		}
	}
}

// check folds for each item, from the sender's store alone, what it held when the
// gate was asked, and asks again. It returns how many items it looked at.
func (s *spies) check(t *testing.T, of func(id.OrgID) *peertest.Org) int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	type key struct {
		by *peertest.Org
		c  id.CaseID
		n  int
	}
	folds := map[key]*protocol.Case{}
	for _, l := range s.left {
		k := key{l.by, l.Case, l.Folded}
		if folds[k] == nil {
			folds[k] = foldOf(t, l.by, l.Case, l.Folded)
		}
		to := of(l.To.Org)
		d := folds[k].MaySend(l.Entry, l.Part,
			protocol.Recipient{Org: to.ID, Key: to.Config().Transport.Public().(ed25519.PublicKey), Directory: to.Chain},
			protocol.Local{Us: l.by.ID, Now: uint64(time.Now().Unix()), BodyHere: true, StewardHeard: uint64(time.Now().Unix())})
		if !d.Send {
			t.Errorf("part %d of entry %v left %v for %v against gate %s", l.Part, l.Entry, l.by.ID, to.ID, d.Gate)
		}
	}
	return len(s.left)
}

// foldOf is the fold of the first n entries that o holds of a case.
func foldOf(t *testing.T, o *peertest.Org, c id.CaseID, n int) *protocol.Case {
	t.Helper()
	list, err := o.Ledger.Tail(c, 0, n)
	if err != nil || len(list) != n {
		t.Fatalf("%d entries of %d: %v", len(list), n, err)
	}
	k := protocol.NewCase()
	for _, e := range list {
		k.Apply(e.Sealed)
	}
	return k
}

// opened checks P7.1 and P7.2: of the content entries of a case, each organisation
// opens those that it wrote and those whose body some holder's gate has passed to
// it, and no others. It returns how many bodies are opened, over all of them.
func (s *spies) opened(t *testing.T, c id.CaseID, orgs ...*peertest.Org) int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	type copy struct {
		by id.OrgID
		x  id.EntryID
	}
	passed := map[copy]bool{}
	for _, l := range s.left {
		if l.Part == protocol.Body {
			passed[copy{l.To.Org, l.Entry}] = true
		}
	}
	content := map[id.EntryID]id.Kid{}
	for _, o := range orgs {
		for _, e := range must(o.Ledger.Tail(c, 0, 1<<16))(t) {
			if !e.Control() {
				content[e.ID] = e.Kid
			}
		}
	}
	n := 0
	for _, o := range orgs {
		for x, kid := range content {
			_, err := o.Body(c, x)
			if may := kid == o.Kid || passed[copy{o.ID, x}]; may != (err == nil) {
				t.Errorf("%v: passed or own %v, opens the body of %v: %v", o.ID, may, x, err)
			}
			if err == nil {
				n++
			}
		}
	}
	return n
}

func finder(orgs []*peertest.Org) func(id.OrgID) *peertest.Org {
	return func(o id.OrgID) *peertest.Org {
		for _, x := range orgs {
			if x.ID == o {
				return x
			}
		}
		return nil
	}
}

// TestEveryByteHasPassedTheGate is P5.1 and P6.1 in small: a random history with
// restarts and a removal converges, and each item written satisfies the gate in
// its sender's state at that moment.
func TestEveryByteHasPassedTheGate(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	orgs := newOrgs(t, 4)
	var all spies
	all.watch(orgs...)
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(orgs[0].Open())(t)
	other := must(orgs[1].Open())(t)
	admit(t, other, orgs[1], orgs[2])
	for _, o := range orgs[1:] {
		admit(t, c, orgs[0], o)
	}
	room := must(orgs[1].Write(c, protocol.NewCompartment(orgs[1].ID, orgs[2].ID)))(t)
	same(t, c, orgs...)
	secret := must(orgs[2].Content(c, id.Comp(room.ID), []byte("for B alone")))(t)
	must(orgs[2].Note(other, []byte("of the other case")))(t)
	reads(t, c, secret.ID, []byte("for B alone"), orgs[1])
	notes := map[id.EntryID][]byte{}
	for i := range 40 {
		o := orgs[r.IntN(len(orgs))]
		switch r.IntN(6) {
		case 0:
			if err := o.Restart(); err != nil {
				t.Fatal(err)
			}
		case 1:
			must(o.Write(c, &protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", 1000+i)}}))(t)
		default:
			text := []byte(fmt.Sprintf("note %d", i))
			notes[must(o.Note(c, text))(t).ID] = text
		}
	}
	same(t, c, orgs...)
	for x, text := range notes {
		reads(t, c, x, text, orgs...)
	}
	must(orgs[0].Remove(c, orgs[3].ID))(t)
	same(t, c, orgs...) // the removed one is told
	after := must(orgs[1].Note(c, []byte("after")))(t)
	reads(t, c, after.ID, []byte("after"), orgs[0], orgs[2])
	for _, o := range []*peertest.Org{orgs[0], orgs[3]} {
		if _, err := o.Body(c, secret.ID); err == nil {
			t.Error("the compartment's body reached one who does not read it")
		}
		if _, err := o.Ledger.Entry(c, secret.ID); err == nil {
			t.Error("the compartment's entry reached one who does not read it")
		}
	}
	if _, err := orgs[3].Ledger.Entry(c, after.ID); err == nil {
		t.Error("an entry reached the removed one")
	}
	if n := all.check(t, finder(orgs)); n < 100 {
		t.Errorf("only %d items were seen: the spy looks at nothing", n)
	}
	if n := all.opened(t, c, orgs...); n < len(notes)*len(orgs) {
		t.Errorf("%d bodies are open, of %d notes to %d organisations", n, len(notes), len(orgs))
	}
}

// TestForkReachesEverybody: a key that signed two entries for one place, each shown
// to another member, is proven to all.
func TestForkReachesEverybody(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 4)
	a, b, c4, forger := orgs[0], orgs[1], orgs[2], orgs[3]
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(a.Open())(t)
	for _, o := range orgs[1:] {
		admit(t, c, a, o)
	}
	same(t, c, orgs...)
	for _, o := range orgs {
		if err := o.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	give(t, c, b, forger.Forge(c, 1, 2)...)
	give(t, c, c4, forger.Forge(c, 2, 2)...)
	start(t, a, b, c4)
	until(t, "everybody holds the proof", orgs, func() bool {
		for _, o := range []*peertest.Org{a, b, c4} {
			if f, err := o.Ledger.Forks(c); err != nil || len(f) != 1 {
				return false
			}
		}
		return true
	})
	same(t, c, a, b, c4)
}

// TestForkOfAnyLength: two members hold one branch each of a forked feed, of whatever
// lengths, and come to hold both: also where the other's branch begins below the end of
// one's own and goes on above it, and is longer than what is looked through first.
func TestForkOfAnyLength(t *testing.T) {
	t.Parallel()
	lengths := [][2]int{{1, 1}, {1, 3}, {3, 1}, {2, 3}, {4, 2}, {2, 300}, {290, 300}}
	orgs := newOrgs(t, 2+len(lengths))
	a, b, forgers := orgs[0], orgs[1], orgs[2:]
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(a.Open())(t)
	for _, o := range orgs[1:] {
		admit(t, c, a, o)
	}
	same(t, c, orgs...)
	for _, o := range orgs {
		if err := o.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range forgers {
		give(t, c, a, f.Forge(c, 1, lengths[i][0])...)
		give(t, c, b, f.Forge(c, 2, lengths[i][1])...)
	}
	start(t, a, b)
	until(t, "both hold both branches of each", orgs, func() bool {
		for _, o := range []*peertest.Org{a, b} {
			for i, f := range forgers {
				n := 0
				err := o.Ledger.Read(c, id.Feed{Kid: f.Kid, Comp: id.Control}, 0, 1<<20, func(ledger.Entry) bool { n++; return true })
				if err != nil || n < lengths[i][0]+lengths[i][1] {
					return false
				}
			}
		}
		return true
	})
	same(t, c, a, b)
}

// TestMisfitIsAskedForMoreAndMoreSeldom: who brings, whenever it is asked, an entry whose
// one below nobody has, is asked again at once a few times, and then more and more seldom.
func TestMisfitIsAskedForMoreAndMoreSeldom(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 1)
	a := orgs[0]
	o := opener(t, a)
	peertest.Meet(a, o)
	start(t, a)
	c := must(a.Open())(t)
	if err := a.Admit(c, o, protocol.Observer); err != nil {
		t.Fatal(err)
	}
	b := dress(t, o, a)
	until(t, "the session stands", orgs, func() bool { return connected(a, o.ID) })
	tag, _ := b.Tags(c)
	var after ledger.Entry
	var agr id.AgrID
	err := a.Cases.With(c, func(k *protocol.Case) (err error) {
		x, _ := k.Admission(o.ID)
		agr = k.Embargo().Agreement
		after, err = a.Ledger.Entry(c, x)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	misfit := must(entry.Parse(o.Notes(c, after, agr, 2)[1]))(t)
	tell := &wire.Vec{Tag: tag, Heads: []wire.Head{{Feed: misfit.Feed(), Seq: misfit.Seq, ID: [16]byte(misfit.ID[:16])}}}
	b.send(tell)
	asked := 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		if w, ok := b.next(time.Until(end)).(*wire.Want); ok && len(w.Ranges) > 0 {
			asked++
			b.send(&wire.Entries{Tag: tag, Raws: [][]byte{misfit.Raw}})
			b.send(tell)
		}
	}
	if asked < 3 || asked > 60 {
		t.Errorf("asked %d times in three seconds", asked)
	}
}

func give(t *testing.T, c id.CaseID, o *peertest.Org, list ...*entry.Sealed) {
	t.Helper()
	for _, e := range list {
		res, err := o.Ledger.Accept(t.Context(), c, [][]byte{bytes.Clone(e.Raw)})
		if err != nil || res.Stored != 1 {
			t.Fatalf("accept: %+v, %v", res, err)
		}
	}
}

// TestPartitionHeals is P6.1 in small: two halves write while apart.
func TestPartitionHeals(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(orgs[0].Open())(t)
	admit(t, c, orgs[0], orgs[1])
	admit(t, c, orgs[0], orgs[2])
	same(t, c, orgs...)
	if err := orgs[2].Stop(); err != nil {
		t.Fatal(err)
	}
	var list []ledger.Entry
	for i := range 300 { // more than a frame
		list = append(list, must(orgs[i%3].Note(c, []byte{byte(i)}))(t))
	}
	must(orgs[0].Write(c, &protocol.Claim{What: protocol.Public}))(t)
	must(orgs[2].Write(c, &protocol.Status{RM: protocol.RMValid}))(t)
	start(t, orgs[2])
	same(t, c, orgs...)
	for i, e := range list {
		reads(t, c, e.ID, []byte{byte(i)}, orgs...)
	}
	for _, o := range orgs {
		for _, s := range o.Node.Status() {
			if s.Fault.Rule != "" {
				t.Errorf("who was only away is blamed: %+v", s.Fault)
			}
		}
	}
}
