package peerbench

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"cordon/ledger"
	"cordon/ledger/ledgerbench"
	"cordon/peer/peertest"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// The requirements on a cold sync.
const (
	coldShare  = 0.5 // of what Pebble alone ingests
	coldMemory = 256 // MiB, of the receiver
)

// childEnv makes a process that calls Child the receiver of a cold sync: how many entries
// are to come, the case in hex, whether to sync what comes, where the store is to be.
const childEnv = "CORDON_BENCH_COLD"

// Cold is the rate at which a daemon that holds nothing takes a case of that many
// entries of 500 bytes, and the most memory it ever has. It runs in a process of its
// own, which args make of this executable; that the sender uses the same cores counts
// against it. The limit is a bare Pebble, before and after, which syncs. synced is false
// where the receiver is not to sync what it takes.
func Cold(ctx context.Context, dir string, entries int, synced bool, args ...string) (rs []ledgerbench.Result, err error) {
	a, err := peertest.New("a", filepath.Join(dir, "a"), schedule())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := a.Start(); err != nil {
		return nil, err
	}
	p := pair{a: a}
	if p.c, err = a.Open(); err != nil {
		return nil, err
	}
	total, err := p.write(ctx, entries)
	if err != nil {
		return nil, err
	}
	before, err := ledgerbench.Ingest(filepath.Join(dir, "before"), entries)
	if err != nil {
		return nil, err
	}
	r, err := p.receive(ctx, filepath.Join(dir, "b"), total, synced, args)
	if err != nil {
		return nil, err
	}
	after, err := ledgerbench.Ingest(filepath.Join(dir, "after"), entries)
	what := fmt.Sprintf("cold sync of %d entries of 500 bytes over loopback, ", entries)
	memory := func(name string, mib float64) ledgerbench.Result {
		return ledgerbench.Result{Name: what + name, Value: mib, Unit: "MiB", Limit: coldMemory, LimitName: "required", Want: 1, AtMost: true}
	}
	return []ledgerbench.Result{
		{Name: what + "two processes", Value: float64(total) / r.Seconds, Unit: "entries/s", Limit: (before + after) / 2,
			LimitName: "pebble alone, synced batches of 1,000", Want: coldShare},
		memory("receiver, at most", r.MiB), memory("receiver, at most, once it has folded the case", r.Folded),
	}, err
}

// received is what a receiver says.
type received struct {
	Seconds float64 // from when it knew of the case until it held all of it
	MiB     float64 // of RAM that it had at most
	Folded  float64 // the same, once it has folded the case
}

// receive starts the receiver, exchanges cards with it and invites it.
func (p pair) receive(ctx context.Context, dir string, total int, synced bool, args []string) (r received, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	card, err := p.a.Card()
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s %t %s", childEnv, total, p.c, synced, dir))
	cmd.Stdin, cmd.Stderr = strings.NewReader(hex.EncodeToString(card)+"\n"), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := cmd.Start(); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, cmd.Wait()) }()
	in := bufio.NewReader(out)
	theirs, err := readCard(in)
	if err != nil {
		return r, err
	}
	p.a.PinCard(theirs)
	if err := p.a.Invite(p.c, theirs.Org.ID, protocol.Coordinator); err != nil {
		return r, err
	}
	return r, json.NewDecoder(in).Decode(&r)
}

func readCard(in *bufio.Reader) (*identity.Card, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(strings.TrimSpace(line))
	if err != nil {
		return nil, err
	}
	return identity.OpenCard(raw)
}

// Child receives a case if this process was started for that by Cold, and returns
// true. Otherwise it does nothing.
func Child(ctx context.Context, in io.Reader, out io.Writer) (bool, error) {
	env := os.Getenv(childEnv)
	if env == "" {
		return false, nil
	}
	var total int
	var synced bool
	var hexCase, dir string
	if _, err := fmt.Sscan(env, &total, &hexCase, &synced, &dir); err != nil {
		return true, err
	}
	c, err := id.Parse[id.CaseID](hexCase)
	if err != nil {
		return true, err
	}
	store := ledger.Open
	if !synced {
		store = ledgerbench.OpenUnsynced
	}
	r, err := receiver(ctx, dir, store, c, total, bufio.NewReader(in), out)
	if err != nil {
		return true, err
	}
	return true, json.NewEncoder(out).Encode(r)
}

func receiver(ctx context.Context, dir string, store func(string, ledger.Options) (*ledger.Ledger, error), c id.CaseID, total int, in *bufio.Reader, out io.Writer) (r received, err error) {
	b, err := peertest.Identity("b")
	if err != nil {
		return r, err
	}
	b.Store = store
	if err := b.Settle(dir, schedule()); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	var joined atomic.Int64
	b.Joined = func() { joined.CompareAndSwap(0, time.Now().UnixNano()) }
	theirs, err := readCard(in)
	if err != nil {
		return r, err
	}
	b.PinCard(theirs)
	if err := b.Start(); err != nil {
		return r, err
	}
	card, err := b.Card()
	if err != nil {
		return r, err
	}
	if _, err := fmt.Fprintln(out, hex.EncodeToString(card)); err != nil {
		return r, err
	}
	if err := (pair{b: b}).wait(ctx, func() bool { return count(b.Ledger, c) >= total }); err != nil {
		return r, err
	}
	r.Seconds = time.Since(time.Unix(0, joined.Load())).Seconds()
	if r.MiB, err = ledgerbench.Memory(os.Getpid(), ledgerbench.MostResident); err != nil {
		return r, err
	}
	if err := b.Cases.With(c, func(*protocol.Case) error { return nil }); err != nil {
		return r, err
	}
	r.Folded, err = ledgerbench.Memory(os.Getpid(), ledgerbench.MostResident)
	return r, err
}
