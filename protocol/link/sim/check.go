package sim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Invariant is something that holds in every history, once everything has healed.
type Invariant struct {
	Name   string
	Number string // in the design
	Holds  func(*World, *Outcome) error
}

// Invariants are all of them.
var Invariants = []Invariant{
	{"nothing went wrong on the way", "I5, I8, P3.9, F6", onTheWay},
	{"honest members hold one set, and fold it alike in every order", "P3.1, I3, I4", sameFold},
	{"forks are shown to all, and their keys closed", "A2, I7", forksShown},
	{"honest daemons sign nothing twice", "I8", noOwnFork},
	{"what was not signed is not held", "A3, I6", nothingGrafted},
	{"membership and standing are what the sets say", "A5, P3.7, P3.11", standing},
	{"acts have force under the chain, below the cuts", "P3.2, P3.3, P3.5, P3.8", force},
	{"two certificates have a voter in common, who cheats", "P3.6, P3.9", oneChild},
	{"the embargo ends by claims and one's own clock", "F6, P4.5, P4.6", embargo},
	{"a stolen key decides nothing once it is revoked", "A6, P8.2", revoked},
	{"who recovers speaks and decides again", "A6", recovers},
	{"a steward that is there is not succeeded", "P3.12", stewardKept},
	{"honest stewards that are there can decide, or be joined by others", "P3.12", decides},
}

// Outcome is what a history has come to: the fold of all that honest members
// hold, and who they are.
type Outcome struct {
	Case    *protocol.Case
	Held    map[id.EntryID]*entry.Sealed
	Members []*Node // honest, and able to speak
}

// Check judges a history. The error names the invariant.
func Check(w *World) error {
	o := w.outcome()
	for k, i := range Invariants {
		if k > 0 && len(o.Members) == 0 {
			w.sides["histories without an honest member"]++
			break
		}
		if err := i.Holds(w, o); err != nil {
			return fmt.Errorf("%s (%s): %w", i.Name, i.Number, err)
		}
	}
	return nil
}

// outcome folds what honest members hold together, all at once and in the order
// of writing, which none of them saw. Who is no member by that fold has no part in
// it: it may not know yet, or any more, that it left.
func (w *World) outcome() *Outcome {
	var in []*Node
	for _, n := range w.Nodes {
		if !n.hostile && n.up && !n.mute && n.Case.Member(n.Org.ID) {
			in = append(in, n)
		}
	}
	for {
		o := &Outcome{Case: protocol.NewCase(), Held: map[id.EntryID]*entry.Sealed{}}
		for _, n := range in {
			for x, e := range n.Held {
				o.Held[x] = e
			}
		}
		for _, e := range w.pool.all {
			if o.Held[e.ID] != nil {
				o.Case.Add(e)
			}
		}
		o.Case.Settle()
		for _, n := range in {
			if o.Case.Member(n.Org.ID) && may(o.Case, n.Kid, new(protocol.Alive)) == nil && n.counted(in) {
				o.Members = append(o.Members, n)
			}
		}
		if len(o.Members) == len(in) {
			return o
		}
		in = o.Members
	}
}

// counted says whether another of these takes the node for a member, or the node is
// alone. Who was admitted by a thief alone is known to nobody else, until people let it in
// again (spec/authority.md §9).
func (n *Node) counted(in []*Node) bool {
	return len(in) == 1 || slices.ContainsFunc(in, func(m *Node) bool { return m != n && m.Case.Member(n.Org.ID) })
}

func onTheWay(w *World, _ *Outcome) error {
	if len(w.broken) > 0 {
		return errors.New(strings.Join(w.broken, "; "))
	}
	return nil
}

// shape is what a case says of itself and of each entry, by its place in the
// archive: ids are left out, so that histories that differ in times alone compare.
// Content is left out too: not everybody has all of it.
func (w *World) shape(c *protocol.Case) string {
	var b strings.Builder
	for i, e := range w.pool.all {
		if rule, known := c.Verdict(e.ID); known && e.Control() {
			fmt.Fprintf(&b, "%d %q\n", i, rule)
		}
	}
	for _, p := range c.Participants() {
		fmt.Fprintln(&b, p.Name, p.Roles, p.RM, p.VFD, p.Consent, p.Admitted, p.Suspect, p.Steward, p.Addrs)
	}
	em := c.Embargo()
	fmt.Fprintln(&b, em.State, em.ExitPending, em.End, len(em.Open), c.CS(), len(c.Claims()), len(c.Compartments()))
	for _, f := range c.Chain() {
		fmt.Fprintln(&b, w.name(f.ID), w.called(f.Stewards), f.Quorum)
	}
	for _, p := range c.Proposals() {
		fmt.Fprintln(&b, w.name(p.ID), w.called(p.Endorsed), "/", w.called(p.Missing))
	}
	return b.String()
}

func (n *Node) shape() string { return n.w.shape(n.Case) }

