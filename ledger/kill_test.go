package ledger

import (
	"bufio"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/ledger/feedgen"
	"cordon/protocol/id"
)

// envVictim makes this test binary the process that is killed.
const envVictim = "CORDON_LEDGER_VICTIM"

var killSeed = flag.Uint64("kill.seed", 0, "seed of TestKill; 0 draws one")

const killWriters = 8

// victim writes in the store at dir until it is killed: 8 callers append, one
// accepts batches of a stranger's, one opens cases. It prints a line for each
// entry after it was acknowledged.
func victim(dir string) int {
	l, err := Open(dir, Options{StoreKey: testKey})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	say := func(c id.CaseID, x id.EntryID) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf("%s %s\n", c, x)
	}
	ctx, keys := context.Background(), someKeys(killWriters)
	var wg sync.WaitGroup
	fail := func(err error) { fmt.Fprintln(os.Stderr, err) }
	g, err := l.Append(ctx, feedgen.GenesisFields(uint64(time.Now().UnixNano()), keys), keys[0])
	if err != nil {
		fail(err)
		return 1
	}
	say(g.CaseID(), g.ID)
	for i := range killWriters {
		wg.Go(func() {
			for {
				e, err := l.Append(ctx, status(g.CaseID(), g.ID), keys[i])
				if err != nil {
					fail(err)
					return
				}
				say(g.CaseID(), e.ID)
			}
		})
	}
	wg.Go(func() { acceptForever(ctx, l, say, fail) })
	fmt.Println("ready")
	wg.Wait()
	return 1
}

func acceptForever(ctx context.Context, l *Ledger, say func(id.CaseID, id.EntryID), fail func(error)) {
	for {
		w, err := feedgen.New(uint64(time.Now().UnixNano()), 3)
		if err != nil {
			fail(err)
			return
		}
		batch := [][]byte{w.Genesis.Raw}
		for range 20 {
			for i := range 30 {
				e, err := w.Next(i%3, id.Everyone, w.Genesis.ID)
				if err != nil {
					fail(err)
					return
				}
				batch = append(batch, e.Raw)
			}
			r, err := l.Accept(ctx, w.Case, batch)
			if err != nil {
				fail(err)
				return
			}
			for _, e := range r.Entries {
				say(w.Case, e.ID)
			}
			batch = nil
		}
	}
}

// TestKill is F1: a process under load is killed with SIGKILL at a random
// moment, again and again on the same store. Each time the store opens, holds
// everything that was acknowledged, and every index agrees with the entries.
func TestKill(t *testing.T) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay: go test ./ledger -run TestKill -kill.seed=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	acked, slowest := 0, time.Duration(0)
	for round := range volume(20, 200, 2000) {
		lines := killOnce(t, dir, time.Duration(1+rng.IntN(150))*time.Millisecond)
		acked += len(lines)
		start := time.Now()
		l := must(Open(dir, Options{StoreKey: testKey}))(t)
		slowest = max(slowest, time.Since(start))
		if l.Restored() {
			t.Fatalf("round %d: a killed process counts as a restore", round)
		}
		cases := map[id.CaseID]bool{}
		for _, line := range lines {
			c, x := parseAck(t, line)
			if _, err := l.Entry(c, x); err != nil {
				t.Fatalf("round %d: an acknowledged entry is lost: %v", round, err)
			}
			cases[c] = true
		}
		for c := range cases {
			sound(t, l, c)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledged entries; the slowest start took %v", acked, slowest)
	if acked == 0 {
		t.Error("nothing was acknowledged: the test tested nothing")
	}
}

// killOnce runs a victim, kills it d after it said that it is ready, and
// returns what it acknowledged.
func killOnce(t *testing.T, dir string, d time.Duration) []string {
	t.Helper()
	cmd := exec.Command(must(os.Executable())(t))
	cmd.Env = append(os.Environ(), envVictim+"="+dir)
	cmd.Stderr = os.Stderr
	out := must(cmd.StdoutPipe())(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			break // what has no newline was never said
		}
		if err != nil {
			t.Fatal(err)
		}
		if line = strings.TrimSpace(line); line != "ready" {
			lines = append(lines, line)
			continue
		}
		time.AfterFunc(d, func() { cmd.Process.Kill() })
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the victim ended by itself")
	}
	return lines
}

func parseAck(t *testing.T, line string) (c id.CaseID, x id.EntryID) {
	t.Helper()
	if len(line) != 129 {
		t.Fatalf("victim said %q", line)
	}
	copy(c[:], must(hex.DecodeString(line[:64]))(t))
	copy(x[:], must(hex.DecodeString(line[65:]))(t))
	return c, x
}
