package protocol_test

import (
	"bytes"
	"slices"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// newCouncil is a tour of spec/authority.md but for §6: configs, votes, acts and
// how they lose their force, forks, revocations.
func newCouncil() *tour {
	s := &tour{seen: map[id.EntryID]bool{}}
	s.cast("Lead", "Vendor", "Finder", "Operator", "Stranger")
	s.put("opens the case", s.a.Open("council", link.Terms(), protocol.Coordinator), "")
	for _, d := range []*link.Daemon{s.b, s.c, s.d} {
		s.joins(s.a, d, protocol.MitigatingVendor)
	}
	s.proposals()
	s.council()
	s.dropping()
	s.powers()
	s.forking()
	s.rest()
	return s
}

// cast makes the organisations; all share one fold.
func (s *tour) cast(names ...string) {
	for i, at := range []**link.Daemon{&s.a, &s.b, &s.c, &s.d, &s.x} {
		*at = link.NewDaemon(nil, names[i])
		if i > 0 {
			(*at).Case, (*at).Held = s.a.Case, s.a.Held
		}
	}
}

// joins admits an organisation.
func (s *tour) joins(by, d *link.Daemon, role protocol.Role) *entry.Sealed {
	m := by.Admission(d, role, "tour")
	s.rest()
	return s.put("admits "+d.Org.Name, by.Act(m), "")
}

// puts proposes the next config with these stewards and a bare majority.
func (s *tour) puts(name string, d *link.Daemon, rule string, change func(*protocol.Config), stewards ...*link.Daemon) *entry.Sealed {
	f := d.Case.NextConfig(d.Kid, orgs(stewards...), uint8(len(stewards)/2+1))
	if change != nil {
		change(&f)
	}
	return s.put(name, d.Say(&protocol.Propose{Config: f}), rule)
}

func (s *tour) votes(name string, d *link.Daemon, c *entry.Sealed, rule string) {
	s.put(name, d.Say(&protocol.Endorse{Config: id.ConfigID(c.ID)}), rule)
}

// under is a steward act that cites a config.
func under(d *link.Daemon, c id.ConfigID, m protocol.Message) *entry.Sealed {
	return d.Write(entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: &c, Deps: d.Case.Deps(d.Kid, id.Control, d.Case.Needs(m)...)})
}

func place(e *entry.Sealed) protocol.Place { return protocol.Place{Kid: e.Kid, Seq: e.Seq, ID: e.ID} }

func (s *tour) proposals() {
	a, b, c, d := s.a, s.b, s.c, s.d
	head := b.Say(&protocol.Alive{})
	s.put("a participant is alive", head, "")
	s.put("a stranger is not", s.x.Say(&protocol.Alive{}), "key-not-certified")
	s.puts("follows nothing", a, "bad-propose", func(f *protocol.Config) { f.Parent = nil }, a, b)
	s.puts("follows what nobody proposed", a, "config-unknown", func(f *protocol.Config) { f.Parent = &id.ConfigID{7} }, a, b)
	s.puts("out of number", a, "bad-config", func(f *protocol.Config) { f.N = 2 }, a, b)
	s.puts("one steward twice", a, "bad-config", nil, a, b, a)
	s.puts("a quorum that is no majority", a, "bad-config", func(f *protocol.Config) { f.Quorum = 1 }, a, b, c)
	s.puts("a quorum of more than all", a, "bad-config", func(f *protocol.Config) { f.Quorum = 4 }, a, b, c)
	s.puts("an ordinary config with a basis", a, "bad-config", func(f *protocol.Config) { f.Basis = []protocol.Place{} }, a, b)
	s.puts("a succession without a basis", a, "bad-config", func(f *protocol.Config) { f.Kind = protocol.Succession }, b)
	s.puts("a cut for who stays", a, "bad-config", func(f *protocol.Config) {
		f.Cuts = []protocol.Cut{{Org: a.Org.ID, Places: f.Heads}}
	}, a, b)
	s.puts("nobody knows a steward", a, "unknown-steward", nil, a, s.x)
	s.puts("by who is no steward", d, "not-a-steward", nil, a, d)
	s.puts("a head at another place", a, "place-unknown", func(f *protocol.Config) { f.Heads[0].Seq++ }, a, b)
	s.puts("a head of who is no steward", a, "place-of-another", func(f *protocol.Config) { f.Heads = []protocol.Place{place(head)} }, a, b)
	next := s.puts("rules that nobody knows yet", a, "", func(f *protocol.Config) { f.Rules = 2 }, a, b)
	s.puts("lapsed ones that are not sorted", a, "bad-propose", func(f *protocol.Config) { f.Lapsed = []id.ConfigID{{2}, {1}} }, a, b)
	s.puts("what nobody has voted for as lapsed", a, "not-lapsed", func(f *protocol.Config) { f.Lapsed = []id.ConfigID{id.ConfigID(next.ID)} }, a, b)
	s.puts("and older ones after them", a, "bad-config", func(f *protocol.Config) { f.Parent, f.N = (*id.ConfigID)(&next.ID), 2 }, a, b)
}

