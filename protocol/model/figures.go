package model

import (
	"slices"
	"strings"
)

// History is one order in which all six events can happen.
type History struct {
	H string `json:"h"`
	// F is how likely it is when each next event is drawn evenly from those that
	// can come next.
	F Ratio `json:"f"`
	// Met is how many desiderata it meets.
	Met int `json:"met"`
	// Rank orders the histories by the skill they show: the sum of 1-f over the
	// desiderata met, f being how often luck alone meets each. Rank 1 is the least
	// skill; equal sums share a rank, and no number is left out.
	Rank int `json:"rank"`
}

// Desideratum is an order of two events that defenders want.
type Desideratum struct {
	Before Event `json:"before"`
	After  Event `json:"after"`
	// F is how likely luck alone brings it about.
	F Ratio `json:"f"`
	// Histories is how many of all histories meet it.
	Histories int `json:"histories"`
}

// wanted are the twelve desiderata.
var wanted = [][2]Event{
	{"V", "P"}, {"V", "X"}, {"V", "A"},
	{"F", "P"}, {"F", "X"}, {"F", "A"},
	{"D", "P"}, {"D", "X"}, {"D", "A"},
	{"P", "X"}, {"P", "A"}, {"X", "A"},
}

// Met says whether a history has the wanted order.
func (d Desideratum) Met(h History) bool { return precedes(h.H, d.Before, d.After) }

// Verdict judges a history that may not be complete: met, missed, or open. What has
// happened comes before what has not; where neither has, it is open.
func (d Desideratum) Verdict(h string) string {
	before, after := strings.Index(h, string(d.Before)), strings.Index(h, string(d.After))
	switch {
	case before < 0 && after < 0:
		return "open"
	case before >= 0 && (after < 0 || before < after):
		return "met"
	}
	return "missed"
}

func precedes(h string, a, b Event) bool {
	return strings.Index(h, string(a)) < strings.Index(h, string(b))
}

// likelihoods lists all complete histories and how likely each is.
func likelihoods() []History {
	var all []History
	for _, h := range CS.Traces(len(events)) {
		at, f := CS.states[0], ratio(1, 1)
		for _, e := range h {
			f = f.div(ratio(int64(len(CS.Next(at))), 1))
			at, _ = CS.Step(at, Event(e))
		}
		all = append(all, History{H: h, F: f})
	}
	return all
}

// frequency sums the likelihood of the histories in which a precedes b.
func frequency(all []History, a, b Event) (f Ratio, count int) {
	for _, h := range all {
		if precedes(h.H, a, b) {
			f, count = f.add(h.F), count+1
		}
	}
	return f, count
}

// Desiderata lists the orders that defenders want, and how often luck meets them.
func Desiderata() []Desideratum {
	all := likelihoods()
	var out []Desideratum
	for _, w := range wanted {
		f, count := frequency(all, w[0], w[1])
		out = append(out, Desideratum{w[0], w[1], f, count})
	}
	return out
}

// Histories lists the complete histories, the most skilled first; those of one
// rank by their letters.
func Histories() []History {
	all, want := likelihoods(), Desiderata()
	scores := map[string]Ratio{}
	var levels []Ratio
	for i := range all {
		h := &all[i]
		var score Ratio
		for _, d := range want {
			if d.Met(*h) {
				score = score.add(ratio(1, 1).sub(d.F))
				h.Met++
			}
		}
		scores[h.H] = score
		levels = append(levels, score)
	}
	slices.SortFunc(levels, Ratio.Cmp)
	levels = slices.CompactFunc(levels, func(a, b Ratio) bool { return a.Cmp(b) == 0 })
	for i := range all {
		n, _ := slices.BinarySearchFunc(levels, scores[all[i].H], Ratio.Cmp)
		all[i].Rank = n + 1
	}
	slices.SortFunc(all, func(a, b History) int {
		if a.Rank != b.Rank {
			return b.Rank - a.Rank
		}
		return strings.Compare(a.H, b.H)
	})
	return all
}

// Order says of each two events how often luck brings the first before the second.
func Order() map[Event]map[Event]Ratio {
	all, table := likelihoods(), map[Event]map[Event]Ratio{}
	for _, a := range events {
		row := map[Event]Ratio{}
		for _, b := range events {
			if a != b {
				row[Event(b)], _ = frequency(all, Event(a), Event(b))
			}
		}
		table[Event(a)] = row
	}
	return table
}

// Prefixes counts how many ways a case can have begun, by the number of events.
func Prefixes() []int {
	counts := make([]int, len(events)+1)
	seen := map[string]bool{}
	for _, h := range CS.Traces(len(events)) {
		for n := range counts {
			if !seen[h[:n]] {
				seen[h[:n]] = true
				counts[n]++
			}
		}
	}
	return counts
}
