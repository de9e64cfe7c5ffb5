package peer

import (
	"context"
	"errors"
	"slices"
	"sync"

	"cordon/ledger"
	"cordon/peer/wire"
)

// intake holds the ENTRIES of one session that have arrived and not been given to the
// ledger. While it is at work more come; those of one case, one after the other, go to it
// as one batch: a sender of many small frames costs about what one of a large frame does.
// Nobody waits for more to come.
type intake struct {
	mu      sync.Mutex
	changed sync.Cond // on mu
	frames  []arrival // guarded by mu
	entries int       // of them; a frame without any counts as one; guarded by mu
	bytes   int       // guarded by mu
	closed  bool      // guarded by mu
}

// arrival is one ENTRIES. sh is nil where its tag names no case: it keeps its place in
// the count.
type arrival struct {
	sh *shared
	f  *wire.Entries
}

func newIntake() *intake {
	in := &intake{}
	in.changed.L = &in.mu
	return in
}

// size is what a frame counts against the limits of a batch.
func (a arrival) size() (entries, bytes int) {
	for _, raw := range a.f.Raws {
		bytes += len(raw)
	}
	for _, b := range a.f.Bodies {
		bytes += len(b.CT)
	}
	return max(1, len(a.f.Raws)), bytes
}

// put adds a frame, once no more than one batch waits with it; alone it always may.
func (in *intake) put(a arrival) {
	entries, bytes := a.size()
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.frames) > 0 && (in.entries+entries > ledger.MaxBatch || in.bytes+bytes > ledger.MaxBatchBytes) {
		in.changed.Wait()
	}
	in.frames, in.entries, in.bytes = append(in.frames, a), in.entries+entries, in.bytes+bytes
	in.changed.Broadcast()
}

// close says that nothing is put any more.
func (in *intake) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.changed.Broadcast()
}

// next takes the oldest frame with those behind it of the same case, which are a batch
// within the ledger's limits, for no more than that waits; nil when in is closed and empty.
func (in *intake) next() []arrival {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.frames) == 0 && !in.closed {
		in.changed.Wait()
	}
	n := 0
	for ; n < len(in.frames) && in.frames[n].sh == in.frames[0].sh; n++ {
		entries, bytes := in.frames[n].size()
		in.entries, in.bytes = in.entries-entries, in.bytes-bytes
	}
	batch := in.frames[:n:n]
	if in.frames = in.frames[n:]; len(in.frames) == 0 {
		in.frames = nil
	}
	in.changed.Broadcast()
	return batch
}

// taken is a batch of frames of one case that the ledger has checked and not yet made
// durable. Of one that is passed over, a is nil.
type taken struct {
	sh     *shared
	frames []arrival
	a      *ledger.Accepting
	r      *reserved
}

// raws are the entries of all its frames.
func (t taken) raws() [][]byte {
	if len(t.frames) == 1 {
		return t.frames[0].f.Raws
	}
	var all [][]byte
	for _, a := range t.frames {
		all = append(all, a.f.Raws...)
	}
	return all
}

// held is how many entries of each frame are held, when some of the batch were rejected.
func (t taken) held(rejected []ledger.Rejection) []int {
	var frame []int // of each entry of the batch
	held := make([]int, len(t.frames))
	for i, a := range t.frames {
		held[i] = len(a.f.Raws)
		frame = append(frame, slices.Repeat([]int{i}, held[i])...)
	}
	for _, r := range rejected {
		held[frame[r.Index]]--
	}
	return held
}

// maxTaken is how many batches are checked ahead of the disk.
const maxTaken = 4

// accept gives what has arrived to the ledger, batch after batch, until the reader is
// done. What follows when it is durable is settle's; an error ends the session.
func (s *session) accept(ctx context.Context) {
	defer close(s.taken)
	for frames := s.came.next(); frames != nil; frames = s.came.next() {
		t, err := s.begin(ctx, frames)
		if err != nil {
			s.end(err)
		}
		s.taken <- t
	}
}

// begin gives a batch to the ledger, or passes it over.
func (s *session) begin(ctx context.Context, frames []arrival) (taken, error) {
	t := taken{sh: frames[0].sh, frames: frames}
	if t.sh == nil || !s.brings(t.sh.id) {
		return t, nil
	}
	c := t.sh.id
	k := s.n.cases.get(c)
	if k == nil {
		return t, nil // erased meanwhile
	}
	k.taking.Add(1)
	r := &reserved{s: s, c: c}
	a, err := s.n.c.Ledger.BeginAcceptIf(c, t.raws(), r.may)
	if err != nil {
		r.release()
		return t, errors.Join(internal("accept", err), s.n.accepted(ctx, c, nil)) // follow may have left entries to us
	}
	t.a, t.r = a, r
	return t, nil
}

// settle ends what accept began, batch after batch.
func (s *session) settle(ctx context.Context) {
	for t := range s.taken {
		if err := s.settled(ctx, t); err != nil {
			s.end(err)
		}
		s.settling.Add(-len(t.frames))
	}
}
