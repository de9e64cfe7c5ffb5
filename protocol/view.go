package protocol

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// The states of a case.
const (
	StateOK       = "ok"
	StateUpgrade  = "upgrade-needed" // a config names rules that this version does not know
	StateConflict = "conflict"       // the chain of configs left the one that this daemon acted under
)

// Participant is an organisation that was ever admitted, as the case has it now.
type Participant struct {
	Org      id.OrgID
	Name     string
	Roles    []Role // of its live admissions; of all it had when it is gone
	RM       RM
	VFD      string // vfd..VFD of a vendor, d or D of a deployer, "" of others
	Consent  Consent
	AnswerBy uint64 // until when an invited or lapsed one is asked to answer: Unix milliseconds; 0 for ever
	Admitted bool   // false: it was removed or left
	Suspect  bool   // its root signed two identity events at one index
	Steward  bool
	Addrs    []string // where its daemons say they are reached
}

// Assertion is a claim as the case has it.
type Assertion struct {
	ID        id.EntryID
	Org       id.OrgID
	What      What
	Confirmed bool // what it claims is: by a steward or by two organisations
	Refuted   bool // a steward says that it is wrong; means nothing once confirmed
}

// Room is a compartment.
type Room struct {
	Comp    id.Comp
	By      id.OrgID
	Readers []id.OrgID // sorted
}

// ID is the case's id; zero before genesis.
func (c *Case) ID() id.CaseID { return c.id }

// Len is the number of entries folded.
func (c *Case) Len() int { return c.len }

// State is StateOK, StateUpgrade or StateConflict.
func (c *Case) State() string {
	if c.pinned != nil && c.link(*c.pinned) < 0 {
		return StateConflict
	}
	if c.tip().Rules > Rules {
		return StateUpgrade
	}
	return StateOK
}

// Config is the one in force.
func (c *Case) Config() Config { return *c.tip() }

// Stewards lists them in rank order.
func (c *Case) Stewards() []id.OrgID { return slices.Clone(c.tip().Stewards) }

// Opener is the organisation that opened the case; ok is false before genesis.
func (c *Case) Opener() (o id.OrgID, ok bool) {
	if c.opener == nil {
		return o, false
	}
	return c.opener.id, true
}

// Member says whether an organisation is admitted now.
func (c *Case) Member(o id.OrgID) bool { return c.member(c.orgs[o]) }

// Admission is the latest live admit of a member: what a newcomer is pointed to.
func (c *Case) Admission(o id.OrgID) (e id.EntryID, ok bool) {
	live := c.orgOrNone(o).liveIn(c.all)
	if len(live) == 0 {
		return e, false
	}
	return slices.MaxFunc(live, func(a, b *node) int { return mark{a, 0}.compare(mark{b, 0}) }).id, true
}

// Roles are those of an organisation by its live admissions, sorted.
func (c *Case) Roles(o id.OrgID) []Role { return c.orgOrNone(o).rolesIn(c.all) }

// Departures is how often an organisation was removed or left. What invited it before
// the last of them brings it back no more.
func (c *Case) Departures(o id.OrgID) int { return len(c.orgOrNone(o).kills) }

// Salt opens the case commitments of invitations of a member, so that it can tell the
// case: the salt by which it was admitted last; the genesis's nonce if it was named a
// steward without (spec/identity.md §5.4.1). ok is false for who is no member.
func (c *Case) Salt(o id.OrgID) (salt [32]byte, ok bool) {
	if !c.Member(o) {
		return salt, false
	}
	if e, live := c.Admission(o); live {
		if m, admitted := c.nodes[e].msg.(*Admit); admitted {
			return m.Salt, true
		}
	}
	return c.nodes[id.EntryID(c.id)].msg.(*Genesis).Nonce, true
}

// Size is how many bytes an entry and its sealed body have.
func Size(e *entry.Sealed) uint64 {
	n := uint64(len(e.Raw))
	if e.Body != nil {
		n += e.Body.Size
	}
	return n
}

