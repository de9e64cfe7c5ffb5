package peerbench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"cordon/ledger/ledgerbench"
	"cordon/peer/peertest"
	"cordon/protocol"
)

// The requirements of THREATS' F10.
const (
	awayFor  = 30 * 24 * time.Hour
	awayTime = 20 // seconds for 10,000 entries
)

// Away is how long a daemon that was away for thirty days, and one that joins and has
// nothing, take until they hold what was written meanwhile. What verifying that many
// signatures and putting that many rows into a bare Pebble takes stands beside.
func Away(ctx context.Context, dir string, entries int) (rs []ledgerbench.Result, err error) {
	p, err := newPair(ctx, filepath.Join(dir, "pair"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.b.Stop(); err != nil {
		return nil, err
	}
	total, err := p.write(ctx, entries)
	if err != nil {
		return nil, err
	}
	ingest, err := ledgerbench.Ingest(filepath.Join(dir, "bare"), entries)
	if err != nil {
		return nil, err
	}
	beside := fmt.Sprintf("required; verify alone %.2f s, pebble alone %.2f s", float64(entries)/ledgerbench.VerifyRate(), float64(entries)/ingest)
	row := func(what string, took time.Duration) ledgerbench.Result {
		return ledgerbench.Result{Name: fmt.Sprintf("%d entries behind, over loopback, %s", entries, what), Value: took.Seconds(), Unit: "s",
			Limit: awayTime, LimitName: beside, Want: 1, AtMost: true}
	}
	p.b.Clock = func() time.Time { return time.Now().Add(awayFor) }
	begin := time.Now()
	if err := p.b.Start(); err != nil {
		return nil, err
	}
	if err := p.wait(ctx, func() bool { return count(p.b.Ledger, p.c) >= total }); err != nil {
		return nil, fmt.Errorf("who was away: %w", err)
	}
	rs = append(rs, row("away for 30 days", time.Since(begin)))
	c, err := peertest.New("c", filepath.Join(dir, "c"), schedule())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	peertest.Meet(p.a, c)
	if err := c.Start(); err != nil {
		return nil, err
	}
	begin = time.Now()
	if err := p.a.Invite(p.c, c.ID, protocol.Coordinator); err != nil {
		return nil, err
	}
	if err := (pair{b: c}).wait(ctx, func() bool { return count(c.Ledger, p.c) >= total }); err != nil {
		return nil, fmt.Errorf("who joins: %w", err)
	}
	return append(rs, row("joins with nothing, from the invitation on", time.Since(begin))), nil
}
