package ledgerbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
)

func TestMain(m *testing.M) {
	if child, err := Child(os.Stdout); child {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestOpen opens a small store as the benchmark opens a large one.
func TestOpen(t *testing.T) {
	rs, err := OpenLarge(t.Context(), t.TempDir(), 600)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		t.Logf("%s: %.1f %s", r.Name, r.Value, r.Unit)
		if r.Value <= 0 || !r.Met() {
			t.Errorf("%+v", r)
		}
	}
}

func report(b *testing.B, r Result) {
	b.Logf("%s: %.1f %s, %s %.1f", r.Name, r.Value, r.Unit, r.LimitName, r.Limit)
	b.ReportMetric(r.Ratio(), "ratio")
	b.ReportMetric(r.Value, r.Unit)
}

func bench(b *testing.B, measure func(context.Context, string) (Result, error)) {
	for b.Loop() {
		r, err := measure(b.Context(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		report(b, r)
	}
}

func BenchmarkCatchUp(b *testing.B)      { bench(b, CatchUp) }
func BenchmarkEveryRun(b *testing.B)     { bench(b, EveryRun) }
func BenchmarkAppends(b *testing.B)      { bench(b, Appends) }
func BenchmarkSingleAppend(b *testing.B) { bench(b, SingleAppend) }

// BenchmarkOpen opens a store of CORDON_BENCH_ENTRIES entries, 20,000 if unset.
func BenchmarkOpen(b *testing.B) {
	n := 20_000
	if s := os.Getenv("CORDON_BENCH_ENTRIES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		rs, err := OpenLarge(b.Context(), b.TempDir(), n)
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range rs {
			report(b, r)
		}
	}
}

// TestMet: a rate must reach what is wanted of its limit, a time must not pass it.
func TestMet(t *testing.T) {
	for _, c := range []struct {
		value, limit, want float64
		atMost, met        bool
	}{
		{200, 100, 2, false, true}, {199, 100, 2, false, false},
		{100, 100, 1, true, true}, {101, 100, 1, true, false},
	} {
		if r := (Result{Value: c.value, Limit: c.limit, Want: c.want, AtMost: c.atMost}); r.Met() != c.met {
			t.Errorf("%+v: met %v", r, r.Met())
		}
	}
}

func TestMemory(t *testing.T) {
	now, err := Memory(os.Getpid(), NowResident)
	most, err2 := Memory(os.Getpid(), MostResident)
	if err := errors.Join(err, err2); err != nil || now < 1 || most < 1 || most > 1<<20 {
		t.Errorf("this process has %v MiB, at most %v, %v", now, most, err)
	}
	for pid, line := range map[int]string{-1: NowResident, os.Getpid(): "VmNone:"} {
		if _, err := Memory(pid, line); err == nil {
			t.Errorf("process %d has no %s", pid, line)
		}
	}
}
