package peer_test

import (
	"slices"
	"testing"
	"time"

	"cordon/peer/wire"
)

// TestSimDrips: a member that was asked for a body and lets bytes of no use drip does not keep
// it away for longer than a slow line would take to bring it, whether it drips slower or goes
// on when a body would have come. Then another is asked. The control is that a slow line has
// the time that it takes.
func TestSimDrips(t *testing.T) {
	for _, drip := range []struct {
		name        string
		speed       int // bytes a second
		soon, after time.Duration
	}{
		{"as slowly as a frame may", 500, 25 * time.Second, 100 * time.Second},
		{"as fast as a slow line, and longer than the body", 1000, 80 * time.Second, 3 * time.Minute},
	} {
		t.Run(drip.name, func(t *testing.T) {
			simulate(t, 3, 1, 3, func(w *world) {
				a, b := w.orgs[0], w.orgs[1]
				w.linkIn(1, 2, time.Millisecond)
				w.part(map[int]int{0: 0, 1: 1})
				hostile := w.bad(b)[0]
				n := must(a.Note(w.c, slices.Repeat([]byte{1}, 100<<10)))(t)
				tag, _ := hostile.Tags(w.c)
				hostile.send(&wire.Entries{Tag: tag, Raws: [][]byte{n.Raw}}) // whose body it is asked for
				w.settle(func() error { return w.hold(n.Sealed, b) })
				frame := append(claim(1<<20), wire.Append(nil, &wire.Body{Tag: tag, Entry: n.ID, CT: make([]byte, 1<<20)})[4:]...)
				go func() {
					for part := range slices.Chunk(frame, 4<<10) {
						if _, err := hostile.Stream.Write(part); err != nil {
							return
						}
						pass(time.Duration(len(part)) * time.Second / time.Duration(drip.speed))
					}
				}()
				w.part(nil)
				lacks := func() error { _, err := b.Body(w.c, n.ID); return err }
				w.bites(drip.soon, lacks)
				if err := w.within(drip.after-drip.soon, lacks); err != nil {
					t.Error(err)
				}
				_ = hostile.Stream.Reset()
				pass(10 * time.Second) // it notices
			})
		})
	}
}
