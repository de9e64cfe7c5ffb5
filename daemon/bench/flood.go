package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/ledger/ledgerbench"
	"cordon/peer/peertest"
	"cordon/protocol/id"
)

const (
	floodMemory = 512             // MiB of the flooded daemon, of the requirement
	floodSlower = 2               // times the p99 of quiet slices, of the requirement
	floodRoom   = 32              // MiB that one author may fill
	floodRate   = 20              // appends a second of the flooded daemon
	floodWait   = 2 * time.Minute // for what must happen after a flood
)

// slices are how long a flood and the quiet between are at a time, and how often.
type span struct {
	slice time.Duration
	turns int
}

// spanNow is ten seconds twice, or THREATS' ten minutes where CORDON_VOLUME says full.
func spanNow() span {
	if os.Getenv("CORDON_VOLUME") == "full" {
		return span{time.Minute, 10}
	}
	return span{10 * time.Second, 2}
}

// flooding is THREATS' A1: a daemon that admitted members flood, each in its own way, while
// it and another member work. Slices with a flood and without stand in turns.
func flooding(ctx context.Context, dir string) (rs []Result, err error) {
	home := filepath.Join(dir, "h")
	client, err := newHome(home, "Flooded")
	if err != nil {
		return nil, err
	}
	if err := giveRoom(home, floodRoom); err != nil {
		return nil, err
	}
	f := &flooded{client: client, span: spanNow()}
	defer f.others.close()
	_, err = withDaemon(ctx, home, client, func(pid int) (float64, error) {
		if err := f.prepare(ctx); err != nil {
			return 0, err
		}
		for i, way := range floods {
			r, err := f.under(ctx, way, f.others[2+i])
			if err != nil {
				return 0, fmt.Errorf("%s: %w", way.name, err)
			}
			rs = append(rs, r)
		}
		named, err := f.named(ctx)
		if err != nil {
			return 0, err
		}
		most, err := ledgerbench.Memory(pid, ledgerbench.MostResident)
		rs = append(rs, named, Result{Name: "flooded daemon, memory at most", Value: most, Unit: "MiB", Limit: floodMemory,
			LimitName: "required", Want: 1, AtMost: true})
		if err != nil {
			return 0, err
		}
		full, err := f.fill(ctx, filepath.Join(home, "store"))
		rs = append(rs, full...)
		return 0, err
	})
	return rs, err
}

// giveRoom writes the room of an author into a config.
func giveRoom(home string, mib int) error {
	path := filepath.Join(home, "config.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(fmt.Appendf(nil, "room = %d\n", mib), text...), 0o600)
}

// flooded is the daemon, with those around it: an honest member, one that fills the disk,
// and one for each flood.
type flooded struct {
	client *api.Client
	span   span
	others others
	c      id.CaseID
}

// prepare makes one case of all.
func (f *flooded) prepare(ctx context.Context) error {
	if err := f.others.meet(ctx, f.client, 2+len(floods)); err != nil {
		return err
	}
	c, err := openOne(ctx, f.client, "under a flood")
	if err != nil {
		return err
	}
	f.c = c
	for i := range f.others {
		if _, err := f.client.Invite(ctx, c.String(), api.Invite{Org: fmt.Sprintf("Peer %d", i), Role: "dependent-vendor"}); err != nil {
			return err
		}
	}
	err = waitFor(ctx, meetTime, func() (bool, error) {
		out := slices.ContainsFunc(f.others, func(o *peertest.Org) bool { return !o.Member(c, o.ID) })
		return !out, nil
	})
	if err != nil {
		return fmt.Errorf("all join: %w", err)
	}
	for _, o := range f.others[1:] { // from now on these say what they want, or nothing
		if err := o.Stop(); err != nil {
			return err
		}
	}
	return nil
}

// under measures appends of the flooded daemon until the honest member holds them, with
// the flood beside those without.
func (f *flooded) under(ctx context.Context, way flood, by *peertest.Org) (r Result, err error) {
	card, err := cardOf(ctx, f.client)
	if err != nil {
		return r, err
	}
	a := &attacker{Org: by, c: f.c, to: card, size: way.size}
	if a.raw, err = by.Raw(ctx, card); err != nil {
		return r, err
	}
	defer func() { _ = a.raw.Close() }()
	go a.raw.Drain()
	var calm, loud []time.Duration
	for range f.span.turns {
		d, err := f.appends(ctx)
		if err != nil {
			return r, err
		}
		calm = append(calm, d...)
		if err := a.stock(way.rate * int(f.span.slice.Seconds())); err != nil {
			return r, err
		}
		during, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		var failed error
		wg.Go(func() { failed = way.run(during, a) })
		d, err = f.appends(ctx)
		cancel()
		wg.Wait()
		if err := errors.Join(err, failed); err != nil {
			return r, err
		}
		loud = append(loud, d...)
	}
	return Result{Name: fmt.Sprintf("append under a flood visible at a member, p99: %s (%d did)", way.name, a.did),
		Value: at(loud, 0.99).Seconds() * 1000, Unit: "ms", Limit: at(calm, 0.99).Seconds() * 1000, LimitName: fmt.Sprintf("the same between, %d × %v in turns", f.span.turns, f.span.slice),
		Want: floodSlower, AtMost: true}, nil
}

// appends has the daemon write notes for one slice, and returns how long after each was
// due the honest member held it.
func (f *flooded) appends(ctx context.Context) ([]time.Duration, error) {
	n := int(f.span.slice.Seconds() * floodRate)
	ids, dues, errs := make([]id.EntryID, n), make([]time.Time, n), make([]error, n)
	status, err := f.client.Status(ctx)
	if err != nil {
		return nil, err
	}
	at, err := f.others[0].Ledger.End(f.c)
	if err != nil {
		return nil, err
	}
	watch, cancel := context.WithTimeout(ctx, f.span.slice+floodWait)
	defer cancel()
	var seen map[id.EntryID]time.Time
	var failed error
	var looks, says sync.WaitGroup
	looks.Go(func() { seen, failed = f.watch(watch, status.Kid, at, n) })
	begin := time.Now()
	for i := range n {
		dues[i] = begin.Add(time.Duration(i) * time.Second / floodRate)
		<-time.After(time.Until(dues[i]))
		says.Go(func() {
			w, err := f.client.Say(ctx, f.c.String(), api.Say{Text: fmt.Sprintf("note %d", i)})
			if errs[i] = err; err == nil {
				ids[i], err = id.Parse[id.EntryID](w.ID)
				errs[i] = err
			}
		})
	}
	says.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	looks.Wait()
	times := make([]time.Duration, n)
	for i := range times {
		times[i] = seen[ids[i]].Sub(dues[i])
	}
	return times, failed
}

// watch notes when each of the next n entries of a key is visible at the honest member.
func (f *flooded) watch(ctx context.Context, kid id.Kid, at ledger.Pos, n int) (map[id.EntryID]time.Time, error) {
	l := f.others[0].Ledger
	w := l.Subscribe()
	defer w.Close()
	seen := make(map[id.EntryID]time.Time, n)
	for {
		list, err := l.Tail(f.c, at, 512)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			if at = e.Pos; e.Kid == kid {
				seen[e.ID] = time.Now()
			}
		}
		if len(seen) >= n {
			return seen, nil
		}
		if len(list) == 512 {
			continue
		}
		select {
		case <-w.C:
			w.Changed()
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d entries came: %w", len(seen), n, ctx.Err())
		}
	}
}

