package ledger

import "github.com/cockroachdb/pebble/v2/vfs"

// OpenMemory opens an empty store that is nowhere but in memory and goes with
// Close: for judging entries that nobody means to keep. Everything else is as in
// a store on disk.
func OpenMemory() (*Ledger, error) { return open(vfs.NewMem(), "", Options{}) }
