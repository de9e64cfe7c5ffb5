package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/ledger/ledgerbench"
	"cordon/peer/peertest"
	"cordon/protocol"
	"cordon/protocol/id"
)

// THREATS' L1, and what it requires.
const (
	loadCases   = 200
	loadEntries = 1000 // in each
	loadLarge   = 100_000
	loadMembers = 10 // of a case; the daemon beside
	loadAppends = 300
	loadFetch   = 15 * time.Minute // for all of it to come

	loadList   = 100 // ms
	loadState  = 300 // ms
	loadAppend = 25  // ms
	loadMemory = 300 // MiB
)

// load is a daemon that holds 200 cases of 1,000 entries and one of 100,000, which a light
// organisation of this process has written and it has fetched: what it says, and how fast.
func load(ctx context.Context, dir string) (rs []Result, err error) {
	home := filepath.Join(dir, "h")
	client, err := newHome(home, "Loaded")
	if err != nil {
		return nil, err
	}
	var writer others
	defer writer.close()
	l := &loaded{client: client}
	if _, err = withDaemon(ctx, home, client, func(int) (float64, error) {
		if err := writer.meet(ctx, client, 1); err != nil {
			return 0, err
		}
		return 0, l.fetch(ctx, writer[0])
	}); err != nil {
		return nil, err
	}
	_, err = withDaemon(ctx, home, client, func(pid int) (float64, error) {
		mib, err := resident(ctx, pid)
		if err != nil {
			return 0, err
		}
		rs = []Result{{Name: l.name() + ", idle", Value: mib, Unit: "MiB", Limit: loadMemory, LimitName: "required", Want: 1, AtMost: true}}
		times, err := l.asks(ctx, dir)
		rs = append(rs, times...)
		return 0, err
	})
	return rs, err
}

// loaded is the daemon and its cases, of which the last is the large one.
type loaded struct {
	client *api.Client
	cases  []id.CaseID
}

func (l *loaded) name() string {
	return fmt.Sprintf("daemon with %d cases of %d entries and one of %d", loadCases, loadEntries, loadLarge)
}

// fetch has somebody write the cases, and waits until the daemon has them.
func (l *loaded) fetch(ctx context.Context, by *peertest.Org) error {
	s, err := l.client.Status(ctx)
	if err != nil {
		return err
	}
	authors := make([]*peertest.Org, loadMembers-1)
	for i := range authors {
		if authors[i], err = peertest.Identity(fmt.Sprintf("author %d", i)); err != nil {
			return err
		}
	}
	for i := range loadCases + 1 {
		n := loadEntries
		if i == loadCases {
			n = loadLarge
		}
		c, err := fillCase(ctx, by, authors, n)
		if err != nil {
			return err
		}
		l.cases = append(l.cases, c)
		if err := by.Invite(c, s.Org, protocol.Coordinator); err != nil {
			return err
		}
		if err := l.accept(ctx); err != nil { // only so many may wait
			return err
		}
	}
	here := map[id.CaseID]bool{}
	err = waitFor(ctx, loadFetch, func() (bool, error) {
		if err := l.accept(ctx); err != nil {
			return false, err
		}
		for i, c := range l.cases {
			if here[c] {
				continue
			}
			v, err := l.client.Case(ctx, c.String())
			if err != nil || v.Entries < loadEntries || i == loadCases && v.Entries < loadLarge {
				return false, nil
			}
			here[c] = true
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("%d of %d cases came: %w", len(here), len(l.cases), err)
	}
	return nil
}

// accept accepts what waits in the inbox.
func (l *loaded) accept(ctx context.Context) error {
	in, err := l.client.Inbox(ctx)
	if err != nil {
		return err
	}
	for _, item := range in.Items {
		var gone *api.Error // it was accepted before, and is through meanwhile
		if _, err := l.client.Accept(ctx, item.ID); err != nil && !(errors.As(err, &gone) && gone.Kind == api.NotFound) {
			return err
		}
	}
	return nil
}

// fillCase opens a case, admits the authors and has them write n entries.
func fillCase(ctx context.Context, by *peertest.Org, authors []*peertest.Org, n int) (id.CaseID, error) {
	c, err := by.Open()
	if err != nil {
		return c, err
	}
	each := n/len(authors) + 1
	for _, o := range authors {
		if err := by.Admit(c, o, protocol.MitigatingVendor); err != nil {
			return c, err
		}
		var admit id.EntryID
		var agr id.AgrID
		err := by.Cases.With(c, func(k *protocol.Case) error {
			admit, _ = k.Admission(o.ID)
			agr = k.Embargo().Agreement
			return nil
		})
		if err != nil {
			return c, err
		}
		after, err := by.Ledger.Entry(c, admit)
		if err != nil {
			return c, err
		}
		for batch := range slices.Chunk(o.Notes(c, after, agr, each), ledger.MaxBatch) {
			if r, err := by.Ledger.Accept(ctx, c, batch); err != nil || r.Stored != len(batch) {
				return c, fmt.Errorf("stored %d of %d: %w", r.Stored, len(batch), err)
			}
		}
	}
	return c, nil
}

// asks measures what a person and a script ask for.
func (l *loaded) asks(ctx context.Context, dir string) ([]Result, error) {
	large := l.cases[loadCases].String()
	row := func(what string, value time.Duration, limit float64) Result {
		return Result{Name: l.name() + ", " + what, Value: value.Seconds() * 1000, Unit: "ms", Limit: limit, LimitName: "required", Want: 1, AtMost: true}
	}
	list, err := timed(21, func() error { _, err := l.client.Cases(ctx); return err })
	if err != nil {
		return nil, err
	}
	state, err := timed(21, func() error { _, err := l.client.Case(ctx, large); return err })
	if err != nil {
		return nil, err
	}
	bare, err := ledgerbench.NewCommits(filepath.Join(dir, "bare"))
	if err != nil {
		return nil, err
	}
	defer bare.Close()
	commits, err := timed(loadAppends, func() error { return bare.One(0) })
	if err != nil {
		return nil, err
	}
	appends, err := timed(loadAppends, func() error {
		_, err := l.client.Say(ctx, l.cases[0].String(), api.Say{Text: "a note"})
		return err
	})
	if err != nil {
		return nil, err
	}
	rows := []Result{
		row("list of all cases, the first after a start", list[0], loadList), row("list of all cases, median of 21", at(list, 0.5), loadList),
		row("state of the large case, the first after a start", state[0], loadState), row("state of the large case, median of 21", at(state, 0.5), loadState),
		row(fmt.Sprintf("append of a note, one after the other, median of %d", loadAppends), at(appends, 0.5), loadAppend),
		row(fmt.Sprintf("append of a note, one after the other, p99 of %d", loadAppends), at(appends, 0.99), loadAppend),
	}
	for i, part := range map[int]float64{4: 0.5, 5: 0.99} {
		rows[i].LimitName = fmt.Sprintf("required; one synced commit of a bare Pebble, the same of %d: %.3g ms", loadAppends, at(commits, part).Seconds()*1000)
	}
	return rows, nil
}

// at is the part-th of the times: 0.5 is the median.
func at(times []time.Duration, part float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

// timed is how long each of n calls takes.
func timed(n int, call func() error) ([]time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		begin := time.Now()
		if err := call(); err != nil {
			return nil, err
		}
		times[i] = time.Since(begin)
	}
	return times, nil
}
