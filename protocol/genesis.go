package protocol

import (
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Genesis opens a case. Its author is the first steward, and signatory of terms
// 0 by writing it.
type Genesis struct {
	Nonce  [32]byte
	Events [][]byte // the opener's identity events, to the certificate of the signing daemon
	Config Config   // C0
	Terms  Agreement
	Roles  []Role // of the opener, sorted

	chain grown // of Events; set by the check
}

var genesisKind = kind{
	typ: entry.TypeGenesis, name: "genesis", cap: identity.CapSteward,
	make: func() Message { return new(Genesis) }, once: checkGenesis, enter: enterGenesis,
	check: checkOwnGenesis, standing: true,
}

// NewGenesis is the genesis of a case that opener opens, as its only steward.
// The nonce is drawn at random: it makes the case's id.
func NewGenesis(nonce [32]byte, opener *identity.Org, terms Agreement, roles ...Role) *Genesis {
	roles = slices.Clone(roles)
	slices.Sort(roles)
	return &Genesis{Nonce: nonce, Events: opener.Events, Terms: terms, Roles: slices.Compact(roles),
		Config: Config{Stewards: []id.OrgID{opener.ID}, Quorum: 1, Rules: Rules, Kind: Ordinary}}
}

// Type is the kind's number.
func (*Genesis) Type() entry.Type { return genesisKind.typ }

func (m *Genesis) fields() []field {
	return []field{
		hash(1, &m.Nonce),
		blobsOf(2, &m.Events, 1, identity.MaxEvents),
		mapOf(3, m.Config.fields()),
		mapOf(4, m.Terms.fields()),
		rolesOf(5, &m.Roles),
	}
}

func checkGenesis(c *Case, n *node) (r *Refusal) {
	m := n.msg.(*Genesis)
	if m.chain, r = c.trace(m.Events, n.past); r != nil {
		return r
	}
	if m.chain, r = c.verify(m.chain); r != nil {
		return r
	}
	if m.chain.from != nil {
		return refuse("bad-identity", "a genesis carries the opener's identity events from the first on")
	}
	view := m.chain.orgs[len(m.chain.orgs)-1]
	d, ok := view.Daemon(n.kid)
	if !ok || d.Revoked || !d.Can(identity.CapSteward) || !d.Can(identity.CapWrite) {
		return refuse("key-not-certified", "the genesis is not signed by a daemon of its opener with caps write and steward")
	}
	if r := m.opens(view.ID); r != nil {
		return r
	}
	rec, err := m.Terms.Open()
	if err != nil {
		return err.(*Refusal)
	}
	if rec.Parent != nil {
		return refuse("bad-agreement", "terms 0 have no parent")
	}
	return nil
}

func checkOwnGenesis(_ *Case, n *node) *Refusal {
	rec, _ := n.msg.(*Genesis).Terms.Open() // judged before
	if n.own && rec.End != nil && n.t >= *rec.End {
		return refuse("end-in-past", "the embargo would end before the case opens: give a later end")
	}
	return nil
}

// opens judges C0 and the roles.
func (m *Genesis) opens(opener id.OrgID) *Refusal {
	f := &m.Config
	if len(f.Stewards) != 1 || f.Stewards[0] != opener || f.N != 0 || f.Quorum != 1 || f.Kind != Ordinary ||
		f.Parent != nil || f.Basis != nil || f.Cuts != nil || f.Heads != nil || f.Lapsed != nil {
		return refuse("bad-config", "the first config of a case names its opener as the one steward")
	}
	if !slices.IsSorted(m.Roles) || len(slices.Compact(slices.Clone(m.Roles))) != len(m.Roles) {
		return refuse("bad-genesis", "the opener's roles are not sorted and unique")
	}
	return nil
}

func enterGenesis(c *Case, n *node) {
	m := n.msg.(*Genesis)
	c.show(m.chain, n)
	rec, _ := m.Terms.Open() // judged by the check
	c.terms.add(m.Terms, rec, n)
	c.opener = c.orgs[m.chain.org]
	n.org = c.opener
	c.proves(n.kid, n.org, n)
	c.register(&m.Config, n)
	c.follow(0, []*config{c.configs[n.id]})
	c.firm = len(c.chain) + 1
}

// apply counts genesis as the honoured admit of its author's organisation.
func (m *Genesis) apply(c *Case, n *node) {
	n.org.admit(n)
	c.yes(c.terms.root, n.org, n)
}

// rolesOf is a list of roles.
func rolesOf(key uint64, v *[]Role) field {
	return listOf(key, v, 1, int(Observer), readRole, func(r Role) any { return uint64(r) })
}
