package sim

import (
	"cmp"
	"fmt"
	"slices"

	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// steps are the acts that a script names: those of people, who keep to what their
// daemon allows; those that befall a daemon or the network; those of who cheats
// (cheat.go). Each says what it did, "" for nothing.
var steps = map[string]func(*Node, Step) string{
	"status":  (*Node).status,
	"fix":     (*Node).fix,
	"note":    (*Node).talk,
	"room":    (*Node).room,
	"claim":   (*Node).claim,
	"confirm": (*Node).confirm,
	"address": (*Node).address,
	"exit":    func(n *Node, _ Step) string { return n.say(&protocol.Exit{Code: 1}) },
	"alive":   func(n *Node, _ Step) string { return n.say(&protocol.Alive{}) },
	"admit":   (*Node).admit,
	"remove":  (*Node).remove,
	"propose": (*Node).propose,
	"endorse": (*Node).endorse,
	"recover": (*Node).rekey,
	"offer":   (*Node).bargain,
	"answer":  (*Node).answer,
	"refute":  (*Node).refute,
	"end":     func(n *Node, _ Step) string { return n.say(&protocol.EmbargoEnd{Code: 1}) },

	"crash":   (*Node).crashes,
	"restore": (*Node).restore,
	"skew":    (*Node).skews,
	"vanish":  func(n *Node, _ Step) string { n.up, n.gone = false, true; return "for good" },
	"part":    func(n *Node, s Step) string { n.w.net.part(s.X); return fmt.Sprintf("%b from the rest", s.X) },
	"heal":    func(n *Node, _ Step) string { clear(n.w.net.group); return "the network is whole" },

	"fork":   (*Node).fork,
	"blurt":  (*Node).blurt,
	"double": (*Node).double,
	"deafen": (*Node).deafen,
	"listen": func(n *Node, _ Step) string { return n.listen() },
	"hide":   (*Node).hide,
	"date":   (*Node).date,
	"graft":  (*Node).graft,
	"copy":   (*Node).copy,
	"lie":    (*Node).boast,
	"coup":   (*Node).coup,
	"abet":   (*Node).abet,
	"steal":  (*Node).steal,
}

// pick is the i-th of a list, round and round; ok is false for an empty one.
func pick[T any](list []T, i int) (x T, ok bool) {
	if len(list) == 0 {
		return x, false
	}
	return list[i%len(list)], true
}

func (n *Node) someone(i int) *Node { return n.w.Nodes[i%n.w.Script.Orgs] }

func (n *Node) status(s Step) string {
	for i := range 5 { // the first that may follow
		if did := n.say(&protocol.Status{RM: protocol.RMInvalid + protocol.RM((s.X+i)%5)}); did != "" {
			return did
		}
	}
	return ""
}

func (n *Node) fix(s Step) string {
	return n.say(&protocol.Status{Fix: protocol.FixReady + protocol.Fix(s.X%2)})
}

// talk writes a note: to everybody, or into a room.
func (n *Node) talk(s Step) string {
	comp := id.Everyone
	rooms := n.Case.Compartments()
	slices.SortFunc(rooms, func(a, b protocol.Room) int {
		return cmp.Compare(n.w.pool.at[id.EntryID(a.Comp)], n.w.pool.at[id.EntryID(b.Comp)])
	})
	if s.X%3 == 0 && len(rooms) > 0 {
		comp = rooms[s.Y%len(rooms)].Comp
	}
	kind := protocol.Note
	if n.end == 0 && n.next[id.Feed{Kid: n.Kid, Comp: id.Everyone}] == 0 && comp == id.Everyone && n.key == 1 {
		kind = protocol.Subject
	}
	return n.tell(kind, comp)
}

func (n *Node) room(s Step) string {
	readers := []id.OrgID{n.Org.ID}
	for i := range n.w.Script.Orgs {
		if o := n.someone(i); o.org != n.org && s.X>>i&1 == 1 {
			readers = append(readers, o.Org.ID)
		}
	}
	return n.say(protocol.NewCompartment(readers...))
}

func (n *Node) claim(s Step) string {
	return n.say(&protocol.Claim{What: protocol.Public + protocol.What(s.X%3)})
}

func (n *Node) confirm(s Step) string {
	if c, ok := pick(n.Case.Claims(), s.X); ok {
		return n.say(&protocol.Confirm{Claim: c.ID})
	}
	return ""
}

// bargain proposes other terms in place of those in force: another end, or another TLP.
func (n *Node) bargain(s Step) string {
	parent := n.Case.Embargo().Agreement
	a, r, ok := n.Case.Agreement(parent)
	if !ok {
		return ""
	}
	end := link.Start + uint64(20+s.X%90)*Day
	r.Parent, r.Start, r.End = &parent, n.clock(), &end
	if s.Y%4 == 0 {
		r.Terms.TLP = uint8(1 + s.X%5)
	}
	return n.party(&protocol.EmbargoPropose{Terms: protocol.NewAgreement(r, a.Text)})
}

// answer says yes or no to what is proposed, or to what is in force.
func (n *Node) answer(s Step) string {
	e := n.Case.Embargo()
	agr := e.Agreement
	if o, ok := pick(e.Open, s.X); ok {
		agr = o.ID
	}
	if s.Y%4 == 0 {
		return n.say(&protocol.EmbargoReject{Agr: agr, Code: 1})
	}
	return n.party(&protocol.EmbargoAccept{Agr: agr})
}

// party speaks of the embargo: as a steward where it is one.
func (n *Node) party(m protocol.Message) string {
	if slices.Contains(n.Case.Stewards(), n.Org.ID) {
		return n.act(m)
	}
	return n.say(m)
}

func (n *Node) refute(s Step) string {
	if c, ok := pick(n.Case.Claims(), s.X); ok {
		return n.act(&protocol.Refute{Claim: c.ID})
	}
	return ""
}

func (n *Node) address(s Step) string {
	return n.say(&protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/10.0.0.%d/tcp/%d", s.X%250, 1+s.Y%60000)}})
}

// admit asks an organisation in, which says yes.
func (n *Node) admit(s Step) string {
	o := n.someone(s.X)
	if o.org == n.org || !o.up || o.mute || n.mute {
		return ""
	}
	if !n.hostile && !slices.Contains(n.Case.Stewards(), n.Org.ID) {
		return ""
	}
	if known, ok := n.Case.Org(o.Org.ID); !ok || len(known.Events) < len(o.Org.Events) {
		events := o.Org.Events
		if ok {
			events = events[len(known.Events):]
		}
		did := n.act(&protocol.Ident{Events: events})
		if known, ok = n.Case.Org(o.Org.ID); !ok || len(known.Events) < len(o.Org.Events) {
			return did // the rules do not take it, or did not hear it
		}
	}
	for _, d := range []*Node{n, o} { // both sign here
		if k, ok := d.Org.Daemon(d.Kid); !ok || k.Revoked {
			return ""
		}
	}
	role := protocol.Reporter + protocol.Role(s.Y%6)
	did := n.act(n.Admission(o.Daemon, role, fmt.Sprint("invite ", n.w.drawn)))
	if did != "" {
		did += fmt.Sprintf(" of %s as %v", o.Name(), role)
	}
	return did
}

func (n *Node) remove(s Step) string {
	o := n.someone(s.X)
	if o.org == n.org {
		return ""
	}
	did := n.act(&protocol.Remove{Org: o.Org.ID, Code: uint8(s.Y % 15)})
	if did != "" {
		did += " of " + o.Name()
	}
	return did
}

// propose changes who decides, and votes for it.
func (n *Node) propose(s Step) string {
	now := n.Case.Config()
	next := slices.Clone(now.Stewards)
	switch o := n.someone(s.Y).Org.ID; s.X % 4 {
	case 0, 1: // another one
		if len(next) == protocol.MaxStewards || slices.Contains(next, o) || !n.Case.Member(o) {
			return ""
		}
		next = append(next, o)
	case 2: // one less
		i := slices.Index(next, o)
		if i < 0 || len(next) == 1 {
			return ""
		}
		next = slices.Delete(next, i, i+1)
	case 3: // another lead
		i := slices.Index(next, o)
		if i < 1 {
			return ""
		}
		next[0], next[i] = next[i], next[0]
	}
	did := n.say(&protocol.Propose{Config: n.Case.NextConfig(n.Kid, next, majority(len(next)))})
	if did == "" {
		return ""
	}
	did += " by which " + n.w.called(next) + " decide"
	vote := &protocol.Endorse{Config: id.ConfigID(n.w.pool.last().ID)}
	if v := n.say(vote); v != "" {
		did += "; " + v
	}
	return did
}

// called lists organisations for people.
func (w *World) called(os []id.OrgID) (s string) {
	for i, o := range os {
		if i > 0 {
			s += ", "
		}
		for _, d := range w.cast.daemons {
			if d.Org.ID == o {
				s += d.Org.Name
			}
		}
	}
	return s
}

// endorse votes for a proposal that a person made: the first from X on that it may.
func (n *Node) endorse(s Step) string {
	ps := n.Case.Proposals()
	for i := range ps {
		p := ps[(s.X+i)%len(ps)]
		if p.Kind != protocol.Ordinary {
			continue
		}
		if did := n.say(&protocol.Endorse{Config: p.ID}); did != "" {
			return did + " of " + n.w.name(p.ID)
		}
	}
	return ""
}

// rekey is recover by choice, not where the daemon has yet to catch up.
func (n *Node) rekey(s Step) string {
	if n.mute {
		return ""
	}
	return n.recover(s)
}

// maxRecoveries is how often an organisation takes another key: its chain fits a
// card, and each certificate is large.
const maxRecoveries = 4

// recover takes another key in place of the one in use, which is revoked: two acts
// of the root, and the entry by which the new key brings them into the case. Odd X
// sets a cut at what the daemon itself wrote.
func (n *Node) recover(s Step) string {
	old := n.Kid
	if n.thief() || n.w.recovered[n.org] >= maxRecoveries {
		return ""
	}
	revoke, err := n.Org.RevokeDaemon(n.Root, old, 1)
	if err != nil {
		return ""
	}
	org, err := n.Org.Extend(revoke)
	if err != nil {
		panic("sim: a revocation of our own does not verify")
	}
	n.w.revocations[string(revoke)] = old
	n.w.recovered[n.org]++
	n.Org = org
	n.key++
	n.Certify(keyName(org.Name, n.key), identity.CapWrite, identity.CapConsent, identity.CapSteward, identity.CapInvite)
	n.Use(keyName(org.Name, n.key))
	n.mute, n.old = false, false
	m := &protocol.Ident{Events: n.Org.Events[len(n.Org.Events)-2:]}
	if s.X%2 == 1 {
		m.Cut = n.cut(old)
	}
	if did := n.say(m); did != "" {
		return did
	}
	return "on its card"
}

// cut says that of the old key what the daemon itself holds on disk stands, up to
// where the feed forks.
func (n *Node) cut(old id.Kid) []byte {
	cut := identity.Cut{Case: n.w.caseID, Kid: old}
	for _, e := range n.disk {
		if e.Kid == old && e.Control() && n.w.pool.author[n.w.pool.at[e.ID]] == n.end {
			cut.At = &identity.CutPlace{Seq: e.Seq, Entry: e.ID}
		}
	}
	return identity.SealCut(n.Root, cut)
}

// recoverLater lets people recover once the daemon has caught up with somebody, by
// the transport key that it has: where the case does not know the new one yet,
// nobody would serve it.
func (n *Node) recoverLater() {
	life, heard := n.life, n.haves
	n.w.after(2*n.w.Script.Every+n.w.draw(n.end, n.end, n.w.Script.Every), func() {
		switch {
		case !n.up || n.life != life || !n.mute:
		case n.haves < heard+2 && len(n.disk) > 0 && n.w.now < n.w.Script.End:
			n.recoverLater()
		default:
			n.w.blind[n.org] = n.w.blind[n.org] || n.forgets()
			n.w.note(n, "recovers: %s", n.recover(Step{X: int(n.w.draw(n.end, n.end, 2))}))
		}
	})
}

// forgets says whether the organisation has cast a vote that the node lacks, and so
// does every other that could tell it.
func (n *Node) forgets() bool {
	tells := func(m *Node, x id.EntryID) bool {
		return m.up && !m.hostile && m.Held[x] != nil && (m == n || n.w.net.linked[n.end][m.end])
	}
	for i, e := range n.w.pool.all {
		if _, vote := n.w.pool.msgs[i].(*protocol.Endorse); vote && n.w.cast.owner(e.Kid) == n.Org.ID &&
			!slices.ContainsFunc(n.w.Nodes, func(m *Node) bool { return tells(m, e.ID) }) {
			return true
		}
	}
	return false
}

func (n *Node) crashes(s Step) string {
	n.crash(Hour * uint64(1+s.X%24))
	return fmt.Sprintf("for %d h", 1+s.X%24)
}

// restore puts an old copy in place of the store. The key stays unused until
// people have made another: the store's generation says so.
func (n *Node) restore(s Step) string {
	if len(n.disk) == 0 || n.hostile {
		return ""
	}
	n.disk = slices.Clone(n.disk[:1+s.X%len(n.disk)])
	n.up, n.before, n.pinned = false, "", nil
	n.start()
	if n.w.Script.Fault == RestoresItsKey {
		return "and goes on with its key"
	}
	n.mute, n.old = true, true
	n.w.restored[n.org] = true
	if n.w.Script.Fault == GoesOnAtOnce {
		n.recover(Step{})
	} else {
		n.recoverLater()
	}
	return fmt.Sprintf("a copy with %d entries", len(n.disk))
}

// skews is a clock that jumps: by minutes, an hour or ten years, either way, or back to
// what is right.
func (n *Node) skews(s Step) string {
	by := []int64{0, 7 * 60_000, int64(Hour), int64(13 * Hour), 3653 * int64(Day)}[s.X%5]
	if s.Y%2 == 1 {
		by = -by
	}
	n.skew = by
	return fmt.Sprintf("by %d s", by/1000)
}
