// Package bench measures this machine and this build in one run: what ledger and
// peer can do, and what an idle daemon costs, each beside a limit measured at the
// same time on the same disk, since disks differ fifty-fold by the hour. It
// decides nothing: it says what ratio is required and leaves the verdict to the reader.
//
// Main path: Run, over the tables of parts; Child in a process that Run started.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"cordon/ledger/ledgerbench"
)

// Result is one figure and its limit.
type Result = ledgerbench.Result

// part measures one thing in a folder of its own.
type part struct {
	name string
	run  func(ctx context.Context, dir string) ([]Result, error)
}

// Run measures and says on progress what it does. full: also what takes long; only: the
// parts whose names contain it. notRun names the others.
func Run(ctx context.Context, progress io.Writer, full bool, only string) (rs []Result, notRun []string, err error) {
	parts := slices.Concat(quick, long)
	wanted := len(parts)
	if !full && only == "" {
		wanted = len(quick)
	}
	var now []part
	for i, p := range parts {
		if i < wanted && strings.Contains(p.name, only) {
			now = append(now, p)
		} else {
			notRun = append(notRun, p.name)
		}
	}
	rs, skipped, err := runAll(ctx, progress, now)
	return rs, append(notRun, skipped...), err
}

// runAll measures parts; it names those that cannot be here.
func runAll(ctx context.Context, progress io.Writer, parts []part) (all []Result, skipped []string, err error) {
	for _, p := range parts {
		fmt.Fprintf(progress, "cordon: measuring %s\n", p.name)
		begin := time.Now()
		results, err := p.inFolder(ctx)
		if errors.Is(err, errSkipped) {
			fmt.Fprintf(progress, "cordon: !! %s: %v\n", p.name, err)
			skipped = append(skipped, p.name)
			continue
		}
		if err != nil {
			return all, skipped, fmt.Errorf("measure %s: %w", p.name, err)
		}
		all = append(all, results...)
		fmt.Fprintf(progress, "cordon: %s took %.1f s\n", p.name, time.Since(begin).Seconds())
	}
	return all, skipped, nil
}

// inFolder runs a part in a folder that is removed afterwards. Its name is short:
// a socket's path must be.
func (p part) inFolder(ctx context.Context) ([]Result, error) {
	dir, err := os.MkdirTemp("", "cb-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return p.run(ctx, dir)
}