// council brings three stewards into power.
func (s *tour) council() {
	a, b, c, d := s.a, s.b, s.c, s.d
	idle := s.puts("proposes what nobody carries", a, "", nil, a, d)
	p := s.puts("proposes three stewards", a, "", nil, a, b, c)
	s.votes("a vote for no proposal", a, &entry.Sealed{ID: id.EntryID{5}}, "config-unknown")
	s.votes("a vote by who decides nothing", d, p, "not-a-steward")
	s.votes("the only steward's vote", a, p, "")
	s.votes("a second vote", a, idle, "already-endorsed")
	s.put("an act of a steward to be", under(d, id.ConfigID(idle.ID), &protocol.Remove{Org: c.Org.ID}), "config-not-in-chain")
	s.put("brings an identity under it", under(d, id.ConfigID(idle.ID), &protocol.Ident{Events: s.x.Org.Events}), "config-not-certified")
	known := b.Admission(s.x, protocol.Observer, "council")
	s.rest()
	s.put("is known and no member", s.x.Say(&protocol.Status{RM: protocol.RMValid}), "not-a-member")
	s.put("has no voice", s.x.Say(&protocol.Claim{What: protocol.Public}), "not-a-member")
	s.put("admits it", b.Act(known), "")
	s.put("removes the lead", c.Act(&protocol.Remove{Org: a.Org.ID}), "subject-is-steward")
	s.put("removes a steward under the config before", under(a, id.ConfigID(s.a.Case.ID()), &protocol.Remove{Org: b.Org.ID}), "subject-is-steward")
	low := func(d *link.Daemon) protocol.Place {
		for _, e := range d.Held {
			if e.Kid == d.Kid && e.Control() && e.Seq == 0 {
				return place(e)
			}
		}
		panic("it has written nothing")
	}
	cuts := func(change func(*protocol.Config)) func(*protocol.Config) { return change }
	s.puts("drops without a cut", a, "cut-missing", func(f *protocol.Config) { f.Cuts = nil }, a, b)
	s.puts("cuts one steward at another's", a, "place-of-another", cuts(func(f *protocol.Config) {
		f.Cuts[0].Places = []protocol.Place{low(b)}
	}), a, b)
	s.puts("cuts in another order", a, "bad-config", cuts(func(f *protocol.Config) { slices.Reverse(f.Cuts) }), a)
	s.puts("a head below what is finalised", b, "cut-below-finalised", func(f *protocol.Config) {
		f.Heads = []protocol.Place{low(a)}
	}, a, b, c)
	s.puts("a cut below it", b, "cut-below-finalised", cuts(func(f *protocol.Config) { f.Cuts[0].Places = []protocol.Place{low(a)} }), b, c)
	s.puts("a cut that leaves it out", b, "cut-below-finalised", cuts(func(f *protocol.Config) { f.Cuts[0].Places = nil }), b, c)
	s.puts("a basis of who stays", b, "place-of-another", func(f *protocol.Config) {
		f.Kind, f.Basis = protocol.Succession, []protocol.Place{low(a)}
	}, a)
	s.puts("a succession where a quorum is left", b, "quorum-left", func(f *protocol.Config) {
		f.Kind, f.Basis = protocol.Succession, []protocol.Place{}
	}, a, b)
}

