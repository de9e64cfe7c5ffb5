package peerbench

import (
	"context"
	"testing"
	"time"

	"cordon/ledger/ledgerbench"
)

// TestRun: both measurements come to an end and say something. The figures are
// judged by cordon bench.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	list, err := Run(ctx, t.TempDir(), 20_000)
	if err != nil {
		t.Fatal(err)
	}
	show(t, list)
}

// show logs figures, each of which must say something.
func show(t *testing.T, rs []ledgerbench.Result) {
	t.Helper()
	for _, r := range rs {
		if r.Value <= 0 || r.Limit <= 0 {
			t.Errorf("nothing measured: %+v", r)
		}
		t.Logf("%s: %.1f %s, limit %.1f (%s), ratio %.2f", r.Name, r.Value, r.Unit, r.Limit, r.LimitName, r.Ratio())
	}
}

// TestGrowth: two ends of some shared cases meet, find nothing new, and find what is.
func TestGrowth(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	rs, err := Growth(ctx, t.TempDir(), 40)
	if err != nil {
		t.Fatal(err)
	}
	show(t, rs)
}
