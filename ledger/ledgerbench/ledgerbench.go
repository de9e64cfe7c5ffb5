// Package ledgerbench measures the ledger on this machine, each figure as a
// ratio to a limit that is measured in the same run on the same disk and cores:
// Pebble's own synced commits and crypto/ed25519. Disks differ fifty-fold by
// the hour; ratios do not.
//
// Main path: Run. Each measurement is repeated, limit and figure in turn, and
// the round with the median ratio is reported.
package ledgerbench

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
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

// rounds is how often limit and figure are measured in turn.
const rounds = 3

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

// median repeats a measurement and returns the round with the median ratio.
func median(dir string, once func(dir string) (Result, error)) (Result, error) {
	results := make([]Result, 0, rounds)
	for range rounds {
		sub, err := os.MkdirTemp(dir, "bench-")
		if err != nil {
			return Result{}, err
		}
		r, err := once(sub)
		if e := os.RemoveAll(sub); err == nil {
			err = e
		}
		if err != nil {
			return Result{}, fmt.Errorf("%s: %w", filepath.Base(sub), err)
		}
		results = append(results, r)
	}
	slices.SortFunc(results, func(a, b Result) int { return cmp.Compare(a.Ratio(), b.Ratio()) })
	return results[len(results)/2], nil
}
