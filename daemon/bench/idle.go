package bench

import (
	"context"
	"fmt"
	"path/filepath"

	"cordon/daemon/api"
)

const (
	idleCases = 100
	idleLimit = 80 // MiB, of the requirement: memory has no limit to be measured
)

// idle is the memory of a daemon that holds 100 cases and does nothing. It runs in
// a process of its own, started anew after the cases were opened.
func idle(ctx context.Context, dir string) ([]Result, error) {
	home := filepath.Join(dir, "h")
	client, err := newHome(home, "Idle")
	if err != nil {
		return nil, err
	}
	if _, err := withDaemon(ctx, home, client, func(int) (float64, error) { return 0, openCases(ctx, client) }); err != nil {
		return nil, err
	}
	mib, err := withDaemon(ctx, home, client, func(pid int) (float64, error) {
		if c, err := client.Cases(ctx); err != nil || len(c.Cases) != idleCases {
			return 0, fmt.Errorf("the cases are not all there: %w", err)
		}
		return resident(ctx, pid)
	})
	if err != nil {
		return nil, err
	}
	return []Result{{Name: "idle daemon with 100 cases", Value: mib, Unit: "MiB", Limit: idleLimit,
		LimitName: "required", Want: 1, AtMost: true}}, nil
}

func openCases(ctx context.Context, client *api.Client) error {
	for i := range idleCases {
		if _, err := openOne(ctx, client, fmt.Sprintf("case %d", i)); err != nil {
			return err
		}
	}
	return nil
}
