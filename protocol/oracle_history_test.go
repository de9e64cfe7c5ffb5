package protocol_test

import (
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
	"cordon/spec"
)

// TestOracleOfVectors: the oracle agrees with the fold on every whole history among
// the vectors.
func TestOracleOfVectors(t *testing.T) {
	for _, name := range []string{"fold", "history"} {
		f, err := spec.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range f.Vectors {
			h := historyOf(t, v)
			c := fold(protocol.NewCase(), h.pool)
			for _, p := range c.Participants() {
				org, _ := c.Org(p.Org)
				h.ds = append(h.ds, &link.Daemon{Org: org})
			}
			if d := newWorld(c, h.pool).disagree(h, c); d != "" {
				t.Errorf("%s %s: %s", name, v.Name, d)
			}
		}
	}
}

// historyOf reads the entries of a vector that are authentic, in a causal order.
func historyOf(t *testing.T, v spec.Vector) *history {
	t.Helper()
	h := &history{at: map[id.EntryID]int{}}
	for i, rest := 0, []byte(v.Hex); len(rest) > 0; i++ {
		var raw cbor.RawMessage
		next, err := cbor.UnmarshalFirst(rest, &raw)
		if err != nil {
			t.Fatalf("%s, entry %d: %v", v.Name, i, err)
		}
		rest = next
		if v.Fold.Entries[i].Verdict == "rejected" {
			continue
		}
		e, err := entry.Parse(raw)
		if err != nil {
			t.Fatalf("%s, entry %d: %v", v.Name, i, err)
		}
		h.pool = append(h.pool, e)
	}
	slices.SortStableFunc(h.pool, func(a, b *entry.Sealed) int { return int(a.LC) - int(b.LC) })
	for i, e := range h.pool {
		h.at[e.ID] = i
		if m, err := protocol.Read(e); err == nil {
			if p, ok := m.(*protocol.Propose); ok {
				f := p.Config
				f.ID = id.ConfigID(e.ID)
				h.confs = append(h.confs, proposed{Config: f, at: i})
			}
		}
	}
	return h
}
