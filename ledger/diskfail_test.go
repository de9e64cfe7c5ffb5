package ledger

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cordon/ledger/feedgen"
)

// envSyncs makes the victim's disk fail at that sync of the write-ahead log.
const envSyncs = "CORDON_LEDGER_SYNCS"

// badDisk writes in the store at dir until the disk fails, which must end the
// process from within.
func badDisk(dir string, syncs int64) int {
	var n atomic.Int64
	fs := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if sync && strings.HasSuffix(op.Path, ".log") && n.Add(1) >= syncs {
			return syscall.EIO
		}
		return nil
	}))
	l, err := open(fs, dir, Options{StoreKey: testKey, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	keys := someKeys(4)
	g, err := l.Append(context.Background(), feedgen.GenesisFields(uint64(syncs), keys), keys[0])
	if err != nil {
		return 3
	}
	var wg sync.WaitGroup
	for _, k := range keys {
		wg.Go(func() {
			for range 10_000 {
				e, err := l.Append(context.Background(), status(g.CaseID(), g.ID), k)
				if err != nil {
					return
				}
				fmt.Printf("%s %s\n", g.CaseID(), e.ID)
			}
		})
	}
	wg.Wait()
	return 0
}

// TestDiskFailureStops: when a sync fails, the process ends at once with an error
// and one line that says why; nothing that it acknowledged is lost.
func TestDiskFailureStops(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for round := range 6 {
		dir := t.TempDir()
		cmd := exec.Command(must(os.Executable())(t))
		cmd.Env = append(os.Environ(), envVictim+"="+dir, envSyncs+"="+strconv.Itoa(20+rng.IntN(200)))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out := must(cmd.StdoutPipe())(t)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := must(io.ReadAll(out))(t)
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 1 {
			t.Fatalf("round %d: the process went on over a failed disk: %v\n%s", round, err, stderr.String())
		}
		if s := stderr.String(); !strings.Contains(s, "the disk failed") || strings.Contains(s, "goroutine ") {
			t.Errorf("round %d: it said:\n%s", round, s)
		}
		l := must(Open(dir, Options{StoreKey: testKey}))(t)
		lines := strings.Split(string(said), "\n")
		for _, line := range lines[:len(lines)-1] {
			c, x := parseAck(t, line)
			if _, err := l.Entry(c, x); err != nil {
				t.Fatalf("round %d: an acknowledged entry is lost: %v", round, err)
			}
		}
		for _, c := range l.Cases() {
			sound(t, l, c)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
