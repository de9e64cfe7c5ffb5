package ledger

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
)

// full says whether the tests run at full volume: CORDON_VOLUME=full.
func full() bool { return os.Getenv("CORDON_VOLUME") == "full" }

// volume is n at full volume, otherwise small.
func volume(small, n int) int {
	if full() {
		return n
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
	if !full() {
		if err := flag.Set("rapid.checks", "20"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
