// Package foldfile folds a file of raw entries of one case, in any order and with
// copies, without a daemon: what a second implementation compares itself with. It
// judges nothing by itself. Which entries are authentic is package ledger's to
// say, in a store that is in memory only; what the rules make of those is package
// protocol's. The same entries in another order give the same answer.
//
// Main path: Fold, over split (read.go), open, store and view.
package foldfile

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/ledger/projection"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Fold folds a file: entries back to back or in one array of byte strings, either
// of them also in hex. An error says in one line what the file is not, and where.
// Entries that are not authentic are no error: they stand in the answer.
func Fold(ctx context.Context, file []byte) (*api.Fold, error) {
	items, err := split(file)
	if err != nil {
		return nil, err
	}
	p, err := open(items)
	if err != nil {
		return nil, err
	}
	l, err := ledger.OpenMemory()
	if err != nil {
		return nil, err
	}
	defer l.Close() // nothing in it is to be kept
	cases := projection.New(l)
	if err := p.storeAll(ctx, l, cases); err != nil {
		return nil, err
	}
	forks, err := l.Forks(p.c)
	if err != nil {
		return nil, err
	}
	var out *api.Fold
	err = cases.With(p.c, func(k *protocol.Case) error {
		out = p.view(k, forks)
		return nil
	})
	return out, err
}

// pile is the entries of a file.
type pile struct {
	c        id.CaseID
	copies   []*copied // every different one that can be read, as the file has them
	unread   []broken  // the rest
	repeated int       // copies beside the first of an entry
}

// copied is one copy of an entry, and the byte of the file at which it begins.
// Copies of one entry differ in the signature only.
type copied struct {
	*entry.Sealed
	at   int
	rule string // that keeps it out of the store
}

// broken is an item that is no entry.
type broken struct {
	at   int
	rule string
}

// open reads the items and finds the one case that they are of.
func open(items []item) (*pile, error) {
	p := &pile{}
	seen, ids := map[[32]byte]bool{}, map[id.EntryID]bool{}
	for _, i := range items {
		h := sha256.Sum256(i.raw)
		if seen[h] {
			p.repeated++
			continue
		}
		seen[h] = true
		s, err := entry.Parse(i.raw)
		if err != nil {
			p.unread = append(p.unread, broken{i.at, ruleOf(err)})
			continue
		}
		if ids[s.ID] {
			p.repeated++
		}
		ids[s.ID] = true
		p.copies = append(p.copies, &copied{Sealed: s, at: i.at})
	}
	return p, p.oneCase()
}

// oneCase finds the genesis, and refuses what is of another case.
func (p *pile) oneCase() error {
	if len(p.copies) == 0 {
		return fmt.Errorf("nothing in it is an entry: at byte %d, %s", p.unread[0].at, p.unread[0].rule)
	}
	var genesis *copied
	for _, e := range p.copies {
		switch {
		case !e.Genesis():
		case genesis == nil:
			genesis = e
		case e.ID != genesis.ID:
			return fmt.Errorf("it holds two cases: one opens at byte %d, another at byte %d", genesis.at, e.at)
		}
	}
	if genesis == nil {
		return fmt.Errorf("it holds no genesis: the entry that opens case %v is missing", p.copies[0].Case)
	}
	p.c = genesis.CaseID()
	for _, e := range p.copies {
		if e.CaseID() != p.c {
			return fmt.Errorf("it holds two cases: one opens at byte %d, the entry at byte %d is of case %v", genesis.at, e.at, e.Case)
		}
	}
	return nil
}

// store lets a ledger accept what it accepts, in batches whose cuts follow from
// the entries alone. What one batch leaves may pass in another: with the entry
// that teaches its key, or with the one above that vouches for it. So the
// batches go round, cut elsewhere each time, until nothing more is stored.
// It returns what is left.
func (p *pile) store(ctx context.Context, l *ledger.Ledger, left []*copied) ([]*copied, error) {
	slices.SortFunc(left, func(a, b *copied) int { // what an entry rests on stands before it
		return cmp.Or(cmp.Compare(a.LC, b.LC), bytes.Compare(a.ID[:], b.ID[:]), bytes.Compare(a.Raw, b.Raw))
	})
	first := ledger.MaxBatch
	for idle := 0; len(left) > 0 && idle < 2; idle++ {
		before := len(left)
		var err error
		if left, err = p.round(ctx, l, left, first); err != nil {
			return nil, err
		}
		if len(left) < before {
			idle = -1
		}
		first = ledger.MaxBatch*3/2 - first
	}
	if !l.Has(p.c) { // the genesis has the lowest Lamport number
		return nil, fmt.Errorf("the genesis at byte %d is not authentic: %s", left[0].at, left[0].rule)
	}
	return left, nil
}

// round gives everything to the ledger once, the first batch being of at most
// first entries, and returns what is left.
func (p *pile) round(ctx context.Context, l *ledger.Ledger, all []*copied, first int) (left []*copied, err error) {
	for most := first; len(all) > 0; most = ledger.MaxBatch {
		n, size := 0, 0
		for n < min(len(all), most) && size+len(all[n].Raw) <= ledger.MaxBatchBytes {
			size += len(all[n].Raw)
			n++
		}
		if err := p.accept(ctx, l, all[:n]); err != nil {
			return nil, err
		}
		for _, e := range all[:n] {
			if e.rule != "" {
				left = append(left, e)
			}
		}
		all = all[n:]
	}
	return left, nil
}

// accept gives one batch to the ledger, and notes of each entry the rule that
// keeps it out.
func (p *pile) accept(ctx context.Context, l *ledger.Ledger, some []*copied) error {
	raws := make([][]byte, len(some))
	for i, e := range some {
		raws[i] = e.Raw
	}
	r, err := l.Accept(ctx, p.c, raws)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) { // not found: without a genesis nothing is authentic
		return err
	}
	rules := map[id.EntryID]string{}
	for _, x := range r.Rejected {
		rules[some[x.Index].ID] = ruleOf(x.Err)
	}
	for _, e := range some {
		e.rule = rules[e.ID]
		if err != nil {
			e.rule = ruleOf(ledger.ErrUnknownKid)
		}
	}
	return nil
}

// ruleOf is the innermost text of an error: the rule's name.
func ruleOf(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
