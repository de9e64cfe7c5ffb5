package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/ledger/feedgen"
	"cordon/protocol/id"
)

// copyOfHome is one home in a history of backups: a store on a disk of its own, the
// key that lies beside it, and the ledger that runs on them.
type copyOfHome struct {
	fs    *vfs.MemFS
	key   int // author of the world whose key it signs with
	led   *Ledger
	given map[id.EntryID]bool // what it has given to peers
	upset bool                // it has met a peer that knew better
}

// backups is a history: one organisation's home, and what members hold. Author 0 of
// the world is somebody else, the others are keys that our root certifies in turn.
type backups struct {
	t     testing.TB
	w     *feedgen.World
	rng   *rand.Rand
	fresh int // the next key that the root certifies
	clock uint64
}

func newBackups(t testing.TB, seed uint64) *backups {
	return &backups{t: t, w: world(t, seed, 12), rng: rand.New(rand.NewPCG(seed, 81)), fresh: 2}
}

// found makes the first home, with its first key.
func (b *backups) found() *copyOfHome {
	h := &copyOfHome{fs: vfs.NewCrashableMem(), key: 1, given: map[id.EntryID]bool{}}
	h.led = openFS(b.t, h.fs)
	if err := h.led.AcceptRestore(b.w.Kid(1)); err != nil {
		b.t.Fatal(err)
	}
	accept(b.t, h.led, b.w.Case, b.w.Genesis)
	return h
}

// start opens the ledger as a daemon does.
func (b *backups) start(h *copyOfHome) {
	h.led = openFS(b.t, h.fs)
	if err := h.led.SignWith(b.w.Kid(h.key)); err != nil {
		b.t.Fatal(err)
	}
}

// write signs one more entry; false: the ledger forbids it.
func (b *backups) write(h *copyOfHome) bool {
	b.clock++
	f := status(b.w.Case, b.w.Genesis.ID)
	f.T = b.clock // no two entries are the same
	_, err := h.led.Append(b.t.Context(), f, b.w.Keys[h.key])
	if errors.Is(err, ErrRestored) || errors.Is(err, ErrOwnFork) || errors.Is(err, ErrForked) {
		return false
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return true
}

// renew is what the person does then: catch up, and let the root certify a new key.
func (b *backups) renew(h *copyOfHome, members *Ledger) {
	b.take(h, members)
	if err := h.led.AcceptRestore(b.w.Kid(b.fresh)); err != nil {
		b.t.Fatal(err)
	}
	h.key, b.fresh = b.fresh, b.fresh+1
}

// take brings what members hold into a home.
func (b *backups) take(h *copyOfHome, members *Ledger) { b.pour(members, h.led) }

// pour brings everything that one ledger holds into another.
func (b *backups) pour(from, to *Ledger) (news int) {
	for after := Pos(0); ; {
		es := must(from.Tail(b.w.Case, after, 100))(b.t)
		if len(es) == 0 {
			return news
		}
		var raws [][]byte
		for _, e := range es {
			raws, after = append(raws, e.Raw), e.Pos
		}
		news += must(to.Accept(b.t.Context(), b.w.Case, raws))(b.t).Stored
	}
}

// give brings what a home holds to members. In this order a session does it: who is
// told of a place in its own feed that it does not hold gives nothing there
// (spec/sync.md §6.1).
func (b *backups) give(h *copyOfHome, members *Ledger) {
	b.pour(h.led, members)
	for _, e := range must(h.led.Tail(b.w.Case, 0, 1<<16))(b.t) {
		h.given[e.ID] = true
	}
}

// restart stops and starts a home, cleanly or not.
func (b *backups) restart(h *copyOfHome) {
	if b.rng.IntN(2) == 0 {
		closeOnce(b.t, h.led)
	} else {
		fs := copyFS(h.fs)
		closeOnce(b.t, h.led) // on the disk that is gone
		h.fs = fs
	}
	b.start(h)
}

// TestBackups is P8.1 and THREATS D2: whatever is restored, whenever it was saved,
// no place of a feed gets two entries that anybody sees, and a restored daemon
// writes nothing until the root has certified a new key. A store alone, brought back
// beside the keys and the file of today, tells by itself; a whole home learns it
// from the first member that it meets.
func TestBackups(t *testing.T) {
	n := uint64(volume(25, 500, 10_000))
	restored, stopped := 0, 0
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { // its stores are closed when it ends
			forks, r, s := playBackups(t, seed, true)
			if forks > 0 {
				t.Errorf("seed %d: %d own forks", seed, forks)
			}
			restored, stopped = restored+r, stopped+s
		})
	}
	if restored < int(n) || stopped < int(n)/2 {
		t.Errorf("%d restores, %d refusals: the test looks at nothing", restored, stopped)
	}
	broken := 0
	for seed := range n {
		t.Run(fmt.Sprint("without the rule ", seed), func(t *testing.T) {
			forks, _, _ := playBackups(t, seed, false)
			broken += forks
		})
	}
	if broken == 0 {
		t.Error("daemons that do not listen before they write never fork: the test notices nothing")
	}
}

