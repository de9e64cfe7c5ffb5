package peer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Bounds of what one session may send us.
const (
	unaskedRate  = 2000     // entries a second that nobody asked for
	unaskedBurst = 4 * 1024 // and at once
	talkRate     = 1000     // TAGS, VEC and IHAVE a second
	talkBurst    = 8 * 1024 // and at once: a VEC for each of thousands of cases
	maxHeads     = 1 << 16  // heads of the other side that we remember, all cases together
)

// allowance is a token bucket for entries that nobody asked for.
type allowance struct {
	tokens float64
	last   time.Time
}

// take takes n tokens; false when there are not enough.
func (a *allowance) take(n int, rate, burst float64) bool {
	now := time.Now()
	if a.last.IsZero() {
		a.tokens = burst
	} else {
		a.tokens = min(burst, a.tokens+now.Sub(a.last).Seconds()*rate)
	}
	a.last = now
	if a.tokens < float64(n) {
		return false
	}
	a.tokens -= float64(n)
	return true
}

// take handles one frame. An error ends the session; what a peer may be wrong about
// without fault (an unknown tag, a case it is not in by our fold) is passed over in
// silence, all in the same way.
func (s *session) take(ctx context.Context, f wire.Frame) error {
	switch f.(type) {
	case *wire.Beat:
		if !s.talk.take(1, talkRate, talkBurst) {
			return ErrFlood
		}
	case *wire.Tags, *wire.Vec, *wire.IHave, *wire.Genesis:
		if !s.talk.take(1, talkRate, talkBurst) {
			return ErrFlood
		}
		s.settling.Wait()
	case *wire.Keys, *wire.Body, *wire.Proof:
		s.settling.Wait() // they speak of entries that came before
	}
	switch f := f.(type) {
	case *wire.Tags:
		return s.takeTags(f)
	case *wire.Vec:
		return s.takeVec(f)
	case *wire.Want:
		return s.takeWant(f)
	case *wire.Entries:
		return s.takeEntries(f)
	case *wire.Keys:
		return s.takeKeys(f)
	case *wire.Body:
		return s.takeBody(f)
	case *wire.IHave:
		return s.takeIHave(f)
	case *wire.Proof:
		return s.takeProof(ctx, f)
	case *wire.Ack:
		return s.takeAck(f)
	case *wire.Genesis:
		return s.takeGenesis(ctx, f)
	case *wire.Beat:
		s.takeBeat(f)
		return nil
	}
	return ErrHello // a second one
}

// named is the case that a tag of the other side names; nil when there is none.
func (s *session) named(t wire.Tag) *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byTag[t]
}

// source is named for frames that bring something.
func (s *session) source(t wire.Tag) *shared {
	sh := s.named(t)
	if sh == nil || !s.brings(sh.id) {
		return nil
	}
	return sh
}

// brings says whether we take entries of a case from the other side, and ask it for
// them: only by its standing, and by ours (spec/sync.md §6.5).
func (s *session) brings(c id.CaseID) bool {
	st, _ := s.n.cases.standing(c, s.contact.Org)
	return st.brings() && s.n.cases.hears(c)
}

func (s *session) takeTags(f *wire.Tags) error {
	tags := make(map[wire.Tag]wire.Mark, len(f.Pairs))
	for _, p := range f.Pairs {
		tags[p.Tag] = p.Mark
	}
	s.mu.Lock()
	s.theirTags = tags
	for _, sh := range s.shared {
		sh.given = false
	}
	s.mu.Unlock()
	s.meet()
	s.dueGenesis()
	return s.match(nil)
}

