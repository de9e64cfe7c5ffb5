package protocol

import (
	"encoding/binary"
	"sort"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Most of a large case is content, and most of that differs from what its author wrote
// before in nothing that the fold asks. So one node stands for a stretch of it: entries
// of a branch, one after the other, of the same kind, past and agreement. Of each of the
// others there is but its id and where it stands, and no pointer.

// spot is where a content entry stands.
type spot struct {
	branch uint32 // of spots.branches
	seq    uint32
}

// spots finds content entries by id.
type spots struct {
	branches []*branch           // by place
	byID     map[uint64]spot     // by the first bytes of an id
	clashes  map[id.EntryID]spot // of which byID has another
}

func newSpots() spots { return spots{byID: map[uint64]spot{}, clashes: map[id.EntryID]spot{}} }

// put adds an entry to its branch, as its last.
func (s *spots) put(b *branch, x id.EntryID) {
	at := spot{uint32(b.place), uint32(b.next())}
	b.ids = append(b.ids, x)
	if _, taken := s.byID[first(x)]; taken {
		s.clashes[x] = at
	} else {
		s.byID[first(x)] = at
	}
}

// find is the branch of an entry, and its seq there; nil if it is not here.
func (s *spots) find(x id.EntryID) (*branch, id.Seq) {
	at, ok := s.byID[first(x)]
	if !ok {
		return nil, 0
	}
	if b := s.branches[at.branch]; b.id(id.Seq(at.seq)) == x {
		return b, id.Seq(at.seq)
	}
	if at, ok = s.clashes[x]; !ok {
		return nil, 0
	}
	return s.branches[at.branch], id.Seq(at.seq)
}

func first(x id.EntryID) uint64 { return binary.BigEndian.Uint64(x[:]) }

// id is that of an entry of the branch.
func (b *branch) id(seq id.Seq) id.EntryID {
	if b.ids == nil {
		return b.entries[seq-b.start()].id
	}
	return b.ids[seq-b.start()]
}

// last is the newest entry of the branch.
func (b *branch) last() node { return b.tip.entry(b.next() - 1) }

// node is what stands for a content entry of the branch.
func (b *branch) node(seq id.Seq) *node {
	return b.entries[sort.Search(len(b.entries), func(i int) bool { return b.entries[i].seq > seq })-1]
}

// find is what stands for an entry that is here, and its seq; nil if it is not.
func (c *Case) find(x id.EntryID) (*node, id.Seq) {
	if n := c.nodes[x]; n != nil {
		return n, n.seq
	}
	if b, seq := c.content.find(x); b != nil {
		return b.node(seq), seq
	}
	return nil, 0
}

// holds says whether an entry is here.
func (c *Case) holds(x id.EntryID) bool {
	n, _ := c.find(x)
	return n != nil
}

// entry is the one of a stretch at a seq, as if it stood for itself alone.
func (n *node) entry(seq id.Seq) node {
	e := *n
	if seq != n.seq {
		e.id, e.seq, e.lc = n.branch.id(seq), seq, n.lc+uint64(seq-n.seq)
	}
	return e
}

// standsFor says whether e, which names the entry before it as prev, goes on the stretch
// of n: then it has the past of n, and the lc of the one before and 1, as any authentic entry
// without deps. What is refused for good, and the place of the subject, is for itself alone.
func (n *node) standsFor(e *entry.Sealed) bool {
	return n != nil && !n.control() && n.bad == nil && n.seq > 0 && n.branch.next() == e.Seq &&
		n.kind.typ == e.Type && *n.agr == *e.Agr && !e.Unknown && len(e.Deps) == 0
}
