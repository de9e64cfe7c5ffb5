package protocol

import (
	"slices"
	"testing"

	"cordon/protocol/model"
)

// TestReportStepsAreTheModels tries every pair of report states. How far a state has come
// is written out here once more: unseen steps lead forward and never back.
func TestReportStepsAreTheModels(t *testing.T) {
	far := []int{RMReceived: 1, RMInvalid: 2, RMValid: 2, RMAccepted: 3, RMDeferred: 3, RMClosed: 4}
	want := [][]RM{
		RMStart: {RMReceived}, RMReceived: {RMValid, RMInvalid}, RMInvalid: {RMValid, RMClosed}, RMValid: {RMAccepted, RMDeferred},
		RMAccepted: {RMDeferred, RMClosed}, RMDeferred: {RMAccepted, RMClosed}, RMClosed: nil,
	}
	for from := RMStart; from <= RMClosed; from++ {
		if got := from.next(); !slices.Equal(got, want[from]) {
			t.Errorf("from %v to %v, want %v", from, got, want[from])
		}
		for to := RMStart; to <= RMClosed; to++ {
			got := from.skip(to) && !slices.Contains(from.next(), to)
			if forward := from != RMStart && far[to] > far[from] && !slices.Contains(want[from], to); got != forward {
				t.Errorf("from %v past unseen steps to %v: %v", from, to, got)
			}
		}
	}
}

// TestWordsAreTheModels: the fix path is the model's, and the embargo states have its names.
func TestWordsAreTheModels(t *testing.T) {
	for from := FixNone; from <= FixDeployed; from++ {
		for to := FixNone; to <= FixDeployed; to++ {
			steps := model.CS.Next(model.State(from.vfd() + "pxa"))
			leads := slices.ContainsFunc(steps, func(r model.Transition) bool { return string(r.To) == to.vfd()+"pxa" })
			if leads != (to == from+1) {
				t.Errorf("a fix that is %v becomes %v: %v", from, to, leads)
			}
		}
	}
	for s, em := range map[model.State]EM{"N": EMNone, "A": EMActive, "X": EMExited} {
		if model.EM.Means(s) != string(em) {
			t.Errorf("embargo %s is %q", s, em)
		}
	}
}
