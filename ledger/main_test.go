package ledger

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
)

// volume is how much of a test is run: small as a rule, gate with
// CORDON_VOLUME=gate (.ci/run), full with CORDON_VOLUME=full (.ci/full).
func volume(small, gate, full int) int {
	switch os.Getenv("CORDON_VOLUME") {
	case "gate":
		return gate
	case "full":
		return full
	}
	return small
}

func TestMain(m *testing.M) {
	flag.Parse()
	if dir := os.Getenv(envVictim); dir != "" {
		if n, err := strconv.ParseInt(os.Getenv(envSyncs), 10, 64); err == nil {
			os.Exit(badDisk(dir, n))
		}
		os.Exit(victim(dir))
	}
	if os.Getenv("CORDON_VOLUME") == "" {
		if err := flag.Set("rapid.checks", "20"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
