// Package ledgerbench measures the ledger on this machine, each figure as a
// ratio to a limit that is measured in the same run on the same disk and cores:
// Pebble's own synced commits and crypto/ed25519. Disks differ fifty-fold by
// the hour; ratios do not.
//
// Main path: Run. Each measurement is repeated, limit and figure in turn, and
// the turn with the median ratio is reported.
package ledgerbench

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
)

// Result is one figure and the limit that it stands beside.
type Result struct {
	Name      string
	Value     float64
	Unit      string
	Limit     float64 // in Unit, measured in the same run
	LimitName string
	Want      float64 // the required ratio: at least this, or at most if AtMost
	AtMost    bool
}

// Ratio is Value ÷ Limit.
func (r Result) Ratio() float64 { return r.Value / r.Limit }

// Met says whether the ratio is as required.
func (r Result) Met() bool {
	if r.AtMost {
		return r.Ratio() <= r.Want
	}
	return r.Ratio() >= r.Want
}

// Run measures everything in fresh directories below dir, which it leaves
// empty. entries is the size of the store that is opened (1,000,000 in the
// requirement); args make this executable call Child. It takes about half a
// minute beside writing that store.
func Run(ctx context.Context, dir string, entries int, args ...string) ([]Result, error) {
	var all []Result
	for _, measure := range []func(context.Context, string) (Result, error){CatchUp, EveryRun, Appends, SingleAppend} {
		r, err := measure(ctx, dir)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	opened, err := OpenLarge(ctx, dir, entries, args...)
	return append(all, opened...), err
}

// median repeats a measurement n times and returns the one with the median ratio.
func median(n int, once func() (Result, error)) (Result, error) {
	results := make([]Result, n)
	for i := range results {
		var err error
		if results[i], err = once(); err != nil {
			return Result{}, err
		}
	}
	slices.SortFunc(results, func(a, b Result) int { return cmp.Compare(a.Ratio(), b.Ratio()) })
	return results[n/2], nil
}

// scratch measures in a fresh directory below dir, which it removes.
func scratch(dir string, once func(dir string) (Result, error)) (Result, error) {
	sub, err := os.MkdirTemp(dir, "bench-")
	if err != nil {
		return Result{}, err
	}
	r, err := once(sub)
	return r, errors.Join(err, os.RemoveAll(sub))
}
