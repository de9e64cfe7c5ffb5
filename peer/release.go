package peer

import (
	"fmt"
	"io"
	"slices"

	libpeer "github.com/libp2p/go-libp2p/core/peer"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/id"
)

// item is one thing of a case that may leave: an entry, or its body and key.
type item struct {
	e    ledger.Entry
	part protocol.Part
	held bool // Body: all of it and its key are here
}

// release writes a frame of ledger bytes to a peer, and is the only function that
// does: entries, bodies, keys and join packets all pass here. It asks the gate for
// each item against the fold of everything stored, lets seal make the frame of
// those that passed, and writes it at once. After a removal was folded, at most a
// frame that was being written completes (spec/sync.md §7). seal reads no entry but
// those it is given. The result is what has left; none means nothing was written.
func (n *Node) release(w io.Writer, p libpeer.ID, c id.CaseID, items []item, seal func([]item) ([]byte, error)) ([]item, error) {
	to, ok := n.allowed(p)
	if !ok {
		return nil, errNotNow
	}
	var passed []item
	folded := 0
	err := n.c.Cases.With(c, func(k *protocol.Case) error {
		ask := n.gate(k, p, to)
		folded = k.Len()
		for _, it := range items {
			if ask(it.e.ID, it.part, it.held) {
				passed = append(passed, it)
			}
		}
		return nil
	})
	if err != nil || len(passed) == 0 {
		return nil, err
	}
	b, err := seal(passed)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	if n.spy != nil {
		n.spy(c, to, passed, folded)
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	return passed, nil
}

// gate asks MaySend on behalf of a peer at this moment.
func (n *Node) gate(k *protocol.Case, p libpeer.ID, to Contact) func(id.EntryID, protocol.Part, bool) bool {
	key, _ := transportKey(p)
	r := protocol.Recipient{Org: to.Org, Key: key, Directory: to.Chain}
	here := protocol.Local{Us: n.c.Org, Now: unix(n.c.Now()), Hold: to.Hold, StewardHeard: unix(n.cases.lastHeard(k.ID()))}
	return func(x id.EntryID, part protocol.Part, held bool) bool {
		here.BodyHere = held
		return k.MaySend(x, part, r, here).Send
	}
}

// visible lists those heads whose entries the peer may have: VEC, IHAVE and marks
// tell of no others, for the name of a feed says that a compartment exists. Who was
// removed may have a control feed up to its removal: it is told how far that is, since
// nothing else brings the removal to one that was away.
func (n *Node) visible(c id.CaseID, p libpeer.ID, heads []ledger.Head) ([]ledger.Head, error) {
	to, ok := n.allowed(p)
	if !ok {
		return nil, errNotNow
	}
	out := make([]ledger.Head, 0, len(heads))
	var hidden []ledger.Head
	err := n.c.Cases.With(c, func(k *protocol.Case) error {
		ask := n.gate(k, p, to)
		for _, h := range heads {
			if ask(h.ID, protocol.Header, false) {
				out = append(out, h)
			} else if h.Feed.Comp == id.Control {
				hidden = append(hidden, h)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("fold: %w", err)
	}
	if st, _ := n.cases.standing(c, to.Org); !st.removed {
		return out, nil
	}
	for _, h := range hidden {
		last, ok, err := n.lastVisible(c, p, to, h)
		if err != nil {
			return nil, err
		}
		if ok && !slices.Contains(out, last) { // two branches have one beginning
			out = append(out, last)
		}
	}
	return out, nil
}

// lastVisible is the last entry below a head that a removed peer may have: what it may
// have of a feed has no gap, for it is the past of its removals.
func (n *Node) lastVisible(c id.CaseID, p libpeer.ID, to Contact, head ledger.Head) (last ledger.Head, found bool, err error) {
	for lo, hi := id.Seq(0), head.Seq; lo < hi; {
		mid := lo + (hi-lo)/2
		var at []ledger.Entry // several where the feed is forked
		err := n.c.Ledger.Read(c, head.Feed, mid, mid, func(e ledger.Entry) bool { at = append(at, e); return true })
		if err != nil {
			return last, false, internal("read", err)
		}
		may := false
		err = n.c.Cases.With(c, func(k *protocol.Case) error {
			ask := n.gate(k, p, to)
			for _, e := range at {
				if !may && ask(e.ID, protocol.Header, false) {
					may, last = true, ledger.Head{Feed: head.Feed, Seq: e.Seq, ID: e.ID}
				}
			}
			return nil
		})
		if err != nil {
			return last, false, fmt.Errorf("fold: %w", err)
		}
		if may {
			lo, found = mid+1, true
		} else {
			hi = mid
		}
	}
	return last, found, nil
}
