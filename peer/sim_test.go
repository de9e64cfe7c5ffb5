package peer_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"cordon/ledger/memdisk"
)

// TestSimTopologies: members that are linked at random, so that most hear of most
// entries through others, come to hold and to fold the same. Sixteen are for the gate.
func TestSimTopologies(t *testing.T) {
	sizes := []int{2, 5}
	if os.Getenv("CORDON_VOLUME") != "" || *simSeed >= 0 {
		sizes = append(sizes, 16)
	}
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			simulate(t, n, 1, 20/n+1, func(w *world) {
				w.scatter(all(n)...)
				w.busy(2*n, 40*time.Second, all(n)...)
				w.settle(w.same)
			})
		})
	}
}

// TestSimHalves: two halves write while they do not hear each other, and come
// together. The control is the time before: a partition that never heals is seen.
func TestSimHalves(t *testing.T) {
	simulate(t, 4, 2, 50, func(w *world) {
		cut := 1 + w.draw.IntN(3)
		side := map[int]int{}
		for i := range w.orgs {
			side[i] = min(i/cut, 1)
		}
		w.part(side)
		w.write(0)
		w.write(3)
		w.busy(20, 2*time.Minute, all(4)...)
		w.bites(time.Minute, w.same)
		w.part(nil)
		w.settle(w.same)
	})
}

// TestSimLoss: of all packets up to a third are lost, and the members are the same
// before it ends. The control loses all of them.
func TestSimLoss(t *testing.T) {
	simulate(t, 3, 2, 30, func(w *world) {
		w.lose(0.05 + 0.28*w.draw.Float64())
		w.busy(15, time.Minute, all(3)...)
		w.settle(w.same)
		w.lose(1)
		w.write(0)
		w.bites(time.Minute, w.same)
	})
}

// TestSimPowerCuts: members lose power in the middle of a write, with what was not
// yet durable, while others go on; each comes back from what its disk kept. It has
// all that it was told is durable and all that anybody could have seen, and signs
// nothing twice.
func TestSimPowerCuts(t *testing.T) {
	simulate(t, 4, 2, 40, func(w *world) {
		for range 3 {
			i := w.draw.IntN(4)
			seen := w.heads(w.orgs[i])
			left := w.cutAt(i, 1+w.draw.IntN(8))
			for n := 0; len(left) == 0; n++ {
				if n > 200 {
					w.t.Fatal("much was written, and nothing made durable")
				}
				w.busy(1, 2*time.Second, all(4)...)
				if now := w.heads(w.orgs[i]); !w.isDark(i) {
					seen = now // its power was on after that
				}
			}
			w.busy(3, 40*time.Second, (i+1)%4, (i+2)%4, (i+3)%4)
			w.restart(i, <-left)
			if err := w.lacks(w.orgs[i], w.orgs[i]); err != nil {
				w.t.Error(err)
			}
			for _, h := range seen {
				if _, err := w.orgs[i].Ledger.Entry(w.c, h.ID); err != nil {
					w.t.Errorf("%s lost what it had shown: %v", w.orgs[i].Chain.Name, err)
				}
			}
			w.plug(i, true)
		}
		w.settle(w.same)
		old := w.orgs[0].Disk.Cut(1) // of a disk that will not have kept what it said it kept
		w.write(0)
		w.restart(0, old)
		w.bites(time.Second, func() error { return w.lacks(w.orgs[0], w.orgs[0]) })
	})
}

// cutAt cuts a member's power, and its line, when it is about to make something
// durable for the n-th time; the channel then has what its disk kept.
func (w *world) cutAt(i, n int) <-chan *memdisk.Disk {
	left := make(chan *memdisk.Disk, 1)
	disk, seed := w.orgs[i].Disk, w.draw.Uint64()
	var syncs atomic.Int64
	disk.BeforeSync(func() {
		if syncs.Add(1) == int64(n) {
			w.plug(i, false)
			left <- disk.Cut(seed)
		}
	})
	return left
}

// restart starts a member on a disk, with its line still cut.
func (w *world) restart(i int, disk *memdisk.Disk) {
	w.t.Helper()
	w.plug(i, false)
	w.orgs[i].Disk.BeforeSync(nil)
	w.orgs[i].Disk = disk
	if err := w.orgs[i].Restart(); err != nil {
		w.t.Fatal(err)
	}
}
