package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/daemon/api"
	"cordon/ledger/memdisk"
	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

const (
	connectedCases = 1000
	connectedPeers = 100
	connectedLimit = 150 // MiB, of the requirement
	meetTime       = 3 * time.Minute
)

// connected is the memory of a daemon that holds 1,000 cases, each shared with one
// of 100 connected organisations, and does nothing. They are light ones of this process.
func connected(ctx context.Context, dir string) ([]Result, error) {
	home := filepath.Join(dir, "h")
	client, err := newHome(home, "Busy")
	if err != nil {
		return nil, err
	}
	var others others
	defer others.close()
	_, err = withDaemon(ctx, home, client, func(int) (float64, error) {
		if err := others.meet(ctx, client, connectedPeers); err != nil {
			return 0, err
		}
		return 0, others.openCases(ctx, client)
	})
	if err != nil {
		return nil, err
	}
	mib, err := withDaemon(ctx, home, client, func(pid int) (float64, error) {
		if err := others.wait(ctx, client); err != nil {
			return 0, err
		}
		return resident(ctx, pid)
	})
	if err != nil {
		return nil, err
	}
	return []Result{{Name: fmt.Sprintf("idle daemon with %d cases, shared with %d connected peers", connectedCases, connectedPeers),
		Value: mib, Unit: "MiB", Limit: connectedLimit, LimitName: "required", Want: 1, AtMost: true}}, nil
}

// others are the organisations that the daemon is connected with.
type others []*peertest.Org

// meet starts n of them, makes them and the daemon known to each other, and waits until
// all are connected.
func (o *others) meet(ctx context.Context, client *api.Client, n int) error {
	card, err := cardOf(ctx, client)
	if err != nil {
		return err
	}
	for i := range n {
		p, err := peertest.NewOn(fmt.Sprintf("Peer %d", i), memdisk.New(), peer.DefaultSchedule())
		if err != nil {
			return err
		}
		*o = append(*o, p)
		p.PinCard(card)
		if err := p.Start(); err != nil {
			return err
		}
		theirs, err := p.Card()
		if err != nil {
			return err
		}
		if _, err := client.AddPeer(ctx, identity.Armour(theirs)); err != nil {
			return err
		}
	}
	return o.wait(ctx, client)
}

func cardOf(ctx context.Context, client *api.Client) (*identity.Card, error) {
	text, err := client.Card(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := identity.Unarmour(text)
	if err != nil {
		return nil, err
	}
	return identity.OpenCard(raw)
}

func (o others) wait(ctx context.Context, client *api.Client) error {
	err := waitFor(ctx, meetTime, func() (bool, error) {
		all, err := client.Peers(ctx)
		if err != nil {
			return false, err
		}
		apart := slices.ContainsFunc(all.Peers, func(p api.PeerRow) bool { return !p.Connected })
		return len(all.Peers) == len(o) && !apart, nil
	})
	if err != nil {
		return fmt.Errorf("the peers connect: %w", err)
	}
	return nil
}

// openCases opens the cases and invites one of the peers to each, which accepts.
func (o others) openCases(ctx context.Context, client *api.Client) error {
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := w; i < connectedCases && errs[w] == nil; i += len(errs) {
				errs[w] = openWith(ctx, client, i, fmt.Sprintf("Peer %d", i%connectedPeers))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	err := waitFor(ctx, meetTime, func() (bool, error) {
		n := 0
		for _, p := range o {
			n += len(p.Ledger.Cases())
		}
		return n == connectedCases, nil
	})
	if err != nil {
		return fmt.Errorf("the peers join: %w", err)
	}
	return nil
}

func openWith(ctx context.Context, client *api.Client, i int, with string) error {
	c, err := openOne(ctx, client, fmt.Sprintf("case %d", i))
	if err != nil {
		return err
	}
	_, err = client.Invite(ctx, c.String(), api.Invite{Org: with, Role: "dependent-vendor"})
	return err
}

// openOne opens a case in which nobody else is.
func openOne(ctx context.Context, client *api.Client, title string) (c id.CaseID, err error) {
	o := api.OpenCase{Title: title, EmbargoUntil: time.Now().Add(45 * 24 * time.Hour), File: "report.md"}
	w, err := client.OpenCase(ctx, o, strings.NewReader("a report"))
	if err != nil {
		return c, err
	}
	return *w.Case, nil
}

func (o others) close() {
	for _, p := range o {
		_ = p.Close()
	}
}
