package daemon

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Rounds are the times at which a daemon looks for what it owes its cases. Tests
// and the demo shorten them, which changes nothing but time.
type Rounds struct {
	Tick time.Duration // between two looks at what time has made due; jittered by a quarter
	News time.Duration // from the first news of a case to the look at it
}

// DefaultRounds is what every daemon runs.
func DefaultRounds() Rounds { return Rounds{Tick: time.Minute, News: time.Second} }

// dutyRow is when a case is to be looked at although nothing new has come, and what
// is remembered of our last word in it. Unix milliseconds.
type dutyRow struct {
	Due    uint64     `json:"due"`     // 0: never. Early is harmless, late is not
	WordT  uint64     `json:"word_t"`  // protocol.Word.T
	WordAt uint64     `json:"word_at"` // protocol.Word.At
	Pos    ledger.Pos `json:"pos"`     // entries up to here were looked at; on disk a tick late
}

func (r dutyRow) word() protocol.Word { return protocol.Word{T: r.WordT, At: r.WordAt} }

// haltFor is how long a case is left alone that refused what the dry run had let
// pass: without it a fault of ours would write without end. Milliseconds.
const haltFor = 3600 * 1000

// maxLeft is how many ticks a member leaves a fork to others, at most.
const maxLeft = 60

// duties writes what a daemon owes a case without being told to: checkpoints and
// votes for them, a sign of life, the proof of a fork (spec/authority.md §6, §7,
// §9). It is owned by its goroutine.
type duties struct {
	s    *service
	at   Rounds
	rows shelf[dutyRow]
	due  map[id.CaseID]dutyRow // what rows has, but for Pos
	late map[id.CaseID]bool    // rows lacks the Pos of due
	left map[id.CaseID]int     // ticks for which a fork is left to others
	owed map[id.CaseID]bool    // whose linked cases may have to be told of another end
	halt map[id.CaseID]uint64  // until when a case that refused what we wrote is left alone
}

func newDuties(s *service, at Rounds) *duties {
	return &duties{s: s, at: at, rows: dutyRows(s.led), due: map[id.CaseID]dutyRow{}, late: map[id.CaseID]bool{},
		left: map[id.CaseID]int{}, halt: map[id.CaseID]uint64{}, owed: map[id.CaseID]bool{}}
}

func dutyRows(l *ledger.Ledger) shelf[dutyRow] { return openShelf[dutyRow](l, "duties") }

// follow looks at a case soon after news of it, and at a tick when its time has
// come. News of many entries, an admission say, make one look, when they are done.
func (d *duties) follow(ctx context.Context) error {
	w := d.s.led.Subscribe()
	defer w.Close()
	if err := d.load(); err != nil {
		return err
	}
	tick := time.NewTimer(jitter(d.at.Tick))
	defer tick.Stop()
	var news <-chan time.Time // nil while there are none
	for {
		select {
		case <-ctx.Done():
			return d.flush()
		case <-w.C:
			if news == nil {
				news = time.After(d.at.News)
			}
		case <-news:
			news = nil
			d.lookAll(ctx, w.Changed(), false)
		case <-tick.C:
			d.lookAll(ctx, d.nowDue(), true)
			if err := d.flush(); err != nil {
				return err
			}
			tick.Reset(jitter(d.at.Tick))
		}
	}
}

// jitter is d give or take a quarter.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }

// load reads when the cases are due. One with entries that were not looked at, the
// daemon was killed before it could, is due now: at the first tick, when others
// had time to bring what they wrote meanwhile.
func (d *duties) load() error {
	err := d.rows.all(func(key []byte, row dutyRow) error {
		if c, ok := id.FromBytes[id.CaseID](key); ok {
			d.due[c] = row
		}
		return nil
	})
	err = errors.Join(err, d.s.linked.all(func(key []byte, _ linkedRow) error {
		if c, ok := id.FromBytes[id.CaseID](key); ok {
			d.owed[c] = true
		}
		return nil
	}))
	for _, c := range d.s.led.Cases() {
		row := d.due[c]
		if end, err := d.s.led.End(c); err != nil || end != row.Pos { // look reports the error
			row.Due = 1
		}
		d.due[c] = row
	}
	return err
}

