package foldfile

import (
	"context"
	"slices"

	"cordon/ledger"
	"cordon/ledger/projection"
	"cordon/protocol"
	"cordon/protocol/id"
)

// storeAll stores what is authentic as it stands. Then feeds of which nothing is may begin
// above an anchor of an admission: the file is of somebody who was not given what is below.
func (p *pile) storeAll(ctx context.Context, l *ledger.Ledger, cases *projection.Cases) error {
	left, err := p.store(ctx, l, slices.Clone(p.copies))
	for before := -1; err == nil && len(left) > 0 && len(left) != before; {
		var begins []ledger.Anchor
		if begins, err = p.begins(cases, left); err == nil {
			err = l.BeginAt(p.c, begins)
		}
		if before = len(left); err == nil {
			left, err = p.store(ctx, l, left)
		}
	}
	return err
}

// begins are the anchors above which entries stand that are left, of each feed the lowest.
func (p *pile) begins(cases *projection.Cases, left []*copied) (begins []ledger.Anchor, err error) {
	above := map[id.EntryID]bool{}
	for _, e := range left {
		above[e.Prev] = true
	}
	err = cases.With(p.c, func(k *protocol.Case) error {
		for _, a := range k.Given() { // by feed, then from below
			if !above[a.Entry] || len(begins) > 0 && begins[len(begins)-1].Feed == a.Feed() {
				continue
			}
			begins = append(begins, ledger.Anchor{Feed: a.Feed(), Seq: a.Seq, Entry: a.Entry, LC: a.LC})
		}
		return nil
	})
	return begins, err
}
