package sim

import (
	"bytes"
	"slices"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// duties writes what the daemon owes the case without being told to: proofs of
// forks, checkpoints and votes for them, signs of life, and as a steward the
// identity events of others that it has come to know.
func (n *Node) duties() {
	if n.mute || n.Case.Len() == 0 || n.hostile && !n.able() {
		return
	}
	fault := n.w.Script.Fault
	if !n.hostile && fault != ShowsNoForks {
		for _, pair := range n.Case.Unproven() {
			n.say(n.proof(pair))
		}
	}
	n.word = n.Case.Spoke(n.Org.ID, n.word, n.clock())
	for _, m := range n.Case.Duties(n.Kid, n.clock(), n.word) {
		if _, alive := m.(*protocol.Alive); !alive || n.hostile || fault != NeverAlive {
			n.say(m)
		}
	}
	for org := range n.w.cast.daemons {
		n.introduce(org)
	}
}

// proof is the fork entry for two entries of one place.
func (n *Node) proof(pair [2]id.EntryID) protocol.Message {
	f := &protocol.Fork{A: pair[0], B: pair[1]}
	if a, b := n.Held[f.A], n.Held[f.B]; !a.Control() {
		f.Entries = [][]byte{a.Raw, b.Raw}
	}
	return f
}

// introduce brings identity events of an organisation that the case lacks.
func (n *Node) introduce(org int) {
	card := n.cards[org]
	if card == nil || org == n.org || !slices.Contains(n.Case.Stewards(), n.Org.ID) {
		return
	}
	known, ok := n.Case.Org(card.ID)
	if ok && len(known.Events) < len(card.Events) && card.Extends(known) {
		n.act(&protocol.Ident{Events: card.Events[len(known.Events):]})
	}
}

// settleRivals moves the pin, and lets a person decide where the chain left it: for
// the chain.
func (n *Node) settleRivals() {
	chain := n.Case.Chain()
	tip := chain[len(chain)-1].ID
	if tip != n.tip {
		n.tip, n.tipSince = tip, n.w.now
	}
	if n.Case.State() == protocol.StateConflict {
		if !n.hostile {
			n.w.judgeConflict(n)
		}
		n.w.note(n, "is in conflict, and pins the chain")
		n.pinned = nil
	}
	switch {
	case n.w.now >= n.tipSince+Day:
		n.pinned = &tip
	case len(chain) > 1:
		n.pinned = &chain[len(chain)-2].ID
	}
	n.Case.Pin(n.pinned)
}

// able says whether the rules let the node's key speak at all.
func (n *Node) able() bool { return may(n.Case, n.Kid, new(protocol.Alive)) == nil }

// may is the dry run of a control message.
func may(c *protocol.Case, kid id.Kid, m protocol.Message) error {
	return c.May(kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)})
}

// may says whether the daemon would write an entry. Who cheats would write any.
func (n *Node) may(f entry.Fields) error {
	switch {
	case n.mute:
		return &protocol.Refusal{Rule: "mute", Text: "this daemon's key is not its own"}
	case n.hostile:
		return nil
	}
	return n.Case.May(n.Kid, f)
}

// say writes a control message if the rules allow it, and tells what came of it.
func (n *Node) say(m protocol.Message) (did string) {
	return n.put(m, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)})
}

// act is say for steward acts, which name the config in force.
func (n *Node) act(m protocol.Message) (did string) {
	cfg := n.Case.Config().ID
	return n.put(m, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: &cfg})
}

func (n *Node) put(m protocol.Message, f entry.Fields) string {
	if n.Case.Len() == 0 {
		return ""
	}
	f.T = n.claims()
	if err := n.may(f); err != nil {
		n.refusal = err
		return ""
	}
	f.Deps = n.deps(id.Control, n.Case.Needs(m)...)
	e := n.Write(f)
	n.word = protocol.Word{T: e.T, At: n.clock()}
	return n.done(e)
}

// deps are those of the node's next entry. Where a key that somebody else holds too
// has written in its place already, there may be none; a first entry names genesis.
func (n *Node) deps(comp id.Comp, needs ...id.EntryID) []id.EntryID {
	deps := n.Case.Deps(n.Kid, comp, needs...)
	if len(deps) == 0 && n.Head(comp) == nil {
		return []id.EntryID{id.EntryID(n.w.caseID)}
	}
	return deps
}

