package protocol

import (
	"bytes"
	"cmp"
	"slices"
	"sort"

	"cordon/protocol/id"
)

// tip is the config in force.
func (c *Case) tip() *Config {
	if len(c.chain) == 0 {
		return &Config{}
	}
	return c.chain[len(c.chain)-1].Config
}

// fin are the heads that the chain has finalised.
func (c *Case) fin() []Place {
	if len(c.chain) == 0 {
		return nil
	}
	return c.chain[len(c.chain)-1].fin
}

// link is a config's place in the chain; -1 when it is not in it.
func (c *Case) link(x id.ConfigID) int {
	f := c.configs[x]
	if f == nil || int(f.N) >= len(c.chain) || c.chain[f.N] != f {
		return -1
	}
	return int(f.N)
}

// lastIn is the last config of the chain in a past: who has one has those before it.
func (c *Case) lastIn(past vector) *config {
	n := sort.Search(len(c.chain), func(i int) bool { return !past.has(c.chain[i].node) })
	return c.chain[max(0, n-1)]
}

// steward says whether o is one now.
func (c *Case) steward(o id.OrgID) bool { return c.tip().steward(o) }

// certify notes which configs the votes complete, x's own and those of what
// follows it. Nothing takes a certificate back.
func (c *Case) certify(x *config) {
	if x.certified || !x.parent.certified || !c.carried(x) {
		return
	}
	x.certified = true
	c.empower(x)
	c.fresh = append(c.fresh, x)
	for _, child := range x.children {
		c.certify(child)
	}
}

// empower notes that x's stewards have a voice, whatever comes. Of configs in
// each other's past the first is enough.
func (c *Case) empower(x *config) {
	for _, o := range x.Stewards {
		c.ever[o] = true
		named := c.orgOf(o)
		if !slices.ContainsFunc(named.named, x.node.past.has) {
			named.named = append(named.named, x.node)
		}
	}
}

// speaks says whether a config gives an organisation a voice whose word was
// refused for want of one.
func (c *Case) speaks(x *config) bool {
	is := func(o id.OrgID) bool { return c.mute[o] }
	return slices.ContainsFunc(x.Stewards, is) || slices.ContainsFunc(x.voices, is)
}

// carried says whether the votes for x are enough.
func (c *Case) carried(x *config) bool {
	if x.Kind == Ordinary {
		return len(x.ballot(c)) >= int(x.parent.Quorum)
	}
	return c.succeeds(x)
}

// ballot is E(c): who endorses x, as ranks of the parent's stewards or, in a
// succession, as organisations; sorted.
func (x *config) ballot(c *Case) (e [][]byte) {
	for o := range x.votes {
		switch rank := slices.Index(x.parent.Stewards, o); {
		case x.Kind == Ordinary:
			e = append(e, []byte{byte(rank)})
		case c.electorate(x).has[o]:
			e = append(e, bytes.Clone(o[:]))
		}
	}
	slices.SortFunc(e, bytes.Compare)
	return e
}

// walk are the links that follow x: of the certified children the first by kind,
// number of votes, who they are, and id (spec/authority.md §4).
func (c *Case) walk(x *config) (links []*config) {
	for {
		var next *config
		for _, y := range x.children {
			if y.certified && (next == nil || c.precedes(y, next)) {
				next = y
			}
		}
		if next == nil {
			return links
		}
		links, x = append(links, next), next
	}
}

// precedes is the order in which certified siblings come.
func (c *Case) precedes(x, y *config) bool {
	a, b := x.ballot(c), y.ballot(c)
	return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(len(b), len(a)),
		slices.CompareFunc(a, b, bytes.Compare), bytes.Compare(x.ID[:], y.ID[:])) < 0
}

// follow takes links for the chain's from the i-th on.
func (c *Case) follow(i int, links []*config) {
	if i < len(c.chain) || c.drops == nil {
		links = append(slices.Clone(c.chain[:i]), links...)
		c.chain, c.drops = nil, map[id.OrgID][]*config{}
	}
	for _, x := range links {
		for _, o := range x.dropped {
			c.drops[o] = append(c.drops[o], x)
		}
	}
	c.chain = append(c.chain, links...)
}

// rechain brings the chain up to date with the certificates and votes. It says
// whether verdicts may have changed: not when checkpoints were added that no act
// has waited for.
func (c *Case) rechain() (changed bool) {
	quiet := true
	if i := c.firm; i <= len(c.chain) {
		links, old := c.walk(c.chain[i-1]), c.chain[i:]
		same := min(len(links), len(old))
		if quiet = len(old) == same && slices.Equal(links[:same], old); quiet {
			i, links = len(c.chain), links[same:]
		}
		c.follow(i, links)
	}
	for _, x := range c.fresh {
		quiet = quiet && c.link(x.ID) >= 0 && slices.Equal(x.Stewards, x.parent.Stewards) && x.Rules == x.parent.Rules &&
			!c.waited[x.ID] && !c.speaks(x) && !c.voided && !slices.ContainsFunc(x.children, (*config).succession)
	}
	c.fresh, c.firm = nil, len(c.chain)+1
	return !quiet
}

