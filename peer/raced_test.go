//go:build race

package peer_test

// raced says whether the race detector watches.
const raced = true
