package bench

import (
	"context"
	"os"
	"os/exec"
	"time"

	"cordon/daemon"
	"cordon/daemon/api"
	"cordon/ledger/ledgerbench"
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
		mib, err := ledgerbench.Memory(pid, ledgerbench.NowResident)
		if err != nil {
			return 0, err
		}
		if i >= 10 {
			most = max(most, mib)
		}
	}
	return most, nil
}
