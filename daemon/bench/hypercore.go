package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"cordon/peer/peerbench"
)

// hypercoreEnv names the folder of spec/bench/hypercore with its packages installed;
// .ci/bench sets it.
const hypercoreEnv = "CORDON_BENCH_HYPERCORE"

const (
	hypercoreBlocks = 100_000
	hypercoreTimes  = 10
)

// errSkipped is why a part did not run; the others do.
var errSkipped = errors.New("skipped")

// hypercore is our cold sync of as many entries as one hypercore has blocks, each of
// 500 bytes, beside its replication over one stream. It syncs nothing that it stores; we do
// in the first figure, not in the second.
func hypercore(ctx context.Context, dir string) ([]Result, error) {
	scripts := os.Getenv(hypercoreEnv)
	if scripts == "" {
		return nil, fmt.Errorf("%w: %s is not set: run .ci/bench, with node and npm", errSkipped, hypercoreEnv)
	}
	theirs, err := yardstick(ctx, scripts, filepath.Join(dir, "theirs"))
	if err != nil {
		return nil, err
	}
	var rs []Result
	for _, way := range []struct {
		name   string
		synced bool
	}{{"synced", true}, {"unsynced", false}} {
		ours, err := peerbench.Cold(ctx, filepath.Join(dir, way.name), hypercoreBlocks, way.synced, Verb)
		if err != nil {
			return nil, err
		}
		r := ours[0]
		r.Name, r.Limit, r.LimitName, r.Want = r.Name+", "+way.name+", beside hypercore", theirs, "hypercore 11.37.1, one stream, nothing synced", hypercoreTimes
		rs = append(rs, r)
	}
	return rs, nil
}

// yardstick is how many blocks a second hypercore replicates.
func yardstick(ctx context.Context, scripts, dir string) (float64, error) {
	cmd := exec.CommandContext(ctx, "node", "yardstick.mjs", dir, strconv.Itoa(hypercoreBlocks))
	cmd.Dir, cmd.Stderr = scripts, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("hypercore: %w", err)
	}
	var r struct{ Blocks, Seconds float64 }
	if err := json.Unmarshal(out, &r); err != nil {
		return 0, fmt.Errorf("hypercore: %w", err)
	}
	return r.Blocks / r.Seconds, nil
}
