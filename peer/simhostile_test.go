package peer_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// bad makes the last member the test's own: from now on it says to each of these
// what the test says.
func (w *world) bad(to ...*peertest.Org) []*bare {
	w.t.Helper()
	o := w.orgs[len(w.orgs)-1]
	if err := o.Stop(); err != nil {
		w.t.Fatal(err)
	}
	h := must(peer.BareHost(o.Config()))(w.t)
	w.t.Cleanup(func() { _ = h.Close() })
	var list []*bare
	for _, p := range to {
		b := &bare{o, h, greet(w.t, h, o, p)}
		go func() {
			for b.next(time.Hour) != nil { // until the host closes
			}
		}()
		list = append(list, b)
	}
	return list
}

// TestSimEquivocation is A2 on the network: a member signs two entries for one place
// and shows one to each of two halves, which write on after it. Once they hear each
// other, all hold the proof, and nobody lets that key go on. Before, no check sees it.
func TestSimEquivocation(t *testing.T) {
	simulate(t, 6, 2, 25, func(w *world) {
		honest, hostile := w.orgs[:5], w.orgs[5]
		w.part(map[int]int{0: 0, 1: 0, 2: 1, 3: 1, 4: 1})
		x, y := w.draw.IntN(2), 2+w.draw.IntN(3)
		sessions := w.bad(honest[x], honest[y])
		one, other := hostile.Forge(w.c, 1, 1+w.draw.IntN(5)), hostile.Forge(w.c, 2, 1+w.draw.IntN(5))
		for i, branch := range [][]*entry.Sealed{one, other} {
			f := &wire.Entries{}
			f.Tag, _ = sessions[i].Tags(w.c)
			for _, e := range branch {
				f.Raws = append(f.Raws, e.Raw)
			}
			sessions[i].send(f)
		}
		w.settle(func() error {
			return errors.Join(w.hold(one[0], honest[:2]...), w.hold(other[0], honest[2:]...))
		})
		w.busy(10, time.Minute, all(5)...)
		proven := func() error { return w.proven(hostile, honest...) }
		w.bites(30*time.Second, proven)
		w.plug(5, false)
		w.part(nil)
		w.settle(proven)
		w.liar = hostile.Kid
		w.busy(5, 10*time.Second, all(5)...)
		w.settle(func() error { return w.apart(honest...) })
	})
}

// hold says who of the members lacks an entry.
func (w *world) hold(e *entry.Sealed, orgs ...*peertest.Org) error {
	for _, o := range orgs {
		if _, err := o.Ledger.Entry(w.c, e.ID); err != nil {
			return fmt.Errorf("%s lacks the entry: %w", o.Chain.Name, err)
		}
	}
	return nil
}

// proven says who of the members lacks the proof that a key has forked, or would let
// it go on.
func (w *world) proven(hostile *peertest.Org, orgs ...*peertest.Org) error {
	for _, o := range orgs {
		forks, err := o.Ledger.Forks(w.c)
		if err != nil {
			return err
		}
		if len(forks) != 1 || forks[0].Feed.Kid != hostile.Kid {
			return fmt.Errorf("%s holds %d proofs", o.Chain.Name, len(forks))
		}
		err = o.Cases.With(w.c, func(k *protocol.Case) error {
			m := &protocol.Alive{}
			return k.May(hostile.Kid, entry.Fields{Case: w.c, Comp: id.Control, Type: m.Type(), Ctl: protocol.Ctl(m)})
		})
		var r *protocol.Refusal
		if !errors.As(err, &r) || r.Rule != "feed-forked" {
			return fmt.Errorf("%s lets the key go on: %w", o.Chain.Name, err)
		}
	}
	return nil
}

