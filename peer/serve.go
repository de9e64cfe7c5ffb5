package peer

import (
	"context"
	"slices"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol/id"
)

// Bounds of what one session may ask of us at a time. Who asks for more is no
// daemon of ours: it has at most window entries and maxBodies bodies outstanding.
const (
	maxJobRanges = 4 * window
	maxJobBodies = 4 * maxBodies
	laneRead     = 32      // entries read ahead from one control feed, at most
	allRead      = 2048    // from all control feeds of a job, about
	maxRead      = 4 << 20 // bytes that a session keeps of what was read ahead
)

// job is a WANT being answered: control entries in an order in which they can be
// accepted, then content feed after feed, then bodies. Owned by the writer once it
// was taken from due.
type job struct {
	c       id.CaseID
	control []*lane
	content []*lane
	bodies  []wire.BodyWant
	kept    int // bytes that its lanes keep; counted in session.kept
}

func (j *job) done() bool { return len(j.control)+len(j.content)+len(j.bodies) == 0 }

func (j *job) size() int { return len(j.control) + len(j.content) }

// lane is what is left of one wanted range. A forked feed is read in every branch.
type lane struct {
	feed id.Feed
	next id.Seq // the first that was not read
	to   id.Seq
	buf  []ledger.Entry // read, not sent
}