// dropping puts a steward out of power, with a cut below its last act.
func (s *tour) dropping() {
	a, b, c, d := s.a, s.b, s.c, s.d
	below := s.put("an act below the cut", c.Act(&protocol.Remove{Org: s.x.Org.ID}), "")
	s.put("an act above the cut", c.Act(&protocol.Remove{Org: d.Org.ID}), "above-the-cut")
	p := s.puts("drops the finder", b, "", func(f *protocol.Config) {
		f.Cuts[0].Places = []protocol.Place{place(below)}
		f.Heads = slices.DeleteFunc(f.Heads, func(h protocol.Place) bool { return h.Kid == c.Kid })
	}, a, b, d)
	s.votes("one vote", b, p, "")
	s.votes("and another", a, p, "")
	s.put("is dropped and acts", c.Act(&protocol.Remove{Org: d.Org.ID}), "not-a-steward")
	s.put("is a participant", c.Say(&protocol.Status{RM: protocol.RMValid}), "")
}

// powers lets two stewards revoke the keys they decided with: one says up to
// where its acts stand, for the other it is what was seen of them.
func (s *tour) powers() {
	a, b, d := s.a, s.b, s.d
	guest := link.NewDaemon(nil, "Guest")
	guest.Case, guest.Held = a.Case, a.Held
	stands := s.joins(b, guest, protocol.Deployer)
	s.put("an act above what stands", b.Act(&protocol.Remove{Org: guest.Org.ID}), "revoked-authority")
	old := b.Kid
	revoke := must(b.Org.RevokeDaemon(b.Root, old, 1))
	cut := func(x identity.Cut) []byte { return identity.SealCut(b.Root, x) }
	at := &identity.CutPlace{Seq: stands.Seq, Entry: stands.ID}
	for _, tc := range []struct {
		name, rule string
		cut        []byte
	}{
		{"a cut by the revoked key", "bad-cut", identity.SealCut(b.Key, identity.Cut{Case: a.Case.ID(), Kid: old})},
		{"a cut of another case", "bad-cut", cut(identity.Cut{Case: id.CaseID{1}, Kid: old, At: at})},
		{"a cut of another's key", "bad-cut", cut(identity.Cut{Case: a.Case.ID(), Kid: a.Kid})},
		{"a cut at no entry", "place-unknown", cut(identity.Cut{Case: a.Case.ID(), Kid: old, At: &identity.CutPlace{Entry: id.EntryID{1}}})},
		{"revokes with a cut", "", cut(identity.Cut{Case: a.Case.ID(), Kid: old, At: at})},
	} {
		s.put(tc.name, a.Act(&protocol.Ident{Events: [][]byte{revoke}, Cut: tc.cut}), tc.rule)
	}
	s.put("is seen", d.Act(d.Admission(s.x, protocol.Observer, "seen")), "")
	m := &protocol.Ident{Events: [][]byte{must(d.Org.RevokeDaemon(d.Root, d.Kid, 1))}}
	cfg := a.Case.Config().ID
	f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: &cfg, Deps: a.Case.Deps(a.Kid, id.Control)}
	s.put("is not seen", d.Act(&protocol.Remove{Org: s.x.Org.ID}), "revoked-authority")
	s.put("revokes without a cut", a.Write(f), "")
}

