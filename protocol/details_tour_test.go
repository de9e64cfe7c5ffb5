package protocol_test

import (
	"cordon/protocol"
	"cordon/protocol/canon"
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
	s.releases()
	return s
}

// actRaw writes a steward act with any ctl.
func actRaw(d *link.Daemon, typ entry.Type, ctl any) *entry.Sealed {
	cfg := d.Case.Config().ID
	return d.Write(entry.Fields{Type: typ, Cfg: &cfg, Ctl: canon.MustMarshal(ctl), Deps: d.Case.Deps(d.Kid, id.Control)})
}

// releases is a tour of the release barrier, and of what is said of other cases.
func (s *tour) releases() {
	a, b, c := s.a, s.b, s.c
	s.rest()
	at := link.Start + 20*24*3600*1000
	s.put("plans a release without a config", a.Say(&protocol.ReleasePlan{At: at}), "config-missing")
	s.put("plans and is no steward", b.Act(&protocol.ReleasePlan{At: at}), "not-a-steward")
	plan := s.put("plans a release", a.Act(&protocol.ReleasePlan{At: at}), "")
	s.put("is ready for nothing", b.Say(&protocol.ReleaseReady{Plan: id.EntryID{1}, State: 1}), "plan-unknown")
	s.put("is ready for what is no plan", b.Say(&protocol.ReleaseReady{Plan: id.EntryID(a.Case.ID()), State: 1}), "plan-unknown")
	s.put("neither ready nor not", raw(b, 23, map[uint64]any{1: plan.ID[:], 2: uint64(3), 3: make([]byte, 32)}), "bad-release-ready")
	s.put("an instant of 1970", raw(a, 22, map[uint64]uint64{1: 0}), "bad-release-plan")
	s.put("is ready", b.Say(&protocol.ReleaseReady{Plan: plan.ID, State: protocol.ReadyToRelease}), "")
	s.put("is not", c.Say(&protocol.ReleaseReady{Plan: plan.ID, State: protocol.NotReadyRelease}), "")
	s.put("calls it off", a.Act(&protocol.ReleasePlan{}), "")
	other := &protocol.CaseLink{Pair: protocol.PairOf(a.Case.ID(), id.CaseID{1}), Relation: protocol.TookOver, Until: at}
	s.put("takes over without a config", a.Say(other), "config-missing")
	s.put("takes over and is no steward", b.Act(other), "not-a-steward")
	s.put("another case was merged into this one", a.Act(other), "")
	s.put("a relation that there is not", actRaw(a, 24, map[uint64]any{1: other.Pair[:], 2: 6}), "bad-case-link")
	s.put("an end of 1970", actRaw(a, 24, map[uint64]any{1: other.Pair[:], 2: 2, 3: 0}), "bad-case-link")
	s.put("leaves", c.Say(&protocol.Exit{Code: 1}), "")
	s.put("and is ready after that", c.Say(&protocol.ReleaseReady{Plan: plan.ID, State: protocol.ReadyToRelease}), "no-longer-a-member")
	s.rest()
}
