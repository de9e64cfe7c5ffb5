package peerbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"cordon/ledger/ledgerbench"
)

func TestMain(m *testing.M) {
	if child, err := Child(context.Background(), os.Stdin, os.Stdout); child {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestCold: a process of its own takes a small case.
func TestCold(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, synced := range []bool{true, false} {
		rs, err := Cold(ctx, t.TempDir(), 2000, synced)
		if err != nil {
			t.Fatal(err)
		}
		show(t, rs)
	}
}

// TestRun: both measurements come to an end and say something. The figures are
// judged by cordon bench.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	list, err := Run(ctx, t.TempDir(), []Load{{10, 2, 2}, {1000, 100, 2}}, 20_000)
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

// TestCasesCostNoGoroutine: two connected ends of 200 cases run no more goroutines than
// two ends of 10, but for those of earlier tests that end. One a case would be 380 more.
func TestCasesCostNoGoroutine(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	few := running(ctx, t, 10, func(int) bool { return true })
	many := running(ctx, t, 200, func(n int) bool { return n <= few+100 })
	t.Logf("%d goroutines with 10 cases, %d with 200", few, many)
}

// running is the number of goroutines once two ends have compared their cases, and
// few enough of those that end by themselves are left.
func running(ctx context.Context, t *testing.T, cases int, few func(int) bool) (n int) {
	t.Helper()
	before := runtime.NumGoroutine()
	g, err := newGrown(ctx, t.TempDir(), cases)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := errors.Join(g.a.Start(), g.b.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := g.compared(ctx, 0); err != nil {
		t.Fatal(err)
	}
	err = g.wait(ctx, func() bool { n = runtime.NumGoroutine() - before; return few(n) })
	if err != nil {
		t.Errorf("%d goroutines with %d cases: %v", n, cases, err)
	}
	return n
}

// TestAway: who was away, and who joins, come to hold what was written.
func TestAway(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	rs, err := Away(ctx, t.TempDir(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	show(t, rs)
}

// TestProbe: probes are timed in every class, and statistics tell apart what differs: the
// probe of the own case, and numbers of which half are greater.
func TestProbe(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	rs, err := Probe(ctx, t.TempDir(), 50)
	if err != nil {
		t.Fatal(err)
	}
	if len(rs) != 8 {
		t.Errorf("%d figures", len(rs))
	}
	var x, y []float64
	for i := range 1000 {
		x, y = append(x, float64(i)), append(y, float64(i)+0.5+float64(i%2)*400)
	}
	if welch(x, y) < probeWelch || area(x, y)-0.5 < probeArea || welch(x, x) != 0 || area(x, y[:1]) > 0.01 {
		t.Errorf("statistics: %v %v %v %v", welch(x, y), area(x, y), welch(x, x), area(x, y[:1]))
	}
}
