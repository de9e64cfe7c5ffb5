package ledgerbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cordon/ledger"
	"cordon/protocol/id"
)

// The requirements on opening a large store.
const (
	openLimit     = 1000 // ms
	residentLimit = 100  // MiB
)

// childEnv makes a process that calls Child open a store: its directory, a
// space, a case in hex.
const childEnv = "CORDON_BENCH_OPEN"

// Opened is what one opening took.
type Opened struct {
	Milliseconds float64 // to the first entry read
	Resident     float64 // MiB of the process in RAM then; 0 where the system does not say
}

// OpenLarge writes a store of about n entries and measures, in a process of its
// own, the time from Open to the first entry read, of a case that was written in
// the middle, and the memory then. args make this executable call Child.
func OpenLarge(ctx context.Context, dir string, n int, args ...string) ([]Result, error) {
	sub, err := os.MkdirTemp(dir, "bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(sub)
	c, err := WriteLarge(ctx, sub, n)
	if err != nil {
		return nil, err
	}
	o, err := openInChild(ctx, sub, c, args)
	if err != nil {
		return nil, err
	}
	name := "a store of " + strconv.Itoa(n) + " entries"
	results := []Result{{"open " + name, o.Milliseconds, "ms", openLimit, "required", 1, true}}
	if o.Resident > 0 {
		results = append(results, Result{"resident after opening " + name, o.Resident, "MiB", residentLimit, "required", 1, true})
	}
	return results, nil
}

func openInChild(ctx context.Context, dir string, c id.CaseID, args []string) (o Opened, err error) {
	self, err := os.Executable()
	if err != nil {
		return o, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), childEnv+"="+dir+" "+c.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return o, fmt.Errorf("open in a process of its own: %w", err)
	}
	return o, json.Unmarshal(out, &o)
}

// Child opens a store if this process was started for that by OpenLarge, writes
// what it took to w, and returns true. Otherwise it does nothing.
func Child(w io.Writer) (bool, error) {
	dir, hex, ok := strings.Cut(os.Getenv(childEnv), " ")
	if !ok {
		return false, nil
	}
	c, err := id.Parse[id.CaseID](hex)
	if err != nil {
		return true, err
	}
	o, err := openOnce(dir, c)
	if err != nil {
		return true, err
	}
	return true, json.NewEncoder(w).Encode(o)
}

// WriteLarge writes a store of about n entries in dir, in cases of 5,000 of
// them, and returns the case in the middle.
func WriteLarge(ctx context.Context, dir string, n int) (middle id.CaseID, err error) {
	const perCase = 5000
	l, err := ledger.Open(dir, ledger.Options{StoreKey: storeKey()})
	if err != nil {
		return middle, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	cases := max(1, n/perCase)
	for k := range cases {
		w, err := newSource(uint64(100 + k))
		if err != nil {
			return middle, err
		}
		if k == cases/2 {
			middle = w.Case
		}
		if _, err := l.Accept(ctx, w.Case, w.opening); err != nil {
			return middle, err
		}
		for i := range min(n, perCase) / batchEntries {
			b, err := w.batch(func(int) (int, id.Comp) { return i % authors, id.Everyone })
			if err != nil {
				return middle, err
			}
			if _, err := l.Accept(ctx, w.Case, b); err != nil {
				return middle, err
			}
		}
	}
	return middle, nil
}

// openOnce opens the store in dir and reads the heads and the newest entry of c.
func openOnce(dir string, c id.CaseID) (o Opened, err error) {
	start := time.Now()
	l, err := ledger.Open(dir, ledger.Options{StoreKey: storeKey()})
	if err != nil {
		return o, err
	}
	heads, err := l.Heads(c)
	if err == nil && len(heads) > 0 {
		_, err = l.Entry(c, heads[len(heads)-1].ID)
	}
	o.Milliseconds, o.Resident = micros(time.Since(start))/1000, resident()
	return o, errors.Join(err, l.Close())
}

// resident is the memory of this process that is in RAM, in MiB; 0 where the
// system does not say.
func resident() float64 {
	b, err := os.ReadFile(filepath.Join("/proc", "self", "statm"))
	f := strings.Fields(string(b))
	if err != nil || len(f) < 2 {
		return 0
	}
	pages, err := strconv.ParseFloat(f[1], 64)
	if err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}

// storeKey seals every store of a benchmark.
func storeKey() [32]byte { return [32]byte{1} }
