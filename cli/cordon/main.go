// Command cordon is the binary: the command line of package cli, with the
// daemon, the demo and the benchmark wired in.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"cordon/cli"
	"cordon/daemon"
	"cordon/daemon/api"
	"cordon/daemon/bench"
	"cordon/daemon/demo"
	"cordon/daemon/foldfile"
)

func main() { os.Exit(run()) }

// run is the whole program; it returns the exit code. SIGTERM and Ctrl-C end
// what runs cleanly, a second one at once.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if len(os.Args) == 2 && os.Args[1] == bench.Verb {
		if child, err := bench.Child(ctx, os.Stdin, os.Stdout); child {
			if err != nil {
				fmt.Fprintf(os.Stderr, "cordon: %v\n", err)
				return 1
			}
			return 0
		}
	}
	return cli.Main(ctx, os.Args[1:], cli.Parts{
		Init:   initHome,
		Daemon: runDaemon,
		Relay:  runRelay,
		Demo:   demo.Play,
		Bench:  runBench,
		Fold:   foldfile.Fold,

		RotateRoot:  rotateRoot,
		MayRevoke:   mayRevoke,
		RevokeKey:   revokeKey,
		RenewKey:    renewKey,
		NameDomains: nameDomains,

		AddDaemon:     addDaemon,
		PromoteDaemon: promoteDaemon,
		YieldDaemon:   yieldDaemon,
	})
}

func initHome(_ context.Context, home string, o cli.InitOptions) (cli.Created, error) {
	made, err := daemon.Init(home, daemon.InitOptions(o))
	if err != nil {
		return cli.Created{}, err
	}
	return cli.Created{Org: made.Org.String(), Fingerprint: made.Fingerprint, Root: made.Root}, nil
}

func rotateRoot(_ context.Context, home, root string) (*api.KeyChange, error) {
	return daemon.RotateRoot(home, daemon.KeyOptions{Root: root})
}

func mayRevoke(_ context.Context, home, kid, reason, root string) error {
	return daemon.MayRevoke(home, kid, reason, daemon.KeyOptions{Root: root})
}

func revokeKey(_ context.Context, home, kid, reason, root string) (*api.KeyChange, error) {
	return daemon.RevokeKey(home, kid, reason, daemon.KeyOptions{Root: root})
}

func renewKey(ctx context.Context, home string, o cli.RenewOptions) (*api.KeyChange, error) {
	return daemon.RenewKey(ctx, home, daemon.RenewOptions{
		KeyOptions: daemon.KeyOptions{Root: o.Root}, Fresh: o.Fresh, Reason: o.Reason, Former: o.Former})
}

func nameDomains(_ context.Context, home string, domains []string, root string) (*api.KeyChange, error) {
	return daemon.NameDomains(home, domains, daemon.KeyOptions{Root: root})
}

func addDaemon(ctx context.Context, home string, o cli.AddOptions) (*api.KeyChange, error) {
	return daemon.AddDaemon(ctx, home, daemon.AddOptions{InitOptions: daemon.InitOptions(o.InitOptions), Root: o.Root, Card: o.Card})
}

func promoteDaemon(ctx context.Context, home, root, reason string, force bool) (*api.KeyChange, error) {
	return daemon.PromoteDaemon(ctx, home, daemon.PromoteOptions{KeyOptions: daemon.KeyOptions{Root: root}, Reason: reason, Force: force})
}

func yieldDaemon(ctx context.Context, home, to, root string) (*api.KeyChange, error) {
	return daemon.YieldDaemon(ctx, home, daemon.YieldOptions{KeyOptions: daemon.KeyOptions{Root: root}, To: to})
}

// garbage is how much of what is in use may be garbage before it is collected, in per
// cent: half of Go's own, for a daemon runs beside others and is idle most of the time.
const garbage = 50

func runDaemon(ctx context.Context, home string, log io.Writer) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	return daemon.Run(ctx, home, daemon.Options{Log: log})
}

func runRelay(ctx context.Context, home string, listen []string, cards [][]byte, ready func([]string)) error {
	return daemon.Relay(ctx, home, daemon.RelayOptions{Listen: listen, Cards: cards}, ready)
}

func runBench(ctx context.Context, progress io.Writer, full bool, only string) ([]cli.BenchResult, []string, error) {
	results, notRun, err := bench.Run(ctx, progress, full, only)
	out := make([]cli.BenchResult, len(results))
	for i, r := range results {
		out[i] = cli.BenchResult{Name: r.Name, Value: r.Value, Unit: r.Unit, Limit: r.Limit, LimitName: r.LimitName,
			Ratio: r.Ratio(), Want: r.Want, AtMost: r.AtMost, Met: r.Met()}
	}
	return out, notRun, err
}
