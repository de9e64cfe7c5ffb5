package peer_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"cordon/ledger"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// prober speaks of one case, which it names by a tag, in every kind of frame that has
// one; what it says of the case is true where truth is given.
type prober struct {
	*rand.Rand
	tag   wire.Tag
	truth []ledger.Entry
}

func (p *prober) frame() wire.Frame {
	e := p.truth[p.IntN(len(p.truth))]
	if p.IntN(2) == 0 {
		e = ledger.Entry{Sealed: &entry.Sealed{ID: id.EntryID{byte(p.IntN(256)), 1}, Raw: []byte{0x80}, Fields: entry.Fields{Seq: id.Seq(p.IntN(9))}}}
	}
	half := [16]byte(e.ID[:16])
	head := wire.Head{Feed: e.Feed(), Seq: e.Seq, ID: half}
	switch p.IntN(7) {
	case 0:
		return &wire.Tags{Pairs: []wire.Pair{{Tag: p.tag, Mark: half}}}
	case 1:
		return &wire.Vec{Tag: p.tag, Heads: []wire.Head{head}}
	case 2:
		return &wire.Want{Tag: p.tag, Ranges: []wire.Range{{Feed: e.Feed(), To: e.Seq}}, Bodies: []wire.BodyWant{{Entry: e.ID}}}
	case 3:
		return &wire.Entries{Tag: p.tag, Raws: [][]byte{e.Raw}}
	case 4:
		return &wire.IHave{Tag: p.tag, Heads: []wire.Head{head}}
	case 5:
		return &wire.Proof{Tag: p.tag, A: e.Raw, B: e.Raw}
	}
	return &wire.Body{Tag: p.tag, Entry: e.ID, Hashes: [][32]byte{{1}}, CT: make([]byte, 32)}
}

// TestProbesAreMute is THREATS' A7: a pinned outsider that knows the id of a case, its
// entries and the secret of its tags hears as little about it as about a case that
// there is not, whatever it says. The control: a member that says the same is answered.
// How long the daemon thinks about each, cordon bench --only silence tells.
func TestProbesAreMute(t *testing.T) {
	t.Parallel()
	for _, class := range []string{"a case that there is", "a case of others", "no case", "a member's own case"} {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
			probes := 1_000
			if os.Getenv("CORDON_VOLUME") != "" && class != "a member's own case" { // whose words are work
				probes = 5_000 // at once; of more, those that cost an allowance are a flood, whatever they speak of
			}
			orgs := newOrgs(t, 2)
			a, member := orgs[0], orgs[1]
			o := opener(t, a)
			peertest.Meet(a, member, o)
			start(t, orgs...)
			c := must(a.Open())(t)
			admit(t, c, a, member)
			own := must(member.Open())(t)
			must(a.Note(c, []byte("what this is about")))(t)
			if class == "a member's own case" {
				if err := a.Admit(c, o, protocol.Observer); err != nil {
					t.Fatal(err)
				}
			}
			truth := must(a.Ledger.Tail(c, 0, 64))(t)
			b := dress(t, o, a)
			heard := make(chan wire.Frame, 1<<14)
			go func() {
				defer close(heard)
				for f := b.next(patience); f != nil; f = b.next(patience) {
					heard <- f
				}
			}()
			named := map[string]id.CaseID{"a case of others": own, "no case": {1}}[class]
			if named == (id.CaseID{}) {
				named = c
			}
			seed := rand.Uint64()
			p := &prober{Rand: rand.New(rand.NewPCG(seed, 0)), truth: truth}
			p.tag, _ = b.Tags(named)
			for range probes {
				b.send(p.frame())
			}
			tags, others := 0, map[string]int{}
			for f := range heard { // TAGS go on, after everything was heard
				if x, ok := f.(*wire.Tags); ok && len(x.Pairs) == 16 {
					if tags++; tags == 6 {
						break
					}
					continue
				}
				others[fmt.Sprintf("%T", f)]++
			}
			if tags < 6 {
				t.Fatalf("the session ended: %s (seed %d)", lastError(a, o.ID), seed)
			}
			if answered := len(others) > 0; answered != (class == "a member's own case") {
				t.Errorf("answered with %v (seed %d)", others, seed)
			}
		})
	}
}
