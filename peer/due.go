package peer

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol/id"
)

// Bounds of what waits for one session's writer.
const (
	maxLive   = 1024 // live entries that wait; more, and the peer is behind
	maxFrames = 4096 // ready ACK and WANT frames; only a peer that never reads gets there
	minPairs  = 16   // of TAGS
	maxPairs  = 1 << 14
	maxVec    = 10_000 // heads in a VEC or IHAVE
	writeTime = 2 * time.Minute
	pieceSize = 64 << 10 // bytes that have to leave within writeTime
)

// due is what a session's writer is to send, by urgency. It holds intents, not
// bytes: what an entry frame carries is decided by the gate as it is written.
type due struct {
	frames [][]byte // ACK and WANT, encoded
	tags   time.Time
	beat   time.Time
	vec    map[id.CaseID]bool
	ihave  map[id.CaseID]map[id.Feed]wire.Head
	live   []offer
	proof  map[id.CaseID]bool
	jobs   []*job // answers to WANT, one frame each in turn

	genesis map[id.CaseID]bool // cases that a sibling is to be brought
}

// offer is a new entry of ours for a peer that holds its prev.
type offer struct {
	c id.CaseID
	e ledger.Entry
}

func (d *due) tagsWithin(delay time.Duration) {
	at := time.Now().Add(rand.N(delay + 1))
	if d.tags.IsZero() || at.Before(d.tags) {
		d.tags = at
	}
}

