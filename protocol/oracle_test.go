package protocol_test

import (
	"bytes"
	"cmp"
	"slices"

	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// world is a set of entries, read word by word as spec/authority.md and
// spec/kinds.md say, over explicit sets of ancestors. It shares no code with the
// fold, and nothing in it is kept up to date: it is made anew for each set. From
// the fold it takes who wrote what, and whether the signed objects inside an
// entry verify.
type world struct {
	es     []*said
	by     map[id.EntryID]*said
	events map[[32]byte]eventSaid

	forks      []*said                 // fork entries
	sounds     map[id.EntryID][]string // proposals: what is wrong, by the past alone
	counts     map[id.EntryID][]string // endorsements
	common     map[id.EntryID][]string
	electors   map[id.EntryID]map[id.OrgID]bool
	opener     id.OrgID
	genesis    *said
	agreements map[id.AgrID]*offer
}

// said is one entry.
type said struct {
	*entry.Sealed
	m     protocol.Message // nil for content and what is not well formed
	org   id.OrgID
	given string              // what the fold alone can judge here: form, whose key, signed objects
	past  map[id.EntryID]bool // control entries before it

	invitee id.OrgID // of an admit
	role    protocol.Role
	accept  [32]byte
	agr     id.AgrID // that the accept signs
}

// eventSaid is an identity event.
type eventSaid struct {
	org     id.OrgID
	adds    id.Kid // of a daemon+
	revokes id.Kid // of a daemon-
}

// given are the rules of form, attribution and signed objects.
var given = []string{"not-known-to-rules", "dep-not-control", "key-not-certified", "key-revoked", "cap-missing",
	"too-many-signatures", "bad-identity", "identity-gap", "bad-cut", "bad-invite", "identity-unknown", "identity-suspect", "bad-accept", "bad-card",
	"accept-mismatch", "accept-other-case",
	"bad-admit", "bad-remove", "bad-exit", "bad-ident", "bad-address", "bad-compartment", "author-not-a-reader",
	"bad-propose", "bad-endorse", "bad-alive", "bad-claim", "bad-confirm", "bad-refute", "bad-embargo-propose", "bad-embargo-accept",
	"bad-embargo-reject", "bad-embargo-end", "bad-release-plan", "bad-release-ready", "bad-case-link"}

func newWorld(c *protocol.Case, es []*entry.Sealed) *world {
	w := &world{by: map[id.EntryID]*said{}, events: map[[32]byte]eventSaid{}, sounds: map[id.EntryID][]string{},
		counts: map[id.EntryID][]string{}, common: map[id.EntryID][]string{}, electors: map[id.EntryID]map[id.OrgID]bool{}}
	for _, e := range es {
		s := &said{Sealed: e, past: map[id.EntryID]bool{}}
		s.m, _ = protocol.Read(e)
		var rule string
		if s.org, rule = protocol.Author(c, e.ID); slices.Contains(given, rule) {
			s.given = rule
		}
		if m, ok := s.m.(*protocol.Fork); ok && m.Entries != nil && rule == "no-fork" {
			s.given = rule // its signatures
		}
		for _, b := range append(w.under(c, e), e.Deps...) {
			if d := w.by[b]; d != nil {
				for x := range d.past {
					s.past[x] = true
				}
				if d.Control() {
					s.past[b] = true
				}
			}
		}
		w.es = append(w.es, s)
		w.by[e.ID] = s
		w.read(s)
	}
	return w
}

// within is the world of some of the entries: what it is asked, no other entry can bear on.
func (w *world) within(in map[id.EntryID]bool) *world {
	out := &world{by: w.by, events: w.events, opener: w.opener, genesis: w.genesis, sounds: map[id.EntryID][]string{},
		counts: map[id.EntryID][]string{}, common: map[id.EntryID][]string{}, electors: map[id.EntryID]map[id.OrgID]bool{}}
	of := func(all []*said) []*said {
		return slices.DeleteFunc(slices.Clone(all), func(s *said) bool { return !in[s.ID] })
	}
	out.es, out.forks = of(w.es), of(w.forks)
	return out
}

// under is the entry before e, or, where that is not there, what an anchor says was in
// its past.
func (w *world) under(c *protocol.Case, e *entry.Sealed) []id.EntryID {
	if w.by[e.Prev] == nil {
		if a, ok := c.AnchorOf(e); ok {
			return a.Past
		}
	}
	return []id.EntryID{e.Prev}
}

// read notes genesis and the identity events of an entry.
func (w *world) read(s *said) {
	var events [][]byte
	switch m := s.m.(type) {
	case *protocol.Genesis:
		w.genesis, w.opener, events = s, m.Config.Stewards[0], m.Events
		s.org = w.opener
	case *protocol.Ident:
		events = m.Events
	case *protocol.Fork:
		w.forks = append(w.forks, s)
	case *protocol.Admit:
		s.readAdmit(m)
	}
	for _, raw := range events {
		obj, err := cose.Parse(cose.Ident, raw)
		if err != nil {
			return
		}
		x := eventSaid{org: id.OrgID(obj.ID)}
		op := uint64(0)
		r := canon.NewReader(obj.Payload)
		last := int64(-1)
		for range must(r.Map()) {
			switch must(r.Key(&last)) {
			case 3:
				x.org = w.events[[32]byte(must(r.Fixed(32)))].org
			case 4:
				op = must(r.Uint())
			case 9:
				x.adds = cose.Thumbprint(must(r.Fixed(32)))
			case 14:
				x.revokes = id.Kid(must(r.Fixed(32)))
			default:
				must(r.Raw())
			}
		}
		if op != 3 {
			x.revokes = id.Kid{}
		}
		w.events[obj.ID] = x
	}
}

// readAdmit reads whom an admit is about, and its accept's id.
func (s *said) readAdmit(m *protocol.Admit) {
	if obj, err := cose.Parse(cose.Accept, m.Accept); err == nil {
		s.accept = obj.ID
	}
	obj, err := cose.Parse(cose.Invite, m.Invite)
	if err != nil {
		return
	}
	r := canon.NewReader(obj.Payload)
	last := int64(-1)
	for range must(r.Map()) {
		switch must(r.Key(&last)) {
		case 4:
			s.invitee = id.OrgID(must(r.Fixed(32)))
		case 6:
			s.role = protocol.Role(must(r.Uint()))
		case 7:
			s.agr = id.AgrID(must(r.Fixed(32)))
		default:
			must(r.Raw())
		}
	}
}

// eventsOf are the identity events that an entry shows.
func (w *world) eventsOf(s *said) (xs []eventSaid) {
	var raws [][]byte
	switch m := s.m.(type) {
	case *protocol.Genesis:
		raws = m.Events
	case *protocol.Ident:
		raws = m.Events
	}
	for _, raw := range raws {
		if obj, err := cose.Parse(cose.Ident, raw); err == nil {
			xs = append(xs, w.events[obj.ID])
		}
	}
	return xs
}

// cutOf is the cut that an ident entry carries; at has a zero kid where none is said.
func (s *said) cutOf() (kid id.Kid, at protocol.Place, ok bool) {
	m, is := s.m.(*protocol.Ident)
	if !is || m.Cut == nil {
		return kid, at, false
	}
	obj, err := cose.Parse(cose.Cut, m.Cut)
	if err != nil {
		return kid, at, false
	}
	r := canon.NewReader(obj.Payload)
	last := int64(-1)
	for range must(r.Map()) {
		switch must(r.Key(&last)) {
		case 3:
			kid = id.Kid(must(r.Fixed(32)))
		case 4:
			at.Seq = id.Seq(must(r.Uint()))
		case 5:
			at.ID, at.Kid = id.EntryID(must(r.Fixed(32))), kid
		default:
			must(r.Raw())
		}
	}
	return kid, at, true
}

// atOrAbove: y = x or x is below y along prev.
func (w *world) atOrAbove(y, x id.EntryID) bool {
	for y != x {
		e := w.by[y]
		if e == nil || e.Seq == 0 {
			return false
		}
		y = e.Prev
	}
	return true
}

// broken are the common rules that an entry breaks, and those of idents and forks,
// whose effect depends on the past alone.
func (w *world) broken(s *said) []string {
	if b, ok := w.common[s.ID]; ok {
		return b
	}
	w.common[s.ID] = nil
	var b []string
	note := func(rule string, is bool) {
		if is {
			b = append(b, rule)
		}
	}
	note(s.given, s.given != "")
	for _, d := range s.Deps {
		n := w.by[d]
		for _, o := range append([]id.EntryID{s.Prev}, s.Deps...) {
			note("deps-not-minimal", w.by[o] != nil && w.by[o].past[d])
		}
		note("dep-after-fork", n.Type != 2 && n.Type != 3 && slices.ContainsFunc(w.proofs(s, n.Kid), func(f *said) bool { return f != n && !f.past[d] }))
	}
	note("feed-forked", len(w.proofs(s, s.Kid)) > 0)
	switch m := s.m.(type) {
	case *protocol.Fork:
		note("bad-fork", bytes.Compare(m.A[:], m.B[:]) >= 0)
		_, ok := w.forkOf(s)
		note("no-fork", !ok)
	case *protocol.Ident:
		b = append(b, w.ident(s, m)...)
	}
	w.common[s.ID] = b
	return b
}

// proofs are the entries in the past that prove a fork of a key.
func (w *world) proofs(s *said, kid id.Kid) (fs []*said) {
	for _, f := range w.forks {
		if k, ok := w.forkOf(f); s.past[f.ID] && ok && k == kid && len(w.broken(f)) == 0 {
			fs = append(fs, f)
		}
	}
	return fs
}

// forkOf is the key whose fork an entry shows.
func (w *world) forkOf(s *said) (id.Kid, bool) {
	m, ok := s.m.(*protocol.Fork)
	if !ok {
		return id.Kid{}, false
	}
	if m.Entries != nil {
		a, err := entry.Parse(m.Entries[0])
		b, err2 := entry.Parse(m.Entries[1])
		if err != nil || err2 != nil || a.ID != m.A || b.ID != m.B || a.Control() || b.Control() {
			return id.Kid{}, false
		}
		return a.Kid, a.Kid == b.Kid && a.Comp == b.Comp && a.Seq == b.Seq
	}
	a, b := w.by[m.A], w.by[m.B]
	if a == nil || b == nil || !s.past[m.A] || !s.past[m.B] {
		return id.Kid{}, false
	}
	return a.Kid, a.Kid == b.Kid && a.Seq == b.Seq
}

// ident are the rules of an ident entry that do not concern the events themselves.
func (w *world) ident(s *said, m *protocol.Ident) (b []string) {
	if _, at, ok := s.cutOf(); ok && at.Kid != (id.Kid{}) && !w.known(s, at) {
		b = append(b, "place-unknown")
	}
	xs := w.eventsOf(s)
	if len(xs) == 0 || xs[0].org == s.org {
		return b
	}
	switch {
	case s.Cfg == nil || w.config(*s.Cfg, s) == nil || !slices.Contains(w.config(*s.Cfg, s).Stewards, s.org):
		b = append(b, "not-its-own-identity")
	case !w.over(s.past).certified(*s.Cfg):
		b = append(b, "config-not-certified")
	}
	return b
}

// known: the place is a control entry of the past with that kid and seq.
func (w *world) known(s *said, p protocol.Place) bool {
	x := w.by[p.ID]
	return x != nil && s.past[p.ID] && x.Kid == p.Kid && x.Seq == p.Seq
}

// config is a sound proposal, or C0, in the past of s; nil when it is none.
func (w *world) config(x id.ConfigID, s *said) *protocol.Config {
	if !s.past[x] {
		return nil
	}
	return w.sound(x)
}

// sound is a config that breaks no rule of spec/authority.md §2.
func (w *world) sound(x id.ConfigID) *protocol.Config {
	s := w.by[x]
	if s == nil || len(w.broken(s)) > 0 {
		return nil
	}
	switch m := s.m.(type) {
	case *protocol.Genesis:
		return &m.Config
	case *protocol.Propose:
		if len(w.unsound(s)) == 0 {
			return &m.Config
		}
	}
	return nil
}

// path are the configs from C0 to x.
func (w *world) path(x id.ConfigID) (xs []id.ConfigID) {
	f := w.sound(x)
	if f.Parent != nil {
		xs = w.path(*f.Parent)
	}
	return append(xs, x)
}

// fin is the later head of each feed on the path to x.
func (w *world) fin(x id.ConfigID) map[id.Kid]protocol.Place {
	heads := map[id.Kid]protocol.Place{}
	for _, y := range w.path(x) {
		for _, p := range w.sound(y).Heads {
			heads[p.Kid] = p
		}
	}
	return heads
}

func dropped(parent, f *protocol.Config) (z []id.OrgID) {
	for _, o := range parent.Stewards {
		if !slices.Contains(f.Stewards, o) {
			z = append(z, o)
		}
	}
	return z
}

// unsound are the rules of spec/authority.md §2 that a proposal breaks.
func (w *world) unsound(s *said) []string {
	if b, ok := w.sounds[s.ID]; ok {
		return b
	}
	f := &s.m.(*protocol.Propose).Config
	b := []string{}
	note := func(rule string, is bool) {
		if is {
			b = append(b, rule)
		}
	}
	if f.Parent == nil || w.config(*f.Parent, s) == nil {
		w.sounds[s.ID] = []string{"config-unknown"}
		return w.sounds[s.ID]
	}
	p := w.config(*f.Parent, s)
	z := dropped(p, f)
	k := len(f.Stewards)
	twice := len(slices.Compact(slices.SortedFunc(slices.Values(f.Stewards), compareIDs))) != k
	cutOrgs := []id.OrgID{}
	for _, x := range f.Cuts {
		cutOrgs = append(cutOrgs, x.Org)
	}
	note("bad-config", f.N != p.N+1 || int(f.Quorum) < k/2+1 || int(f.Quorum) > k || f.Rules < p.Rules || twice ||
		(f.Kind == protocol.Ordinary) != (f.Basis == nil) ||
		!slices.Equal(cutOrgs, slices.SortedFunc(slices.Values(z), compareIDs)))
	note("quorum-left", f.Kind == protocol.Succession && len(p.Stewards)-len(z) >= int(p.Quorum) && !w.stranded(s.past, *f.Parent, z))
	for _, x := range f.Lapsed {
		d := w.config(x, s)
		note("not-lapsed", d == nil || d.Parent == nil || *d.Parent != *f.Parent || d.Kind != f.Kind || !w.lapsed(s.past, x))
	}
	for _, o := range z {
		note("cut-missing", !slices.Contains(cutOrgs, o))
	}
	shown := map[id.OrgID]bool{}
	for x := range s.past {
		for _, ev := range w.eventsOf(w.by[x]) {
			shown[ev.org] = shown[ev.org] || len(w.broken(w.by[x])) == 0
		}
	}
	for _, o := range f.Stewards {
		note("unknown-steward", !shown[o])
	}
	note("not-a-steward", f.Kind == protocol.Ordinary && !slices.Contains(p.Stewards, s.org))
	fin := w.fin(*f.Parent)
	places := func(ps []protocol.Place, of []id.OrgID, cut bool) {
		for _, x := range ps {
			note("place-unknown", !w.known(s, x))
			e := w.by[x.ID]
			note("place-of-another", e != nil && !slices.Contains(of, e.org))
			low, has := fin[x.Kid]
			note("cut-below-finalised", cut && has && !w.atOrAbove(x.ID, low.ID))
		}
	}
	places(f.Heads, p.Stewards, true)
	places(f.Basis, z, false)
	for _, x := range f.Cuts {
		places(x.Places, []id.OrgID{x.Org}, true)
		for kid, low := range fin {
			named := slices.ContainsFunc(x.Places, func(y protocol.Place) bool { return y.Kid == kid })
			note("cut-below-finalised", w.by[low.ID].org == x.Org && !named)
		}
	}
	w.sounds[s.ID] = b
	return b
}

func compareIDs(a, b id.OrgID) int { return bytes.Compare(a[:], b[:]) }

// worthless are the rules of spec/authority.md §3 that an endorsement breaks, but for
// not-an-elector, which more than its past decides.
func (w *world) worthless(s *said) []string {
	if b, ok := w.counts[s.ID]; ok {
		return b
	}
	m := s.m.(*protocol.Endorse)
	c := w.config(m.Config, s)
	if c == nil || c.Parent == nil {
		w.counts[s.ID] = []string{"config-unknown"}
		return w.counts[s.ID]
	}
	b := []string{}
	p := w.sound(*c.Parent)
	if votes := w.votes(s.past, *c.Parent, c.Kind)[s.org]; !freed(c, votes) {
		b = append(b, "already-endorsed")
	}
	if c.Kind == protocol.Ordinary {
		if !slices.Contains(p.Stewards, s.org) {
			b = append(b, "not-a-steward")
		}
	} else {
		b = append(b, w.impatient(s, c)...)
	}
	w.counts[s.ID] = b
	return b
}

// impatient are the rules of §6 that a vote for a succession breaks.
func (w *world) impatient(s *said, c *protocol.Config) (b []string) {
	basis, z := w.basis(c), dropped(w.sound(*c.Parent), c)
	for x := range s.past {
		if slices.Contains(z, w.holder(w.by[x], s.past)) && !basis[x] {
			b = append(b, "steward-was-heard")
		}
	}
	rule := "silence-not-noted"
	for x := range s.past {
		e := w.by[x]
		sees := e.org == s.org && e.past[*c.Parent]
		for _, p := range c.Basis {
			sees = sees && e.past[p.ID]
		}
		switch {
		case !sees:
		case s.T >= e.T+14*24*3600*1000:
			return b
		default:
			rule = "endorsed-too-early"
		}
	}
	return append(b, rule)
}

// holder is the organisation of the key that signed an entry, as a past shows it.
func (w *world) holder(e *said, past map[id.EntryID]bool) (o id.OrgID) {
	for x := range past {
		for _, ev := range w.eventsOf(w.by[x]) {
			if ev.adds == e.Kid && len(w.broken(w.by[x])) == 0 && ev.org != o {
				if o != (id.OrgID{}) {
					return e.org // disputed: the fold's word
				}
				o = ev.org
			}
		}
	}
	return o
}

// basis is past(basis): the propose entry of p and the places of the basis, with
// their past.
func (w *world) basis(c *protocol.Config) map[id.EntryID]bool {
	in := map[id.EntryID]bool{}
	add := func(x id.EntryID) {
		in[x] = true
		for y := range w.by[x].past {
			in[y] = true
		}
	}
	add(*c.Parent)
	for _, p := range c.Basis {
		add(p.ID)
	}
	return in
}

// electorate are the members, without Z, of the case that past(basis) is, its
// chain ending at p; none when past(basis) carries an ordinary child of p.
func (w *world) electorate(x id.ConfigID) map[id.OrgID]bool {
	if e, ok := w.electors[x]; ok {
		return e
	}
	c := w.sound(x)
	basis, out := w.basis(c), map[id.OrgID]bool{}
	w.electors[x] = out
	then := w.within(basis)
	v := then.over(nil)
	for y := range basis {
		if f := then.sound(y); f != nil && f.Parent != nil && *f.Parent == *c.Parent && f.Kind == protocol.Ordinary &&
			len(v.ballot(y)) >= int(then.sound(*c.Parent).Quorum) {
			return out
		}
	}
	v.chain = then.path(*c.Parent)
	for o := range v.named() {
		if v.member(o) && !slices.Contains(dropped(w.sound(*c.Parent), c), o) {
			out[o] = true
		}
	}
	return out
}

// view is what a subset of the entries makes of the case.
type view struct {
	w      *world
	in     map[id.EntryID]bool // nil: all
	chain  []id.ConfigID
	certs  map[id.ConfigID]bool
	rules  map[id.EntryID][]string
	sounds map[id.EntryID]bool // acceptances
}

func (w *world) over(in map[id.EntryID]bool) *view {
	return &view{w: w, in: in, certs: map[id.ConfigID]bool{}, rules: map[id.EntryID][]string{}, sounds: map[id.EntryID]bool{}}
}

func (v *view) has(x id.EntryID) bool { return v.in == nil || v.in[x] }

// certified: its parent is, and it is ordinary with a quorum of p's stewards, or a
// succession that two thirds of the electorate carry, at least one.
func (v *view) certified(x id.ConfigID) bool {
	if y, ok := v.certs[x]; ok {
		return y
	}
	c := v.w.sound(x)
	is := c != nil && v.has(x)
	switch {
	case !is || c.Parent == nil:
	case !v.certified(*c.Parent):
		is = false
	case c.Kind == protocol.Ordinary:
		is = len(v.ballot(x)) >= int(v.w.sound(*c.Parent).Quorum)
	default:
		all := v.w.electorate(x)
		is = len(v.ballot(x)) >= 1 && 3*len(v.ballot(x)) >= 2*len(all)
		for _, o := range c.Stewards {
			is = is && (all[o] || slices.Contains(v.w.sound(*c.Parent).Stewards, o))
		}
	}
	v.certs[x] = is
	return is
}

// ballot is E(x).
func (v *view) ballot(x id.ConfigID) (e [][]byte) {
	c := v.w.sound(x)
	p := v.w.sound(*c.Parent)
	from := map[id.OrgID]bool{}
	for _, s := range v.w.es {
		m, ok := s.m.(*protocol.Endorse)
		if ok && v.has(s.ID) && m.Config == x && len(v.w.broken(s)) == 0 && len(v.w.worthless(s)) == 0 {
			from[s.org] = true
		}
	}
	for o := range from {
		switch {
		case c.Kind == protocol.Ordinary:
			e = append(e, []byte{byte(slices.Index(p.Stewards, o))})
		case v.w.electorate(x)[o]:
			e = append(e, o[:])
		}
	}
	slices.SortFunc(e, bytes.Compare)
	return e
}

// links is the chain of spec/authority.md §4.
func (v *view) links() []id.ConfigID {
	if v.chain != nil {
		return v.chain
	}
	v.chain = []id.ConfigID{v.w.genesis.ID}
	for {
		p, best := v.chain[len(v.chain)-1], id.ConfigID{}
		for _, s := range v.w.es {
			c := v.w.sound(s.ID)
			if c == nil || c.Parent == nil || *c.Parent != p || !v.certified(s.ID) {
				continue
			}
			if best == (id.ConfigID{}) || v.before(s.ID, best) {
				best = s.ID
			}
		}
		if best == (id.ConfigID{}) {
			return v.chain
		}
		v.chain = append(v.chain, best)
	}
}

func (v *view) before(x, y id.ConfigID) bool {
	a, b := v.ballot(x), v.ballot(y)
	return cmp.Or(cmp.Compare(v.w.sound(x).Kind, v.w.sound(y).Kind), cmp.Compare(len(b), len(a)),
		slices.CompareFunc(a, b, bytes.Compare), bytes.Compare(x[:], y[:])) < 0
}

func (v *view) tip() *protocol.Config {
	l := v.links()
	return v.w.sound(l[len(l)-1])
}

// named are all organisations that anything in the view is about.
func (v *view) named() map[id.OrgID]bool {
	os := map[id.OrgID]bool{}
	for _, s := range v.w.es {
		if v.has(s.ID) {
			os[s.org] = true
			for _, x := range v.w.eventsOf(s) {
				os[x.org] = true
			}
		}
	}
	delete(os, id.OrgID{})
	return os
}
