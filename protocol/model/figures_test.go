package model_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"cordon/protocol/model"
)

// legal judges a permutation by what the four rules of spec/model.md §5 say of it, without
// the machine.
func legal(h string) bool {
	at := func(e string) int { return strings.Index(h, e) }
	return at("V") < at("F") && at("F") < at("D") &&
		(at("P") < at("X") || at("P") == at("X")+1) &&
		(at("V") < at("P") || at("V") == at("P")+1)
}

func permutations(s string) []string {
	if s == "" {
		return []string{""}
	}
	var out []string
	for i := range s {
		for _, rest := range permutations(s[:i] + s[i+1:]) {
			out = append(out, s[i:i+1]+rest)
		}
	}
	return out
}

// TestHistories: the walk through the machine finds the permutations that the rules allow,
// and no others.
func TestHistories(t *testing.T) {
	all := permutations(letters)
	want := slices.DeleteFunc(slices.Clone(all), func(h string) bool { return !legal(h) })
	var got []string
	for _, h := range model.Histories() {
		got = append(got, h.H)
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(all) != 720 || len(want) != 70 || !slices.Equal(got, want) {
		t.Errorf("%d of %d permutations, %d histories", len(want), len(all), len(got))
	}
	if p := model.Prefixes(); !slices.Equal(p, []int{1, 4, 9, 20, 43, 70, 70}) {
		t.Errorf("prefixes %v", p)
	}
}

// TestLikelihoods: the likelihoods are whole, and some computed by hand.
func TestLikelihoods(t *testing.T) {
	sum, byHand := new(big.Rat), map[string]string{"VFDPXA": "1/384", "AXPVFD": "1/12", "PVXFAD": "1/48", "VFDXPA": "1/192"}
	for _, h := range model.Histories() {
		sum.Add(sum, rat(t, h.F))
		if want, ok := byHand[h.H]; ok && h.F.String() != want {
			t.Errorf("%s: f %s, want %s", h.H, h.F, want)
		}
	}
	if sum.Cmp(big.NewRat(1, 1)) != 0 {
		t.Errorf("the likelihoods sum to %s", sum)
	}
}

func rat(t *testing.T, r model.Ratio) *big.Rat {
	t.Helper()
	x, ok := new(big.Rat).SetString(r.String())
	if !ok {
		t.Fatalf("%q is no fraction", r)
	}
	return x
}

// TestRanks: ranks follow the score compared as fractions; the tie that the published
// table splits is one rank. The control is the score that the published text names, the sum
// of -log f: it has the order of the products of f, and comes to 53 ranks.
func TestRanks(t *testing.T) {
	want := model.Desiderata()
	scores, ranks, met := map[int]*big.Rat{}, map[string]int{}, make([]int, 13)
	seen, products := map[string]bool{}, map[string]bool{}
	for _, h := range model.Histories() {
		score, product, n := new(big.Rat), big.NewRat(1, 1), 0
		for _, d := range want {
			if d.Met(h) {
				score.Add(score, new(big.Rat).Sub(big.NewRat(1, 1), rat(t, d.F)))
				product.Mul(product, rat(t, d.F))
				n++
			}
		}
		if h.Met != n {
			t.Errorf("%s meets %d, says %d", h.H, n, h.Met)
		}
		met[n]++
		if other := scores[h.Rank]; other != nil && other.Cmp(score) != 0 {
			t.Errorf("rank %d has scores %s and %s", h.Rank, other, score)
		}
		scores[h.Rank], ranks[h.H] = score, h.Rank
		seen[score.String()], products[product.String()] = true, true
	}
	if !slices.Equal(met, []int{1, 0, 2, 4, 6, 9, 11, 11, 10, 8, 4, 3, 1}) {
		t.Errorf("histories by desiderata met: %v", met)
	}
	if len(products) != 53 {
		t.Errorf("the published text's score has %d ranks", len(products))
	}
	for r := 2; r <= len(scores); r++ {
		if scores[r] == nil || scores[r].Cmp(scores[r-1]) <= 0 {
			t.Errorf("rank %d is not above rank %d", r, r-1)
		}
	}
	if len(scores) != 61 || len(seen) != 61 || ranks["VFPAXD"] != ranks["VFXPAD"] || ranks["AXPVFD"] != 1 || ranks["VFDPXA"] != 61 {
		t.Errorf("%d ranks, %d scores; VFPAXD %d, VFXPAD %d", len(scores), len(seen), ranks["VFPAXD"], ranks["VFXPAD"])
	}
}

// TestMedianRank: half of what luck brings about has rank 11 or less.
func TestMedianRank(t *testing.T) {
	sum, all := new(big.Rat), model.Histories()
	slices.Reverse(all)
	for _, h := range all {
		if sum.Add(sum, rat(t, h.F)); sum.Cmp(big.NewRat(1, 2)) >= 0 {
			if h.Rank != 11 {
				t.Errorf("the median rank is %d", h.Rank)
			}
			return
		}
	}
}

// TestDesiderata: twelve, the published rates among them, and the same as the matrix of
// orders says, whose halves add up to 1.
func TestDesiderata(t *testing.T) {
	order, all := model.Order(), model.Desiderata()
	if len(all) != 12 {
		t.Errorf("%d desiderata", len(all))
	}
	for _, d := range all {
		if got := order[d.Before][d.After]; got.String() != d.F.String() {
			t.Errorf("%s before %s: %s in the matrix, %s", d.Before, d.After, got, d.F)
		}
		if d.Before == "D" && d.After == "P" && (d.F.String() != "1/27" || d.Histories != 11) {
			t.Errorf("D before P: %s, %d histories", d.F, d.Histories)
		}
	}
	for _, a := range letters {
		for _, b := range letters {
			x, ok := order[model.Event(a)][model.Event(b)]
			if ok != (a != b) {
				t.Errorf("%c, %c: in the matrix %v", a, b, ok)
			}
			if sum := new(big.Rat).Add(rat(t, x), rat(t, order[model.Event(b)][model.Event(a)])); ok && sum.Cmp(big.NewRat(1, 1)) != 0 {
				t.Errorf("%c before %c and the other way: %s", a, b, sum)
			}
		}
	}
	if s := order["V"]["F"].String() + " " + order["F"]["V"].String(); s != "1/1 0/1" {
		t.Errorf("V before F, F before V: %s", s)
	}
}

// TestSpaces: how many states the rules leave to each kind of participant.
func TestSpaces(t *testing.T) {
	want := map[string][2]int{"any": {352, 27}, "vendor and deployer": {128, 11}, "vendor": {100, 9}, "deployer": {100, 9}, "other": {72, 7}, "reporter": {29, 3}}
	spaces := model.Spaces()
	for _, s := range spaces {
		if got := [2]int{s.States, s.Own}; got != want[s.Who] {
			t.Errorf("%s: %v, want %v", s.Who, got, want[s.Who])
		}
	}
	if len(spaces) != len(want) || model.RawStates() != 1400 {
		t.Errorf("%d kinds, %d triples", len(spaces), model.RawStates())
	}
}

func Example() {
	best := model.Histories()[0]
	fmt.Println(best.H, best.F, best.Met, best.Rank)
	fmt.Println(model.CS.Next("vfdPxa"))
	fmt.Println(model.HostOf("VFdpxa").New)
	// Output:
	// VFDPXA 1/384 12 61
	// [{vfdPxa V VfdPxa}]
	// MAY, brief
}
