package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"cordon/daemon"
	"cordon/daemon/api"
)

// newHome makes the home of an organisation on loopback, and a client for its daemon.
func newHome(home, name string) (*api.Client, error) {
	_, err := daemon.Init(home, daemon.InitOptions{Name: name, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Unattended: true})
	if err != nil {
		return nil, err
	}
	return api.New(home)
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
		mib, err := memory(pid, nowResident)
		if err != nil {
			return 0, err
		}
		if i >= 10 {
			most = max(most, mib)
		}
	}
	return most, nil
}

// The lines of /proc/PID/status about memory in RAM.
const (
	nowResident  = "VmRSS:"
	mostResident = "VmHWM:" // ever
)

// memory is a line of a process's status, in MiB.
func memory(pid int, line string) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), line); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("no %s of process %d", line, pid)
}
