package protocol

import (
	"slices"

	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// When a daemon acts by itself (spec/authority.md §6, §7); milliseconds.
const (
	CheckpointAfter   = 24 * 3600 * 1000 // since the config in force was proposed
	CheckpointEntries = 32               // control entries since then
	AliveAfter        = 5 * 24 * 3600 * 1000
)

// Duties are the control messages that a daemon owes the case without being told
// to: checkpoints and votes for them, and a sign of life. now is its own clock,
// Unix milliseconds. Fork entries are not among them: see Unproven.
func (c *Case) Duties(kid id.Kid, now uint64) (ms []Message) {
	o, view := c.holder(kid, c.all)
	if o == nil || !c.steward(o.id) || c.State() != StateOK || c.forked[kid] {
		return nil
	}
	if d, _ := view.Daemon(kid); d.Revoked || !d.Can(identity.CapSteward) {
		return nil
	}
	if m := c.voteDue(o); m != nil {
		ms = append(ms, m)
	} else if c.checkpointDue(o, now) {
		tip := c.tip()
		ms = append(ms, &Propose{Config: c.NextConfig(kid, tip.Stewards, tip.Quorum)})
	}
	last := c.LastWord(o.id)
	if last == 0 { // since it may decide
		last = c.chain[slices.IndexFunc(c.chain, func(x *config) bool { return x.steward(o.id) })].node.t
	}
	if now >= last+AliveAfter {
		ms = append(ms, new(Alive))
	}
	return ms
}

// voteDue is the vote for a checkpoint that o's daemon gives by itself: never
// beside a person's proposal, and the lead's only where it completes the quorum.
func (c *Case) voteDue(o *org) Message {
	var found *Proposal
	for _, p := range c.Proposals() {
		if slices.Contains(p.Endorsed, o.id) || !c.checkpoint(&p.Config) {
			return nil
		}
		if slices.Contains(p.Missing, o.id) && found == nil {
			found = &p
		}
	}
	if found == nil || c.tip().Stewards[0] == o.id && len(found.Endorsed)+1 < found.Need {
		return nil
	}
	return &Endorse{Config: found.ID}
}

// checkpoint says whether a config changes nothing but what is finalised.
func (c *Case) checkpoint(f *Config) bool {
	now := c.tip()
	return f.Kind == Ordinary && slices.Equal(f.Stewards, now.Stewards) && f.Quorum == now.Quorum && f.Rules == now.Rules
}

// checkpointDue says whether the lead should propose one: it is time, or it is
// the only steward and has admitted somebody since.
func (c *Case) checkpointDue(o *org, now uint64) bool {
	tip := c.tip()
	if tip.Stewards[0] != o.id || len(c.Proposals()) > 0 {
		return false
	}
	if entries, t := c.SinceCheckpoint(); entries >= CheckpointEntries && now >= t+CheckpointAfter {
		return true
	}
	if len(tip.Stewards) > 1 {
		return false
	}
	past := c.chain[len(c.chain)-1].node.past
	for _, p := range c.orgs {
		if slices.ContainsFunc(p.admits, func(a *node) bool { return a.kind.typ == admitKind.typ && !past.has(a) }) {
			return true
		}
	}
	return false
}