// flush writes how far cases were looked at. What a crash before it loses costs one
// look more.
func (d *duties) flush() error {
	for c := range d.late {
		if err := d.save(c); err != nil {
			return err
		}
	}
	return nil
}

// save writes the row of a case.
func (d *duties) save(c id.CaseID) error {
	delete(d.late, c)
	if d.s.led.Erased(c) {
		delete(d.due, c)
		return nil
	}
	return d.rows.put(c[:], d.due[c])
}

// nowDue lists the cases whose time has come. What is due later than anything can be
// was noted by a clock that was wrong.
func (d *duties) nowDue() (cases []id.CaseID) {
	now := d.s.ms()
	for c, row := range d.due {
		if row.Due > 0 && (row.Due <= now || row.Due > now+protocol.AliveAfter) {
			cases = append(cases, c)
		}
	}
	return cases
}

// lookAll looks at some cases. One that cannot be read does not keep the daemon
// from the others.
func (d *duties) lookAll(ctx context.Context, cases []id.CaseID, tick bool) {
	for _, c := range cases {
		if d.s.led.Erased(c) {
			d.forget(c)
			continue
		}
		d.owed[c] = true
		// The row before the look: whoever is killed after it finds the case again.
		if err := errors.Join(d.s.noteLinked(c), d.look(ctx, c, tick), d.s.inv.renewIn(c)); err != nil && ctx.Err() == nil {
			d.s.log.Error("do what this daemon owes a case", "err", err)
		}
	}
	for c := range d.owed {
		if err := d.s.tellLinked(ctx, c); err == nil || d.s.led.Erased(c) {
			delete(d.owed, c)
		} else if ctx.Err() == nil {
			d.s.log.Error("tell linked cases of the end of an embargo; it is tried again", "err", err)
		}
	}
}

// forget drops a case that was erased.
func (d *duties) forget(c id.CaseID) {
	delete(d.due, c)
	delete(d.late, c)
	delete(d.left, c)
	delete(d.owed, c)
	delete(d.halt, c)
}

