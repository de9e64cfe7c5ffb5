package peerbench

import (
	"context"
	"testing"
	"time"
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
	for _, r := range list {
		if r.Value <= 0 || r.Limit <= 0 {
			t.Errorf("nothing measured: %+v", r)
		}
		t.Logf("%s: %.0f %s, limit %.0f (%s), ratio %.2f", r.Name, r.Value, r.Unit, r.Limit, r.LimitName, r.Ratio())
	}
}