// TestSimWithholder: a member says at once that it holds whatever anybody writes,
// and gives nothing to who asks. Those who have another way to each other come to
// the same. The control is when it is the only way.
func TestSimWithholder(t *testing.T) {
	simulate(t, 5, 2, 20, func(w *world) {
		honest := w.orgs[:4]
		same := func() error { return w.apart(honest...) }
		w.scatter(all(4)...)
		for i := range honest {
			w.linkIn(i, 4, time.Millisecond) // it is asked before anybody else can be
		}
		sessions := w.bad(honest...)
		claim := func(n int) {
			for range n {
				w.write(w.draw.IntN(4))
				e := w.wrote[len(w.wrote)-1].e
				for _, b := range sessions {
					tag, _ := b.Tags(w.c)
					b.send(&wire.IHave{Tag: tag, Heads: []wire.Head{{Feed: e.Feed(), Seq: e.Seq, ID: [16]byte(e.ID[:16])}}})
				}
				pass(time.Duration(w.draw.Int64N(int64(4 * time.Second))))
			}
		}
		claim(15)
		if err := w.within(3*time.Minute, same); err != nil { // after five its sessions end, as nothing is heard
			w.t.Error(err)
		}
		w.part(map[int]int{0: 0, 1: 0, 2: 1, 3: 1})
		claim(8)
		w.bites(2*time.Minute, same)
		w.part(nil)
		w.settle(same)
	})
}

// heard is everything that came over somebody's sessions.
type heard struct {
	mu    sync.Mutex
	bytes []byte
}

func (h *heard) tap(b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bytes = append(h.bytes, b...)
}

func (h *heard) size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.bytes)
}

// gives is how many of the pieces of what o holds of the case were heard. What
// everybody says of himself when he greets does not count.
func (h *heard) gives(w *world, o *peertest.Org) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var public []byte
	for _, x := range w.orgs {
		public = wire.Append(public, &wire.Hello{Kid: x.Kid, Events: x.Chain.Events})
		public = append(public, x.ID[:]...)
	}
	secret := slices.Clone(w.c[:])
	for _, e := range must(o.Ledger.Tail(w.c, 0, 1<<16))(w.t) {
		secret = append(secret, e.ID[:]...)
		secret = append(secret, e.Raw...)
	}
	for piece := range slices.Chunk(secret, 16) {
		if bytes.Contains(h.bytes, piece) && !bytes.Contains(public, piece) {
			n++
		}
	}
	return n
}

// TestSimOutsiders: to one whom all know, and who is in no case, all talk, and not
// one piece of the case is among what they say; one whom nobody knows gets no byte.
// The control is a member, by the same search.
func TestSimOutsiders(t *testing.T) {
	simulate(t, 3, 2, 12, func(w *world) {
		members := w.orgs
		var known, stranger, member heard
		w.add(3)
		w.add(4)
		w.orgs[3].Tap, w.orgs[4].Tap, w.orgs[2].Tap = known.tap, stranger.tap, member.tap
		w.mesh()
		peertest.Meet(w.orgs[:4]...)
		for _, o := range members {
			w.orgs[4].Pin(o)
		}
		w.restart(2, w.orgs[2].Disk)
		w.plug(2, true)
		start(w.t, w.orgs[3:]...)
		w.settle(func() error {
			for _, o := range members {
				if !connected(w.orgs[3], o.ID) {
					return fmt.Errorf("%s does not talk to whom it knows", o.Chain.Name)
				}
			}
			return nil
		})
		w.busy(15, 3*time.Minute, all(3)...)
		w.settle(func() error { return w.apart(members...) })
		if n := known.gives(w, members[0]); n > 0 {
			w.t.Errorf("%d pieces of the case reached one who is not in it", n)
		}
		if known.size() == 0 || stranger.size() > 0 {
			w.t.Errorf("who is known heard %d bytes, and a stranger %d", known.size(), stranger.size())
		}
		n := member.gives(w, members[0])
		if n < 100 {
			w.t.Errorf("of the case a member heard %d pieces: the search does not bite", n)
		}
		w.t.Logf("negative control: %d pieces in %d bytes, none in %d", n, member.size(), known.size())
	})
}
