package protocol_test

import (
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// newDetails is a tour of the kinds with structured bodies, which the fold takes like
// any content.
func newDetails() *tour {
	s := &tour{seen: map[id.EntryID]bool{}}
	s.cast("Lead", "Vendor", "Finder", "Operator", "Stranger")
	a, b, c := s.a, s.b, s.c
	s.put("opens the case", a.Open("details", link.Terms(), protocol.Coordinator), "")
	s.put("a detail where the subject belongs", a.Tell(protocol.Finding, id.Everyone), "subject-first")
	s.joins(a, b, protocol.MitigatingVendor)
	s.joins(a, c, protocol.DependentVendor)
	room := s.put("a room for two", b.Say(protocol.NewCompartment(b.Org.ID, c.Org.ID)), "")
	for _, kind := range []entry.Type{protocol.Vulnerability, protocol.ProductStatus, protocol.Verification, protocol.Mitigation,
		protocol.TestResult, protocol.Finding, protocol.Bundle} {
		name, _ := protocol.KindName(kind)
		s.put(name+" for everybody", b.Tell(kind, id.Everyone), "")
		s.put(name+" in the room", c.Tell(kind, id.Comp(room.ID)), "")
		s.put(name+" by who does not read the room", a.Tell(kind, id.Comp(room.ID)), "not-a-reader")
	}
	s.rest()
	return s
}
