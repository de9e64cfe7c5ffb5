package protocol

import (
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// ReleaseReady says whether an organisation is ready to publish at the instant of a plan.
type ReleaseReady struct {
	Plan   id.EntryID
	State  Readiness
	Reason [32]byte // commitment to the reason's text; zero: there is none
}

// Readiness is an organisation's answer to a plan. The numbers travel.
type Readiness uint8

// The answers to a plan.
const (
	ReleaseSilent   Readiness = 0 // never written
	ReadyToRelease  Readiness = 1
	NotReadyRelease Readiness = 2
)

var readinessNames = []string{0: "no answer", 1: "ready", 2: "not ready"}

func (r Readiness) String() string { return word(readinessNames, uint8(r)) }

var releaseReadyKind = kind{
	typ: 23, name: "release-ready", cap: identity.CapWrite, who: byMember,
	make: func() Message { return new(ReleaseReady) }, once: checkPlanKnown, check: checkReleaseReady, holds: unremoved,
}

// Type is the kind's number.
func (*ReleaseReady) Type() entry.Type { return releaseReadyKind.typ }

func (m *ReleaseReady) fields() []field {
	return []field{hash(1, &m.Plan), number(2, &m.State, uint64(ReadyToRelease), uint64(NotReadyRelease)), hash(3, &m.Reason)}
}

// checkPlanKnown judges by the past alone. Whether the plan counts is no matter: an
// answer to one that does not is heard by nobody.
func checkPlanKnown(c *Case, n *node) *Refusal {
	x := c.nodes[n.msg.(*ReleaseReady).Plan]
	if x == nil || x.kind == nil || x.kind.typ != releasePlanKind.typ || !n.past.has(x) {
		return refuse("plan-unknown", "what is meant is no release plan in the entry's past")
	}
	return nil
}

func checkReleaseReady(c *Case, n *node) *Refusal {
	m := n.msg.(*ReleaseReady)
	switch now := c.plan(); {
	case !n.own:
		return nil
	case now == nil || now.id != m.Plan:
		return refuse("plan-superseded", "another release plan has taken the place of this one")
	case Readiness(c.ready[m.Plan][n.org].last()) == m.State:
		return refuse("no-change", "the organisation is %v already", m.State)
	}
	return nil
}

func (m *ReleaseReady) apply(c *Case, n *node) {
	n.org.status.put(n, 0)
	if c.ready[m.Plan] == nil {
		c.ready[m.Plan] = map[*org]register{}
	}
	r := c.ready[m.Plan][n.org]
	r.put(mark{n, uint8(m.State)})
	c.ready[m.Plan][n.org] = r
}

func (m *ReleaseReady) needs(*Case) []id.EntryID { return []id.EntryID{m.Plan} }

func (m *ReleaseReady) says(*Case) (what, about string) { return m.State.String(), m.Plan.String() }

func (m *ReleaseReady) commitment() [32]byte { return m.Reason }

// Release is the plan in force, and who has answered it.
type Release struct {
	Plan    id.EntryID
	By      id.OrgID
	At      uint64 // Unix milliseconds
	Answers []Answer
}

// Answer is a member's answer to a plan. Of others than vendors only those who have
// given one are listed.
type Answer struct {
	Org    id.OrgID
	Vendor bool
	State  Readiness
}

// Release finds the plan in force; ok is false where none is, or the last was called off.
func (c *Case) Release() (r Release, ok bool) {
	n := c.plan()
	if n == nil || n.msg.(*ReleasePlan).At == 0 {
		return r, false
	}
	r = Release{Plan: n.id, By: n.org.id, At: n.msg.(*ReleasePlan).At}
	for _, p := range c.Participants() {
		a := Answer{Org: p.Org, Vendor: slices.ContainsFunc(p.Roles, Role.Vendor), State: Readiness(c.ready[n.id][c.orgs[p.Org]].last())}
		if p.Admitted && (a.Vendor || a.State != ReleaseSilent) {
			r.Answers = append(r.Answers, a)
		}
	}
	return r, true
}

// Ready says whether there are vendors and all of them are ready.
func (r Release) Ready() bool {
	vendors := 0
	for _, a := range r.Answers {
		if a.Vendor && a.State != ReadyToRelease {
			return false
		}
		if a.Vendor {
			vendors++
		}
	}
	return vendors > 0
}
