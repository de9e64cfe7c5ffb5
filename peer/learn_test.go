package peer

import (
	"testing"

	"cordon/peer/wire"
	"cordon/protocol/id"
)

// TestLearnIsBounded: whatever a peer says that it has, in one case or in many, no more
// than maxHeads of it are remembered, and what it said last is.
func TestLearnIsBounded(t *testing.T) {
	const cases, each = 40, maxVec
	s := &session{shared: map[id.CaseID]*shared{}}
	for i := range cases {
		c := id.CaseID{byte(i)}
		s.shared[c] = &shared{id: c}
	}
	for i := range 3 * cases {
		sh := s.shared[id.CaseID{byte(i % cases)}]
		list := make([]wire.Head, each)
		for j := range list {
			list[j].Feed.Kid = id.Kid{byte(i), byte(j), byte(j >> 8)}
		}
		s.learn(sh, list, i%2 == 0)
		if len(sh.heads) < each {
			t.Fatalf("step %d: %d heads of what was just said", i, len(sh.heads))
		}
		total := 0
		for _, o := range s.shared {
			total += len(o.heads)
		}
		if total > maxHeads {
			t.Fatalf("step %d: %d heads are remembered", i, total)
		}
	}
}
