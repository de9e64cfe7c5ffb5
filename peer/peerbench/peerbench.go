// Package peerbench measures replication between two daemons in this process over
// real loopback connections, each figure as a ratio to a limit measured in the
// same run (see ledgerbench, whose Result it returns).
//
// Main path: Run, of which Live and CatchUp are parts; Growth.
package peerbench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"cordon/ledger"
	"cordon/ledger/ledgerbench"
	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/protocol"
	"cordon/protocol/id"
)

const (
	authors = 20
	run     = 256 // entries of one author that follow each other
)

// Run measures everything below dir, with these loads and catch-up of that many entries.
func Run(ctx context.Context, dir string, loads []Load, entries int) ([]ledgerbench.Result, error) {
	live, err := Live(ctx, filepath.Join(dir, "live"), loads)
	if err != nil {
		return nil, fmt.Errorf("live: %w", err)
	}
	catchUp, err := CatchUp(ctx, filepath.Join(dir, "catch-up"), entries)
	if err != nil {
		return nil, fmt.Errorf("catch-up: %w", err)
	}
	return append(live, catchUp), nil
}

// pair is two organisations of one case; B is a member by its own fold.
type pair struct {
	a, b *peertest.Org
	c    id.CaseID
}

func newPair(ctx context.Context, dir string) (p pair, err error) {
	if p.a, err = peertest.New("a", filepath.Join(dir, "a"), schedule()); err != nil {
		return p, err
	}
	if p.b, err = peertest.New("b", filepath.Join(dir, "b"), schedule()); err != nil {
		return p, err
	}
	peertest.Meet(p.a, p.b)
	if err = errors.Join(p.a.Start(), p.b.Start()); err != nil {
		return p, err
	}
	if p.c, err = p.a.Open(); err != nil {
		return p, err
	}
	if err = p.a.Invite(p.c, p.b.ID, protocol.Coordinator); err != nil {
		return p, err
	}
	return p, p.wait(ctx, func() bool { return p.b.Member(p.c, p.b.ID) && p.a.Digest(p.c) == p.b.Digest(p.c) })
}

// schedule is the daemon's, but for what would make the set-up slow: neither
// measurement waits for any of it.
func schedule() peer.Schedule {
	s := peer.DefaultSchedule()
	s.Dial, s.TagsDelay = 20*time.Millisecond, time.Millisecond
	return s
}

func (p pair) close() error { return errors.Join(p.a.Close(), p.b.Close()) }

// wait returns when holds is true; it looks after each change of B's ledger.
func (p pair) wait(ctx context.Context, holds func() bool) error {
	w := p.b.Ledger.Subscribe()
	defer w.Close()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-w.C:
			w.Changed()
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// CatchUp is the rate at which B, which was away, takes what 20 authors wrote in
// runs of 256 from A, both ends on the cores of this process. Its limit is what all
// cores can verify one by one with crypto/ed25519.
func CatchUp(ctx context.Context, dir string, entries int) (r ledgerbench.Result, err error) {
	p, err := newPair(ctx, dir)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.b.Stop(); err != nil {
		return r, err
	}
	total, err := p.write(ctx, entries)
	if err != nil {
		return r, err
	}
	limit := ledgerbench.VerifyRate()
	at := time.Now()
	if err := p.b.Start(); err != nil {
		return r, err
	}
	err = p.wait(ctx, func() bool { return count(p.b.Ledger, p.c) >= total })
	if err != nil {
		return r, fmt.Errorf("%d of %d entries came: %w", count(p.b.Ledger, p.c), total, err)
	}
	took := time.Since(at)
	limit = (limit + ledgerbench.VerifyRate()) / 2
	rate := float64(total) / took.Seconds()
	return ledgerbench.Result{Name: "catch-up of 500-byte entries over loopback, runs of 256, both ends here", Value: rate,
		Unit: "entries/s", Limit: limit, LimitName: "ed25519 verify, all cores", Want: 2}, nil
}

// write puts the authors' entries into A's ledger and returns how many A then holds.
func (p pair) write(ctx context.Context, entries int) (int, error) {
	feeds := make([]func(int) [][]byte, authors)
	for i := range feeds {
		var err error
		if feeds[i], err = author(p.a, p.c, i); err != nil {
			return 0, err
		}
	}
	for from := 0; from < entries/authors; from += run {
		for _, next := range feeds {
			batch := next(min(run, entries/authors-from))
			if res, err := p.a.Ledger.Accept(ctx, p.c, batch); err != nil || res.Stored != len(batch) {
				return 0, fmt.Errorf("stored %d of %d: %v, %w", res.Stored, len(batch), res.Rejected, err)
			}
		}
	}
	// A has folded what it holds, as a running daemon has.
	err := p.a.Cases.With(p.c, func(*protocol.Case) error { return nil })
	return count(p.a.Ledger, p.c), err
}

// author admits somebody to a case and writes notes as it.
func author(a *peertest.Org, c id.CaseID, i int) (func(n int) [][]byte, error) {
	o, err := peertest.Identity(fmt.Sprintf("author %d", i))
	if err != nil {
		return nil, err
	}
	if err := a.Admit(c, o, protocol.MitigatingVendor); err != nil {
		return nil, err
	}
	var agr id.AgrID
	var admit id.EntryID
	err = a.Cases.With(c, func(k *protocol.Case) error {
		agr = k.Embargo().Agreement
		admit, _ = k.Admission(o.ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	e, err := a.Ledger.Entry(c, admit)
	return o.Noter(c, e, agr), err
}

// count is the number of entries of a case.
func count(l *ledger.Ledger, c id.CaseID) int {
	n := 0
	heads, err := l.Heads(c)
	if err != nil {
		return 0
	}
	for _, h := range heads {
		n += int(h.Seq) + 1
	}
	return n
}
