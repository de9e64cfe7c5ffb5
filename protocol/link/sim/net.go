package sim

import (
	"math/rand/v2"

	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// network is who reaches whom.
type network struct {
	linked [][]bool
	group  []int // by node; frames pass inside a group only
	loss   float64
	twice  float64
}

// wire makes the links of a script; none named: everybody with everybody.
func (t *network) wire(s *Script, nodes int) {
	t.group, t.loss, t.twice = make([]int, nodes), s.Loss, s.Loss/2
	t.linked = make([][]bool, nodes)
	for i := range t.linked {
		t.linked[i] = make([]bool, nodes)
		for j := range t.linked[i] {
			t.linked[i][j] = i != j && s.Links == nil
		}
	}
	for _, l := range s.Links {
		t.linked[l[0]][l[1]], t.linked[l[1]][l[0]] = true, true
	}
}

// part puts the nodes of a set into a group of their own: nothing passes its
// border, what is under way included.
func (t *network) part(set int) {
	top := 0
	for _, g := range t.group {
		top = max(top, g)
	}
	for i := range t.group {
		if set>>i&1 == 1 {
			t.group[i] = top + 1
		}
	}
}

// heal ends partitions and loss.
func (t *network) heal() {
	clear(t.group)
	t.loss, t.twice = 0, 0
}

func (t *network) reaches(from, to int) bool {
	return t.linked[from][to] && t.group[from] == t.group[to]
}

// The frames that nodes send.
type (
	// have says up to where the sender may give: the last entries of feeds.
	have struct {
		tips []tip
		card *identity.Org // the sender's own chain
	}
	// want asks for entries, each with what is below it down to a seq.
	want []wish
	// give brings entries, as bytes.
	give [][]byte
	// proof brings two entries of one place, as bytes.
	proof [2][]byte
)

type tip struct {
	id   id.EntryID
	feed id.Feed
}

type wish struct {
	id    id.EntryID
	floor id.Seq
}

// send puts a frame on its way. What becomes of it is drawn now and decided when
// it arrives.
func (w *World) send(from, to *Node, f any) {
	if !w.net.linked[from.end][to.end] {
		return
	}
	copies, chance := 1, float64(w.draw(from.end, to.end, 1<<20))/(1<<20)
	switch {
	case chance < w.net.loss:
		copies = 0
	case chance > 1-w.net.twice:
		copies = 2
	}
	for range copies {
		w.after(1+w.draw(from.end, to.end, w.Script.Delay), func() {
			if to.up && w.net.reaches(from.end, to.end) {
				to.receive(from, f)
			}
		})
	}
}

// draw is a number below n, by the seed, the time, whom it is about, and how often
// that was asked at this time: not by what else happens, so that a script of which
// a part is left out goes on much as before.
func (w *World) draw(from, to int, n uint64) uint64 {
	if w.drawnAt != w.now {
		w.drawnAt, w.draws = w.now, map[[2]int]uint64{}
	}
	pair := [2]int{from, to}
	w.draws[pair]++
	return rand.NewPCG(w.Script.Seed^w.now<<20, uint64(from)<<40|uint64(to)<<32|w.draws[pair]).Uint64() % n
}
