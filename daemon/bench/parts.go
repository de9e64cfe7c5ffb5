package bench

import (
	"context"
	"io"
	"os"

	"cordon/ledger/ledgerbench"
	"cordon/peer/peerbench"
)

const (
	largeStore = 1_000_000 // entries of the store that is opened: what a daemon is designed to hold
	catchUp    = 100_000   // entries that one daemon fetches from another
	behind     = 10_000    // entries that a daemon lacks which was away
	coldSync   = 1_000_000 // entries that one daemon fetches from another, where there is time
	manyCases  = 1000      // that two daemons share
)

// Verb is the one argument with which the binary calls Child, and then Run. One
// measurement starts the binary again, to open a store in a fresh process.
const Verb = "bench"

// Child does what this process was started for by a measurement, and says so; in
// every other process it does nothing.
func Child(ctx context.Context, in io.Reader, out io.Writer) (bool, error) {
	if child, err := ledgerbench.Child(out); child {
		return true, err
	}
	return peerbench.Child(ctx, in, out)
}

// timings are how many of each class of probes are timed: THREATS' number where
// CORDON_VOLUME says full.
func timings() int {
	if os.Getenv("CORDON_VOLUME") == "full" {
		return 100_000
	}
	return 10_000
}

// quick is what Run measures, in this order.
var quick = []part{
	{"replication", func(ctx context.Context, dir string) ([]Result, error) {
		return peerbench.Run(ctx, dir, peerbench.Loads(), catchUp)
	}},
	{"who was away, and who joins", func(ctx context.Context, dir string) ([]Result, error) {
		return peerbench.Away(ctx, dir, behind)
	}},
	{"a cold sync", func(ctx context.Context, dir string) ([]Result, error) {
		return peerbench.Cold(ctx, dir, catchUp, true, Verb)
	}},
	{"two daemons that share many cases", func(ctx context.Context, dir string) ([]Result, error) {
		return peerbench.Growth(ctx, dir, manyCases)
	}},
	{"an idle daemon", idle},
	{"a daemon that moves large files", large},
	{"the ledger", func(ctx context.Context, dir string) ([]Result, error) {
		return ledgerbench.Run(ctx, dir, largeStore, Verb)
	}},
}

// long is what Run measures beside when it is to measure everything: each takes a
// minute or more.
var long = []part{
	{"a daemon with many connected peers", connected},
	{"a daemon that members flood", flooding},
	{"a daemon under load", load},
	{"what the time of silence says", func(ctx context.Context, dir string) ([]Result, error) {
		return peerbench.Probe(ctx, dir, timings())
	}},
	{"a minute of live entries", func(ctx context.Context, dir string) ([]Result, error) {
		return peerbench.Live(ctx, dir, peerbench.Sustained())
	}},
	{"a large cold sync", func(ctx context.Context, dir string) ([]Result, error) {
		return peerbench.Cold(ctx, dir, coldSync, true, Verb)
	}},
	{"hypercore beside us", hypercore},
}
