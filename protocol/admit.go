package protocol

import (
	"slices"

	"cordon/protocol/admission"
	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Admit makes an organisation a member: a steward's word over the invite that
// asked it and the accept with which it signed the agreement. From here on the
// case's bytes may go to it.
type Admit struct {
	Invite []byte
	Accept []byte
	Salt   [32]byte // opens the case commitment of both
	Hist   []Anchor // by key; nil: it is given all history
	Card   []byte   // of the admitted organisation

	invite *admission.Invite // set by the check
	accept *admission.Accept
	addrs  []string // of the card
	from   id.Kid   // whose card it is
}

var admitKind = kind{
	typ: 4, name: "admit", cap: identity.CapSteward, who: inForce,
	make: func() Message { return new(Admit) }, once: checkAdmit, enter: enterAdmit,
	check: checkTerms, holds: admitHolds, standing: true,
}

// Type is the kind's number.
func (*Admit) Type() entry.Type { return admitKind.typ }

func (m *Admit) fields() []field {
	return []field{
		bytesOf(1, &m.Invite),
		bytesOf(2, &m.Accept),
		hash(3, &m.Salt),
		listOf(4, &m.Hist, 0, MaxAnchors, readAnchor, writeAnchor).Optional(func() bool { return m.Hist != nil }),
		bytesOf(5, &m.Card),
	}
}

// Role is what the organisation is admitted as, by the invite; zero where the
// case did not verify it.
func (m *Admit) Role() Role {
	if m.invite == nil {
		return 0
	}
	return Role(m.invite.Role)
}

// Invitee is the admitted organisation; zero where the case did not verify the invite.
func (m *Admit) Invitee() id.OrgID {
	if m.invite == nil {
		return id.OrgID{}
	}
	return m.invite.Invitee
}

// checkAdmit judges by the entry's past alone (spec/kinds.md, admit).
func checkAdmit(c *Case, n *node) *Refusal {
	if r := cites(c, n); r != nil {
		return r
	}
	if r := c.carry(n, 3); r != nil { // the invite's, the accept's, the card's
		return r
	}
	m := n.msg.(*Admit)
	if !inOrder(m.Hist, Anchor.compare) || slices.ContainsFunc(m.Hist, func(a Anchor) bool { return !inOrder(a.Past, compareEntries) }) {
		return refuse("bad-admit", "the anchors, or the past of one of them, are not sorted and unique")
	}
	if r := m.open(c, n); r != nil {
		return r
	}
	if !m.accept.Answers(m.invite) {
		return refuse("accept-mismatch", "the accept answers another invite, or another role or agreement")
	}
	if !admission.Opens(m.invite.Commitment, c.id, m.Salt) {
		return refuse("accept-other-case", "the invite and the accept are of another case")
	}
	return nil
}

// checkTerms asks that the accept signs what was in force in the admit's past.
func checkTerms(c *Case, n *node) *Refusal {
	m := n.msg.(*Admit)
	if now := c.currentIn(n.past); m.invite.Agr != now.id {
		return refuse("agreement-not-current", "the accept signs an agreement that is not the one in force: invite again")
	}
	if n.own && slices.Contains(c.orgOrNone(m.Invitee()).rolesIn(n.past), m.Role()) {
		return refuse("role-already", "the organisation has this role in the case already")
	}
	return nil
}

// enterAdmit notes what the accept proves, whoever has power.
func enterAdmit(c *Case, n *node) {
	m := n.msg.(*Admit)
	o := c.orgOf(m.Invitee())
	c.proves(m.accept.Kid, o, n)
	o.voice = append(o.voice, n)
	x := c.configs[*n.cfg]
	x.voices = append(x.voices, o.id)
	for i, a := range m.Hist {
		c.given[a.Entry] = append(c.given[a.Entry], given{n, i})
	}
	m.Invite, m.Accept, m.Card = nil, nil, nil // verified, and large
}

// open verifies the three objects with the keys that the entry's past shows.
func (m *Admit) open(c *Case, n *node) *Refusal {
	inviter, err := admission.ParseInviter(m.Invite)
	if err != nil {
		return refuse("bad-invite", "the invite is not well formed: %v", err)
	}
	f := c.configs[*n.cfg]
	from, _ := c.orgOrNone(inviter).viewIn(c, n.past)
	if from == nil || !f.steward(inviter) {
		return refuse("bad-invite", "the invite is not of a steward of the case")
	}
	if m.invite, err = admission.OpenInvite(m.Invite, from); err != nil {
		return refuse("bad-invite", "the invite does not verify: %v", err)
	}
	to, suspect := c.orgOrNone(m.invite.Invitee).viewIn(c, n.past)
	if to == nil {
		return refuse("identity-unknown", "the invitee's identity events are not in the entry's past: write an ident entry first")
	}
	if suspect {
		return refuse("identity-suspect", "the invitee's root signed two identity events at one index: settle with it which one holds")
	}
	if m.accept, err = admission.OpenAccept(m.Accept, to); err != nil {
		return refuse("bad-accept", "the accept does not verify by the identity events in the entry's past: %v", err)
	}
	card, err := identity.OpenCardBy(m.Card, func(events [][]byte) (*identity.Org, error) { return c.shown(events, n.past) })
	if err != nil {
		return refuse("bad-card", "the card does not verify by the identity events in the entry's past: %v", err)
	}
	if card.Org.ID != to.ID {
		return refuse("bad-card", "the card is another organisation's")
	}
	m.addrs, m.from = card.Addrs, card.Kid
	return nil
}

// admitHolds also refuses an accept that an honoured admit in the past has used:
// who left or was removed comes back by a new invitation only.
func admitHolds(c *Case, n *node) *Refusal {
	if r := empowered(c, n); r != nil {
		return r
	}
	m := n.msg.(*Admit)
	if slices.ContainsFunc(c.orgOrNone(m.Invitee()).used[m.accept.ID], n.past.has) {
		return refuse("accept-used", "this accept has admitted the organisation before: invite again")
	}
	return nil
}

func (m *Admit) apply(c *Case, n *node) {
	c.act(n)
	if !n.honoured() {
		return
	}
	o := c.orgOf(m.Invitee())
	o.admit(n)
	if o.used == nil {
		o.used = map[[32]byte][]*node{}
	}
	o.used[m.accept.ID] = append(o.used[m.accept.ID], n)
	c.yes(c.terms.all[m.accept.Agr], o, n)
}

// admit records an honoured admit. Who was no member in its past starts anew in
// the report states: at accepted a reporter, at received others.
func (o *org) admit(n *node) {
	if !o.memberIn(n.past) {
		start := RMReceived
		if slices.Contains(n.roles(), Reporter) {
			start = RMAccepted
		}
		o.rm.put(mark{n, uint8(start)})
	}
	o.admits = append(o.admits, n)
	roles := n.roles()
	if len(roles) == 0 { // a config
		roles = []Role{0}
	}
	for _, r := range roles {
		o.seats.put(n, r)
	}
}

func readRole(r *canon.Reader, v *Role) error {
	n, err := r.Uint()
	if err != nil || n < uint64(Reporter) || n > uint64(Observer) {
		return errMalformed
	}
	*v = Role(n)
	return nil
}

func (m *Admit) needs(c *Case) []id.EntryID {
	needs := ids(c.inForceBy())
	if card, err := identity.OpenCard(m.Card); err == nil {
		o := c.orgOrNone(card.Org.ID)
		needs = append(needs, ids(o.kills, o.root.carriers())...)
	}
	return needs
}

func (m *Admit) says(c *Case) (what, about string) {
	inviter, err := admission.ParseInviter(m.Invite)
	if err != nil {
		return "", ""
	}
	from, ok := c.Org(inviter)
	if !ok {
		return "", ""
	}
	i, err := admission.OpenInvite(m.Invite, from)
	if err != nil {
		return "", ""
	}
	return Role(i.Role).String(), i.Invitee.String()
}
