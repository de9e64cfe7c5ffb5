package protocol_test

import (
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// terms is an agreement that follows another, with an end in days from link.Start on;
// 0 says no embargo.
func terms(parent *id.AgrID, days uint64, text string) protocol.Agreement {
	r := protocol.Record{Parent: parent, Start: link.Start, Terms: protocol.DefaultTerms()}
	if end := link.Start + days*24*3600*1000; days > 0 {
		r.End = &end
	}
	return protocol.NewAgreement(r, text)
}

const keepIt = "Keep it among us." // the text of link.Terms

// offers proposes an agreement; by a steward that cites its config.
func (s *tour) offers(name string, d *link.Daemon, a protocol.Agreement, rule string) {
	s.put(name, d.Speak(&protocol.EmbargoPropose{Terms: a}), rule)
}

func (s *tour) agrees(name string, d *link.Daemon, a protocol.Agreement, rule string) {
	s.put(name, d.Speak(&protocol.EmbargoAccept{Agr: a.ID()}), rule)
}

func (s *tour) refuses(name string, d *link.Daemon, a protocol.Agreement, rule string) {
	s.put(name, d.Say(&protocol.EmbargoReject{Agr: a.ID(), Code: 1}), rule)
}

// newNegotiation is a tour of spec/kinds.md, agreements, and of the kinds that make them.
func newNegotiation() *tour {
	s := &tour{seen: map[id.EntryID]bool{}}
	s.cast("Lead", "Vendor", "Finder", "Operator", "Stranger")
	a, b, c, d, x := s.a, s.b, s.c, s.d, s.x
	s.put("opens the case", a.Open("negotiation", link.Terms(), protocol.Coordinator), "")
	s.joins(a, b, protocol.MitigatingVendor)
	s.joins(a, c, protocol.Reporter)
	root := link.Terms().ID()
	later, sooner, none := terms(&root, 60, keepIt), terms(&root, 30, keepIt), id.AgrID{1}
	s.offers("follows nothing", b, link.Terms(), "bad-agreement")
	s.offers("another text than it says", b, protocol.Agreement{Raw: later.Raw, Text: "else"}, "bad-agreement")
	s.offers("follows what nobody proposed", b, terms(&none, 60, keepIt), "agreement-unknown")
	s.offers("by a stranger", x, later, "key-not-certified")
	s.offers("asks for more time", b, later, "")
	s.agrees("accepts what nobody proposed", c, sooner, "agreement-unknown")
	s.refuses("rejects it", c, sooner, "agreement-unknown")
	s.agrees("accepts more time", c, later, "")
	s.put("a note under terms that nobody made active", b.TellUnder(protocol.Note, later.ID()), "agreement-not-active")
	s.agrees("the steward gives its word", a, later, "")
	s.put("a note under the new terms", b.TellUnder(protocol.Note, later.ID()), "")
	old := a.AdmissionUnder(d, protocol.Deployer, "old", root)
	s.rest()
	s.put("an admission under terms that are not in force any more", a.Act(old), "agreement-not-current")
	s.joins(a, d, protocol.Deployer)
	s.refuses("changes its mind", c, later, "")
	now := later.ID()
	cfg := a.Case.Config().ID
	m := &protocol.EmbargoAccept{Agr: later.ID()}
	s.put("a word by who is no steward", under(b, cfg, m), "not-a-steward")
	s.put("a word under no config", under(a, id.ConfigID{3}, m), "config-unknown")
	claim := s.put("says that it is public", c.Say(&protocol.Claim{What: protocol.Public}), "")
	s.put("refutes nothing", a.Act(&protocol.Refute{Claim: id.EntryID{1}}), "claim-unknown")
	s.put("refutes without a config", a.Say(&protocol.Refute{Claim: claim.ID}), "config-missing")
	s.put("refutes and is no steward", b.Act(&protocol.Refute{Claim: claim.ID}), "not-a-steward")
	s.put("refutes it", a.Act(&protocol.Refute{Claim: claim.ID}), "")
	s.put("ends it and is no steward", b.Say(&protocol.EmbargoEnd{Code: 1}), "not-a-steward")
	s.put("goes", c.Say(&protocol.Exit{Code: 1}), "")
	s.offers("proposes after it has left", c, terms(&now, 10, keepIt), "no-longer-a-member")
	s.put("ends it", a.Say(&protocol.EmbargoEnd{Code: 1}), "")
	s.rest()
	return s
}