// match compares the marks of the last TAGS with ours, of some cases (nil: of all): equal
// marks say that the other side holds what we hold, different ones are followed by VEC.
// While much is written they differ in most sessions, for something is always on the way:
// to compare in all of them would cost more than all else.
func (s *session) match(some map[*shared]bool) error {
	type pair struct {
		sh     *shared
		theirs wire.Mark
	}
	var pairs []pair
	s.mu.Lock()
	for t, m := range s.theirTags {
		if sh := s.byTag[t]; sh != nil && (some == nil || some[sh]) {
			pairs = append(pairs, pair{sh, m})
		}
	}
	s.mu.Unlock()
	var heard []id.CaseID
	for _, p := range pairs {
		if st, _ := s.n.cases.standing(p.sh.id, s.contact.Org); st.steward && !s.sibling() {
			heard = append(heard, p.sh.id)
		}
	}
	s.n.cases.hear(heard...)
	for _, p := range pairs {
		ours, err := s.mark(p.sh)
		if err != nil {
			return err
		}
		s.mu.Lock()
		known := p.sh.heads != nil
		s.mu.Unlock()
		if ours != p.theirs {
			if !known || s.sibling() || s.n.cases.turn(p.sh.id) {
				s.dueVec(p.sh.id)
			}
			continue
		}
		if !known || s.sibling() { // of a sibling it is told whether it is in step (ahead.go)
			list, _, err := s.heads(p.sh.id)
			if err != nil {
				return err
			}
			s.learn(p.sh, list, true)
		}
	}
	return nil
}

func (s *session) dueVec(c id.CaseID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dueVecLocked(c)
}

func (s *session) dueVecLocked(c id.CaseID) {
	if s.due.vec == nil {
		s.due.vec = map[id.CaseID]bool{}
	}
	s.due.vec[c] = true
	s.due.proofDue(c)
	s.poke()
}

func (d *due) proofDue(c id.CaseID) {
	if d.proof == nil {
		d.proof = map[id.CaseID]bool{}
	}
	d.proof[c] = true
}

// learn notes which heads the other side holds; all: it holds no others, but for what
// of ours is on the way. When it is too much, what was remembered makes room, first of
// this case, which may be a lie told in pieces, then of others: without it live entries
// become IHAVE.
func (s *session) learn(sh *shared, list []wire.Head, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh.heads == nil || all || len(sh.heads)+len(list) > maxHeads {
		sh.heads = make(map[id.Feed]mark, len(list))
	}
	for _, h := range list {
		if m, ok := sh.heads[h.Feed]; !ok || m.seq <= h.Seq {
			sh.heads[h.Feed] = mark{h.Seq, h.ID}
		}
	}
	if all {
		s.keepWay(sh)
	}
	if s.room -= len(list); s.room < 0 {
		s.forgetHeads(sh)
	}
}

// forgetHeads counts what is remembered of the other side and makes room where it is
// too much, but not of one case. It is not done each time: of 1,000 cases that are the
// same, each would count all. The caller holds s.mu.
func (s *session) forgetHeads(but *shared) {
	total := 0
	for _, o := range s.shared {
		total += len(o.heads)
	}
	for _, o := range s.shared {
		if total <= maxHeads {
			break
		}
		if o != but {
			total -= len(o.heads)
			o.heads = nil
		}
	}
	s.room = maxHeads - total
}