// look writes what is owed in a case, of each kind one message: a vote may be owed
// for what was proposed a moment ago. Then it notes when to look again.
func (d *duties) look(ctx context.Context, c id.CaseID, tick bool) error {
	defer d.s.locks.lock(c, id.Control)()
	if d.s.ms() < d.halt[c] {
		return nil
	}
	if err := d.proveForks(ctx, c, tick); err != nil {
		return err
	}
	tried := map[entry.Type]bool{}
	was := d.due[c].word()
	for {
		var next protocol.Message
		err := d.s.cases.With(c, func(k *protocol.Case) error {
			for _, m := range k.Duties(d.s.kid, d.s.ms(), d.remember(c, k)) {
				if next == nil && !tried[m.Type()] {
					next = m
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if next == nil {
			return d.note(c, was)
		}
		tried[next.Type()] = true
		if err := d.write(ctx, c, next); err != nil {
			return err
		}
		d.spoke(c)
	}
}

// write writes a message and waits for the disk. That the case says no before is
// no error: a person has been faster, say. The caller holds the case's lock.
func (d *duties) write(ctx context.Context, c id.CaseID, m protocol.Message) error {
	p, err := d.s.beginLocked(c, simple(m))
	if err != nil {
		return tolerable(err)
	}
	e, err := p.Wait(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	return d.s.cases.With(c, func(k *protocol.Case) error {
		if rule, _ := k.Verdict(e.ID); rule != "" {
			d.halt[c] = d.s.ms() + haltFor
			return fmt.Errorf("what this daemon wrote by itself was refused: %s", rule)
		}
		return nil
	})
}

// proveForks shows the case the forks that it has no proof of: the lead at once,
// other stewards at the next tick, who else is a member only if after some more
// nobody has, so that not everybody writes the same.
func (d *duties) proveForks(ctx context.Context, c id.CaseID, tick bool) error {
	var forks [][2]id.EntryID
	err := d.s.cases.With(c, func(k *protocol.Case) error {
		if k.Member(d.s.org.ID) {
			forks = k.Unproven()
		}
		if _, known := d.left[c]; len(forks) > 0 && !known {
			d.left[c] = patienceOf(k, d.s.org.ID)
		}
		return nil
	})
	if err != nil || len(forks) == 0 {
		delete(d.left, c)
		return err
	}
	if tick {
		d.left[c]--
	}
	if d.left[c] > 0 {
		return nil
	}
	delete(d.left, c)
	for _, f := range forks {
		m, err := d.s.proof(c, f)
		if err == nil {
			err = d.write(ctx, c, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// patienceOf is for how many ticks an organisation leaves a fork to others.
func patienceOf(k *protocol.Case, o id.OrgID) int {
	rank := slices.Index(k.Stewards(), o)
	if rank < 0 {
		return 2 + rand.N(min(len(k.Participants()), maxLeft))
	}
	return min(rank, 1)
}

// proof is the fork entry for two entries. Those of the content plane are in
// nobody's past: it carries them.
func (s *service) proof(c id.CaseID, f [2]id.EntryID) (protocol.Message, error) {
	m := &protocol.Fork{A: f[0], B: f[1]}
	for _, x := range f {
		e, err := s.led.Entry(c, x)
		if err != nil {
			return nil, err
		}
		if !e.Control() {
			m.Entries = append(m.Entries, e.Raw)
		}
	}
	return m, nil
}

// remember brings what a steward's daemon knows of its last word in a case up to now.
func (d *duties) remember(c id.CaseID, k *protocol.Case) (w protocol.Word) {
	if slices.Contains(k.Stewards(), d.s.org.ID) {
		w = k.Spoke(d.s.org.ID, d.due[c].word(), d.s.ms())
	}
	row := d.due[c]
	row.WordT, row.WordAt = w.T, w.At
	d.due[c] = row
	return w
}

// spoke notes that this daemon has written just now, whatever time the entry claims.
func (d *duties) spoke(c id.CaseID) {
	row := d.due[c]
	row.WordAt = d.s.ms()
	d.due[c] = row
}

// note notes when to look at a case again, if nothing new comes before. A row that
// says too early stays: it costs a look, and a new one a write; so does one that lacks
// no more than Pos, until flush. was is what the row on disk has of our last word.
func (d *duties) note(c id.CaseID, was protocol.Word) error {
	now, due := d.s.ms(), d.s.pins.due(c)
	end, err := d.s.led.End(c) // before the fold, which has what it names
	if err != nil {
		return err
	}
	row := d.due[c]
	err = d.s.cases.With(c, func(k *protocol.Case) error {
		word := d.remember(c, k)
		row = d.due[c]
		if len(k.Unproven()) > 0 && k.Member(d.s.org.ID) || len(k.Duties(d.s.kid, now, word)) > 0 {
			due = now // again at the next tick
		}
		if !slices.Contains(k.Stewards(), d.s.org.ID) {
			return nil
		}
		_, since := k.SinceCheckpoint()
		for _, t := range []uint64{word.At + protocol.AliveAfter, since + protocol.CheckpointAfter} {
			if t > now && t <= now+protocol.AliveAfter && (due == 0 || t < due) {
				due = t
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if row.Pos != end {
		row.Pos, d.late[c] = end, true
	}
	early := row.Due == due || row.Due > now && (due == 0 || row.Due < due)
	if !early {
		row.Due = due
	}
	if d.due[c] = row; early && row.word() == was {
		return nil
	}
	return d.save(c)
}
