package bench

import (
	"context"
	"fmt"
	"time"

	"cordon/ledger"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// flood is a way in which a member floods; run goes on until ctx ends. beyond: more than
// is allowed, so that it is to be named and shut out. rate is how many entries of so many
// bytes are made for each second before it begins: to sign them is not the daemon's work.
type flood struct {
	name       string
	beyond     bool
	rate, size int
	run        func(ctx context.Context, a *attacker) error
}

// allowedRate is just below what a session may bring unasked: spec/sync.md §6.4.
const allowedRate = 1900

var floods = []flood{
	{"1,900 valid entries a second", false, allowedRate, 500, func(ctx context.Context, a *attacker) error {
		return a.steady(ctx, 190)
	}},
	{"1,900 of the smallest a second, each in a frame", false, allowedRate, 0, func(ctx context.Context, a *attacker) error {
		return a.steady(ctx, 1)
	}},
	{"valid entries as fast as they go", true, 2 * allowedRate, 500, torrent},
	{"16,384 streams held, then opened and reset", true, 0, 0, streams},
}

// attacker is a member of the case whose daemon the benchmark is.
type attacker struct {
	*peertest.Org
	c    id.CaseID
	to   *identity.Card
	raw  *peertest.Raw
	size int
	next func(n int) [][]byte // its entries
	made [][]byte             // of them, not yet sent
	did  int                  // entries, or streams
}

// entries are the next n of its feed.
func (a *attacker) entries(n int) ([][]byte, error) {
	if err := a.stock(n); err != nil {
		return nil, err
	}
	list := a.made[:n]
	a.made = a.made[n:]
	return list, nil
}

// stock makes entries until n are there.
func (a *attacker) stock(n int) error {
	if n <= len(a.made) {
		return nil
	}
	if a.next == nil {
		var admit id.EntryID
		var agr id.AgrID
		err := a.Cases.With(a.c, func(k *protocol.Case) error {
			admit, _ = k.Admission(a.ID)
			agr = k.Embargo().Agreement
			return nil
		})
		if err != nil {
			return err
		}
		var e ledger.Entry
		if e, err = a.Ledger.Entry(a.c, admit); err != nil {
			return err
		}
		a.next = a.Shaped(a.c, e, agr, a.size, 300)
	}
	a.made = append(a.made, a.next(n-len(a.made))...)
	return nil
}

// steady sends entries at the highest rate that is allowed, so many in each frame.
func (a *attacker) steady(ctx context.Context, each int) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		raws, err := a.entries(allowedRate / 10)
		if err != nil {
			return err
		}
		var frames []wire.Frame
		for ; len(raws) > 0; raws = raws[each:] {
			frames = append(frames, &wire.Entries{Tag: a.raw.Tag(a.c), Raws: raws[:each]})
		}
		if err := a.raw.Send(frames...); err != nil {
			return fmt.Errorf("who keeps to what is allowed is cut off: %w", err)
		}
		a.did += allowedRate / 10
	}
}

// torrent sends entries without end. When it is cut off it comes again.
func torrent(ctx context.Context, a *attacker) error {
	for ctx.Err() == nil {
		raws, err := a.entries(wire.MaxEntries)
		if err != nil {
			return err
		}
		if err := a.raw.Send(&wire.Entries{Tag: a.raw.Tag(a.c), Raws: raws}); err != nil {
			a.again(ctx)
			continue
		}
		a.did += len(raws)
	}
	return nil
}

// held is how many streams are kept open at a time.
const held = 1 << 14

// streams opens streams without end, and resets each once so many others are open.
func streams(ctx context.Context, a *attacker) error {
	open := make([]func(), 0, held)
	defer func() {
		for _, end := range open {
			end()
		}
	}()
	for ctx.Err() == nil {
		end, err := a.raw.Stream(ctx, "/cordon/invite/1")
		if err != nil {
			a.again(ctx)
			continue
		}
		a.did++
		if len(open) < held {
			open = append(open, end)
		} else {
			end()
		}
	}
	return nil
}

// again connects anew after a moment; if it is not let in, the next time.
func (a *attacker) again(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(50 * time.Millisecond):
	}
	if raw, err := a.Raw(ctx, a.to); err == nil {
		_ = a.raw.Close()
		a.raw = raw
		go raw.Drain()
	}
}
