package protocol_test

import (
	"fmt"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// oracle reads LEDGER's §3.5 word by word over explicit sets of ancestors. It
// takes from the case who wrote what and which steward acts and exits are
// honoured, and works out the rest by itself.
type oracle struct {
	c     *protocol.Case
	past  map[id.EntryID]map[id.EntryID]bool // control entries before an entry
	admit map[id.OrgID][]id.EntryID
	kill  map[id.OrgID][]id.EntryID
}

func newOracle(c *protocol.Case, es []*entry.Sealed) *oracle {
	o := &oracle{c: c, past: map[id.EntryID]map[id.EntryID]bool{},
		admit: map[id.OrgID][]id.EntryID{}, kill: map[id.OrgID][]id.EntryID{}}
	control := map[id.EntryID]bool{}
	for _, e := range es {
		past := map[id.EntryID]bool{}
		for _, b := range append([]id.EntryID{e.Prev}, e.Deps...) {
			for x := range o.past[b] {
				past[x] = true
			}
			if control[b] {
				past[b] = true
			}
		}
		o.past[e.ID] = past
		control[e.ID] = e.Control()
		o.note(e)
	}
	return o
}

// note takes up honoured admits, removals and exits.
func (o *oracle) note(e *entry.Sealed) {
	if rule, _ := o.c.Verdict(e.ID); rule != "" || !e.Control() {
		return
	}
	m, err := protocol.Read(e)
	if err != nil {
		return
	}
	switch m := m.(type) {
	case *protocol.Genesis:
		org := m.Config.Stewards[0]
		o.admit[org] = append(o.admit[org], e.ID)
	case *protocol.Admit:
		org := invitee(m)
		o.admit[org] = append(o.admit[org], e.ID)
	case *protocol.Remove:
		o.kill[m.Org] = append(o.kill[m.Org], e.ID)
	case *protocol.Exit:
		org, _ := o.c.OrgOf(e.Kid)
		o.kill[org] = append(o.kill[org], e.ID)
	}
}

func (o *oracle) before(x, y id.EntryID) bool { return o.past[y][x] }

func (o *oracle) member(org id.OrgID) bool {
	for _, s := range o.c.Stewards() {
		if s == org {
			return true
		}
	}
	return o.some(org, func(a, r id.EntryID) bool { return o.before(r, a) }, func(id.EntryID) bool { return true })
}

// some says whether an admit in reach has every kill stand the test.
func (o *oracle) some(org id.OrgID, stands func(a, r id.EntryID) bool, reach func(id.EntryID) bool) bool {
next:
	for _, a := range o.admit[org] {
		if !reach(a) {
			continue
		}
		for _, r := range o.kill[org] {
			if !stands(a, r) {
				continue next
			}
		}
		return true
	}
	return false
}

func (o *oracle) status(org id.OrgID, e id.EntryID) bool {
	return o.some(org, func(a, r id.EntryID) bool { return o.before(e, r) || o.before(r, a) },
		func(a id.EntryID) bool { return o.before(a, e) })
}

func (o *oracle) content(org id.OrgID, e id.EntryID) bool {
	return o.some(org, func(a, r id.EntryID) bool { return !o.before(r, e) || o.before(r, a) },
		func(a id.EntryID) bool { return o.before(a, e) })
}

// disagree compares the fold with the oracle.
func (o *oracle) disagree(h *history) string {
	for _, d := range h.ds {
		if o.c.Member(d.Org.ID) != o.member(d.Org.ID) {
			return fmt.Sprintf("member(%s) is %v in the fold", d.Org.Name, o.c.Member(d.Org.ID))
		}
	}
	for i, e := range h.pool {
		org, ok := o.c.OrgOf(e.Kid)
		if !ok {
			continue
		}
		rule, _ := o.c.Verdict(e.ID)
		may := o.content(org, e.ID)
		if e.Type == 13 {
			may = o.status(org, e.ID)
		}
		ruled := e.Type == 13 || e.Type == 8 || e.Type == 9 || e.Type == 6 || !e.Control()
		switch {
		case ruled && rule == "" && !may:
			return fmt.Sprintf("entry %d is honoured and should not be", i)
		case ruled && may && (rule == "removed" || rule == "not-a-member" || rule == "no-longer-a-member"):
			return fmt.Sprintf("entry %d is refused as %s and should not be", i, rule)
		}
	}
	return ""
}

// TestMembershipOracle compares the fold, which is incremental, with the rules
// read naively over whole sets.
func TestMembershipOracle(t *testing.T) {
	for seed := range uint64(60) {
		h := play(random(seed), steady())
		c := fold(protocol.NewCase(), h.pool)
		if d := newOracle(c, h.pool).disagree(h); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
	}
}

// TestMembershipOracleNotices a fold whose removals void nothing.
func TestMembershipOracleNotices(t *testing.T) {
	for seed := range uint64(500) {
		h := play(random(seed), steady())
		c := fold(protocol.Broken("a removal voids what it did not see"), h.pool)
		if newOracle(c, h.pool).disagree(h) != "" {
			return
		}
	}
	t.Error("no difference was found")
}

// invitee reads whom an admit is about from its card.
func invitee(m *protocol.Admit) id.OrgID {
	return must(identity.OpenCard(m.Card)).Org.ID
}
