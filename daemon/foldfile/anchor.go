package foldfile

import (
	"context"
	"maps"
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

// begins are the anchors directly below entries that are left, of each feed the lowest.
func (p *pile) begins(cases *projection.Cases, left []*copied) ([]ledger.Anchor, error) {
	lowest := map[id.Feed]ledger.Anchor{}
	err := cases.With(p.c, func(k *protocol.Case) error {
		for _, e := range left {
			a, ok := k.AnchorOf(e.Sealed)
			if b, other := lowest[a.Feed()]; ok && (!other || a.Seq < b.Seq) {
				lowest[a.Feed()] = ledger.Anchor{Feed: a.Feed(), Seq: a.Seq, Entry: a.Entry, LC: a.LC}
			}
		}
		return nil
	})
	return slices.Collect(maps.Values(lowest)), err
}