// Shape is the case of the outcome, and who holds it, for comparison with another
// history's.
func (w *World) Shape() string { return w.shape(w.outcome().Case) }

func sameFold(w *World, o *Outcome) error {
	want := w.shape(o.Case)
	for _, n := range o.Members {
		for _, e := range o.sorted(w) {
			if e.Control() && n.Held[e.ID] == nil {
				return fmt.Errorf("%s lacks %s, which another honest member holds", n.Name(), w.name(e.ID))
			}
		}
		if n.Case.Digest() != o.Case.Digest() {
			return fmt.Errorf("%s has another digest", n.Name())
		}
		n.Case.Pin(nil) // local on purpose
		if got := n.shape(); got != want {
			return fmt.Errorf("%s folds it otherwise:\n%s", n.Name(), difference(want, got))
		}
		for _, e := range o.sorted(w) {
			theirs, known := n.Case.Verdict(e.ID)
			if !known {
				continue // content of a room that it does not read
			}
			if all, _ := o.Case.Verdict(e.ID); all != theirs {
				return fmt.Errorf("content %s is %q at %s, %q for all", w.name(e.ID), theirs, n.Name(), all)
			}
		}
	}
	return nil
}

// difference is the first line in which two shapes differ.
func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("%s\n%s", x[i], y[i])
		}
	}
	return "one is longer"
}

// forks are the places of which honest members hold two entries.
func (o *Outcome) forks(w *World) (pairs [][2]*entry.Sealed) {
	first := map[place]*entry.Sealed{}
	for _, e := range o.sorted(w) {
		p := place{e.Feed(), e.Seq}
		if first[p] == nil {
			first[p] = e
		} else {
			pairs = append(pairs, [2]*entry.Sealed{first[p], e})
		}
	}
	return pairs
}

func (o *Outcome) sorted(w *World) []*entry.Sealed {
	es := make([]*entry.Sealed, 0, len(o.Held))
	for _, e := range o.Held {
		es = append(es, e)
	}
	slices.SortFunc(es, func(a, b *entry.Sealed) int {
		return cmp.Or(cmp.Compare(w.pool.at[a.ID], w.pool.at[b.ID]), compareIDs(a.ID, b.ID))
	})
	return es
}

func forksShown(w *World, o *Outcome) error {
	for _, pair := range o.forks(w) {
		w.sides["forks"]++
		if err := w.shown(o.Members, pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// shown says whether each member holds an entry that proves a fork, and lets the
// key write nothing more. Of a room's content only readers could know.
func (w *World) shown(members []*Node, a, b *entry.Sealed) error {
	if a.Comp != id.Everyone && !a.Control() {
		return nil
	}
	for _, n := range members {
		proof := slices.ContainsFunc(w.pool.all, func(e *entry.Sealed) bool {
			m, ok := w.message(e).(*protocol.Fork)
			rule, known := n.Case.Verdict(e.ID)
			return ok && known && rule == "" && w.kidOf(m.A) == a.Kid
		})
		if !proof {
			return fmt.Errorf("%s has no proof of the fork of %s and %s", n.Name(), w.name(a.ID), w.name(b.ID))
		}
		if !n.closed(a.Kid) {
			return fmt.Errorf("%s would let a key go on that forked at %s", n.Name(), w.name(a.ID))
		}
	}
	return nil
}

// judgeRound judges, one round of sync after everything has healed, that forks are
// shown to all by then.
func (w *World) judgeRound() {
	o := w.outcome()
	if err := forksShown(w, o); err != nil {
		w.wrong("after one round %v", err)
	}
}

// closed says whether the node knows that a key has forked.
func (n *Node) closed(kid id.Kid) bool {
	r, ok := may(n.Case, kid, new(protocol.Alive)).(*protocol.Refusal)
	return ok && r.Rule == "feed-forked"
}

// message is what an entry says; nil for one that was never signed.
func (w *World) message(e *entry.Sealed) protocol.Message {
	if at, ok := w.pool.at[e.ID]; ok {
		return w.pool.msgs[at]
	}
	return nil
}

func (w *World) kidOf(x id.EntryID) (kid id.Kid) {
	if at, ok := w.pool.at[x]; ok {
		kid = w.pool.all[at].Kid
	}
	return kid
}

func noOwnFork(w *World, o *Outcome) error {
	for _, pair := range o.forks(w) {
		i, j := w.pool.author[w.pool.at[pair[0].ID]], w.pool.author[w.pool.at[pair[1].ID]]
		if i == j && !w.Nodes[i].hostile {
			return fmt.Errorf("%s wrote %s and %s at one place", w.Nodes[i].Name(), w.name(pair[0].ID), w.name(pair[1].ID))
		}
	}
	return nil
}

func nothingGrafted(w *World, o *Outcome) error {
	for _, e := range o.sorted(w) {
		if _, ok := w.pool.at[e.ID]; !ok || !w.signed(e) {
			return fmt.Errorf("%v is held and was never signed", e.ID)
		}
	}
	return nil
}
