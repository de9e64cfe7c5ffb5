package protocol

import (
	"crypto/ed25519"

	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Part is what of an entry is to be sent. The entry itself is its header; a
// control entry has nothing else.
type Part uint8

// The parts of an entry.
const (
	Header Part = 1
	Body   Part = 2 // the sealed body or its key
)

// Recipient is the peer at the other end of a connection.
type Recipient struct {
	Org       id.OrgID
	Key       ed25519.PublicKey // its transport key, as the connection proved it
	Directory *identity.Org     // the newest chain the directory has; nil: none
}

// Local is what this daemon alone knows of the moment at which it sends.
type Local struct {
	Us           id.OrgID
	Now          uint64 // Unix seconds, our clock
	Hold         bool   // a person holds everything back from the recipient's organisation
	Erased       bool   // the case is erased here
	BodyHere     bool   // body and key are here and not erased
	StewardHeard uint64 // Unix seconds at which a steward was last heard; 0: unknown
}

// Lease is how long bodies flow after a steward was last heard, in seconds.
const Lease = 21 * 24 * 3600

// Decision is MaySend's answer.
type Decision struct {
	Send bool
	Gate string // the gate that decided: G0 .. G9 (spec/protocol.md §5.2)
}

// MaySend says whether a part of a folded entry may go to a peer. It is asked as
// the frame is written, with everything stored folded, and it is the only way
// out for a case's bytes (spec/protocol.md §5.2).
func (c *Case) MaySend(x id.EntryID, part Part, to Recipient, here Local) Decision {
	no := func(gate string) Decision { return Decision{Gate: gate} }
	n, seq := c.find(x)
	if n == nil || here.Hold || here.Erased {
		return no("G0")
	}
	o := c.orgs[to.Org]
	daemon, shown := c.certified(o, to, here.Now)
	if daemon == nil || !shown && !n.control() {
		return no("G1")
	}
	if !c.member(o) || c.forked[daemon.Kid] {
		// The removed one is told of it, nothing more; who forked, what its key wrote.
		own := c.member(o) && n.kid == daemon.Kid && (n.control() || c.State() == StateOK)
		return Decision{Send: part == Header && (own || c.told(o, n)), Gate: "G3"}
	}
	if n.control() {
		return Decision{Send: part == Header, Gate: "G3"}
	}
	switch {
	case c.State() != StateOK:
		return no("G4")
	case !c.reads(o, n.comp):
		return no("G5")
	case !c.within(o, n, seq):
		return no("G6")
	case part == Header:
		return Decision{Send: true, Gate: "G6"}
	case n.agr == nil || !c.covered(o, c.terms.all[*n.agr]):
		return no("G7")
	case !here.BodyHere:
		return no("G8")
	case !c.leased(o, here):
		return no("G9")
	}
	return Decision{Send: true, Gate: "G9"}
}

// certified is gate G1: the peer's daemon, where its key is in an unexpired, unrevoked
// certificate of its organisation, by the case and by the directory where it knows better;
// else nil. Not shown: the case has not heard of the certificate, and the directory has, in
// a chain that goes on from what the case shows. Control entries go to it, or two organisations
// that have changed their keys while apart could never tell each other.
func (c *Case) certified(o *org, to Recipient, now uint64) (d *identity.Daemon, shown bool) {
	if o == nil {
		return nil, false
	}
	view, suspect := o.viewIn(c, c.all)
	if view == nil || suspect {
		return nil, false
	}
	in, shown := view.ByPeer(to.Key)
	shown = shown && in.InForce(now)
	if to.Directory == nil {
		if !shown {
			return nil, false
		}
		return &in, true
	}
	newest, ok := to.Directory.ByPeer(to.Key)
	if !ok || to.Directory.ID != o.id || !newest.InForce(now) || !shown && !to.Directory.Extends(view) {
		return nil, false
	}
	return &newest, shown && in.Kid == newest.Kid
}

// told is the second half of gate G3: n is an honoured removal of o or a control
// entry in the past of one.
func (c *Case) told(o *org, n *node) bool {
	if !n.control() {
		return false
	}
	for _, k := range o.kills {
		if k.kind.typ == removeKind.typ && k.past.has(n) {
			return true
		}
	}
	return false
}

// reads is gate G5.
func (c *Case) reads(o *org, comp id.Comp) bool {
	if comp == id.Everyone {
		return true
	}
	room := c.comps[comp]
	if room == nil || !room.honoured() {
		return false
	}
	return room.msg.(*Compartment).has(o.id)
}

// leased is gate G9.
func (c *Case) leased(o *org, here Local) bool {
	return c.steward(o.id) || c.steward(here.Us) || Leased(here.StewardHeard, here.Now)
}

// Leased says whether bodies flow between organisations that are no stewards, where a
// steward was heard last at heard, and now is now, both Unix seconds (gate G9). A clock
// that stepped back, or an unknown time (0), counts as expired.
func Leased(heard, now uint64) bool { return heard > 0 && heard <= now && now-heard <= Lease }

// Removed lists the honoured removals of an organisation that is no member: what
// it is told.
func (c *Case) Removed(o id.OrgID) (removals []id.EntryID) {
	x := c.orgs[o]
	if x == nil || c.member(x) {
		return nil
	}
	for _, k := range x.kills {
		if k.kind.typ == removeKind.typ {
			removals = append(removals, k.id)
		}
	}
	return removals
}