// cites is what every steward act asks of its past: that it names a config
// there, in which its author's organisation is a steward.
func cites(c *Case, n *node) *Refusal {
	if n.cfg == nil {
		return refuse("config-missing", "a steward act cites the config it acts under")
	}
	x := c.configs[*n.cfg]
	if x == nil || !n.past.has(x.node) {
		return refuse("config-unknown", "the cited config is not in the entry's past")
	}
	if !x.steward(n.org.id) {
		return refuse("not-a-steward", "only a steward of the case may do this")
	}
	return nil
}

// inForce is the rule for steward acts: the config that they cite is in the
// chain.
func inForce(c *Case, n *node) *Refusal {
	if c.link(*n.cfg) < 0 {
		if !n.own { // a dry run changes nothing
			c.waited[*n.cfg] = true
		}
		return refuse("config-not-in-chain", "the config that the act cites has no certificate, or another one came before it")
	}
	switch x := c.configs[*n.cfg]; {
	case x.Rules > Rules: // a verdict, which no pin touches
		return needsUpgrade(x.Rules)
	case n.own && c.State() != StateOK:
		return c.halted()
	}
	return nil
}

// empowered says whether a sound steward act has its force (spec/authority.md §5):
// decided by the cut of the first config since that drops its author; else,
// unless it is finalised, lost at or above a fork of its feed, and with a key
// whose revocation did not see it.
func empowered(c *Case, n *node) *Refusal {
	drops, cited := c.drops[n.org.id], c.configs[*n.cfg].N
	if i := sort.Search(len(drops), func(i int) bool { return drops[i].N > cited }); i < len(drops) {
		return c.uncut(drops[i], n)
	}
	if c.finalised(n) {
		return nil
	}
	if c.forkedAt(n) {
		c.voided = c.voided || !n.own
		return refuse("forked-authority", "the steward's daemon has signed two entries at one place: its acts from there on do not count")
	}
	if c.revokedAct(n) {
		c.voided = c.voided || !n.own
		return refuse("revoked-authority", "the steward's key was revoked, and this act is not among those that stand")
	}
	return nil
}

// revokedAct says whether the revocation of its key takes an act's force: where
// its organisation has set cuts, what is above one of them; else what an entry
// that shows the revocation had not seen.
func (c *Case) revokedAct(n *node) bool {
	s := signer{n.org.id, n.kid}
	cut := false
	for _, k := range c.cuts[s] {
		if !c.all.has(k.n) {
			continue
		}
		if cut = true; k.at == nil || n.branch == nil || !n.below(c.nodes[k.at.Entry]) {
			return true
		}
	}
	return !cut && slices.ContainsFunc(c.revoked[s], func(r *node) bool {
		return c.all.has(r) && (n.branch == nil || !r.past.has(n))
	})
}

// uncut says whether an act stands below the cut of its dropped author.
func (c *Case) uncut(x *config, n *node) *Refusal {
	if p, ok := at(x.cut(n.org.id).Places, n.kid); ok && n.branch != nil && c.nodes[p.ID].past.has(n) {
		return nil
	}
	return refuse("above-the-cut", "the steward was dropped, and the act is not among those that were seen of it before")
}

// finalised says whether an entry is at or below the finalised head of its feed.
func (c *Case) finalised(n *node) bool {
	p, ok := at(c.fin(), n.kid)
	return ok && n.branch != nil && n.below(c.nodes[p.ID])
}

// act notes a sound steward act, so that a later fork or revocation is known to
// touch it: it may decide why an act is refused that is refused already.
func (c *Case) act(n *node) { c.acts[n.kid] = append(c.acts[n.kid], n) }

// mayFall says whether a sound act stands only as long as nothing comes to light of
// its key.
func (c *Case) mayFall(a *node) bool {
	drops := c.drops[a.org.id]
	return (len(drops) == 0 || drops[len(drops)-1].N <= c.configs[*a.cfg].N) && !c.finalised(a) &&
		a.rule() != "forked-authority" && a.rule() != "revoked-authority"
}

// certifiedIn says whether x is certified by the entries of a past alone.
func (c *Case) certifiedIn(x *config, past vector) bool {
	lacks := func(y *config) bool { return !c.carriedIn(y, past) }
	for y := x; y.parent != nil; y = y.parent {
		switch {
		case slices.ContainsFunc(y.known, past.has):
			return true
		case !y.certified || !past.has(y.node) || slices.ContainsFunc(y.gaps, lacks):
			return false
		case lacks(y):
			x.lacked(y)
			return false
		}
	}
	return true
}

// lacked notes on the way from x down to y that some past had too few votes for y.
func (x *config) lacked(y *config) {
	const most = 64
	for ; x != y; x = x.parent {
		if len(x.gaps) < most {
			x.gaps = append(x.gaps, y)
		}
	}
}

// carriedIn says whether the votes for x in a past are enough.
func (c *Case) carriedIn(x *config, past vector) bool {
	n := len(c.votesIn(x, past))
	if x.Kind == Ordinary {
		return n >= int(x.parent.Quorum)
	}
	return n > 0 && 3*n >= 2*len(c.electorate(x).list)
}

// votesIn lists who endorses x by the entries of a past.
func (c *Case) votesIn(x *config, past vector) (os []id.OrgID) {
	for o, votes := range x.votes {
		if slices.ContainsFunc(votes, past.has) && (x.Kind == Ordinary || c.electorate(x).has[o]) {
			os = append(os, o)
		}
	}
	return os
}
