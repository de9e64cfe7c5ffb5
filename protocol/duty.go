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

// Word is what a daemon remembers of the last control entry that its organisation
// wrote in a case: Unix milliseconds. Two times, since a clock that was wrong once
// leaves its mark on all later entries, whose times never fall, and a daemon that
// trusted that would keep silent for years.
type Word struct {
	T  uint64 // that the entry claims; of none, when the organisation became a steward
	At uint64 // when the daemon saw it first, by its clock
}

// Spoke brings a daemon's memory of its organisation's last word up to now, its own
// clock; the zero Word remembers nothing.
func (c *Case) Spoke(o id.OrgID, was Word, now uint64) Word {
	w := Word{T: c.LastWord(o)}
	if i := slices.IndexFunc(c.chain, func(x *config) bool { return x.steward(o) }); w.T == 0 && i >= 0 {
		w.T = c.chain[i].node.t
	}
	switch {
	case was == Word{}: // what it claims is all there is
		w.At = w.T
	case w.T != was.T:
		w.At = now
	default:
		w.At = was.At
	}
	w.At = min(w.At, now)
	return w
}

// Duties are the control messages that a daemon owes the case without being told
// to: checkpoints and votes for them, and a sign of life. now is its own clock,
// Unix milliseconds, last what it remembers of its organisation. Fork entries are
// not among them: see Unproven.
func (c *Case) Duties(kid id.Kid, now uint64, last Word) (ms []Message) {
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
	if now >= c.Spoke(o.id, last, now).At+AliveAfter {
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
	// A config from ahead of this clock was proposed under a wrong one: no reason to wait.
	if entries, t := c.SinceCheckpoint(); entries >= CheckpointEntries && (now >= t+CheckpointAfter || now < t) {
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
