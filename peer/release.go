package peer

import (
	"fmt"
	"io"

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
// tell of no others, for the name of a feed says that a compartment exists.
func (n *Node) visible(c id.CaseID, p libpeer.ID, heads []ledger.Head) ([]ledger.Head, error) {
	to, ok := n.allowed(p)
	if !ok {
		return nil, errNotNow
	}
	var out []ledger.Head
	err := n.c.Cases.With(c, func(k *protocol.Case) error {
		ask := n.gate(k, p, to)
		for _, h := range heads {
			if ask(h.ID, protocol.Header, false) {
				out = append(out, h)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("fold: %w", err)
	}
	return out, nil
}
