package peer

import (
	"errors"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/id"
)

// beginAt tells the ledger where the feeds of a case begin here that are not given to us
// from their beginning (spec/sync.md §7).
func (x *cases) beginAt(c id.CaseID, list []protocol.Anchor) error {
	told := make([]ledger.Anchor, len(list))
	for i, a := range list {
		told[i] = ledger.Anchor{Feed: a.Feed(), Seq: a.Seq, Entry: a.Entry, LC: a.LC}
	}
	err := x.c.Ledger.BeginAt(c, told)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil // erased meanwhile
	}
	return err
}

// history is from where on an organisation is given a case; none: all of it.
func (x *cases) history(c id.CaseID, org id.OrgID) []protocol.Anchor {
	x.mu.Lock()
	defer x.mu.Unlock()
	if k := x.all[c]; k != nil {
		return k.view.history[org]
	}
	return nil
}

// begins are the seqs below which an organisation's daemons can bring us nothing of a
// feed that we could take: it is not given that, or we are not. Into have go the feeds
// that begin here at an anchor and have not begun.
func (n *Node) begins(c id.CaseID, from id.OrgID, have map[id.Feed]id.Seq) (func(id.Feed) id.Seq, error) {
	ours, theirs := n.cases.history(c, n.c.Org), n.cases.history(c, from)
	if len(ours) > 0 {
		told, err := n.c.Ledger.Anchors(c)
		if err != nil {
			return nil, internal("anchors", err)
		}
		for _, a := range told {
			have[a.Feed] = max(have[a.Feed], a.Seq+1)
		}
	}
	return func(f id.Feed) (seq id.Seq) {
		for _, hist := range [][]protocol.Anchor{ours, theirs} {
			if a, ok := protocol.FindAnchor(hist, f); ok {
				seq = max(seq, a.Seq+1)
			}
		}
		return seq
	}, nil
}