// tell writes content of which only the header matters here.
func (n *Node) tell(kind entry.Type, comp id.Comp) string {
	agr := n.Case.Embargo().Agreement
	f := entry.Fields{Type: kind, Comp: comp, Agr: &agr, T: n.claims(), Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 1, KC: [32]byte{2}}}
	if n.may(f) != nil {
		return ""
	}
	f.Deps = n.deps(comp)
	return n.done(n.Write(f))
}

// done keeps an entry that was written, and names it.
func (n *Node) done(e *entry.Sealed) string {
	n.keep(e)
	kind, ok := protocol.KindName(e.Type)
	if !ok {
		kind = "unknown kind"
	}
	did := n.w.name(e.ID) + " " + kind
	if rule, _ := n.Case.Verdict(e.ID); rule != "" {
		did += ", refused: " + rule
		if !n.hostile {
			n.w.wrong("%s's dry run allows %s, which the rules refuse", n.Name(), did)
		}
	}
	n.w.note(n, "writes %s", did)
	return did
}

// refused says whether the last thing that the node was kept from was by this rule.
func (n *Node) refused(rule string) bool {
	r, ok := n.refusal.(*protocol.Refusal)
	return ok && r.Rule == rule
}

// Patience of people: after how long they take a steward for gone.
const patience = 7 * Day

// succeed is what people do about stewards that fell silent: note it, propose who
// follows, and vote once the rules let them.
func (n *Node) succeed() {
	tip := n.Case.Config()
	if n.mute || !n.Case.Member(n.Org.ID) {
		return
	}
	gone := func(o id.OrgID) bool {
		if n.heard[o] == 0 {
			n.heard[o] = n.clock()
		}
		return o != n.Org.ID && n.clock() >= n.heard[o]+patience
	}
	stay := slices.DeleteFunc(slices.Clone(tip.Stewards), gone)
	if len(stay) == len(tip.Stewards) {
		return
	}
	next := slices.Clone(stay)
	if !slices.Contains(next, n.Org.ID) {
		next = append(next, n.Org.ID)
	}
	m := &protocol.Propose{Config: n.Case.Succeed(n.Kid, next, majority(len(next)))}
	if len(stay) >= int(tip.Quorum) && may(n.Case, n.Kid, m) != nil {
		return // those who stay can do it themselves
	}
	if p, ok := n.hopeful(gone); ok {
		n.refusal = nil
		if slices.Contains(p.Missing, n.Org.ID) && n.say(&protocol.Endorse{Config: p.ID}) == "" && n.refused("silence-not-noted") {
			n.say(&protocol.Alive{})
		}
		return
	}
	if p, _ := n.Case.Preview(m.Config); slices.Contains(p.Missing, n.Org.ID) && len(next) <= protocol.MaxStewards && n.say(&protocol.Alive{}) != "" {
		n.say(&protocol.Propose{Config: n.Case.Succeed(n.Kid, next, majority(len(next)))})
	}
}

// hopeful is a succession that drops only who is gone, and that can be carried or takes a
// vote of this organisation with nobody heard: such a vote may set others free.
func (n *Node) hopeful(gone func(id.OrgID) bool) (found protocol.Proposal, ok bool) {
	all := n.Case.Prospects()
	for _, p := range n.Case.Proposals() {
		x := all[p.ID]
		if p.Kind != protocol.Succession || slices.ContainsFunc(n.Case.Stewards(), func(o id.OrgID) bool { return !slices.Contains(p.Stewards, o) && !gone(o) }) {
			continue
		}
		if x.Open || len(x.Heard) == 0 && len(x.Outside) == 0 && slices.Contains(p.Missing, n.Org.ID) {
			return p, true
		}
	}
	return found, false
}

func majority(k int) uint8 { return uint8(k/2 + 1) }

// compareIDs orders ids.
func compareIDs[T ~[32]byte](a, b T) int { return bytes.Compare(a[:], b[:]) }
