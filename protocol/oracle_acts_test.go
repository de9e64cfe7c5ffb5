package protocol_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"cordon/protocol"
	"cordon/protocol/id"
)

// judge are the rules that an entry breaks, in the order of spec/kinds.md.
func (v *view) judge(s *said) []string {
	if b, ok := v.rules[s.ID]; ok {
		return b
	}
	b := slices.Clone(v.w.broken(s))
	if len(b) == 0 {
		b = v.judgeKind(s)
	}
	v.rules[s.ID] = b
	return b
}

func (v *view) judgeKind(s *said) (b []string) {
	switch m := s.m.(type) {
	case *protocol.Propose:
		return v.w.unsound(s)
	case *protocol.Endorse:
		b = v.w.worthless(s)
		if len(b) > 0 {
			return b
		}
		c := v.w.sound(m.Config)
		if c.Kind == protocol.Succession && v.certified(*c.Parent) && !v.w.electorate(m.Config)[s.org] {
			return []string{"not-an-elector"}
		}
		return nil
	case *protocol.Admit:
		b = append(v.steward(s), v.used(s)...)
		if v.inForce(s.past).AgrID != s.agr {
			b = append(b, "agreement-not-current")
		}
		return b
	case *protocol.EmbargoPropose:
		if b = v.w.unoffered(s, m); len(b) > 0 {
			return b
		}
		return v.speaks(s)
	case *protocol.EmbargoAccept:
		return v.answering(s, m.Agr)
	case *protocol.EmbargoReject:
		return v.answering(s, m.Agr)
	case *protocol.EmbargoEnd:
		return v.everSteward(s)
	case *protocol.Refute:
		x := v.w.by[m.Claim]
		if b = v.steward(s); x == nil || !s.past[m.Claim] || !isClaim(x) || len(v.judge(x)) > 0 {
			b = append(b, "claim-unknown")
		}
		return b
	case *protocol.ReleasePlan, *protocol.CaseLink:
		return v.steward(s)
	case *protocol.ReleaseReady:
		return v.readies(s, m)
	case *protocol.Remove:
		return v.removes(s, m)
	case *protocol.Claim, *protocol.Fork:
		return v.voice(s)
	case *protocol.Confirm:
		x := v.w.by[m.Claim]
		if b = v.voice(s); x == nil || !s.past[m.Claim] || !isClaim(x) || len(v.judge(x)) > 0 {
			b = append(b, "claim-unknown")
		}
		return b
	case *protocol.Status:
		b = v.memberThen(s)
		if len(b) == 0 {
			b = v.status(s, m)
		}
		return b
	case *protocol.Compartment:
		if b = v.memberThen(s); !slices.Contains(m.Readers, s.org) {
			b = append(b, "author-not-a-reader")
		}
		return b
	case *protocol.Exit, *protocol.Alive, *protocol.Address:
		return v.memberThen(s)
	case nil:
		if !s.Control() {
			return append(v.memberThen(s), v.content(s)...)
		}
	}
	return nil
}

func isClaim(s *said) bool {
	_, ok := s.m.(*protocol.Claim)
	return ok
}

// byPast are what the past alone says of a steward act.
func (w *world) byPast(s *said) []string {
	switch {
	case s.Cfg == nil:
		return []string{"config-missing"}
	case w.config(*s.Cfg, s) == nil:
		return []string{"config-unknown"}
	case !slices.Contains(w.config(*s.Cfg, s).Stewards, s.org):
		return []string{"not-a-steward"}
	}
	return nil
}

// steward is spec/authority.md §5.
func (v *view) steward(s *said) []string {
	if b := v.w.byPast(s); b != nil {
		return b
	}
	at := slices.Index(v.links(), *s.Cfg)
	if at < 0 {
		return []string{"config-not-in-chain"}
	}
	if v.w.sound(*s.Cfg).Rules > protocol.Rules {
		return []string{"upgrade-needed"}
	}
	for i := at + 1; i < len(v.links()); i++ {
		y, p := v.w.sound(v.links()[i]), v.w.sound(v.links()[i-1])
		if !slices.Contains(dropped(p, y), s.org) {
			continue
		}
		for _, cut := range y.Cuts {
			for _, x := range cut.Places {
				if cut.Org == s.org && x.Kid == s.Kid && (x.ID == s.ID || v.w.by[x.ID].past[s.ID]) {
					return nil
				}
			}
		}
		return []string{"above-the-cut"}
	}
	if p, ok := v.w.fin(v.links()[len(v.links())-1])[s.Kid]; ok && v.w.atOrAbove(p.ID, s.ID) {
		return nil
	}
	seen := map[id.Seq]bool{}
	for _, e := range v.w.es {
		if v.has(e.ID) && e.Kid == s.Kid && e.Control() && e.Seq <= s.Seq {
			if seen[e.Seq] {
				return []string{"forked-authority"}
			}
			seen[e.Seq] = true
		}
	}
	if v.revoked(s) {
		return []string{"revoked-authority"}
	}
	return nil
}

