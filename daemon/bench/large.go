package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"cordon/daemon/api"
	"cordon/ledger/ledgerbench"
)

const (
	largeFiles = 5
	largeSize  = 20 << 20
	largePeak  = 150             // MiB, of the requirement
	restTime   = 3 * time.Minute // Go collects by itself after two, and then gives back what is free
	arriveTime = 2 * time.Minute // for one file, on a slow disk
)

// large is the memory of two daemons of which one sends the other large files: the
// most that either ever had, and what either keeps afterwards. The second figure is
// taken as soon as it is within its limit, at the latest after restTime.
func large(ctx context.Context, dir string) ([]Result, error) {
	homeA, homeB := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	a, err := newHome(homeA, "Sender")
	if err != nil {
		return nil, err
	}
	b, err := newHome(homeB, "Taker")
	if err != nil {
		return nil, err
	}
	var most, kept float64
	_, err = withDaemon(ctx, homeA, a, func(pidA int) (float64, error) {
		return withDaemon(ctx, homeB, b, func(pidB int) (float64, error) {
			if err := sendLarge(ctx, a, b); err != nil {
				return 0, err
			}
			most, kept, err = atRest(ctx, pidA, pidB)
			return 0, err
		})
	})
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("daemon, %d attachments of %d MiB sent or taken, ", largeFiles, largeSize>>20)
	return []Result{
		{Name: what + "at most", Value: most, Unit: "MiB", Limit: largePeak, LimitName: "required", Want: 1, AtMost: true},
		{Name: what + "at rest", Value: kept, Unit: "MiB", Limit: idleLimit, LimitName: "required", Want: 1, AtMost: true},
	}, nil
}

// atRest is what either of two processes had at most, and what either keeps.
func atRest(ctx context.Context, a, b int) (most, kept float64, err error) {
	if most, err = either(ledgerbench.MostResident, a, b); err != nil {
		return 0, 0, err
	}
	err = waitFor(ctx, restTime, func() (bool, error) {
		kept, err = either(ledgerbench.NowResident, a, b)
		return kept <= idleLimit, err
	})
	if errors.Is(err, errLate) {
		err = nil // the figure says it
	}
	return most, kept, err
}

// either is the higher of a line of two processes.
func either(line string, a, b int) (float64, error) {
	x, err := ledgerbench.Memory(a, line)
	y, err2 := ledgerbench.Memory(b, line)
	return max(x, y), errors.Join(err, err2)
}

// sendLarge lets a open a case with b and attach files to it, and waits for each
// until b has it.
func sendLarge(ctx context.Context, a, b *api.Client) error {
	c, err := share(ctx, a, b)
	if err != nil {
		return err
	}
	for range largeFiles {
		w, err := a.Attach(ctx, c, api.Attach{File: "core.bin"}, io.LimitReader(rand.Reader, largeSize))
		if err != nil {
			return err
		}
		err = waitFor(ctx, arriveTime, func() (bool, error) {
			r, err := b.Attachment(ctx, c, w.ID)
			if err != nil {
				return false, nil // not here yet
			}
			defer r.Close()
			n, err := io.Copy(io.Discard, r)
			return n == largeSize, err
		})
		if err != nil {
			return fmt.Errorf("an attachment arrives: %w", err)
		}
	}
	return nil
}

// share makes a and b know each other and be in one case, whose id it returns.
func share(ctx context.Context, a, b *api.Client) (string, error) {
	for _, way := range [][2]*api.Client{{a, b}, {b, a}} {
		card, err := way[0].Card(ctx)
		if err != nil {
			return "", err
		}
		if _, err := way[1].AddPeer(ctx, card); err != nil {
			return "", err
		}
	}
	o := api.OpenCase{Title: "large files", EmbargoUntil: time.Now().Add(45 * 24 * time.Hour), File: "report.md"}
	w, err := a.OpenCase(ctx, o, strings.NewReader("a report"))
	if err != nil {
		return "", err
	}
	c := w.Case.String()
	if _, err := a.Invite(ctx, c, api.Invite{Org: "Taker", Role: "dependent-vendor"}); err != nil {
		return "", err
	}
	return c, waitFor(ctx, arriveTime, func() (bool, error) {
		in, err := b.Inbox(ctx)
		if err != nil || len(in.Items) == 0 {
			return false, err
		}
		_, err = b.Accept(ctx, in.Items[0].ID)
		return true, err
	})
}

var errLate = errors.New("not in time")

// waitFor asks again and again until it is so; errLate after most.
func waitFor(ctx context.Context, most time.Duration, so func() (bool, error)) error {
	late := time.NewTimer(most)
	defer late.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		if ok, err := so(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return errLate
		case <-again.C:
		}
	}
}
