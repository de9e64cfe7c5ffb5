package peer_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"

	"cordon/ledger"
	"cordon/ledger/memdisk"
	"cordon/peer/peertest"
	"cordon/protocol"
)

// TestKilledWhileItSyncs is P6.3: power is cut at each moment at which the receiver of
// a catch-up makes something durable, and with what a disk may keep of the rest; it
// starts again and comes to hold the same. The control is in package ledger: a store
// that says "durable" too early fails its own power cuts.
func TestKilledWhileItSyncs(t *testing.T) {
	t.Parallel()
	step, seed := 20, rand.Uint64()
	if os.Getenv("CORDON_VOLUME") != "" {
		step = 1
	}
	disk := memdisk.New()
	a := newOrgs(t, 1)[0]
	b := must(peertest.NewOn("B", disk, peertest.Fast()))(t)
	t.Cleanup(func() { _ = b.Close() })
	peertest.Meet(a, b)
	start(t, a, b)
	c := must(a.Open())(t)
	admit(t, c, a, b)
	same(t, c, a, b)
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("some chunks "), 200_000)
	var notes []ledger.Entry
	must(a.Write(c, &protocol.Status{RM: protocol.RMValid}))(t)
	for i := range 300 { // more than a frame
		notes = append(notes, must(a.Note(c, []byte{byte(i)}))(t))
		if i%20 == 0 {
			must(a.Write(c, &protocol.Status{RM: []protocol.RM{protocol.RMAccepted, protocol.RMDeferred}[i/20%2]}))(t)
		}
	}
	big := must(a.Note(c, large))(t)
	before := disk.Cut(seed)
	cuts := 0
	for at := 1; ; at += step {
		disk := before.Cut(seed)
		var image atomic.Pointer[memdisk.Disk]
		var syncs atomic.Int64
		disk.BeforeSync(func() {
			if syncs.Add(1) == int64(at) {
				image.Store(disk.Cut(seed + uint64(at)))
			}
		})
		b.Disk = disk
		if err := b.Restart(); err != nil {
			t.Fatal(err)
		}
		whole := func() bool {
			_, err := b.Body(c, big.ID)
			return err == nil && b.Digest(c) == a.Digest(c)
		}
		until(t, "the cut, or the end of it", []*peertest.Org{a, b}, func() bool { return image.Load() != nil || whole() })
		if image.Load() == nil {
			break // it was through before
		}
		cuts++
		b.Disk = image.Load()
		if err := b.Restart(); err != nil {
			t.Fatalf("seed %d, cut %d: it does not start again: %v", seed, at, err)
		}
		same(t, c, a, b)
		reads(t, c, big.ID, large, b)
		for i, e := range notes {
			reads(t, c, e.ID, []byte{byte(i)}, b)
		}
	}
	if cuts < 2 {
		t.Errorf("%d cuts: the test looks at nothing", cuts)
	}
	t.Logf("%d cuts, seed %d", cuts, seed)
}