// revoked says whether its organisation has revoked the key and the act does not stand.
func (v *view) revoked(s *said) bool {
	shown, unseen, cuts, above := false, false, false, false
	for _, e := range v.w.es {
		if !v.has(e.ID) || len(v.w.broken(e)) > 0 {
			continue
		}
		for _, x := range v.w.eventsOf(e) {
			if x.org == s.org && x.revokes == s.Kid {
				shown, unseen = true, unseen || !e.past[s.ID]
			}
		}
		if kid, at, ok := e.cutOf(); ok && kid == s.Kid && v.w.eventsOf(e)[0].org == s.org {
			cuts, above = true, above || at.Kid == (id.Kid{}) || !v.w.atOrAbove(at.ID, s.ID)
		}
	}
	if cuts {
		return above
	}
	return shown && unseen
}

// used: an honoured admit in the past carries the same accept.
func (v *view) used(s *said) []string {
	for x := range s.past {
		a := v.w.by[x]
		if _, ok := a.m.(*protocol.Admit); ok && a.accept == s.accept && len(v.judge(a)) == 0 {
			return []string{"accept-used"}
		}
	}
	return nil
}

func (v *view) removes(s *said, m *protocol.Remove) []string {
	b := v.w.byPast(s)
	if len(b) > 0 {
		return b
	}
	if slices.Contains(v.w.sound(*s.Cfg).Stewards, m.Org) {
		b = append(b, "subject-is-steward")
	}
	var last *protocol.Config
	for _, x := range v.links() {
		if s.past[x] {
			last = v.w.sound(x)
		}
	}
	if slices.Contains(last.Stewards, m.Org) {
		b = append(b, "subject-is-steward")
	}
	if !v.memberIn(m.Org, s.past) {
		b = append(b, "subject-not-a-member")
	}
	return append(b, v.steward(s)...)
}

// admits are the honoured admits of an organisation.
func (v *view) admits(o id.OrgID, past map[id.EntryID]bool) (as []*said) {
	for _, s := range v.w.es {
		if !v.has(s.ID) || past != nil && !past[s.ID] {
			continue
		}
		switch m := s.m.(type) {
		case *protocol.Genesis:
			if slices.Contains(m.Config.Stewards, o) {
				as = append(as, s)
			}
		case *protocol.Propose:
			if slices.Contains(v.links(), s.ID) && slices.Contains(m.Config.Stewards, o) &&
				!slices.Contains(v.w.sound(*m.Config.Parent).Stewards, o) {
				as = append(as, s)
			}
		case *protocol.Admit:
			if s.invitee == o && len(v.judge(s)) == 0 {
				as = append(as, s)
			}
		}
	}
	return as
}

// kills are the honoured removes of an organisation, and its exits.
func (v *view) kills(o id.OrgID, past map[id.EntryID]bool) (ks []*said) {
	for _, s := range v.w.es {
		if !v.has(s.ID) || past != nil && !past[s.ID] {
			continue
		}
		switch m := s.m.(type) {
		case *protocol.Remove:
			if m.Org == o && len(v.judge(s)) == 0 {
				ks = append(ks, s)
			}
		case *protocol.Exit:
			if s.org == o && len(v.judge(s)) == 0 {
				ks = append(ks, s)
			}
		}
	}
	return ks
}

// live are the admits in a past (nil: all) that have every removal of it in theirs.
func (v *view) live(o id.OrgID, past map[id.EntryID]bool) (as []*said) {
	for _, a := range v.admits(o, past) {
		if !slices.ContainsFunc(v.kills(o, past), func(k *said) bool { return !a.past[k.ID] }) {
			as = append(as, a)
		}
	}
	return as
}

func (v *view) memberIn(o id.OrgID, past map[id.EntryID]bool) bool { return len(v.live(o, past)) > 0 }

func (v *view) member(o id.OrgID) bool {
	return slices.Contains(v.tip().Stewards, o) || v.memberIn(o, nil)
}

func (v *view) memberThen(s *said) []string {
	switch {
	case v.memberIn(s.org, s.past):
		return nil
	case len(v.admits(s.org, s.past)) > 0:
		return []string{"no-longer-a-member"}
	}
	return []string{"not-a-member"}
}

