package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cordon/daemon"
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
	_, err := daemon.Init(home, daemon.InitOptions{Name: "Idle", Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Unattended: true})
	if err != nil {
		return nil, err
	}
	client, err := api.New(home)
	if err != nil {
		return nil, err
	}
	defer client.Close()
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
		o := api.OpenCase{Title: fmt.Sprintf("case %d", i), EmbargoUntil: time.Now().Add(45 * 24 * time.Hour), File: "report.md"}
		if _, err := client.OpenCase(ctx, o, strings.NewReader("a report")); err != nil {
			return err
		}
	}
	return nil
}

// withDaemon runs this program as the daemon of a home around do.
func withDaemon(ctx context.Context, home string, client *api.Client, do func(pid int) (float64, error)) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, "--home", home, "daemon")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	v, err := func() (float64, error) {
		wait, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		if _, err := client.Wait(wait); err != nil {
			return 0, err
		}
		return do(cmd.Process.Pid)
	}()
	client.Close()
	_ = cmd.Process.Signal(os.Interrupt)
	if err2 := cmd.Wait(); err == nil {
		err = err2
	}
	return v, err
}

// resident is the memory that a process keeps, in MiB: the highest of what it has
// in two seconds, once it had a second to settle.
func resident(ctx context.Context, pid int) (float64, error) {
	var most float64
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := range 30 {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
		mib, err := residentNow(pid)
		if err != nil {
			return 0, err
		}
		if i >= 10 {
			most = max(most, mib)
		}
	}
	return most, nil
}

func residentNow(pid int) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of process %d", pid)
}
