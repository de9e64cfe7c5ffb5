package sim

import (
	"bytes"
	"slices"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// tellAll gives every node that may have them the fresh entries that this one
// wrote, and says of others' that they are here.
func (n *Node) tellAll(fresh []*entry.Sealed) {
	for _, to := range n.w.Nodes {
		if to == n || !n.w.net.linked[n.end][to.end] {
			continue
		}
		var g give
		h := have{card: n.Org}
		for _, e := range fresh {
			switch {
			case !n.gives(e, to):
			case e.Kid == n.Kid:
				g = append(g, n.sends(e, to))
			default:
				h.tips = append(h.tips, tip{e.ID, e.Feed()})
			}
		}
		if len(g) > 0 {
			n.w.send(n, to, g)
		}
		if len(h.tips) > 0 {
			n.w.send(n, to, h)
		}
	}
}

// tick is a round of sync, and of what daemons and people do on a schedule.
func (n *Node) tick() {
	n.w.after(n.w.Script.Every, n.tick)
	if !n.up || n.Case.Len() == 0 {
		return
	}
	n.settleRivals()
	n.duties()
	if !n.hostile {
		n.succeed()
		n.judgeEmbargo()
	}
	for _, to := range n.w.Nodes {
		if to == n || !n.w.net.linked[n.end][to.end] {
			continue
		}
		n.w.send(n, to, have{n.offer(to), n.Org}) // also without tips: one's own chain is no secret
		if !n.hostile && n.w.Script.Fault != ShowsNoForks {
			n.prove(to)
		}
	}
}

// prove shows another the forks that are known.
func (n *Node) prove(to *Node) {
	for _, f := range n.forks {
		if n.gives(f[0], to) && n.gives(f[1], to) {
			n.w.send(n, to, proof{f[0].Raw, f[1].Raw})
		}
	}
}

// offer is up to where the node may give to another, feed by feed.
func (n *Node) offer(to *Node) []tip {
	o := n.offers[to.end]
	if o.disk == len(n.disk) && o.kid == to.Kid && o.skew == n.skew && !n.hostile {
		return o.tips
	}
	o = offer{disk: len(n.disk), kid: to.Kid, skew: n.skew}
	add := func(e *entry.Sealed) {
		if e != nil && n.gives(e, to) {
			o.tips = append(o.tips, tip{e.ID, e.Feed()})
		}
	}
	if n.hostile {
		for _, e := range n.disk { // what it hides has no place among its last ones
			add(e)
		}
	} else {
		for x := range n.tops {
			add(n.Held[x])
		}
		for _, x := range n.Case.Removed(to.Org.ID) {
			add(n.Held[x])
		}
	}
	slices.SortFunc(o.tips, func(a, b tip) int { return bytes.Compare(a.id[:], b.id[:]) })
	n.offers[to.end] = o
	return o.tips
}

// gives says whether another may have an entry.
func (n *Node) gives(e *entry.Sealed, to *Node) bool {
	if n.hostile {
		return n.hidden[e.ID]>>to.end&1 == 0
	}
	if n.w.Script.Fault == SkipsGate {
		return true
	}
	now := n.clock() / 1000
	return n.Case.MaySend(e.ID, protocol.Header, protocol.Recipient{Org: to.Org.ID, Key: to.Peer(), Directory: n.cards[to.org]},
		protocol.Local{Us: n.Org.ID, Now: now, StewardHeard: now}).Send
}

// sends is the one place where an entry leaves; what leaves an honest daemon is
// judged there.
func (n *Node) sends(e *entry.Sealed, to *Node) []byte {
	if !n.hostile {
		n.w.judgeSend(n, e, to)
	}
	return e.Raw
}

// serve answers a want: each entry that may go, with what is below it.
func (n *Node) serve(to *Node, wishes want) {
	const most = 256
	var g give
	sent := map[id.EntryID]bool{}
	for _, x := range wishes {
		var run []*entry.Sealed
		for e := n.Held[x.id]; e != nil && !sent[e.ID]; e = n.Held[e.Prev] {
			if slices.Contains(n.wet, e) {
				continue
			}
			if !n.gives(e, to) {
				break
			}
			run = append(run, e)
			sent[e.ID] = true
			if e.Seq == 0 || e.Seq <= x.floor {
				break
			}
		}
		for _, e := range slices.Backward(run) {
			if len(g) < most {
				g = append(g, n.sends(e, to))
			}
		}
	}
	if len(g) > 0 {
		n.w.send(n, to, g)
	}
}

// proofKey is a signature over an id, by the kid that the id binds.
type proofKey struct {
	id  id.EntryID
	sig [64]byte
}

func proofOf(e *entry.Sealed) proofKey { return proofKey{e.ID, [64]byte(e.Raw[len(e.Raw)-64:])} }

// signed judges a signature, each once: what is the same for all daemons costs
// time once.
func (w *World) signed(e *entry.Sealed) bool {
	k := proofOf(e)
	ok, known := w.proofs[k]
	if !known {
		pub := w.cast.keys[e.Kid].pub
		ok = pub != nil && e.Verify(pub) == nil
		w.proofs[k] = ok
	}
	return ok
}
