package peer

import (
	"errors"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/entry"
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

// cut are the anchors from which on we are given feeds of a case, and those below which
// an organisation may hold nothing.
func (x *cases) cut(c id.CaseID, org id.OrgID) (ours, theirs []protocol.Anchor) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if k := x.all[c]; k != nil {
		ours, theirs = k.view.given, k.view.partial[org]
	}
	return ours, theirs
}

// begins are the seqs below which an organisation's daemons can bring us nothing of a
// feed that we could take: they may not have it, or we are not given it. Into have go the
// feeds that begin here at an anchor and have not begun.
func (n *Node) begins(c id.CaseID, from id.OrgID, have map[id.Feed]id.Seq) (func(id.Feed) id.Seq, error) {
	ours, theirs := n.cases.cut(c, from)
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

// unfit notes the feeds that would begin here at an anchor and of which the other side
// has brought what does not fit there: what the anchor says is wrong, or the other side
// lies. It is asked for them no more.
func (s *session) unfit(sh *shared, raws [][]byte, rejected []ledger.Rejection) error {
	ours, _ := s.n.cases.cut(sh.id, s.contact.Org)
	if len(ours) == 0 {
		return nil
	}
	for _, r := range rejected {
		if !errors.Is(r.Err, ledger.ErrBelow) && !errors.Is(r.Err, ledger.ErrLamport) {
			continue
		}
		e, err := entry.Parse(raws[r.Index])
		if err != nil {
			continue
		}
		if _, ok := protocol.FindAnchor(ours, e.Feed()); !ok {
			continue
		}
		_, begun, err := s.n.c.Ledger.Head(sh.id, e.Feed())
		if err != nil {
			return internal("head", err)
		}
		if !begun {
			s.mu.Lock()
			if sh.unfit == nil {
				sh.unfit = map[id.Feed]bool{}
			}
			sh.unfit[e.Feed()] = true
			s.mu.Unlock()
		}
	}
	return nil
}
