package daemon

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordon/daemon/api"
	"cordon/daemon/domain"
	"cordon/ledger"
	"cordon/protocol/identity"
)

// society is a directory with its clock, and organisations that it may know.
type society struct {
	t       *testing.T
	led     *ledger.Ledger
	self    *party
	dir     *directory
	now     time.Time
	parties []*party
}

func newSociety(t *testing.T, names ...string) *society {
	t.Helper()
	l, err := ledger.Open(t.TempDir(), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &society{t: t, led: l, self: newParty(t, "Self"), now: time.Now()}
	s.reopen()
	for _, name := range names {
		p := newParty(t, name)
		s.parties = append(s.parties, p)
		s.pin(p)
	}
	return s
}

// reopen reads the directory from the disk.
func (s *society) reopen() {
	s.t.Helper()
	var err error
	if s.dir, err = aloneAt(s.led, s.self.org, func() time.Time { return s.now }); err != nil {
		s.t.Fatal(err)
	}
}

func (s *society) pin(p *party) {
	s.t.Helper()
	if err := s.dir.pin(p.card(uint64(s.now.UnixMilli()))); err != nil {
		s.t.Fatal(err)
	}
}

func (s *society) choose(p *party) {
	s.t.Helper()
	if err := s.dir.choose(p.card(uint64(s.now.UnixMilli()))); err != nil {
		s.t.Fatal(err)
	}
}

func (s *society) verify(p *party) {
	s.t.Helper()
	if err := s.dir.speak(p.org.ID, func(c *contact) { c.Words = s.now }); err != nil {
		s.t.Fatal(err)
	}
}

// word is w's vouch for p.
func (s *society) word(w, p *party) []byte {
	s.t.Helper()
	raw, err := identity.SealVouch(w.keys.sign, identity.Vouch{Voucher: w.org.ID, Org: p.org.ID, Name: p.org.Name,
		T: uint64(s.now.UnixMilli()), Until: uint64(s.now.Add(vouchLasts).UnixMilli())})
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

func (s *society) vouch(w, p *party) {
	s.t.Helper()
	if _, err := s.dir.take(s.word(w, p)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *society) row(p *party) api.PeerRow {
	for _, row := range s.dir.list(nil) {
		if row.Org == p.org.ID {
			return row
		}
	}
	return api.PeerRow{}
}

// is compares a level, here and after a restart, and the one fault that is told.
func (s *society) is(p *party, contact, fault string) {
	s.t.Helper()
	for range 2 {
		row, found := s.row(p), fault == ""
		for _, g := range row.Grounds {
			if g.Holds == (g.Fault != "") {
				s.t.Errorf("a ground that holds and has a fault, or neither: %+v", g)
			}
			found = found || strings.Contains(g.Fault, fault)
		}
		if row.Contact != contact || !found {
			s.t.Errorf("%s is %q, want %q because %q: %+v", p.org.Name, row.Contact, contact, fault, row.Grounds)
		}
		s.reopen()
	}
}

// revoke ends p's first key and certifies another.
func (p *party) renewed() {
	p.t.Helper()
	e, err := p.org.RevokeDaemon(p.root, p.keys.kid(), identity.Stolen)
	if err == nil {
		p.org, err = p.org.Extend(e)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	if p.keys, err = newKeys(); err != nil {
		p.t.Fatal(err)
	}
	d := p.keys.certificate(time.Now())
	if e, err = p.org.CertifyDaemon(p.root, p.keys.agreeing(), d); err == nil {
		p.org, err = p.org.Extend(e)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *party) renamed(name string, domains ...string) {
	p.t.Helper()
	e, err := p.org.Rename(p.root, name, domains)
	if err == nil {
		p.org, err = p.org.Extend(e)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// TestVouched: two that we have verified lift a third; each way in which one of
// them stops counting lets it fall, and is told.
func TestVouched(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(s *society, a, b, p *party)
		contact string
		fault   string
	}{
		"control: nothing":           {func(*society, *party, *party, *party) {}, "vouched", ""},
		"its own words are compared": {func(s *society, _, _, p *party) { s.verify(p) }, "verified", ""},
		"a key is revoked": {func(s *society, a, _, _ *party) {
			a.renewed()
			s.dir.Learn(a.org.ID, a.org.Events)
		}, "tofu", "key that signed it was revoked"},
		"a voucher is suspect": {func(s *society, a, _, _ *party) {
			fork := *a
			a.renamed("One")
			fork.renamed("Other")
			s.dir.Learn(a.org.ID, a.org.Events)
			s.dir.Learn(a.org.ID, fork.org.Events)
		}, "tofu", "two histories of the voucher's keys"},
		"a voucher is pinned anew": {func(s *society, a, _, _ *party) {
			fork := *a
			a.renamed("One")
			fork.renamed("Other")
			s.dir.Learn(a.org.ID, a.org.Events)
			s.dir.Learn(a.org.ID, fork.org.Events)
			s.choose(a)
		}, "tofu", "not compared the voucher's words"},
		"a year goes by": {func(s *society, _, _, _ *party) { s.now = s.now.Add(vouchLasts) }, "tofu", "it has ended"},
		"a certificate runs out": {func(s *society, a, _, p *party) {
			s.now = s.now.Add(certificate - 24*time.Hour)
			raw, err := identity.SealVouch(a.keys.sign, identity.Vouch{Voucher: a.org.ID, Org: p.org.ID, Name: p.org.Name,
				T: uint64(s.now.UnixMilli()), Until: uint64(s.now.Add(vouchLasts).UnixMilli())})
			if err == nil {
				_, err = s.dir.take(raw)
			}
			if err != nil {
				s.t.Fatal(err)
			}
			s.now = s.now.Add(48 * time.Hour)
		}, "tofu", "certificate of the key that signed it is not in force"},
		"the clock goes back": {func(s *society, _, _, _ *party) { s.now = s.now.Add(-clockSkew - time.Hour) }, "tofu", "dated in the future"},
		"it takes another name": {func(s *society, _, _, p *party) {
			p.renamed("Somebody Famous")
			s.dir.Learn(p.org.ID, p.org.Events)
		}, "tofu", "it is for the name Newcomer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSociety(t, "Alpha", "Beta", "Newcomer")
			a, b, p := s.parties[0], s.parties[1], s.parties[2]
			s.vouch(a, p)
			s.vouch(b, p)
			s.is(p, "tofu", "not compared the voucher's words")
			s.verify(a)
			s.is(p, "tofu", "not compared the voucher's words")
			s.verify(b)
			s.is(p, "vouched", "")
			c.happens(s, a, b, p)
			s.is(p, c.contact, c.fault)
		})
	}
}

// TestVouchersAreTwo: one that vouches twice, through two of its daemons, is one;
// and who is lifted by others lifts nobody.
func TestVouchersAreTwo(t *testing.T) {
	s := newSociety(t, "Alpha", "Beta", "Newcomer", "Last")
	a, b, p, last := s.parties[0], s.parties[1], s.parties[2], s.parties[3]
	s.verify(a)
	s.verify(b)
	s.vouch(a, p)
	s.now = s.now.Add(time.Second)
	s.vouch(a, p)
	if g := s.row(p).Grounds; len(g) != 1 {
		t.Errorf("two words of one voucher: %+v", g)
	}
	s.is(p, "tofu", "")
	s.vouch(b, p)
	s.is(p, "vouched", "")
	s.vouch(p, last)
	s.vouch(a, last)
	s.is(last, "tofu", "not compared the voucher's words")
}

// TestTake: what is no vouch for us to keep.
func TestTake(t *testing.T) {
	s := newSociety(t, "Alpha", "Beta")
	a, b, stranger := s.parties[0], s.parties[1], newParty(t, "Stranger")
	thief := *a
	thief.keys = b.keys // signs in the name of a
	bad := s.word(a, b)
	bad[len(bad)-1] ^= 1
	for name, c := range map[string]struct {
		raw  []byte
		kind api.Kind
	}{
		"control":           {s.word(a, b), ""},
		"of a stranger":     {s.word(stranger, b), api.Refused},
		"for a stranger":    {s.word(a, stranger), api.Refused},
		"about us":          {s.word(a, s.self), api.Invalid},
		"by us":             {s.word(s.self, b), api.Invalid},
		"in another's name": {s.word(&thief, b), api.Invalid},
		"a bad signature":   {bad, api.Invalid},
		"a card":            {a.card(1).Raw, api.Invalid},
		"nothing":           {nil, api.Invalid},
	} {
		_, err := s.dir.take(c.raw)
		var e *api.Error
		errors.As(err, &e)
		if (e == nil) != (c.kind == "") || e != nil && e.Kind != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if g := s.row(b).Grounds; len(g) != 1 {
		t.Errorf("kept: %+v", g)
	}
}

// TestDomainCounts: a domain's word counts while it is young and the organisation
// names the domain; a no takes it back, no answer does not.
func TestDomainCounts(t *testing.T) {
	yes := []domain.Look{{Way: "https", Answered: true}}
	no := []domain.Look{{Way: "https", Answered: true, Fault: "x"}, {Way: "dns", Answered: true, Fault: "x"}}
	silent := []domain.Look{{Way: "https", Fault: "x"}, {Way: "dns", Answered: true, Fault: "x"}}
	s := newSociety(t, "Alpha")
	p := s.parties[0]
	p.renamed("Alpha", "alpha.example", "alpha.test")
	s.pin(p)
	said := func(name string, looks []domain.Look) {
		if err := s.dir.speak(p.org.ID, func(c *contact) { c.asked(name, looks, s.now) }); err != nil {
			t.Fatal(err)
		}
	}
	s.is(p, "tofu", "")
	said("alpha.example", no)
	s.is(p, "tofu", "it does not name the organisation")
	said("alpha.example", yes)
	s.is(p, "domain", "")
	said("alpha.example", silent)
	s.is(p, "domain", "it did not answer")
	said("alpha.test", no)
	s.is(p, "domain", "it does not name the organisation")
	said("alpha.example", no)
	s.is(p, "tofu", "it does not name the organisation")
	said("alpha.example", yes)
	s.is(p, "domain", "")
	s.now = s.now.Add(domainLasts + time.Second)
	s.is(p, "tofu", "more than 400 days ago")
	s.now = s.now.Add(-domainLasts)
	s.is(p, "domain", "")
	p.renamed("Alpha", "alpha.test")
	s.dir.Learn(p.org.ID, p.org.Events)
	s.is(p, "tofu", "does not name this domain any more")
}

// TestPinnedAnew: after two histories of its keys nothing that spoke for an
// organisation counts, until its words are compared again.
func TestPinnedAnew(t *testing.T) {
	s := newSociety(t, "Alpha")
	p := s.parties[0]
	s.verify(p)
	fork := *p
	p.renamed("One")
	fork.renamed("Other")
	s.pin(p)
	s.is(p, "verified", "")
	if err := s.dir.pin(fork.card(uint64(s.now.UnixMilli()))); err == nil {
		t.Fatal("a second history is taken")
	}
	s.is(p, "", "")
	if err := s.dir.speak(p.org.ID, func(*contact) { t.Error("a suspect is spoken for") }); err == nil {
		t.Error("a suspect is spoken for")
	}
	s.choose(&fork)
	s.is(p, "tofu", "two histories of its keys were seen")
	s.verify(p)
	s.is(p, "verified", "")
}

// TestLevelFollows: whatever is done in whatever order, each level is what the rules
// of spec/identity.md §8.7.4 say of what speaks for the organisation; and one thing
// more that speaks for it never lowers it, one thing less never lifts it.
func TestLevelFollows(t *testing.T) {
	t.Parallel()
	const n = 5
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("Org %d", i)
	}
	s := newSociety(t, names...)
	for _, p := range s.parties {
		p.renamed(p.org.Name, "org.example")
		s.pin(p)
	}
	rapid.Check(t, func(t *rapid.T) {
		var verified, confirmed [n]bool
		var vouched [n]map[int]bool
		for i, p := range s.parties {
			vouched[i] = map[int]bool{}
			if err := s.dir.speak(p.org.ID, func(c *contact) { *c = contact{} }); err != nil {
				t.Fatal(err)
			}
		}
		want := func(i int) identity.Trust {
			two := 0
			for w := range vouched[i] {
				if verified[w] {
					two++
				}
			}
			switch {
			case verified[i]:
				return 4
			case two >= 2:
				return 3
			case confirmed[i]:
				return 2
			}
			return 1
		}
		last := [n]identity.Trust{1, 1, 1, 1, 1}
		for range rapid.IntRange(1, 25).Draw(t, "acts") {
			i, w := rapid.IntRange(0, n-1).Draw(t, "org"), rapid.IntRange(0, n-1).Draw(t, "voucher")
			p, act := s.parties[i], rapid.SampledFrom([]string{"words", "domain", "no domain", "vouch", "vouch", "vouch"}).Draw(t, "act")
			err := error(nil)
			switch act {
			case "words":
				err, verified[i] = s.dir.speak(p.org.ID, func(c *contact) { c.Words = s.now }), true
			case "domain":
				err, confirmed[i] = s.dir.speak(p.org.ID, func(c *contact) {
					c.asked("org.example", []domain.Look{{Answered: true}}, s.now)
				}), true
			case "no domain":
				err, confirmed[i] = s.dir.speak(p.org.ID, func(c *contact) {
					c.asked("org.example", []domain.Look{{Answered: true, Fault: "x"}}, s.now)
				}), false
			case "vouch":
				if i != w {
					_, err = s.dir.take(s.word(s.parties[w], p))
					vouched[i][w] = true
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			for j, p := range s.parties {
				now, _ := identity.ParseTrust(s.row(p).Contact)
				if now != want(j) {
					t.Fatalf("%s: %v, want %v", p.org.Name, now, want(j))
				}
				if act == "no domain" && now > last[j] || act != "no domain" && now < last[j] {
					t.Fatalf("%s: from %v to %v by %s", p.org.Name, last[j], now, act)
				}
				last[j] = now
			}
		}
	})
}

// TestLevelOrder: more grounds are never less, and those that do not hold are none.
func TestLevelOrder(t *testing.T) {
	ground := rapid.Custom(func(t *rapid.T) api.Ground {
		return api.Ground{Kind: rapid.SampledFrom([]string{"words", "domain", "vouch", "history"}).Draw(t, "kind"), Holds: rapid.Bool().Draw(t, "holds")}
	})
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(ground, 0, 6).Draw(t, "grounds")
		var good []api.Ground
		for _, g := range all {
			if g.Holds {
				good = append(good, g)
			}
		}
		if level(all) != level(good) {
			t.Fatal("what does not hold counts")
		}
		if more := level(append(all, ground.Draw(t, "one more"))); more < level(all) || level(all) < identity.TrustTOFU {
			t.Fatalf("from %v to %v by one more", level(all), more)
		}
	})
}