// forking shows forks of both planes, and what they forbid.
func (s *tour) forking() {
	a, c, x := s.a, s.c, s.x
	prev := s.put("the last before a fork", c.Say(&protocol.Status{RM: protocol.RMAccepted}), "")
	one := s.put("one entry", c.Say(&protocol.Status{RM: protocol.RMDeferred}), "")
	other := s.put("another at its place", c.WriteAfter(prev, fields(&protocol.Status{RM: protocol.RMClosed})), "")
	unseen := s.put("a third entry on top", c.WriteAfter(other, fields(&protocol.Alive{})), "")
	fork := func(p, q *entry.Sealed, carry bool) *protocol.Fork {
		if bytes.Compare(p.ID[:], q.ID[:]) > 0 {
			p, q = q, p
		}
		m := &protocol.Fork{A: p.ID, B: q.ID}
		if carry {
			m.Entries = [][]byte{p.Raw, q.Raw}
		}
		return m
	}
	proof := fork(one, other, false)
	put := func(name string, m *protocol.Fork, rule string, deps ...*entry.Sealed) {
		s.put(name, a.Write(fields(m, deps...)), rule)
	}
	put("a fork that its past does not show", proof, "no-fork")
	put("the higher id first", &protocol.Fork{A: proof.B, B: proof.A}, "bad-fork", sorted(one, other)...)
	put("two entries of two places", fork(prev, one, false), "no-fork")
	put("the proof", proof, "")
	s.put("a member depends on what came later", a.Write(fields(&protocol.Alive{}, unseen)), "dep-after-fork")
	s.put("the closed key writes", c.WriteAfter(one, fields(&protocol.Alive{}, a.Held[s.last()])), "feed-forked")
	note := s.put("a note", x.Tell(protocol.Note, id.Everyone), "")
	f := s.content(x, protocol.Note, id.Everyone)
	f.Body.Size, f.Deps = 2, note.Deps
	twin := s.put("another note at its place", x.WriteAfter(nil, f), "")
	put("a proof without the notes", fork(note, twin, false), "no-fork")
	bad := fork(note, twin, true)
	bad.Entries[0] = slices.Clone(bad.Entries[0])
	bad.Entries[0][len(bad.Entries[0])-1] ^= 1
	put("a note that is not signed", bad, "no-fork")
	put("the proof of a fork of content", fork(note, twin, true), "")
	early := s.a.Case.Chain()[1].ID // the lead forks where its acts are finalised
	s.put("an act above the fork", a.Act(&protocol.Remove{Org: c.Org.ID}), "forked-authority")
	s.put("forks below what is finalised", a.WriteAfter(a.Held[a.Held[early].Prev], fields(&protocol.Claim{What: protocol.Public})), "")
}

// last is the newest entry of the lead.
func (s *tour) last() (e id.EntryID) {
	top := -1
	for x, y := range s.a.Held {
		if y.Kid == s.a.Kid && y.Control() && int(y.Seq) > top {
			e, top = x, int(y.Seq)
		}
	}
	return e
}

// sorted orders entries by id, as deps are.
func sorted(es ...*entry.Sealed) []*entry.Sealed {
	slices.SortFunc(es, func(a, b *entry.Sealed) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return es
}

// newSuccession is a tour of spec/authority.md §6.
func newSuccession() *tour {
	s := &tour{seen: map[id.EntryID]bool{}}
	s.cast("Lead", "Vendor", "Finder", "Operator", "Stranger")
	now := link.Start
	for _, d := range []*link.Daemon{s.a, s.b, s.c, s.d, s.x} {
		d.Clock = func() uint64 { return now }
	}
	a, b, c, d, x := s.a, s.b, s.c, s.d, s.x
	s.put("opens the case", a.Open("succession", link.Terms(), protocol.Coordinator), "")
	for _, o := range []*link.Daemon{b, c, d, x} {
		s.joins(a, o, protocol.MitigatingVendor)
	}
	s.put("removes one again", a.Act(&protocol.Remove{Org: x.Org.ID}), "")
	p := s.put("proposes a succession", b.Say(&protocol.Propose{Config: b.Case.Succeed(b.Kid, orgs(b), 1)}), "")
	s.votes("at once, without a note", c, p, "silence-not-noted")
	s.votes("at once", b, p, "endorsed-too-early")
	s.put("notes the silence", c.Say(&protocol.Alive{}), "")
	s.put("is alive and was removed", x.Say(&protocol.Alive{}), "no-longer-a-member")
	now += protocol.Silence - 1
	s.votes("a moment too early", c, p, "endorsed-too-early")
	now++
	s.votes("in time", c, p, "")
	s.votes("by who is no member", x, p, "not-an-elector")
	s.put("the steward that was silent is not", a.Say(&protocol.Alive{}), "")
	s.votes("heard it", d, p, "steward-was-heard")
	f := fields(&protocol.Endorse{Config: id.ConfigID(p.ID)}) // its past has nothing of that
	s.put("did not hear it", b.Write(f), "")
	s.put("decides", b.Act(&protocol.Remove{Org: d.Org.ID}), "")
	s.put("does not any more", under(a, id.ConfigID(a.Case.ID()), &protocol.Remove{Org: c.Org.ID}), "above-the-cut")
	s.rest()
	return s
}