// Sizes are how many bytes each key has written, refused or not, with bodies whether
// or not they are here.
func (c *Case) Sizes() map[id.Kid]uint64 { return maps.Clone(c.sizes) }

// OrgOf is the organisation that a key writes for, by everything folded.
func (c *Case) OrgOf(kid id.Kid) (o id.OrgID, ok bool) {
	x, _ := c.holder(kid, c.all)
	if x == nil {
		return o, false
	}
	return x.id, true
}

// Keys is how many keys the case certifies, or has certified; it only grows.
func (c *Case) Keys() int { return len(c.certs) }

// Owners are whose they are (OrgOf); a key that two organisations claim may be nobody's.
func (c *Case) Owners() map[id.Kid]id.OrgID {
	of := make(map[id.Kid]id.OrgID, len(c.certs))
	for kid := range c.certs {
		if o, ok := c.OrgOf(kid); ok {
			of[kid] = o
		}
	}
	return of
}

// Org is an organisation's chain as the case shows it. In a case nothing else
// counts.
func (c *Case) Org(o id.OrgID) (*identity.Org, bool) {
	view, _ := c.orgOrNone(o).viewIn(c, c.all)
	return view, view != nil
}

// Agreement finds an agreement of the case by name.
func (c *Case) Agreement(a id.AgrID) (Agreement, Record, bool) {
	g := c.terms.all[a]
	if g == nil {
		return Agreement{}, Record{}, false
	}
	return g.Agreement, g.Record, true
}

// Participants lists the stewards by rank, then others by their first admission.
func (c *Case) Participants() []Participant {
	var os []*org
	for _, o := range c.orgs {
		if len(o.admits) > 0 {
			os = append(os, o)
		}
	}
	slices.SortFunc(os, c.compareOrgs)
	ps, e := make([]Participant, len(os)), c.Embargo()
	for i, o := range os {
		ps[i] = c.participant(o, &e)
	}
	return ps
}

// Orgs are the organisations of Participants, in no order and at less cost: who was
// admitted at any time.
func (c *Case) Orgs() []id.OrgID {
	os := make([]id.OrgID, 0, len(c.orgs))
	for _, o := range c.orgs {
		if len(o.admits) > 0 {
			os = append(os, o.id)
		}
	}
	return os
}

// Voiced are the organisations that have a voice, in no order: who was admitted once
// under a certified config, or is named steward by one, whatever became of that
// (spec/authority.md §5). All of Orgs are among them.
func (c *Case) Voiced() []id.OrgID {
	os := make([]id.OrgID, 0, len(c.orgs))
	for _, o := range c.orgs {
		if len(o.named) > 0 || slices.ContainsFunc(o.voice, func(n *node) bool { return c.configs[*n.cfg].certified }) {
			os = append(os, o.id)
		}
	}
	return os
}

func (c *Case) compareOrgs(a, b *org) int {
	return cmp.Or(cmp.Compare(c.stewardRank(a.id), c.stewardRank(b.id)),
		cmp.Compare(a.firstLC(), b.firstLC()), compareOrgs(a.id, b.id))
}

// stewardRank is an organisation's rank; MaxStewards for who is none.
func (c *Case) stewardRank(o id.OrgID) int {
	if i := slices.Index(c.tip().Stewards, o); i >= 0 {
		return i
	}
	return MaxStewards
}

func (o *org) firstLC() uint64 {
	lc := ^uint64(0)
	for _, a := range o.admits {
		lc = min(lc, a.lc)
	}
	return lc
}

func (c *Case) participant(o *org, e *Embargo) Participant {
	view, suspect := o.viewIn(c, c.all)
	p := Participant{Org: o.id, Roles: o.rolesIn(c.all), RM: RM(o.rm.last()),
		Admitted: c.member(o), Suspect: suspect, Steward: c.steward(o.id)}
	p.Consent, p.AnswerBy = c.consent(o, e)
	if len(p.Roles) == 0 {
		p.Roles = o.rolesOnce()
	}
	if view != nil {
		p.Name = view.Name
		p.Addrs = o.addresses(view)
	}
	p.VFD = vfd(p.Roles, o.fix.last())
	return p
}

