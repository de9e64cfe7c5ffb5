package bench

import (
	"context"
	"io"

	"cordon/ledger/ledgerbench"
	"cordon/peer/peerbench"
)

const (
	largeStore = 1_000_000 // entries of the store that is opened: what a daemon is designed to hold
	catchUp    = 100_000   // entries that one daemon fetches from another
	manyCases  = 1000      // that two daemons share
)

// Verb is the one argument with which the binary calls Child, and then Run. One
// measurement starts the binary again, to open a store in a fresh process.
const Verb = "bench"

// Child does what this process was started for by a measurement, and says so; in
// every other process it does nothing.
func Child(out io.Writer) (bool, error) { return ledgerbench.Child(out) }

// parts is what Run measures, in this order.
var parts = []part{
	{"replication", func(ctx context.Context, dir string) ([]Result, error) {
		return peerbench.Run(ctx, dir, peerbench.Loads(), catchUp)
	}},
	{"two daemons that share many cases", func(ctx context.Context, dir string) ([]Result, error) {
		return peerbench.Growth(ctx, dir, manyCases)
	}},
	{"an idle daemon", idle},
	{"a daemon with many connected peers", connected},
	{"a daemon that moves large files", large},
	{"the ledger", func(ctx context.Context, dir string) ([]Result, error) {
		return ledgerbench.Run(ctx, dir, largeStore, Verb)
	}},
}