// playBackups plays one history of an organisation that restores what it likes.
// listens: a started daemon hears a member before it writes (daemon/settle.go).
func playBackups(t *testing.T, seed uint64, listens bool) (forks, restored, stopped int) {
	b := newBackups(t, seed)
	members := openMem(t)
	accept(t, members, b.w.Case, b.w.Genesis)
	h := b.found()
	type saved struct {
		fs  *vfs.MemFS
		key int
	}
	var shelf []saved
	for range 30 {
		switch op := b.rng.IntN(10); {
		case op < 5:
			if !b.write(h) {
				stopped++
				if b.write(h) {
					t.Fatalf("seed %d: it writes after it was forbidden to", seed)
				}
				if b.fresh == len(b.w.Keys) {
					continue
				}
				b.renew(h, members)
				if !b.write(h) {
					t.Fatalf("seed %d: a new key does not write", seed)
				}
			}
			b.give(h, members)
		case op < 6:
			b.restart(h)
			if listens {
				b.take(h, members)
			}
		case op < 8 || len(shelf) == 0:
			shelf = append(shelf, saved{copyFS(h.fs), h.key})
		default:
			restored++
			old := shelf[b.rng.IntN(len(shelf))]
			closeOnce(t, h.led)
			fs := copyFS(old.fs)
			if b.rng.IntN(2) == 0 {
				h.key = old.key // the whole home
			} else {
				graft(t, h.fs, fs) // the store alone
			}
			h.fs = fs
			b.start(h)
			if listens {
				b.take(h, members)
			}
		}
	}
	closeOnce(t, h.led)
	return len(must(members.Forks(b.w.Case))(t)), restored, stopped
}

// TestClone is P8.4: of two copies of a home that run at the same time, one that
// meets a member which knows an entry of their key that it has not written gives
// that member nothing, signs nothing more, and gives nobody anything that it signs
// after. So no member gets a second entry of a copy after it could have known.
func TestClone(t *testing.T) {
	n := uint64(volume(40, 1000, 10_000))
	met, broken := 0, 0
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { // its stores are closed when it ends
			m, wrong := playClone(t, seed, true)
			if wrong != "" {
				t.Errorf("seed %d: %s", seed, wrong)
			}
			met += m
			if _, wrong := playClone(t, seed, false); wrong != "" {
				broken++
			}
		})
	}
	if met < int(n)/4 || broken == 0 {
		t.Errorf("%d copies met who knew better, %d histories broken without the rule: the test looks at nothing", met, broken)
	}
}

// playClone lets two copies write and meet two members in any order. listens: a copy
// takes before it gives.
func playClone(t *testing.T, seed uint64, listens bool) (met int, wrong string) {
	b := newBackups(t, seed)
	var members [2]*Ledger
	for i := range members {
		members[i] = openMem(t)
		accept(t, members[i], b.w.Case, b.w.Genesis)
	}
	first := b.found()
	for range b.rng.IntN(3) {
		b.write(first)
	}
	closeOnce(t, first.led)
	second := &copyOfHome{fs: copyFS(first.fs), key: 1, given: map[id.EntryID]bool{}}
	copies := []*copyOfHome{first, second}
	for _, c := range copies {
		b.start(c)
	}
	for range 24 {
		c, m := copies[b.rng.IntN(2)], members[b.rng.IntN(2)]
		switch b.rng.IntN(4) {
		case 0:
			if b.write(c) && c.upset {
				return met, "a copy signs after it has met who knew better"
			}
		case 1:
			b.pour(members[0], members[1])
			b.pour(members[1], members[0])
		default:
			knows := b.knowsBetter(m, c)
			before := b.entriesOf(m, 1)
			if !listens && !c.upset {
				b.give(c, m)
			}
			b.take(c, m)
			if knows && !c.upset {
				c.upset = true
				met++
			}
			if !c.upset {
				b.give(c, m)
			}
			if after := b.entriesOf(m, 1); knows && after > before {
				return met, fmt.Sprintf("a member that knew better got %d entries of the copy", after-before)
			}
		}
	}
	for _, c := range copies {
		if _, on := c.led.OwnFork(); c.upset != on {
			return met, "a copy that met who knew better has not noticed"
		}
		closeOnce(t, c.led)
	}
	return met, ""
}

// knowsBetter says whether a member holds an entry of the copy's key that it does not.
func (b *backups) knowsBetter(m *Ledger, c *copyOfHome) bool {
	for _, e := range must(m.Tail(b.w.Case, 0, 1<<16))(b.t) {
		if _, err := c.led.Entry(b.w.Case, e.ID); e.Kid == b.w.Kid(c.key) && errors.Is(err, ErrNotFound) {
			return true
		}
	}
	return false
}

// entriesOf counts the entries of a key that a member holds.
func (b *backups) entriesOf(m *Ledger, author int) (n int) {
	for _, e := range must(m.Tail(b.w.Case, 0, 1<<16))(b.t) {
		if e.Kid == b.w.Kid(author) {
			n++
		}
	}
	return n
}
