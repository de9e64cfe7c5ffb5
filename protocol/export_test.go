package protocol

import (
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Broken is a case in which one rule does not hold: what the tests of the rules
// must notice.
func Broken(rule string) *Case {
	c := NewCase()
	c.rows = slices.Clone(byType)
	how, ok := breaks[rule]
	if !ok {
		panic("no such rule: " + rule)
	}
	for typ, change := range how {
		k := *byType[typ]
		change(&k)
		c.rows[typ] = &k
	}
	return c
}

// change breaks a row of the table.
type change func(*kind)

// breaks are the rules that Broken knows to break, each by the rows that have it.
var breaks = map[string]map[entry.Type]change{
	"a removal voids what it did not see": {5: func(k *kind) {
		k.make, k.once = func() Message { return new(mildRemove) }, cites
		k.check = func(c *Case, n *node) *Refusal { return checkAs(c, n, &n.msg.(*mildRemove).Remove) }
	}},
	"a fork takes the force of earlier acts": {5: func(k *kind) {
		k.make, k.once = func() Message { return new(boldRemove) }, cites
		k.check = func(c *Case, n *node) *Refusal { return checkAs(c, n, &n.msg.(*boldRemove).Remove) }
	}},
	"a removal wins over what is concurrent": {5: func(k *kind) {
		k.make, k.once = func() Message { return new(meekRemove) }, cites
		k.check = func(c *Case, n *node) *Refusal { return checkAs(c, n, &n.msg.(*meekRemove).Remove) }
	}},
	"only stewards remove":    {5: func(k *kind) { k.who, k.once, k.holds = byMember, nil, nil }},
	"claims outlive removals": {14: func(k *kind) { k.who = byMember }},

	"a cut voids what is above it":         {4: holds("above-the-cut"), 5: holds("above-the-cut")},
	"a forked steward has no power":        {4: holds("forked-authority"), 5: holds("forked-authority")},
	"a revocation takes an act's force":    {4: holds("revoked-authority"), 5: holds("revoked-authority")},
	"what is finalised stands":             {4: unfinalised, 5: unfinalised},
	"an act waits for its config":          {4: func(k *kind) { k.who = deaf }, 5: func(k *kind) { k.who = deaf }},
	"an act is done under the chain":       {4: func(k *kind) { k.who = nil; k.holds = nil }, 5: func(k *kind) { k.who = nil; k.holds = nil }},
	"stewards vote for an ordinary config": {3: once("not-a-steward")},
	"only the first vote counts": {3: func(k *kind) {
		k.once = func(c *Case, n *node) *Refusal { return recheck(c, n, "already-endorsed") }
	}},
	"what is named as lapsed has lapsed": {2: once("not-lapsed")},
	"a quorum needs no succession":       {2: once("quorum-left")},
	"a steward that was heard is not silent": {3: func(k *kind) {
		k.once = func(c *Case, n *node) *Refusal { return recheck(c, n, "steward-was-heard") }
	}},
	"silence lasts 14 days":             {3: once("endorsed-too-early")},
	"no cut is below what is finalised": {2: once("cut-below-finalised")},
	"who is dropped has no vote": {2: func(k *kind) {
		k.enter = func(c *Case, n *node) {
			c.register(&n.msg.(*Propose).Config, n)
			if x := c.configs[n.id]; x.Kind == Succession {
				for _, o := range x.dropped {
					x.electors = c.electorate(x)
					x.electors.has[o], x.electors.list = true, append(x.electors.list, o)
				}
			}
		}
	}},
	"it takes a majority to ask more":       {11: func(k *kind) { k.make = func() Message { return new(loudAccept) } }},
	"a removal takes no word back":          {11: func(k *kind) { k.make = func() Message { return new(shyAccept) } }},
	"an accept counts whenever it is heard": {11: func(k *kind) { k.make = func() Message { return new(tableAccept) } }},
	"yes and no at once is no":              {12: func(k *kind) { k.make = func() Message { return new(meekReject) } }},
	"a dropped steward's word falls":        {10: holds("above-the-cut"), 11: holds("above-the-cut")},
	"a forked steward's word falls":         {10: holds("forked-authority"), 11: holds("forked-authority")},
	"who comes in signs what is in force":   {4: func(k *kind) { k.check = nothing }},
	"the end of a merged case holds":        {24: linksAre(func() Message { return new(tameLink) })},
	"no later statement moves an end later": {24: linksAre(func() Message { return new(fickleLink) })},
	"an end is agreed on since a merge":     {24: linksAre(func() Message { return new(stubbornLink) })},
	"an end is for good":                    {17: func(k *kind) { k.who = byMember }},
	"content is never voided":               {33: func(k *kind) { k.holds = unremoved }},
	"a fork closes the key":                 {19: func(k *kind) { k.enter = nil }},
}

// once is a kind whose own check forgets one rule.
func once(rule string) change {
	return func(k *kind) {
		check := k.once
		k.once = func(c *Case, n *node) *Refusal {
			if r := check(c, n); r != nil && r.Rule != rule {
				return r
			}
			return nil
		}
	}
}

// holds is a kind whose acts keep their force against one rule.
func holds(rule string) change {
	return func(k *kind) {
		check := k.holds
		k.holds = func(c *Case, n *node) *Refusal {
			if r := check(c, n); r != nil && r.Rule != rule {
				return r
			}
			return nil
		}
	}
}

// unfinalised forgets that what a config has finalised stands.
func unfinalised(k *kind) {
	check := k.holds
	k.holds = func(c *Case, n *node) *Refusal {
		tip := c.chain[len(c.chain)-1]
		fin := tip.fin
		tip.fin = nil
		defer func() { tip.fin = fin }()
		return check(c, n)
	}
}

// deaf is inForce for who does not wait for the certificate of a config.
func deaf(c *Case, n *node) *Refusal {
	defer clear(c.waited)
	return inForce(c, n)
}

// LapsedIn are the children of a config that have lapsed by all that a case has.
func LapsedIn(c *Case, p id.ConfigID, kind uint8) (ids []id.ConfigID) {
	if c.configs[p] == nil {
		return nil
	}
	parent := c.configs[p]
	voters := parent.Stewards
	if kind == Succession {
		voters = nil
		for v := range parent.cast {
			if v.kind == kind && !slices.Contains(voters, v.org) {
				voters = append(voters, v.org)
			}
		}
	}
	for _, x := range c.ballotsIn(parent, kind, c.all).names(voters, id.OrgID{}) {
		ids = append(ids, x.ID)
	}
	slices.SortFunc(ids, compareEntries)
	return ids
}

// recheck is checkEndorse without one of the rules that others follow.
func recheck(c *Case, n *node, without string) *Refusal {
	r := checkEndorse(c, n)
	if r == nil || r.Rule != without {
		return r
	}
	x := c.configs[n.msg.(*Endorse).Config]
	switch noted, ok := c.noted(x, n); {
	case x.Kind == Ordinary && !x.parent.steward(n.org.id):
		return refuse("not-a-steward", "")
	case x.Kind == Succession && !ok:
		return refuse("silence-not-noted", "")
	case x.Kind == Succession && n.t < noted+Silence:
		return refuse("endorsed-too-early", "")
	}
	return nil
}

// checkAs judges a broken removal as what it looks like.
func checkAs(c *Case, n *node, m *Remove) *Refusal {
	x := *n
	x.msg = m
	return checkRemove(c, &x)
}

// mildRemove is a removal that leaves earlier verdicts alone.
type mildRemove struct{ Remove }

func (m *mildRemove) apply(c *Case, n *node) {
	if n.honoured() {
		o := c.orgOf(m.Org)
		o.kills = append(o.kills, n)
		o.ends.put(n, 0)
	}
	c.act(n)
}

// boldRemove is a removal that no later proof of a fork touches.
type boldRemove struct{ Remove }

func (m *boldRemove) apply(c *Case, n *node) {
	if n.honoured() {
		c.kill(c.orgOf(m.Org), n)
	}
}

// meekRemove is a removal that an admission which it has not seen undoes.
type meekRemove struct{ Remove }

func (m *meekRemove) apply(c *Case, n *node) {
	o := c.orgOf(m.Org)
	if n.honoured() && !slices.ContainsFunc(o.admits, func(a *node) bool { return !n.past.has(a) }) {
		c.kill(o, n)
	}
	c.act(n)
}

// HeadsOutside counts the control heads that an entry does not have in its past.
func HeadsOutside(c *Case, e id.EntryID) (heads int) {
	for _, b := range c.control {
		if !c.nodes[e].past.has(b.tip) {
			heads++
		}
	}
	return heads
}

// Covers is the rule of spec/kinds.md, agreements.
func Covers(c *Case, a, b id.AgrID) bool {
	x, y := c.terms.all[a], c.terms.all[b]
	return x != nil && y != nil && c.covers(x, y)
}

// Certified says whether the votes for a config and those on its path are enough.
func Certified(c *Case, x id.ConfigID) bool { return c.configs[x] != nil && c.configs[x].certified }

// Elector says whether an organisation votes on a succession.
func Elector(c *Case, x id.ConfigID, o id.OrgID) bool { return c.electorate(c.configs[x]).has[o] }

// Fin are the heads that the chain has finalised.
func Fin(c *Case) []Place { return c.fin() }

// Author is whose entry it is, and what refuses it by its past alone.
func Author(c *Case, e id.EntryID) (o id.OrgID, rule string) {
	n, _ := c.find(e)
	if n.org != nil {
		o = n.org.id
	}
	if n.bad != nil {
		rule = n.bad.Rule
	}
	return o, rule
}

// Limits are how many signatures the entries of one feed may carry.
type Limits = carried

// LimitsOf are so many, for whoever and for a steward.
func LimitsOf(own, steward uint16) Limits { return carried{own, steward} }

// The limits of the protocol.
const (
	MaxCarried        = maxCarried
	MaxStewardCarried = maxStewardCarried
)

// Checked is how many signatures inside entries the case had to check, where it had
// seen none of them before.
func Checked(c *Case) (signatures int) {
	for _, b := range c.control {
		signatures += b.tip.carried.sum()
		if b.from != nil {
			signatures -= b.from.carried.sum()
		}
	}
	return signatures
}

func (s carried) sum() int { return int(s.own) + int(s.steward) }

// Counted is a case that counts how often it judges an entry.
func Counted(judged *int, most Limits) *Case {
	c := NewCase()
	c.most = most
	c.rows = slices.Clone(byType)
	for typ, k := range byType {
		if k == nil {
			continue
		}
		counted := *k
		counted.check = func(c *Case, n *node) *Refusal {
			*judged++
			return k.check(c, n)
		}
		c.rows[typ] = &counted
	}
	return c
}

// loudAccept is an acceptance in which one steward speaks for all.
type loudAccept struct{ EmbargoAccept }

func (m *loudAccept) apply(c *Case, n *node) {
	m.EmbargoAccept.apply(c, n)
	if n.cfg == nil || !n.honoured() {
		return
	}
	x := c.configs[*n.cfg]
	for _, o := range x.Stewards {
		h := c.hears(c.terms.all[m.Agr])
		h.votes = append(h.votes, vote{o, x.N, n, n})
	}
}

// shyAccept is an acceptance that moves nobody where a removal had not seen it.
type shyAccept struct{ EmbargoAccept }

func (m *shyAccept) apply(c *Case, n *node) {
	if n.honoured() {
		m.EmbargoAccept.apply(c, n)
	}
}

// meekReject is a rejection that gives way to an acceptance which it has not seen.
type meekReject struct{ EmbargoReject }

func (m *meekReject) apply(c *Case, n *node) {
	x := c.hears(c.terms.all[m.Agr]).answer(n.org)
	if slices.ContainsFunc(x.yes, func(y *node) bool { return !n.past.has(y) }) {
		n.org.status.put(n, 0)
		return
	}
	m.EmbargoReject.apply(c, n)
}

// linksAre takes other statements for case-link.
func linksAre(other func() Message) func(*kind) {
	return func(k *kind) { k.make, k.once, k.enter = other, cites, nil }
}

// tameLink is a statement that shortens no embargo.
type tameLink struct{ CaseLink }

func (m *tameLink) apply(c *Case, n *node) {
	x := *n
	x.msg = &CaseLink{Pair: m.Pair, Relation: m.Relation}
	m.CaseLink.apply(c, &x)
}

// fickleLink is a statement that takes back the ends that those before it brought.
type fickleLink struct{ CaseLink }

func (m *fickleLink) apply(c *Case, n *node) {
	x := *n
	x.msg = &m.CaseLink
	if l := c.links[m.Pair]; l != nil && n.honoured() {
		l.until = 0
	}
	m.CaseLink.apply(c, &x)
}

// stubbornLink is a statement whose end holds whatever is agreed on since.
type stubbornLink struct{ CaseLink }

func (m *stubbornLink) apply(c *Case, n *node) {
	x := *n
	x.msg = &m.CaseLink
	m.CaseLink.apply(c, &x)
	if x := c.links[m.Pair]; x != nil {
		x.merged = nil
	}
}

// tableAccept is an acceptance as the published tables have it: an error unless its proposal is
// open when it is heard.
type tableAccept struct{ EmbargoAccept }

func (m *tableAccept) apply(c *Case, n *node) {
	c.settleTerms()
	if slices.ContainsFunc(c.open(), func(a *agreed) bool { return a.id == m.Agr }) {
		m.EmbargoAccept.apply(c, n)
	}
}

// Judged is how many entries the fold judges: of a stretch of content one.
func Judged(c *Case) int { return len(c.order) }

// FoundAmongClashes says whether content entries are found of which the first bytes are alike,
// and no others.
func FoundAmongClashes(n int) bool {
	s := newSpots()
	f := &feed{name: id.Feed{Comp: id.Everyone}}
	s.branches = []*branch{{feed: f}, {feed: f, place: 1}}
	for i := range n {
		b := s.branches[i%2]
		s.put(b, id.EntryID{31: byte(i)})
	}
	for i := range n {
		if b, seq := s.find(id.EntryID{31: byte(i)}); b != s.branches[i%2] || int(seq) != i/2 {
			return false
		}
	}
	b, _ := s.find(id.EntryID{30: 1})
	return b == nil
}

// Frontiers are, of each content feed's tip, the entries of its past that are in no other's
// past there: as the anchors say, and by asking each of each.
func Frontiers(c *Case) (fast, slow [][]id.EntryID) {
	for _, b := range c.content.branches {
		var tips []*node
		past := b.last().past
		for place, n := range past.all() {
			tips = append(tips, c.control[place].entries[id.Seq(n)-1-c.control[place].start()])
		}
		var top []id.EntryID
		for _, n := range tips {
			if !slices.ContainsFunc(tips, func(x *node) bool { return x != n && x.past.has(n) }) {
				top = append(top, n.id)
			}
		}
		slices.SortFunc(top, compareEntries)
		fast, slow = append(fast, c.frontier(past)), append(slow, top)
	}
	return fast, slow
}
