package peer_test

import (
	"errors"
	"testing"
	"time"

	"cordon/peer/peertest"
	"cordon/protocol"
)

// TestSimUnled: whom a steward has admitted that vanished before all had heard of it is
// heard once no steward was for five days, and not before.
func TestSimUnled(t *testing.T) {
	simulate(t, 2, 2, 12, func(w *world) {
		w.add(2)
		w.mesh()
		lead, old, late := w.orgs[0], w.orgs[1], w.orgs[2]
		peertest.Meet(w.orgs...)
		w.restart(0, lead.Disk)
		w.plug(0, true) // it knows the late one
		start(w.t, late)
		w.restart(1, old.Disk)
		if err := lead.Invite(w.c, late.ID, protocol.MitigatingVendor); err != nil {
			w.t.Fatal(err)
		}
		w.settle(func() error { return w.apart(lead, late) })
		w.plug(0, false)
		w.plug(1, true)
		w.settle(func() error {
			if !connected(old, late.ID) {
				return errors.New("no session")
			}
			return nil
		})
		pass(3 * crowdTimes.Tags)
		if old.Member(w.c, late.ID) {
			w.t.Error("negative control: it is heard while the stewards may only be away")
		}
		old.Clock = func() time.Time { return time.Now().Add(protocol.AliveAfter*time.Millisecond + time.Hour) }
		w.restart(1, old.Disk)
		w.plug(1, true)
		w.settle(func() error { return w.apart(old, late) })
		w.write(1)
		w.write(2)
		w.settle(func() error { return w.apart(old, late) })
	})
}