// named is how many of those who broke a rule the status names with it.
func (f *flooded) named(ctx context.Context) (Result, error) {
	s, err := f.client.Status(ctx)
	if err != nil {
		return Result{}, err
	}
	want, got := 0, 0
	for i, way := range floods {
		if way.beyond {
			want++
			if slices.ContainsFunc(s.Peers, func(p api.PeerRow) bool {
				return p.Org == f.others[2+i].ID && p.Fault != nil && p.Fault.Rule == "flood"
			}) {
				got++
			}
		}
	}
	return Result{Name: "flooders named in the status with the reason", Value: float64(got), Unit: "of them",
		Limit: float64(want), LimitName: "all that went beyond what is allowed", Want: 1}, nil
}

// fill has one member write twice as much as there is room for it.
func (f *flooded) fill(ctx context.Context, store string) ([]Result, error) {
	before, err := diskOf(store)
	if err != nil {
		return nil, err
	}
	o, text := f.others[1], make([]byte, 1<<20-1024)
	if err := o.Start(); err != nil {
		return nil, err
	}
	for range 2 * floodRoom {
		if _, err := o.Note(f.c, text); err != nil {
			return nil, err
		}
	}
	var row api.FullRow
	err = waitFor(ctx, floodWait, func() (bool, error) {
		s, err := f.client.Status(ctx)
		if err != nil {
			return false, err
		}
		i := slices.IndexFunc(s.Full, func(r api.FullRow) bool { return r.Org == o.ID })
		if i >= 0 {
			row = s.Full[i]
		}
		return i >= 0, nil
	})
	if err != nil {
		return nil, fmt.Errorf("who fills the disk is named: %w", err)
	}
	after, err := diskOf(store)
	what := fmt.Sprintf("author that writes %d MiB where it has room for %d, ", 2*floodRoom, floodRoom)
	return []Result{
		{Name: what + "taken", Value: float64(row.Bytes) / (1 << 20), Unit: "MiB", Limit: floodRoom, LimitName: "required", Want: 1, AtMost: true},
		{Name: what + "the store grew by", Value: max(0, after-before), Unit: "MiB", Limit: floodRoom, LimitName: "its room; Pebble has what is fresh twice", Want: 2, AtMost: true},
	}, err
}

// diskOf is how many MiB the files of a folder have.
func diskOf(dir string) (mib float64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // it went while we looked
		}
		if i, err := d.Info(); err == nil {
			mib += float64(i.Size()) / (1 << 20)
		}
		return nil
	})
	return mib, err
}
