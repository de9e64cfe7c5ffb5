package peer_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"cordon/ledger"
	"cordon/ledger/projection"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// TestNewcomerStopsShort is P5.4: who is given a case with an entry left out, or one
// altered, holds and folds what stands below that, and nothing that rests on it; with
// the entry it comes to what everybody holds.
func TestNewcomerStopsShort(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	a := orgs[0]
	c := must(a.Open())(t)
	for _, o := range orgs[1:] {
		if err := a.Admit(c, o, protocol.Coordinator); err != nil {
			t.Fatal(err)
		}
	}
	must(a.Write(c, &protocol.Status{RM: protocol.RMValid}))(t)
	must(a.Write(c, &protocol.Claim{What: protocol.Exploit}))(t)
	must(a.Write(c, &protocol.Status{RM: protocol.RMAccepted}))(t)
	whole := must(a.Ledger.Tail(c, 0, 512))(t)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for k := range whole {
		l := must(ledger.OpenMemory())(t)
		var given [][]byte
		covered := false // what was altered is the signature alone, and that of an entry above stands for it
		for i, e := range whole {
			switch {
			case i != k:
				given = append(given, e.Raw)
			case r.IntN(2) == 0:
				bad := bytes.Clone(e.Raw)
				bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
				given = append(given, bad)
				s, err := entry.Parse(bad)
				covered = err == nil && s.ID == e.ID
			}
		}
		_, err := l.Accept(t.Context(), c, given)
		if err != nil && k > 0 {
			t.Fatalf("seed %d, without %d: %v", seed, k, err)
		}
		held := map[id.EntryID]bool{}
		if l.Has(c) {
			for _, e := range must(l.Tail(c, 0, 512))(t) {
				held[e.ID] = true
				below := slices.Clone(e.Deps)
				if e.Seq > 0 {
					below = append(below, e.Prev)
				}
				for _, x := range below {
					if !held[x] {
						t.Errorf("seed %d: without %d it holds %v, and not what that rests on", seed, k, e.ID)
					}
				}
			}
		}
		if held[whole[k].ID] && !covered {
			t.Errorf("seed %d: it holds entry %d, which it was not given", seed, k)
		}
		for range whole { // in several rounds, as a peer that asks again
			raws := make([][]byte, len(whole))
			for i, e := range whole {
				raws[i] = e.Raw
			}
			if _, err := l.Accept(t.Context(), c, raws); err != nil {
				t.Fatal(err)
			}
		}
		var d [32]byte
		if err := projection.New(l).With(c, func(k *protocol.Case) error { d = k.Digest(); return nil }); err != nil || d != a.Digest(c) {
			t.Errorf("seed %d, with entry %d it comes to %x: %v", seed, k, d[:4], err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
