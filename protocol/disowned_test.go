package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// TestDisowned: a change of stewards that a vote with a revoked key has carried is followed,
// and everybody is shown whose vote it is that its organisation does not let stand, in any
// order of arrival: where a cut leaves it out, or, without one, where the entry that shows the
// revocation had not seen it; until that organisation votes, with another key, for what follows.
func TestDisowned(t *testing.T) {
	seen := map[bool]int{}
	for seed := range uint64(volume(60, 600)) {
		shown, wrong := disowned(seed)
		if seen[shown]++; wrong != "" {
			t.Fatalf("seed %d: %s", seed, wrong)
		}
	}
	if seen[true] < 10 || seen[false] < 10 {
		t.Errorf("%v: too few of one kind to say anything", seen)
	}
}

// disowned plays one vote of a steward's key for another in its place: by a thief or by its
// owner, who then revokes the key.
func disowned(seed uint64) (want bool, wrong string) {
	rng := rand.New(rand.NewPCG(seed, 85))
	a, _, c, _ := trio()
	thief := link.NewDaemon(nil, "A")
	for _, e := range inOrder(a) {
		thief.Accept(e)
	}
	before := lastOf(a)
	voter := thief
	if rng.IntN(3) == 0 {
		voter = a // the owner votes, and then revokes
	}
	say := func(d *link.Daemon, m protocol.Message) *entry.Sealed { // the thief goes on from what it found
		return d.WriteAfter(lastOf(d), entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Deps: d.Case.Deps(d.Kid, id.Control, d.Case.Needs(m)...)})
	}
	hands := func(d *link.Daemon, to ...id.OrgID) *entry.Sealed {
		x := say(d, &protocol.Propose{Config: d.Case.NextConfig(d.Kid, to, 1)})
		return say(d, &protocol.Endorse{Config: id.ConfigID(x.ID)})
	}
	vote := hands(voter, c.Org.ID)

	old := a.Kid
	events := [][]byte{must(a.Org.RevokeDaemon(a.Root, old, identity.Stolen))}
	a.Org = must(a.Org.Extend(events[0]))
	events = append(events, a.Certify("A/2", identity.CapWrite, identity.CapConsent, identity.CapSteward, identity.CapInvite))
	a.Use("A/2")
	m := &protocol.Ident{Events: events}
	want = voter == thief
	switch rng.IntN(3) {
	case 0: // a cut below the vote
		m.Cut, want = identity.SealCut(a.Key, identity.Cut{Case: a.Case.ID(), Kid: old, At: &identity.CutPlace{Seq: before.Seq, Entry: before.ID}}), true
	case 1: // or at it, where it is known
		if voter == a {
			m.Cut = identity.SealCut(a.Key, identity.Cut{Case: a.Case.ID(), Kid: old, At: &identity.CutPlace{Seq: vote.Seq, Entry: vote.ID}})
		}
	}
	a.Say(m)
	for _, e := range inOrder(thief) {
		a.Accept(e)
	}
	switch rng.IntN(3) {
	case 0: // the new steward goes on by itself
		hands(c, a.Org.ID)
	case 1: // and the owner takes part in it
		hands(c, a.Org.ID)
		hands(a, a.Org.ID)
		want = false
	}
	for range 2 {
		k := fold(protocol.NewCase(), shuffledBy(inOrder(a), rng))
		if chain := k.Chain(); len(chain) < 2 || !slices.Contains(chain[1].Stewards, c.Org.ID) {
			return want, "the change is not followed"
		}
		var list []string
		for _, d := range k.Disowned() {
			list = append(list, fmt.Sprint(d.N, len(d.By), d.By[0] == a.Org.ID))
		}
		if got := len(list) > 0; got != want || want && list[0] != "1 1 true" {
			return want, fmt.Sprintf("disowned are %v, want %v", list, want)
		}
	}
	return want, ""
}

// TestDisownedOnlyWhereItCounts: what others carry without the vote that was taken back is
// nobody's to disown.
func TestDisownedOnlyWhereItCounts(t *testing.T) {
	for name, needed := range map[string]bool{"two of three with it": true, "three of three": false} {
		a, b, c, _ := trio()
		propose := func(d *link.Daemon, q uint8, to ...id.OrgID) id.ConfigID {
			return id.ConfigID(d.Say(&protocol.Propose{Config: d.Case.NextConfig(d.Kid, to, q)}).ID)
		}
		council := propose(a, 2, a.Org.ID, b.Org.ID, c.Org.ID)
		a.Say(&protocol.Endorse{Config: council})
		before := lastOf(a)
		without := propose(b, 2, b.Org.ID, c.Org.ID)
		a.Say(&protocol.Endorse{Config: without})
		b.Say(&protocol.Endorse{Config: without})
		if !needed {
			c.Say(&protocol.Endorse{Config: without})
		}
		old := a.Kid
		events := [][]byte{must(a.Org.RevokeDaemon(a.Root, old, identity.Stolen))}
		a.Org = must(a.Org.Extend(events[0]))
		events = append(events, a.Certify("A/2", identity.CapWrite, identity.CapConsent))
		a.Use("A/2")
		a.Say(&protocol.Ident{Events: events,
			Cut: identity.SealCut(a.Key, identity.Cut{Case: a.Case.ID(), Kid: old, At: &identity.CutPlace{Seq: before.Seq, Entry: before.ID}})})
		k := fold(protocol.NewCase(), inOrder(a))
		if got := k.Disowned(); k.Config().ID != without || (len(got) == 1) != needed {
			t.Errorf("%s: disowned are %v, in force %v", name, got, k.Config().ID == without)
		}
	}
}
