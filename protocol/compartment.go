package protocol

import (
	"bytes"
	"slices"
	"sort"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Compartment opens a room for content of a fixed set of organisations. Its id
// is the compartment's; another set of readers is another compartment.
type Compartment struct {
	Readers []id.OrgID // sorted, unique, the author's organisation among them
}

var compartmentKind = kind{
	typ: 9, name: "compartment", cap: identity.CapWrite, who: byMember,
	make: func() Message { return new(Compartment) }, check: checkCompartment,
}

// NewCompartment is the compartment of these readers.
func NewCompartment(readers ...id.OrgID) *Compartment {
	rs := slices.Clone(readers)
	slices.SortFunc(rs, compareOrgs)
	return &Compartment{Readers: slices.Compact(rs)}
}

func compareOrgs(a, b id.OrgID) int { return bytes.Compare(a[:], b[:]) }

func compareEntries(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) }

// has says whether an organisation reads the compartment.
func (m *Compartment) has(o id.OrgID) bool {
	_, found := slices.BinarySearchFunc(m.Readers, o, compareOrgs)
	return found
}

// Type is the kind's number.
func (*Compartment) Type() entry.Type { return compartmentKind.typ }

func (m *Compartment) fields() []field {
	return []field{orgsOf(1, &m.Readers, 1, MaxReaders)}
}

func checkCompartment(c *Case, n *node) *Refusal {
	m := n.msg.(*Compartment)
	for i := 1; i < len(m.Readers); i++ {
		if compareOrgs(m.Readers[i-1], m.Readers[i]) >= 0 {
			return refuse("bad-compartment", "the readers are not sorted and unique")
		}
	}
	if !m.has(n.org.id) {
		return refuse("author-not-a-reader", "who opens a compartment is one of its readers")
	}
	opened := 0
	among(c, n.org.opened, n.past, func(ks []id.Seq, seen id.Seq) {
		opened += sort.Search(len(ks), func(i int) bool { return ks[i] >= seen })
	})
	if opened >= MaxCompartments {
		return refuse("too-many-compartments", "the organisation has opened %d compartments, which is the limit", MaxCompartments)
	}
	if n.own {
		for _, r := range m.Readers {
			if !c.member(c.orgs[r]) {
				return refuse("reader-not-a-member", "reader %v is no member of the case: invite it first", r)
			}
		}
	}
	return nil
}

func (m *Compartment) apply(c *Case, n *node) {
	c.comps[id.Comp(n.id)] = n
	if n.org.opened == nil {
		n.org.opened = map[*branch][]id.Seq{}
	}
	n.org.opened[n.branch] = append(n.org.opened[n.branch], n.seq)
}
