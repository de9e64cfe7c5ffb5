package protocol

import "slices"

// carried is a number of signatures inside entries, beside their own, along one
// control feed (spec/kinds.md, signatures inside).
type carried struct {
	own     uint16
	steward uint16 // in entries whose past certifies the config that they cite
}

// The most of both.
const (
	maxCarried        = 512
	maxStewardCarried = 1 << 13
)

// carry counts the signatures inside an entry before any of them is checked: what one
// key may have everybody check has an end.
func (c *Case) carry(n *node, signatures int) *Refusal {
	sum, most := &n.carried.own, c.most.own
	if n.org != nil && cites(c, n) == nil && c.certifiedIn(c.configs[*n.cfg], n.past) {
		sum, most, n.certifies = &n.carried.steward, c.most.steward, c.configs[*n.cfg]
	}
	if int(*sum)+signatures > int(most) {
		return refuse("too-many-signatures", "what this daemon key has written carries too many signatures, the limit is %d: "+
			"certify another daemon, or let another steward do it", most)
	}
	*sum += uint16(signatures)
	return nil
}

// maxKnown is of how many entries a config remembers that their past certifies it.
const maxKnown = 64

// knows notes that the past of an entry that cites or follows x certifies x.
func (x *config) knows(n *node) {
	if len(x.known) < maxKnown && !slices.ContainsFunc(x.known, n.past.has) {
		x.known = append(x.known, n)
	}
}
