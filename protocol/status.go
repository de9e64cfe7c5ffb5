package protocol

import (
	"slices"
	"strings"

	"cordon/protocol/entry"
	"cordon/protocol/identity"
)

// Status says the author's own report state or fix state; one of the two is zero.
type Status struct {
	RM  RM
	Fix Fix
}

var statusKind = kind{
	typ: 13, name: "status", cap: identity.CapWrite, who: byMember,
	make: func() Message { return new(Status) }, check: checkStatus, holds: unremoved,
}

// Type is the kind's number.
func (*Status) Type() entry.Type { return statusKind.typ }

func (m *Status) fields() []field {
	return []field{
		number(1, &m.RM, uint64(RMInvalid), uint64(RMClosed)).Optional(func() bool { return m.RM != 0 }),
		number(2, &m.Fix, uint64(FixReady), uint64(FixDeployed)).Optional(func() bool { return m.Fix != 0 }),
	}
}

func checkStatus(c *Case, n *node) *Refusal {
	m := n.msg.(*Status)
	switch {
	case (m.RM == 0) == (m.Fix == 0):
		return refuse("bad-status", "a status entry says either a report state or a fix state")
	case m.RM != 0:
		return checkRM(c, n, m.RM)
	}
	return checkFix(c, n, m.Fix)
}

// checkRM judges a step by the author's own earlier entries. Others may skip
// steps forward (we may have missed why); nobody goes back.
func checkRM(c *Case, n *node, to RM) *Refusal {
	from := RM(n.org.rm.in(c, n.past))
	legal := from.next()
	if slices.Contains(legal, to) || !n.own && from.skip(to) {
		return nil
	}
	if len(legal) == 0 {
		return refuse("rm-step", "the report is %v, which is final", from)
	}
	return refuse("rm-step", "the report is %v, and only one that is %s becomes %v: next is %s", from, either(to.before()), to, either(legal)).after(toward(from, to)...)
}

// toward are the steps that lead to a report state; by way of invalid only to close.
func toward(from, to RM) (steps []Message) {
	for _, s := range from.next() {
		if s != to && s.skip(to) && (s != RMInvalid || to == RMClosed) {
			steps = append(steps, &Status{RM: s})
		}
	}
	return steps
}

// either lists states for a person.
func either(states []RM) string {
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = s.String()
	}
	return strings.Join(names, " or ")
}

// checkFix judges a step of the fix path (spec/kinds.md, status).
func checkFix(c *Case, n *node, to Fix) *Refusal {
	roles := n.org.rolesIn(n.past)
	vendor := slices.ContainsFunc(roles, Role.Vendor)
	from := fixIn(n.org.fix.in(c, n.past), vendor)
	rm := RM(n.org.rm.in(c, n.past))
	switch {
	case !vendor && !(to == FixDeployed && slices.Contains(roles, Deployer)):
		return refuse("fix-role", "only a vendor says ready, only a vendor or a deployer says deployed")
	case to <= from:
		return refuse("fix-step", "the fix is %v already", from)
	case vendor && to == FixDeployed && from != FixReady:
		return refuse("fix-step", "a vendor's fix is ready before it is deployed").after(&Status{Fix: FixReady})
	case to == FixReady && rm != RMAccepted && rm != RMDeferred && rm != RMClosed:
		return refuse("fix-before-accepted", "a fix is ready only after the report was accepted; it is %v", rm).after(toAccepted(rm)...)
	}
	return nil
}

// toAccepted are the steps that lead to an accepted report.
func toAccepted(from RM) []Message {
	if slices.Contains(from.next(), RMAccepted) {
		return []Message{&Status{RM: RMAccepted}}
	}
	return toward(from, RMAccepted)
}

// fixIn is the fix state by what was written; a vendor is aware by its admission.
func fixIn(written uint8, vendor bool) Fix {
	if vendor {
		return max(Fix(written), FixAware)
	}
	return Fix(written)
}

// apply notes the mark of a sound entry also where a removal voids it: whether
// the next step is legal depends on the past alone.
func (m *Status) apply(c *Case, n *node) {
	o := n.org
	o.status.put(n, 0)
	if m.RM != 0 {
		o.rm.put(mark{n, uint8(m.RM)})
	} else {
		o.fix.put(mark{n, uint8(m.Fix)})
	}
}

func (m *Status) says(*Case) (what, about string) {
	if m.RM != 0 {
		return m.RM.String(), ""
	}
	return m.Fix.String(), ""
}
