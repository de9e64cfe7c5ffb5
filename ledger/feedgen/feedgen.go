// Package feedgen writes authentic feeds for tests and benchmarks of the
// ledger: a genesis that certifies any number of keys, and entries that follow
// each other as spec/protocol.md §4 asks. What they mean is nobody's concern:
// the fold would refuse most of them.
//
// Main path: New, then World.Next.
package feedgen

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"slices"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// World is one case and the keys that may write in it. It is not safe for
// concurrent use.
type World struct {
	Case    id.CaseID
	Genesis *entry.Sealed
	Keys    []ed25519.PrivateKey

	tips map[id.Feed]*entry.Sealed
	lcs  map[id.EntryID]uint64
}

// Key is the n-th key of a seed.
func Key(seed uint64, n int) ed25519.PrivateKey {
	var s [ed25519.SeedSize]byte
	binary.BigEndian.PutUint64(s[:], seed)
	binary.BigEndian.PutUint64(s[8:], uint64(n))
	return ed25519.NewKeyFromSeed(s[:])
}

// GenesisFields is the genesis of a case in which keys may write.
func GenesisFields(seed uint64, keys []ed25519.PrivateKey) entry.Fields {
	var nonce [32]byte
	binary.BigEndian.PutUint64(nonce[:], seed)
	ctl := canon.MustMarshal(map[uint64]any{1: nonce[:], 2: Events(keys)})
	return entry.Fields{Type: entry.TypeGenesis, T: 1_700_000_000_000, Ctl: ctl}
}

// Events are identity events that certify keys.
func Events(keys []ed25519.PrivateKey) [][]byte {
	events := make([][]byte, len(keys))
	for i, k := range keys {
		payload := canon.MustMarshal(map[uint64]any{1: 1, 2: i, 4: 2, 9: []byte(k.Public().(ed25519.PublicKey))})
		events[i], _ = cose.Seal(cose.Ident, k, payload)
	}
	return events
}

// New makes a case of n authors; author 0 opens it. Everything follows from seed.
func New(seed uint64, n int) (*World, error) {
	w := &World{tips: map[id.Feed]*entry.Sealed{}, lcs: map[id.EntryID]uint64{}}
	for i := range n {
		w.Keys = append(w.Keys, Key(seed, i))
	}
	f := GenesisFields(seed, w.Keys)
	g, err := f.Seal(w.Keys[0])
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	w.Genesis, w.Case = g, g.CaseID()
	w.Follow(g)
	return w, nil
}

// Kid is the kid of an author.
func (w *World) Kid(author int) id.Kid {
	return cose.Thumbprint(w.Keys[author].Public().(ed25519.PublicKey))
}

// Follow makes e the tip of its feed.
func (w *World) Follow(e *entry.Sealed) {
	w.tips[e.Feed()] = e
	w.lcs[e.ID] = e.LC
}

// Tip is the last entry of a feed, nil if it has none.
func (w *World) Tip(f id.Feed) *entry.Sealed { return w.tips[f] }

// Next writes the author's next entry in comp, and makes it the tip of its feed.
func (w *World) Next(author int, comp id.Comp, deps ...id.EntryID) (*entry.Sealed, error) {
	e, err := w.After(w.tips[id.Feed{Kid: w.Kid(author), Comp: comp}], author, comp, 0, deps...)
	if err == nil {
		w.Follow(e)
	}
	return e, err
}

// After writes an entry that follows prev, nil for the first of a feed, without
// making it the tip. salt tells entries of one place apart. A first entry
// without deps names the genesis.
func (w *World) After(prev *entry.Sealed, author int, comp id.Comp, salt byte, deps ...id.EntryID) (*entry.Sealed, error) {
	f := entry.Fields{Case: w.Case, Comp: comp, T: 1_700_000_000_000 + uint64(salt)}
	if prev != nil {
		f.Seq, f.Prev, f.LC, f.T = prev.Seq+1, prev.ID, prev.LC, max(f.T, prev.T)+uint64(salt)
	} else if len(deps) == 0 {
		deps = []id.EntryID{w.Genesis.ID}
	}
	for _, d := range deps {
		f.LC = max(f.LC, w.lcs[d])
	}
	f.LC++
	f.Deps = slices.Clone(deps)
	slices.SortFunc(f.Deps, func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
	Fill(&f, salt)
	e, err := f.Seal(w.Keys[author])
	if err == nil {
		w.lcs[e.ID] = e.LC
	}
	return e, err
}

// Fill gives f what its plane asks for: a status, or a note with its body.
func Fill(f *entry.Fields, salt byte) {
	if f.Comp == id.Control {
		f.Type, f.Ctl = 13, canon.MustMarshal(map[uint64]any{1: 2})
		return
	}
	f.Type = 33
	f.Agr = &id.AgrID{1}
	f.Body = &entry.BodyRef{Hash: [32]byte{2, salt}, Size: 300, KC: [32]byte{3}}
}
