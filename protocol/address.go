package protocol

import (
	"cmp"
	"slices"

	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/identity"
)

// Address says where the author's organisation is reached from now on.
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

// apply keeps the latest by the order of registers. On two branches of a feed
// entries may differ in what they say alone.
func (m *Address) apply(c *Case, n *node) {
	now := n.org.addrs
	if now == nil || cmp.Or((mark{now, 0}).compare(mark{n, 0}), slices.Compare(now.msg.(*Address).Addrs, m.Addrs)) < 0 {
		n.org.addrs = n
	}
}
