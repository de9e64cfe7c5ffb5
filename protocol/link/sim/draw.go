package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Profile is a kind of history: of which acts it is made, and over what network.
type Profile struct {
	Orgs     [2]int // at least, at most
	Cheats   int    // at most this many organisations, never the opener
	Opener   bool   // the opener may be one of them
	Thief    bool
	Steps    int
	Long     uint64 // until everything heals
	Every    uint64 // between two rounds of sync
	Delay    uint64 // longest on a link
	Loss     float64
	All      bool           // all come in at first
	Sparse   bool           // not everybody is linked with everybody
	Acts     map[string]int // weights of what anybody does, or what befalls it
	Cheating map[string]int // and of what only who cheats does
	Fixed    []Step         // beside what is drawn
	Fault    Fault
	Prompt   bool
}

// founding is when the first organisations have come in.
const founding = 2 * Hour

// Draw makes the script of a seed.
func (p Profile) Draw(seed uint64) *Script {
	rng := rand.New(rand.NewPCG(seed, 2))
	s := &Script{Seed: seed, Orgs: p.Orgs[0] + rng.IntN(p.Orgs[1]-p.Orgs[0]+1), Thief: p.Thief,
		Delay: max(2, p.Delay), Loss: p.Loss * rng.Float64(), Every: p.Every, End: p.Long, Fault: p.Fault, Prompt: p.Prompt}
	s.Hostile = make([]bool, s.Orgs)
	cheats := []int{}
	for range p.Cheats {
		i := rng.IntN(s.Orgs)
		if i > 0 || p.Opener {
			s.Hostile[i] = true
		}
	}
	for i, h := range s.Hostile {
		if h {
			cheats = append(cheats, i)
		}
	}
	if p.Sparse {
		s.Links = tree(rng, s)
	}
	for i := 1; i < s.Orgs; i++ {
		if i == 1 || p.All || rng.IntN(5) > 0 {
			s.Steps = append(s.Steps, Step{founding / 2 / uint64(s.Orgs) * uint64(i), 0, "admit", i, rng.IntN(6)})
		}
	}
	if s.Thief {
		s.Steps = append(s.Steps, Step{founding + rng.Uint64N(p.Long/2), s.Orgs, "steal", rng.IntN(s.Orgs), 0})
		cheats = append(cheats, s.Orgs)
	}
	for range p.Steps {
		at := founding + rng.Uint64N(p.Long-founding)
		x, y := rng.IntN(1<<s.Orgs), rng.IntN(1<<16)
		if n := len(cheats); n > 0 && len(p.Cheating) > 0 && rng.IntN(2) == 0 {
			s.Steps = append(s.Steps, Step{at, cheats[rng.IntN(n)], draw(rng, p.Cheating), x, y})
		} else {
			s.Steps = append(s.Steps, Step{at, rng.IntN(s.Orgs), draw(rng, p.Acts), x, y})
		}
	}
	s.Steps = append(s.Steps, p.Fixed...)
	slices.SortStableFunc(s.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return s
}

// draw picks a key by its weight.
func draw(rng *rand.Rand, weights map[string]int) string {
	keys := make([]string, 0, len(weights))
	sum := 0
	for k, w := range weights {
		keys = append(keys, k)
		sum += w
	}
	slices.Sort(keys)
	at := rng.IntN(sum)
	for _, k := range keys {
		if at -= weights[k]; at < 0 {
			return k
		}
	}
	return keys[0]
}

// tree links everybody by a random tree whose inner nodes do not cheat, and a few
// links more: a path between honest organisations never leads through another.
func tree(rng *rand.Rand, s *Script) (links [][2]int) {
	var honest []int
	nodes := s.Orgs
	if s.Thief {
		nodes++
	}
	for i := range nodes {
		if i < s.Orgs && !s.Hostile[i] {
			if len(honest) > 0 {
				links = append(links, [2]int{honest[rng.IntN(len(honest))], i})
			}
			honest = append(honest, i)
		}
	}
	for i := range nodes {
		if i == s.Orgs || s.Hostile[i] {
			for range 1 + rng.IntN(3) {
				links = append(links, [2]int{honest[rng.IntN(len(honest))], i})
			}
		}
	}
	for range rng.IntN(nodes) {
		if a, b := rng.IntN(nodes), rng.IntN(nodes); a != b {
			links = append(links, [2]int{a, b})
		}
	}
	return links
}

// Shrink finds a part of a script's steps that still fails, of which no single
// one can be left out.
func Shrink(s *Script, fails func(*Script) bool) *Script {
	best := *s
	if best.Loss = 0; !fails(&best) {
		best.Loss = s.Loss
	}
	for size := max(1, len(best.Steps)/2); ; size /= 2 {
		for at := 0; at < len(best.Steps); {
			try := best
			try.Steps = slices.Delete(slices.Clone(best.Steps), at, min(at+size, len(best.Steps)))
			if fails(&try) {
				best = try
			} else {
				at += size
			}
		}
		if size <= 1 {
			return &best
		}
	}
}

// calm says whether nobody cheats in the script.
func (s *Script) calm() bool { return !s.Thief && !slices.Contains(s.Hostile, true) }

// String is the script for people: who takes part, and what each does when.
func (s *Script) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %d organisations", s.Seed, s.Orgs)
	for i, h := range s.Hostile {
		if h {
			fmt.Fprintf(&b, ", %s cheats", names[i])
		}
	}
	if s.Fault != Sound {
		fmt.Fprintf(&b, "; each honest daemon %s", s.Fault)
	}
	for _, x := range s.Steps {
		who := "a thief"
		if x.Who < s.Orgs {
			who = names[x.Who]
		}
		fmt.Fprintf(&b, "\n%9s  %-7s  %s %d %d", stamp(x.At), who, x.Do, x.X, x.Y)
	}
	return b.String()
}
