package protocol

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Address says where the author, one of its organisation's daemons, is reached from
// now on.
type Address struct {
	Addrs []string // multiaddrs without /p2p
}

var addressKind = kind{
	typ: 8, name: "address", cap: identity.CapWrite, who: byMember,
	make: func() Message { return new(Address) }, check: checkAddress,
}

// Type is the kind's number.
func (*Address) Type() entry.Type { return addressKind.typ }

func (m *Address) fields() []field {
	return []field{listOf(1, &m.Addrs, 1, MaxAddrs,
		func(r *canon.Reader, s *string) error { return readText(r, s, MaxAddr) },
		func(s string) any { return s })}
}

func checkAddress(c *Case, n *node) *Refusal {
	if err := identity.CheckAddrs(n.msg.(*Address).Addrs); err != nil {
		return refuse("bad-address", "an address is not usable: %v", err)
	}
	return nil
}

// apply keeps the daemon's latest by the order of registers. On two branches of a
// feed entries may differ in what they say alone.
func (m *Address) apply(c *Case, n *node) {
	if n.org.addrs == nil {
		n.org.addrs = map[id.Kid]*node{}
	}
	now := n.org.addrs[n.kid]
	if now == nil || cmp.Or((mark{now, 0}).compare(mark{n, 0}), slices.Compare(now.msg.(*Address).Addrs, m.Addrs)) < 0 {
		n.org.addrs[n.kid] = n
	}
}

// said is the entry that says where each daemon is reached: its own last address
// entry, else the admit with its card.
func (o *org) said() map[id.Kid]*node {
	by := maps.Clone(o.addrs)
	if by == nil {
		by = map[id.Kid]*node{}
	}
	for _, a := range o.admits {
		m, ok := a.msg.(*Admit)
		if !ok || o.addrs[m.from] != nil {
			continue
		}
		if now := by[m.from]; now == nil || (mark{now, 0}).compare(mark{a, 0}) < 0 {
			by[m.from] = a
		}
	}
	return by
}

// reached are the addresses that an entry says.
func (n *node) reached() []string {
	switch m := n.msg.(type) {
	case *Address:
		return m.Addrs
	case *Admit:
		return m.addrs
	}
	return nil
}

// addresses are those of all unrevoked daemons, none twice, the latest said first.
func (o *org) addresses(view *identity.Org) (addrs []string) {
	by := o.said()
	kids := slices.SortedFunc(maps.Keys(by), func(a, b id.Kid) int {
		return cmp.Or((mark{by[b], 0}).compare(mark{by[a], 0}), bytes.Compare(a[:], b[:]))
	})
	for _, kid := range kids {
		if d, ok := view.Daemon(kid); !ok || d.Revoked {
			continue
		}
		for _, a := range by[kid].reached() {
			if !slices.Contains(addrs, a) {
				addrs = append(addrs, a)
			}
		}
	}
	return addrs
}

// Addrs is where the daemons of an organisation say that they are reached.
func (c *Case) Addrs(o id.OrgID) []string {
	x := c.orgOrNone(o)
	if view, _ := x.viewIn(c, c.all); view != nil {
		return x.addresses(view)
	}
	return nil
}

// Reached is where one daemon says that it is reached.
func (c *Case) Reached(kid id.Kid) []string {
	o, _ := c.holder(kid, c.all)
	if o == nil {
		return nil
	}
	if n := o.said()[kid]; n != nil {
		return n.reached()
	}
	return nil
}