// takeVec asks for what we lack and, if the other side lacks something, tells it
// what we hold, unless it was told the same before, or what it said may be a part.
func (s *session) takeVec(f *wire.Vec) error {
	sh := s.named(f.Tag)
	if sh == nil {
		return nil
	}
	whole := len(f.Heads) < maxVec
	s.learn(sh, f.Heads, whole)
	ours, _, err := s.heads(sh.id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	behind := false
	for _, h := range ours {
		m, ok := sh.heads[h.Feed]
		behind = behind || !ok || m.seq < h.Seq || m.seq == h.Seq && m.id != h.ID
	}
	if whole && behind && sh.vec != sha256.Sum256(wire.Append(nil, &wire.Vec{Tag: sh.out, Heads: ours})) {
		s.dueVecLocked(sh.id)
	}
	s.mu.Unlock()
	if s.source(f.Tag) == nil {
		return nil
	}
	if err := s.probe(sh.id, f.Heads); err != nil {
		return err
	}
	return s.pull(sh.id)
}

func (s *session) takeIHave(f *wire.IHave) error {
	sh := s.source(f.Tag)
	if sh == nil {
		return nil
	}
	s.learn(sh, f.Heads, false)
	if news, err := s.news(sh.id, f.Heads); err != nil || !news {
		return err
	}
	if err := s.probe(sh.id, f.Heads); err != nil {
		return err
	}
	return s.pull(sh.id)
}

// news says whether heads are not all ours: most that is told has come another way.
func (s *session) news(c id.CaseID, heads []wire.Head) (bool, error) {
	for _, h := range heads {
		ours, ok, err := s.n.c.Ledger.Head(c, h.Feed)
		if err != nil {
			return false, internal("head", err)
		}
		if !ok || ours.Seq != h.Seq || [16]byte(ours.ID[:16]) != h.ID {
			return true, nil
		}
	}
	return false, nil
}

// takeEntries leaves a frame to accept; the reader goes on with the next.
func (s *session) takeEntries(f *wire.Entries) error {
	sh := s.named(f.Tag)
	if !s.afford(sh, len(f.Raws)) {
		return ErrFlood
	}
	s.settling.Add(1)
	s.came.put(arrival{sh, f})
	return nil
}

// settled acknowledges each frame of a batch once it is durable and asks for what is
// missing below it. Nothing waits in memory: what cannot be taken yet is asked for again
// behind what it needs.
func (s *session) settled(ctx context.Context, t taken) error {
	if t.a == nil {
		s.passOver(len(t.frames))
		return nil
	}
	sh := t.sh
	defer t.r.release()
	res, err := t.a.Wait(ctx)
	if passed := s.n.accepted(ctx, sh.id, res.Entries); passed != nil {
		return passed
	}
	if err != nil {
		return internal("accept", err)
	}
	for _, held := range t.held(res.Rejected) {
		if err := s.ack(held); err != nil {
			return err
		}
	}
	s.n.asks.touch(sh.id, res.Entries, s, time.Now().Add(s.n.c.Schedule.Retry))
	s.mu.Lock()
	for _, e := range res.Entries {
		sh.holds(e.Sealed)
	}
	s.mu.Unlock()
	if res.Stored > 0 {
		s.n.stir(sh.id)
	}
	if res.Forks > 0 {
		s.n.proofsDue(sh.id)
	}
	if err := s.unfit(sh, t.raws(), res.Rejected); err != nil {
		return err
	}
	for _, a := range t.frames {
		if err := s.takeSmall(sh.id, a.f.Bodies); err != nil {
			return err
		}
	}
	for _, e := range res.Entries {
		if e.Body != nil && e.Body.Size > wire.MaxSmall {
			s.n.fetch.ask(s, sh.id, e)
		}
	}
	return s.onward(sh, t.raws(), res)
}

// takeProof stores both entries of a fork. That they are one is the ledger's verdict.
func (s *session) takeProof(ctx context.Context, f *wire.Proof) error {
	sh := s.named(f.Tag)
	if !s.afford(sh, 2) {
		return ErrFlood
	}
	if sh == nil || bytes.Equal(f.A, f.B) {
		return nil
	}
	brings := s.brings(sh.id)
	if !brings && !s.accuses(sh.id, f) {
		return nil
	}
	r := &reserved{s: s, c: sh.id}
	defer r.release()
	a, err := s.n.c.Ledger.BeginAcceptIf(sh.id, [][]byte{f.A, f.B}, r.may)
	if err != nil {
		return internal("accept", err)
	}
	res, err := a.Wait(ctx)
	if err != nil {
		return internal("accept", err)
	}
	if res.Forks > 0 {
		s.n.proofsDue(sh.id)
	}
	if !brings {
		return nil // nobody asks it for more
	}
	return s.onward(sh, [][]byte{f.A, f.B}, res)
}

// accuses says whether a proof counts that comes from who was removed: the first fork of
// a control feed of another organisation, of whose two entries we hold one. Who stole that
// key may have removed all that found it out (spec/authority.md §9); who was removed for
// good reason fills nothing so.
func (s *session) accuses(c id.CaseID, f *wire.Proof) bool {
	st, _ := s.n.cases.standing(c, s.contact.Org)
	if !st.removed || !s.n.cases.hears(c) {
		return false
	}
	a, errA := entry.Parse(f.A)
	b, errB := entry.Parse(f.B)
	if errA != nil || errB != nil || a.Feed() != b.Feed() || a.Seq != b.Seq || !a.Control() {
		return false
	}
	forks, err := s.n.c.Ledger.Forks(c)
	if err != nil || slices.ContainsFunc(forks, func(k ledger.Fork) bool { return k.Feed == a.Feed() }) {
		return false
	}
	counts := false
	err = s.n.c.Cases.With(c, func(k *protocol.Case) error {
		_, hasA := k.Verdict(a.ID)
		_, hasB := k.Verdict(b.ID)
		of, known := k.OrgOf(a.Kid)
		counts = hasA != hasB && known && of != s.contact.Org
		return nil
	})
	return err == nil && counts
}
