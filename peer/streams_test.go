package peer_test

import (
	"context"
	"os"
	"runtime"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/protocol/identity"
)

// TestStreamsWithoutEnd is THREATS' A1 for streams: a pinned organisation that opens and
// resets them by the thousand, of any protocol, costs no memory and no goroutine, is
// named and not talked to for a while; others are served meanwhile.
func TestStreamsWithoutEnd(t *testing.T) {
	streams := 24_000
	if os.Getenv("CORDON_VOLUME") != "" {
		streams = 100_000
	}
	for _, kind := range []protocol.ID{peer.ProtoSync, "/cordon/invite/1", "/cordon/keys/1"} {
		t.Run(string(kind), func(t *testing.T) {
			orgs := newOrgs(t, 2)
			a, b := orgs[0], orgs[1]
			o := opener(t, a)
			peertest.Meet(a, b, o)
			start(t, orgs...)
			c := must(a.Open())(t)
			admit(t, c, a, b)
			bare := dress(t, o, a)
			until(t, "the session stands", orgs, func() bool { return connected(a, o.ID) })
			routines := runtime.NumGoroutine()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			opened := 0
			for ; opened < streams; opened++ {
				st, err := bare.host.NewStream(network.WithNoDial(ctx, "flood"), peerOf(t, a), kind)
				if err != nil {
					break // it does not talk to us any more
				}
				if opened%2 == 0 { // else nothing goes out but an open and a reset
					_, _ = st.Write([]byte{0})
				}
				if opened%4 == 0 {
					_ = st.Close()
				} else {
					_ = st.Reset()
				}
				if opened == 500 {
					n := must(b.Note(c, []byte("meanwhile")))(t)
					reads(t, c, n.ID, []byte("meanwhile"), a)
				}
			}
			if opened == streams {
				t.Errorf("%d streams, and it is still talked to", streams)
			}
			until(t, "the culprit is named, and not talked to", orgs, func() bool {
				s := status(a, o.ID)
				return !s.Connected && s.Fault.Rule == peer.ErrFlood.Error() && !s.Fault.Until.IsZero()
			})
			until(t, "nothing is left running", orgs, func() bool { return runtime.NumGoroutine() <= routines+16 })
			if f := status(a, b.ID).Fault; f.Rule != "" || !connected(a, b.ID) {
				t.Errorf("others suffer: %+v", f)
			}
		})
	}
}

// TestStreamsThatNobodyServes is the same for streams that no handler ever hears of: of a
// protocol that nobody speaks, and those for which there is no room since others stay open.
func TestStreamsThatNobodyServes(t *testing.T) {
	for _, kind := range []string{"/nobody/speaks/1", "/cordon/invite/1"} {
		orgs := newOrgs(t, 1)
		a, o := orgs[0], opener(t, orgs[0])
		peertest.Meet(a, o)
		start(t, a)
		card := must(identity.OpenCard(must(a.Card())(t)))(t)
		raw := must(o.Raw(t.Context(), card))(t)
		until(t, "the session stands", orgs, func() bool { return connected(a, o.ID) })
		opened := 0
		for ; opened < 100_000; opened++ {
			reset, err := raw.Stream(t.Context(), kind)
			if err != nil {
				break
			}
			if kind == "/nobody/speaks/1" {
				reset()
			}
		}
		if opened < 4096 || opened == 100_000 {
			t.Errorf("after %d streams %s it is talked to no more", opened, kind)
		}
		until(t, "the culprit is named, and not talked to", orgs, func() bool {
			s := status(a, o.ID)
			return !s.Connected && s.Fault.Rule == peer.ErrFlood.Error() && !s.Fault.Until.IsZero()
		})
		if err := raw.Close(); err != nil {
			t.Error(err)
		}
	}
}
