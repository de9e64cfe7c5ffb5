package peer_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"cordon/ledger"
	"cordon/peer/peertest"
	"cordon/protocol"
	"cordon/protocol/id"
)

// apartIn says how what two members hold of a case differs; "": in nothing.
func apartIn(t *testing.T, c id.CaseID, a, b *peertest.Org) string {
	t.Helper()
	heads := func(o *peertest.Org) []ledger.Head {
		list := must(o.Ledger.Heads(c))(t)
		slices.SortFunc(list, func(x, y ledger.Head) int { return x.Feed.Compare(y.Feed) })
		return list
	}
	x, y := heads(a), heads(b)
	switch {
	case len(x) != len(y):
		return fmt.Sprintf("%d and %d feeds", len(x), len(y))
	case a.Digest(c) != b.Digest(c):
		return "the folds"
	}
	for i := range x {
		if x[i].Feed != y[i].Feed || x[i].ID != y[i].ID {
			return fmt.Sprintf("a feed, at %d and %d", x[i].Seq, y[i].Seq)
		}
	}
	return ""
}

// TestAwayForThirtyDays is THREATS' F10: who was away for thirty days, by its own clock,
// and lacks what many wrote meanwhile, comes to the same, and so does who joins and has
// nothing; what is sealed opens at both. How long it takes is cordon bench's matter. The
// control is before: the comparison sees that they differ.
func TestAwayForThirtyDays(t *testing.T) {
	entries, times := 1_000, 1
	switch os.Getenv("CORDON_VOLUME") {
	case "gate":
		entries = 10_000
	case "full":
		entries, times = 10_000, 50
	}
	for i := range times {
		t.Run(fmt.Sprint(i), func(t *testing.T) { away(t, entries) })
	}
}

func away(t *testing.T, entries int) {
	t.Helper()
	orgs := newOrgs(t, 3)
	a, b, joiner := orgs[0], orgs[1], orgs[2]
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(a.Open())(t)
	admit(t, c, a, b)
	same(t, c, a, b)
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	last := meanwhile(t, c, a, entries)
	if apartIn(t, c, a, b) == "" {
		t.Fatal("who is behind seems to hold the same: the comparison sees nothing")
	}
	b.Clock = func() time.Time { return time.Now().Add(30 * 24 * time.Hour) }
	start(t, b)
	if err := a.Invite(c, joiner.ID, protocol.Coordinator); err != nil {
		t.Fatal(err)
	}
	for _, o := range []*peertest.Org{b, joiner} {
		until(t, o.Chain.Name+" comes to the same", orgs, func() bool { return o.Ledger.Has(c) && apartIn(t, c, a, o) == "" })
		reads(t, c, last.ID, []byte("the last"), o)
	}
}

// meanwhile has ten members write so many entries, and a the last.
func meanwhile(t *testing.T, c id.CaseID, a *peertest.Org, entries int) ledger.Entry {
	t.Helper()
	const authors = 10
	for i := range authors {
		o := must(peertest.Identity(fmt.Sprintf("author %d", i)))(t)
		if err := a.Admit(c, o, protocol.MitigatingVendor); err != nil {
			t.Fatal(err)
		}
		var agr id.AgrID
		var admission id.EntryID
		err := a.Cases.With(c, func(k *protocol.Case) error {
			agr = k.Embargo().Agreement
			admission, _ = k.Admission(o.ID)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		raws := o.Notes(c, must(a.Ledger.Entry(c, admission))(t), agr, entries/authors)
		for batch := range slices.Chunk(raws, ledger.MaxBatch) {
			if r := must(a.Ledger.Accept(t.Context(), c, batch))(t); r.Stored != len(batch) {
				t.Fatalf("%d of %d stored: %v", r.Stored, len(batch), r.Rejected)
			}
		}
	}
	for i := range 20 {
		must(a.Note(c, bytes.Repeat([]byte{byte(i)}, 1000)))(t)
	}
	return must(a.Note(c, []byte("the last")))(t)
}