// voice is the standing of claims (spec/authority.md §5).
func (v *view) voice(s *said) []string {
	for x := range s.past {
		a := v.w.by[x]
		if _, ok := a.m.(*protocol.Admit); ok && a.invitee == s.org && len(v.w.broken(a)) == 0 && v.w.byPast(a) == nil && v.certified(*a.Cfg) {
			return nil
		}
		if c := v.w.sound(x); c != nil && v.certified(x) && slices.Contains(c.Stewards, s.org) {
			return nil
		}
	}
	return []string{"not-a-member"}
}

// confirmed: a steward of a certified config or two organisations assert it.
func (v *view) confirmed(what protocol.What) bool {
	by := map[id.OrgID]bool{}
	for _, s := range v.w.es {
		m, ok := s.m.(*protocol.Claim)
		if c, is := s.m.(*protocol.Confirm); is && len(v.judge(s)) == 0 {
			m, ok = v.w.by[c.Claim].m.(*protocol.Claim)
		}
		if ok && len(v.judge(s)) == 0 && (m.What == what || m.What == protocol.Exploit && what == protocol.Public) {
			by[s.org] = true
		}
	}
	for _, s := range v.w.es {
		if c := v.w.sound(s.ID); c != nil && v.certified(s.ID) {
			for _, o := range c.Stewards {
				if by[o] {
					return true
				}
			}
		}
	}
	return len(by) > 1
}

func (v *view) content(s *said) (b []string) {
	first := s.Comp == id.Everyone && s.Seq == 0 && s.Kid == v.w.genesis.Kid
	switch {
	case s.Type == protocol.Subject && !first:
		b = append(b, "subject-misplaced")
	case s.Type != protocol.Subject && first:
		b = append(b, "subject-first")
	}
	if !v.w.agreed(*s.Agr, s.past) || !v.active(*s.Agr, s.past) {
		b = append(b, "agreement-not-active")
	}
	if s.Comp == id.Everyone {
		return b
	}
	room := v.w.by[id.EntryID(s.Comp)]
	if room == nil || !s.past[room.ID] || len(v.judge(room)) > 0 {
		return append(b, "compartment-unknown")
	}
	m, ok := room.m.(*protocol.Compartment)
	if !ok {
		return append(b, "compartment-unknown")
	}
	if !slices.Contains(m.Readers, s.org) {
		b = append(b, "not-a-reader")
	}
	return b
}

// register is the value of an organisation's report or fix state in a past.
func (v *view) register(o id.OrgID, past map[id.EntryID]bool, fix bool) (val uint8) {
	type mark struct {
		s   *said
		val uint8
	}
	var last mark
	set := func(s *said, val uint8) {
		if val != 0 && past[s.ID] && (last.s == nil || cmp.Or(cmp.Compare(last.s.LC, s.LC), bytes.Compare(last.s.Kid[:], s.Kid[:]),
			cmp.Compare(last.s.Seq, s.Seq), cmp.Compare(last.val, val)) < 0) {
			last = mark{s, val}
		}
	}
	for _, a := range v.admits(o, past) {
		if !fix && !v.memberIn(o, a.past) {
			start := protocol.RMReceived
			if slices.Contains(rolesOf(a), protocol.Reporter) {
				start = protocol.RMAccepted
			}
			set(a, uint8(start))
		}
	}
	for x := range past {
		s := v.w.by[x]
		m, ok := s.m.(*protocol.Status)
		if !ok || s.org != o {
			continue
		}
		if b := v.judge(s); len(b) > 0 && b[0] != "removed" {
			continue
		}
		if fix {
			set(s, uint8(m.Fix))
		} else {
			set(s, uint8(m.RM))
		}
	}
	return last.val
}

func rolesOf(a *said) []protocol.Role {
	switch m := a.m.(type) {
	case *protocol.Genesis:
		return m.Roles
	case *protocol.Admit:
		return []protocol.Role{a.role}
	}
	return nil
}

var rmNext = map[protocol.RM][]protocol.RM{
	protocol.RMReceived: {protocol.RMValid, protocol.RMInvalid}, protocol.RMInvalid: {protocol.RMValid, protocol.RMClosed},
	protocol.RMValid: {protocol.RMAccepted, protocol.RMDeferred}, protocol.RMAccepted: {protocol.RMDeferred, protocol.RMClosed},
	protocol.RMDeferred: {protocol.RMAccepted, protocol.RMClosed},
}

var rmFar = map[protocol.RM]int{protocol.RMReceived: 1, protocol.RMInvalid: 2, protocol.RMValid: 2,
	protocol.RMDeferred: 3, protocol.RMAccepted: 3, protocol.RMClosed: 4}

