package protocol

import (
	"slices"

	"cordon/protocol/id"
)

// Config says who the stewards of a case are, in rank order. The first of a case,
// C0, stands in its genesis.
type Config struct {
	ID       id.ConfigID // of the entry that proposes it; not written
	N        uint64
	Stewards []id.OrgID
	Quorum   uint8
	Rules    uint64
	Kind     uint8 // 1 ordinary, 2 succession
}

func (f *Config) fields() []field {
	return []field{
		number(2, &f.N, 0, 1<<32-1),
		orgsOf(3, &f.Stewards, 1, MaxStewards),
		number(4, &f.Quorum, 1, MaxStewards),
		number(5, &f.Rules, 1, 1<<32-1),
		number(6, &f.Kind, 1, 2),
	}
}

// tip is the config in force.
func (c *Case) tip() *Config {
	if len(c.chain) == 0 {
		return &Config{}
	}
	return &c.chain[len(c.chain)-1]
}

// config finds a link of the chain.
func (c *Case) config(x id.ConfigID) *Config {
	for i := range c.chain {
		if c.chain[i].ID == x {
			return &c.chain[i]
		}
	}
	return nil
}

// steward says whether o is one now.
func (c *Case) steward(o id.OrgID) bool { return slices.Contains(c.tip().Stewards, o) }

// everSteward says whether o is one in any link of the chain.
func (c *Case) everSteward(o id.OrgID) bool {
	return slices.ContainsFunc(c.chain, func(f Config) bool { return slices.Contains(f.Stewards, o) })
}

// byStewardOf is the rule for steward acts: the entry cites a config of the chain
// that names the author's organisation.
func byStewardOf(c *Case, n *node) *Refusal {
	if n.cfg == nil {
		return refuse("config-missing", "a steward act cites the config it acts under")
	}
	f := c.config(*n.cfg)
	if f == nil {
		return refuse("config-unknown", "the cited config is not in the case's chain")
	}
	if !slices.Contains(f.Stewards, n.org.id) {
		return refuse("not-a-steward", "only a steward of the case may do this")
	}
	if f.Rules > Rules {
		return refuse("upgrade-needed", "the case follows rules %d, this version knows %d", f.Rules, Rules)
	}
	return nil
}

// empowered says whether a sound steward act has its force: not at or above a
// fork of its feed, and not signed with a key whose revocation did not see it
// (spec/kinds.md, common rules).
func empowered(c *Case, n *node) *Refusal {
	if f := c.feeds[id.Feed{Kid: n.kid, Comp: id.Control}]; f != nil && f.forkedAt(n.seq) {
		return refuse("forked-authority", "the steward's daemon has signed two entries at one place: its acts from there on do not count")
	}
	for _, r := range c.revoked[signer{n.org.id, n.kid}] {
		if n.branch == nil || !r.past.has(n) {
			return refuse("revoked-authority", "the steward's key was revoked, and the revocation did not see this act")
		}
	}
	return nil
}

// act notes an honoured steward act, so that a later fork or revocation is known
// to touch it.
func (c *Case) act(n *node) { c.acts[n.kid] = append(c.acts[n.kid], n) }
