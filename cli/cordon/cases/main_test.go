// Package cases plays real, finished cases of coordinated disclosure, and the shapes
// that such cases have, with real daemons in this process: each organisation has a
// home, a store, keys and listeners on loopback of its own. Acts are verbs of the command
// line in a process of their own; what has come of them is read through package
// api. There is nothing here but tests.
//
// Main path: a record (record_test.go) is played event by event (player_test.go,
// events_test.go) in a world (world_test.go), while a book (book_test.go) notes who has
// agreed to what; then search_test.go looks at every byte that each daemon was sent and
// at every store for what the book does not allow.
package cases

import (
	"context"
	"os"
	"testing"

	"cordon/cli"
)

// asCLI is set in the environment of a child that is the command line.
const asCLI = "CORDON_CASES_CLI"

// TestMain is the command line in a child, and the tests otherwise.
func TestMain(m *testing.M) {
	if os.Getenv(asCLI) != "" {
		os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Parts{}))
	}
	os.Exit(m.Run())
}