func (v *view) status(s *said, m *protocol.Status) (b []string) {
	if (m.RM == 0) == (m.Fix == 0) {
		return []string{"bad-status"}
	}
	from := protocol.RM(v.register(s.org, s.past, false))
	if m.RM != 0 {
		if !slices.Contains(rmNext[from], m.RM) && rmFar[m.RM] <= rmFar[from] {
			b = append(b, "rm-step")
		}
	} else {
		b = v.fixes(s, m.Fix, from)
	}
	if !v.unremoved(s) {
		b = append(b, "removed")
	}
	return b
}

// unremoved: some admit in the past, and each removal or exit saw the entry or came
// before that admit.
func (v *view) unremoved(s *said) bool {
	return slices.ContainsFunc(v.admits(s.org, s.past), func(a *said) bool {
		return !slices.ContainsFunc(v.kills(s.org, nil), func(k *said) bool { return !k.past[s.ID] && !a.past[k.ID] })
	})
}

func (v *view) fixes(s *said, to protocol.Fix, rm protocol.RM) (b []string) {
	var roles []protocol.Role
	for _, a := range v.live(s.org, s.past) {
		roles = append(roles, rolesOf(a)...)
	}
	vendor := slices.ContainsFunc(roles, protocol.Role.Vendor)
	from := protocol.Fix(v.register(s.org, s.past, true))
	if vendor && from < protocol.FixAware {
		from = protocol.FixAware
	}
	if !vendor && (to != protocol.FixDeployed || !slices.Contains(roles, protocol.Deployer)) {
		b = append(b, "fix-role")
	}
	if to <= from || vendor && to == protocol.FixDeployed && from != protocol.FixReady {
		b = append(b, "fix-step")
	}
	if to == protocol.FixReady && rm != protocol.RMAccepted && rm != protocol.RMDeferred && rm != protocol.RMClosed {
		b = append(b, "fix-before-accepted")
	}
	return b
}

// disagree compares a fold with the oracle.
func (w *world) disagree(h *history, c *protocol.Case) string {
	v := w.over(nil)
	var chain []id.ConfigID
	for _, x := range c.Chain() {
		chain = append(chain, x.ID)
	}
	if !slices.Equal(chain, v.links()) {
		return fmt.Sprintf("the chain is %v in the fold, %v", h.numbers(chain), h.numbers(v.links()))
	}
	for _, x := range h.confs {
		if protocol.Certified(c, x.ID) != v.certified(x.ID) {
			return fmt.Sprintf("config %d: certified is %v in the fold", h.at[x.ID], protocol.Certified(c, x.ID))
		}
		f := w.sound(x.ID)
		if f == nil || f.Kind != protocol.Succession {
			continue
		}
		for _, d := range h.ds {
			if got := protocol.Elector(c, x.ID, d.Org.ID); got != w.electorate(x.ID)[d.Org.ID] {
				return fmt.Sprintf("config %d: elector %s is %v in the fold", h.at[x.ID], d.Org.Name, got)
			}
		}
	}
	fin := w.fin(chain[len(chain)-1])
	for _, p := range protocol.Fin(c) {
		if fin[p.Kid] != p || len(fin) != len(protocol.Fin(c)) {
			return fmt.Sprintf("finalised: %v in the fold, %v", protocol.Fin(c), fin)
		}
	}
	for _, d := range h.ds {
		if c.Member(d.Org.ID) != v.member(d.Org.ID) {
			return fmt.Sprintf("member(%s) is %v in the fold", d.Org.Name, c.Member(d.Org.ID))
		}
	}
	for i, e := range h.pool {
		rule, _ := c.Verdict(e.ID)
		b := v.judge(w.by[e.ID])
		if rule == "" && len(b) > 0 || rule != "" && !slices.Contains(b, rule) {
			return fmt.Sprintf("entry %d, type %d: %q in the fold, %v", i, e.Type, rule, b)
		}
	}
	cs := c.CS()[3:]
	for i, what := range []protocol.What{protocol.Public, protocol.Exploit, protocol.Attack} {
		if (cs[i] < 'a') != v.confirmed(what) {
			return fmt.Sprintf("%v: confirmed is %v in the fold", what, cs[i] < 'a')
		}
	}
	if d := v.disagreeOnRelease(h, c); d != "" {
		return d
	}
	return v.disagreeOnTerms(h, c)
}

func (h *history) numbers(xs []id.ConfigID) (at []int) {
	for _, x := range xs {
		at = append(at, h.at[x])
	}
	return at
}