// write sends what is due until the session ends.
func (s *session) write(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		step, wait := s.next()
		if step != nil {
			if err := step(ctx); err != nil {
				return err
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-s.stop:
			return nil
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// next takes the most urgent thing that is due; nil and how long to wait if there
// is none.
func (s *session) next() (step func(context.Context) error, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &s.due
	for c := range d.vec { // before a WANT: who is asked knows first what we hold
		delete(d.vec, c)
		return func(context.Context) error { return s.sendVec(c) }, 0
	}
	if len(d.frames) > 0 {
		b := slices.Concat(d.frames...)
		d.frames = nil
		return func(context.Context) error { return s.put(b) }, 0
	}
	if wait = time.Until(d.tags); wait <= 0 {
		d.tags = time.Now().Add(s.tagsEvery())
		return s.sendTags, 0
	}
	if beat := time.Until(d.beat); beat <= 0 {
		return s.beat, 0
	} else if wait > beat {
		wait = beat
	}
	for c := range d.genesis {
		delete(d.genesis, c)
		return func(context.Context) error { return s.sendGenesis(c) }, 0
	}
	for c, heads := range d.ihave {
		delete(d.ihave, c)
		return func(context.Context) error { return s.sendIHave(c, heads) }, 0
	}
	if c, batch := s.nextLive(); len(batch) > 0 {
		return func(context.Context) error { return s.sendEntries(c, batch) }, 0
	}
	for c := range d.proof {
		delete(d.proof, c)
		return func(context.Context) error { return s.sendProofs(c) }, 0
	}
	if j := s.nextJob(); j != nil {
		return func(ctx context.Context) error { return s.work(ctx, j) }, 0
	}
	return nil, wait
}

// nextLive takes live entries of the first case that has not too much on the way;
// with others the peer falls behind. The caller holds s.mu.
func (s *session) nextLive() (c id.CaseID, batch []ledger.Entry) {
	for len(s.due.live) > 0 {
		c = s.due.live[0].c
		if sh := s.shared[c]; sh == nil || sh.way < maxWay {
			break
		}
		s.fallBack(s.shared[c])
	}
	if len(s.due.live) == 0 {
		return c, nil
	}
	rest := s.due.live[:0:0]
	size := 0
	for _, o := range s.due.live {
		if o.c != c || len(batch) == wire.MaxEntries || len(batch) > 0 && size+weight(o.e) > wire.MaxBatch {
			rest = append(rest, o)
			continue
		}
		batch = append(batch, o.e)
		size += weight(o.e)
	}
	s.due.live = rest
	slices.SortStableFunc(batch, func(a, b ledger.Entry) int { return a.Feed().Compare(b.Feed()) })
	return c, batch
}

// queue adds a ready frame that carries no ledger bytes. The caller holds s.mu.
func (s *session) queue(f wire.Frame) error {
	if len(s.due.frames) >= maxFrames {
		return ErrFlood
	}
	s.due.frames = append(s.due.frames, wire.Append(nil, f))
	s.poke()
	return nil
}

// put writes frames that carry no ledger bytes.
func (s *session) put(b []byte) error {
	_, err := pieces{s.stream}.Write(b)
	return err
}

// pieces writes to a stream piece by piece, each in its own time: a slow line is
// served, however long a frame takes, and who has stopped reading is not.
type pieces struct{ st network.Stream }

func (p pieces) Write(b []byte) (n int, err error) {
	for part := range slices.Chunk(b, pieceSize) {
		_ = p.st.SetWriteDeadline(time.Now().Add(writeTime))
		m, err := p.st.Write(part)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// tagsEvery is the time between two TAGS. Daemons of one organisation compare more often:
// a person who takes one out of service waits for them to be in step.
func (s *session) tagsEvery() time.Duration {
	if s.sibling() {
		return s.n.c.Schedule.Tags / 6
	}
	return s.n.c.Schedule.Tags
}

// sendTags sends TAGS: one pair a shared case, hidden among random ones.
func (s *session) sendTags(context.Context) error {
	if c, ok := s.n.allowed(s.peer); !ok || c.Kid != s.contact.Kid {
		return errNotNow
	}
	s.mu.Lock()
	var list []*shared
	for _, sh := range s.shared {
		if st, ok := s.n.cases.standing(sh.id, s.contact.Org); ok && (st.member || !sh.told) {
			list = append(list, sh)
		}
	}
	s.mu.Unlock()
	if len(list) > maxPairs { // others the next time
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		list = list[:maxPairs]
	}
	pairs := make([]wire.Pair, 0, minPairs)
	for _, sh := range list {
		m, err := s.mark(sh)
		if err != nil {
			return err
		}
		pairs = append(pairs, wire.Pair{Tag: sh.out, Mark: m})
	}
	for n := minPairs; len(pairs) < n || len(pairs)&(len(pairs)-1) != 0; {
		var p wire.Pair
		_, _ = crand.Read(p.Tag[:]) // never fails (crypto/rand)
		_, _ = crand.Read(p.Mark[:])
		pairs = append(pairs, p)
	}
	rand.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	return s.put(wire.Append(nil, &wire.Tags{Pairs: pairs}))
}

// heads lists our heads of a case that the other side may know of, in the order of
// VEC, and their mark.
func (s *session) heads(c id.CaseID) ([]wire.Head, wire.Mark, error) {
	all, err := s.n.c.Ledger.Heads(c)
	if err != nil {
		return nil, wire.Mark{}, internal("heads", err)
	}
	visible, err := s.n.visible(c, s.peer, all)
	if err != nil {
		return nil, wire.Mark{}, err
	}
	list := make([]wire.Head, 0, len(visible))
	for _, h := range visible {
		list = append(list, wire.Head{Feed: h.Feed, Seq: h.Seq, ID: [16]byte(h.ID[:16])})
	}
	slices.SortFunc(list, compareHeads)
	sum := sha256.New()
	for _, h := range list {
		sum.Write(h.Feed.Kid[:])
		sum.Write(h.Feed.Comp[:])
		sum.Write([]byte{byte(h.Seq >> 24), byte(h.Seq >> 16), byte(h.Seq >> 8), byte(h.Seq)})
		sum.Write(h.ID[:])
	}
	return list, wire.Mark(sum.Sum(nil)[:16]), nil
}

func compareHeads(a, b wire.Head) int {
	if c := a.Feed.Compare(b.Feed); c != 0 {
		return c
	}
	if a.Seq != b.Seq {
		return int(a.Seq) - int(b.Seq)
	}
	return bytes.Compare(a.ID[:], b.ID[:])
}

// fit keeps a frame's heads within a frame: of more than fit, a random part.
func fit(list []wire.Head) []wire.Head {
	if len(list) <= maxVec {
		return list
	}
	list = slices.Clone(list)
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:maxVec]
}

// mark of a shared case; it is made anew only after something was stored.
func (s *session) mark(sh *shared) (wire.Mark, error) {
	if s.held() {
		return s.oldMark(sh), nil
	}
	v := s.n.cases.version(sh.id)
	s.mu.Lock()
	m, fresh := sh.mine, sh.at == v && v > 0
	s.mu.Unlock()
	if fresh {
		return m, nil
	}
	_, m, err := s.heads(sh.id)
	s.mu.Lock()
	sh.mine, sh.at = m, v
	s.mu.Unlock()
	return m, err
}

// sendVec sends VEC: all our heads that the other side may know of.
func (s *session) sendVec(c id.CaseID) error {
	if s.held() {
		return nil // it would say that it may have nothing
	}
	list, _, err := s.heads(c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	sh := s.shared[c]
	if sh == nil {
		s.mu.Unlock()
		return nil
	}
	b := wire.Append(nil, &wire.Vec{Tag: sh.out, Heads: fit(list)})
	sh.vec = sha256.Sum256(b)
	s.mu.Unlock()
	return s.put(b)
}

// sendIHave sends those of the heads that the other side may know of.
func (s *session) sendIHave(c id.CaseID, heads map[id.Feed]wire.Head) error {
	var all []ledger.Head
	for f := range heads {
		h, ok, err := s.n.c.Ledger.Head(c, f) // the newest, whatever it was when it became due
		if err != nil {
			return internal("head", err)
		}
		if ok {
			all = append(all, h)
		}
	}
	visible, err := s.n.visible(c, s.peer, all)
	if err != nil || len(visible) == 0 {
		return err
	}
	s.mu.Lock()
	sh := s.shared[c]
	if sh == nil {
		s.mu.Unlock()
		return nil
	}
	f := &wire.IHave{Tag: sh.out}
	s.mu.Unlock()
	for _, h := range visible {
		f.Heads = append(f.Heads, wire.Head{Feed: h.Feed, Seq: h.Seq, ID: [16]byte(h.ID[:16])})
	}
	f.Heads = fit(f.Heads)
	slices.SortFunc(f.Heads, compareHeads)
	return s.put(wire.Append(nil, f))
}