// takeWant makes a job of a WANT. A peer that asks for more than it can have
// outstanding is flooding.
func (s *session) takeWant(f *wire.Want) error {
	s.mu.Lock()
	err := s.passedOver(f.Done)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	sh := s.named(f.Tag)
	if sh == nil {
		return nil
	}
	j := &job{c: sh.id, bodies: f.Bodies}
	for _, r := range f.Ranges {
		l := &lane{feed: r.Feed, next: r.From, to: r.To}
		if r.Feed.Comp == id.Control {
			j.control = append(j.control, l)
		} else {
			j.content = append(j.content, l)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ranges, bodies := j.size(), len(j.bodies)
	for _, k := range s.due.jobs {
		ranges, bodies = ranges+k.size(), bodies+len(k.bodies)
	}
	if len(f.Ranges) > wantRanges || ranges > maxJobRanges || bodies > maxJobBodies || len(s.due.jobs) >= maxJobRanges {
		return ErrFlood
	}
	if !j.done() {
		s.due.jobs = append(s.due.jobs, j)
	}
	s.poke()
	return nil
}

// nextJob takes the first job whose case has not too much on the way; jobs take
// turns. The caller holds s.mu.
func (s *session) nextJob() *job {
	for i, j := range s.due.jobs {
		sh := s.shared[j.c]
		if sh != nil && sh.way >= maxWay {
			continue
		}
		s.due.jobs = slices.Delete(s.due.jobs, i, i+1)
		return j
	}
	return nil
}

// work sends one frame of a job and puts it back behind the others.
func (s *session) work(ctx context.Context, j *job) error {
	if s.sharing(j.c) == nil {
		s.kept -= j.kept
		return nil // we no longer know the peer in this case
	}
	var err error
	switch {
	case len(j.control) > 0:
		err = s.workEntries(j.c, &j.control, min(laneRead, max(allRead/len(j.control), 4)), true)
	case len(j.content) > 0:
		err = s.workEntries(j.c, &j.content, wire.MaxEntries, false)
	default:
		err = s.workBody(j)
	}
	if err != nil {
		return err
	}
	s.keep(j)
	if !j.done() {
		s.mu.Lock()
		s.due.jobs = append(s.due.jobs, j)
		s.mu.Unlock()
	}
	return nil
}

// keep lets a job keep what it has read ahead while the session has room for that;
// else it is read again. Called by the writer.
func (s *session) keep(j *job) {
	s.kept -= j.kept
	j.kept = 0
	lanes := slices.Concat(j.control, j.content)
	for _, l := range lanes {
		for _, e := range l.buf {
			j.kept += len(e.Raw) + 512
		}
	}
	if s.kept+j.kept > maxRead {
		j.kept = 0
		for _, l := range lanes {
			if len(l.buf) > 0 {
				l.next, l.buf = l.buf[0].Seq, nil
			}
		}
	}
	s.kept += j.kept
}

// workEntries fills one frame from lanes. Each step takes a unit: the entries of a
// feed up to the next whose own signature we have checked, since a frame must not
// end a feed with any other. byArrival takes the unit that came here first, which
// is an order in which the other side can accept; otherwise lanes come in turn.
func (s *session) workEntries(c id.CaseID, lanes *[]*lane, ahead int, byArrival bool) error {
	var batch []ledger.Entry
	size := 0
	for len(*lanes) > 0 {
		best, unit := -1, []ledger.Entry(nil)
		for i := 0; i < len(*lanes); i++ {
			u, err := (*lanes)[i].unit(s.n.c.Ledger, c, ahead)
			if err != nil {
				return internal("read", err)
			}
			if len(u) == 0 {
				*lanes = slices.Delete(*lanes, i, i+1)
				i--
				continue
			}
			if best < 0 || u[len(u)-1].Pos < unit[len(unit)-1].Pos {
				best, unit = i, u
			}
			if !byArrival {
				break
			}
		}
		if best < 0 {
			break
		}
		more := 0
		for _, e := range unit {
			more += weight(e)
		}
		if len(batch) > 0 && (len(batch)+len(unit) > wire.MaxEntries || size+more > wire.MaxBatch) {
			break
		}
		batch, size = append(batch, unit...), size+more
		(*lanes)[best].buf = (*lanes)[best].buf[len(unit):]
	}
	if len(batch) == 0 {
		return nil
	}
	slices.SortStableFunc(batch, func(a, b ledger.Entry) int { return a.Feed().Compare(b.Feed()) })
	return s.sendEntries(c, batch)
}

// header is what an entry takes of a frame without its body.
func header(e ledger.Entry) int { return len(e.Raw) + 8 }

// weight is what an entry takes of a frame, its small body included.
func weight(e ledger.Entry) int {
	n := header(e)
	if e.Body != nil && e.Body.Size <= wire.MaxSmall {
		n += int(e.Body.Size) + 48
	}
	return n
}

// unit is the next entries of the lane up to one whose own signature was checked,
// that one included; none when the lane is at its end or the stretch is too long
// for a frame (which costs its author, who signed so).
func (l *lane) unit(led *ledger.Ledger, c id.CaseID, ahead int) ([]ledger.Entry, error) {
	for {
		if len(l.buf) > 0 && l.buf[0].Seq > l.to {
			return nil, nil // read only to finish a unit that is gone
		}
		for i, e := range l.buf {
			if !e.Covered {
				return l.buf[:i+1], nil
			}
		}
		if l.next > l.to && len(l.buf) == 0 || len(l.buf) >= wire.MaxEntries {
			return nil, nil
		}
		hi := l.next + id.Seq(ahead-1)
		if l.next <= l.to {
			hi = min(hi, l.to)
		}
		had := len(l.buf)
		err := led.Read(c, l.feed, l.next, hi, func(e ledger.Entry) bool {
			l.buf = append(l.buf, e)
			return true
		})
		if err != nil {
			return nil, err
		}
		l.next = hi + 1
		if len(l.buf) == had {
			return nil, nil
		}
	}
}

// workBody sends one chunk of the first wanted body, or its key after the last.
func (s *session) workBody(j *job) error {
	w := &j.bodies[0]
	next := func() { j.bodies = j.bodies[1:] }
	e, err := s.n.c.Ledger.Entry(j.c, w.Entry)
	if err != nil || e.Body == nil {
		next() // not here: as if refused
		return nil
	}
	held, st, err := s.n.holdsBody(j.c, e)
	if err != nil {
		return err
	}
	if !held {
		s.n.fetch.owe(s, j.c, *w)
		next()
		return nil
	}
	if int(w.From) < st.Total {
		w.From++
		return s.sendChunk(j.c, e, int(w.From)-1)
	}
	next()
	cek, err := s.n.c.Ledger.Key(j.c, *e.Body)
	if err != nil {
		return internal("key", err)
	}
	return s.sendKeys(j.c, []keyed{{e, cek}})
}
