package protocol_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// TestSiblings is LEDGER §8.3: two daemons of one organisation write without seeing
// each other. Whatever order their entries come in, the later report state by (lc,
// kid) stands, each is reached where it said last, and where one of them leaves,
// the organisation has declined, whatever the other says beside it.
func TestSiblings(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(24) {
		if d := twoDaemons(seed, seen); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
	}
	for _, what := range []string{"first", "second", "left", "left beside an admission", "stays"} {
		if seen[what] == 0 {
			t.Errorf("%q never happened: the test looks at nothing", what)
		}
	}
}

// twoDaemons plays one history and says what is wrong with its folds.
func twoDaemons(seed uint64, seen map[string]int) string {
	rng := rand.New(rand.NewPCG(seed, 83))
	a, b, _, _ := trio()
	a.Act(&protocol.Ident{Events: [][]byte{b.Certify("B/2", identity.CapWrite, identity.CapConsent)}})
	common := inOrder(a)
	pair := [2]*link.Daemon{b.Fresh(), b.Fresh()}
	pair[1].Use("B/2")
	for _, d := range pair {
		for _, e := range common {
			d.Accept(e)
		}
	}
	exits, admits := 0, 0
	for range 3 + rng.IntN(5) {
		i := rng.IntN(2)
		switch rng.IntN(5) {
		case 0:
			pair[i].Say(&protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/10.0.0.%d/tcp/%d", i, 1+rng.IntN(9))}})
		case 1:
			if rng.IntN(3) == 0 {
				pair[i].Say(&protocol.Exit{})
				exits++
			}
		default:
			pair[i].Say(&protocol.Status{RM: []protocol.RM{protocol.RMValid, protocol.RMAccepted, protocol.RMDeferred}[rng.IntN(3)]})
		}
	}
	if rng.IntN(2) == 0 {
		a.Admit(b, protocol.DependentVendor) // the accept of one, beside the exit of the other
		admits++
	}
	h := &history{pool: inOrder(a, pair[0], pair[1])}
	want := ""
	for range 4 {
		c := fold(protocol.NewCase(), h.shuffled(rng.IntN))
		p := participantOf(c, b)
		if got := fmt.Sprintf("%+v", p); want != "" && got != want {
			return "another order, another participant:\n" + want + "\n" + got
		} else if want = got; exits > 0 != (p.Consent == protocol.Declined) || exits > 0 == p.Admitted {
			return fmt.Sprintf("%d exits: %v, admitted %v", exits, p.Consent, p.Admitted)
		}
		if d := lastWords(c, h.pool, p, pair, seen); d != "" {
			return d
		}
	}
	switch {
	case exits > 0 && admits > 0:
		seen["left beside an admission"]++
	case exits > 0:
		seen["left"]++
	default:
		seen["stays"]++
	}
	return ""
}

func participantOf(c *protocol.Case, d *link.Daemon) protocol.Participant {
	ps := c.Participants()
	return ps[slices.IndexFunc(ps, func(p protocol.Participant) bool { return p.Org == d.Org.ID })]
}

// lastWords reads off the entries alone what the report state and the addresses must
// be.
func lastWords(c *protocol.Case, pool []*entry.Sealed, p protocol.Participant, pair [2]*link.Daemon, seen map[string]int) string {
	var top *entry.Sealed
	rm, addrs, at := p.RM, map[string]bool{}, [2]*entry.Sealed{}
	for _, e := range pool {
		m, err := protocol.Read(e)
		rule, _ := c.Verdict(e.ID)
		if err != nil || rule != "" {
			continue
		}
		i := slices.IndexFunc(pair[:], func(d *link.Daemon) bool { return d.Kid == e.Kid })
		switch m := m.(type) {
		case *protocol.Status:
			if i >= 0 && (top == nil || cmp.Or(cmp.Compare(top.LC, e.LC), bytes.Compare(top.Kid[:], e.Kid[:]), cmp.Compare(top.Seq, e.Seq)) < 0) {
				top, rm = e, m.RM
			}
		case *protocol.Address:
			if i >= 0 && (at[i] == nil || at[i].Seq < e.Seq) {
				at[i] = e
			}
		}
	}
	for _, e := range at {
		if e != nil {
			m, _ := protocol.Read(e)
			addrs[m.(*protocol.Address).Addrs[0]] = true
		}
	}
	for x := range addrs {
		if !slices.Contains(p.Addrs, x) {
			return fmt.Sprintf("%s was said, and is not among %v", x, p.Addrs)
		}
	}
	if rm != p.RM {
		return fmt.Sprintf("the report is %v, the last word is %v", p.RM, rm)
	}
	if top != nil && top.Kid == pair[0].Kid {
		seen["first"]++
	} else if top != nil {
		seen["second"]++
	}
	return ""
}