// rolesOnce are the roles of all admits, for who is gone.
func (o *org) rolesOnce() (roles []Role) {
	for _, a := range o.admits {
		roles = append(roles, a.roles()...)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// vfd writes an organisation's own part of the case state.
func vfd(roles []Role, written uint8) string {
	switch {
	case slices.ContainsFunc(roles, Role.Vendor):
		return fixIn(written, true).vfd()
	case slices.Contains(roles, Deployer) && Fix(written) == FixDeployed:
		return "D"
	case slices.Contains(roles, Deployer):
		return "d"
	}
	return ""
}

// CS is the case state: vfd of the admitted vendor that is least far, then what
// is confirmed of public, exploit, attack.
func (c *Case) CS() string {
	least := FixDeployed + 1
	for _, o := range c.orgs {
		if c.member(o) && slices.ContainsFunc(o.rolesIn(c.all), Role.Vendor) {
			least = min(least, fixIn(o.fix.last(), true))
		}
	}
	if least > FixDeployed {
		least = FixNone
	}
	cs := []byte(least.vfd())
	for i, w := range []What{Public, Exploit, Attack} {
		b := "pxa"[i : i+1]
		if c.confirmed(w) {
			b = strings.ToUpper(b)
		}
		cs = append(cs, b...)
	}
	return string(cs)
}

// Claims lists the claims that count, in display order.
func (c *Case) Claims() []Assertion {
	ns := slices.Clone(c.claims)
	slices.SortFunc(ns, c.compareNodes)
	out := make([]Assertion, len(ns))
	for i, n := range ns {
		w := n.msg.(*Claim).What
		out[i] = Assertion{ID: n.id, Org: n.org.id, What: w, Confirmed: c.confirmed(w), Refuted: c.refuted(n)}
	}
	return out
}

// Compartments lists the open ones by id.
func (c *Case) Compartments() []Room {
	rooms := make([]Room, 0, len(c.comps))
	for comp, n := range c.comps {
		rooms = append(rooms, Room{Comp: comp, By: n.org.id, Readers: n.msg.(*Compartment).Readers})
	}
	slices.SortFunc(rooms, func(a, b Room) int { return bytes.Compare(a.Comp[:], b.Comp[:]) })
	return rooms
}

// Readers lists who reads a compartment now: members only. For Everyone that is
// every member; nil for one that is not open.
func (c *Case) Readers(comp id.Comp) (readers []id.OrgID) {
	for _, o := range c.orgs {
		if c.member(o) && c.reads(o, comp) {
			readers = append(readers, o.id)
		}
	}
	slices.SortFunc(readers, compareOrgs)
	return readers
}

// Before is the display order of two folded entries, for people only: Lamport
// number, then steward rank and first admission of the author, kid, compartment
// and seq.
func (c *Case) Before(a, b id.EntryID) bool {
	x, i := c.find(a)
	y, j := c.find(b)
	if x == nil || y == nil {
		return false
	}
	v, w := x.entry(i), y.entry(j)
	return c.compareNodes(&v, &w) < 0
}

func (c *Case) compareNodes(x, y *node) int {
	byOrg := 0
	if x.org != nil && y.org != nil {
		byOrg = c.compareOrgs(x.org, y.org)
	}
	return cmp.Or(cmp.Compare(x.lc, y.lc), byOrg, bytes.Compare(x.kid[:], y.kid[:]),
		bytes.Compare(x.comp[:], y.comp[:]), cmp.Compare(x.seq, y.seq), bytes.Compare(x.id[:], y.id[:]))
}

// Digest is SHA-256 over the sorted ids of all control entries, refused and
// forked ones included: equal digests are equal folds of the control plane.
func (c *Case) Digest() [32]byte {
	ids := make([]id.EntryID, 0, len(c.order))
	for _, n := range c.order {
		if n.control() {
			ids = append(ids, n.id)
		}
	}
	slices.SortFunc(ids, func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	for _, x := range ids {
		h.Write(x[:])
	}
	return [32]byte(h.Sum(nil))
}
