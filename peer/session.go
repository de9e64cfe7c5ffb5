package peer

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"

	"cordon/peer/wire"
	"cordon/protocol/id"
)

// Why a session ends, as Status shows it.
var (
	ErrHello    = errors.New("wrong-hello")    // the kid, the version or the frame size do not fit
	ErrFlood    = errors.New("flood")          // more unasked entries, or more wants, than allowed
	ErrCount    = errors.New("wrong-count")    // of ENTRIES: one that is not on the way is said to be done with
	ErrKeys     = errors.New("bad-keys")       // a KEYS frame does not open
	errNotNow   = errors.New("not-allowed")    // the certificate ran out, or the organisation was unpinned
	errDropped  = errors.New("dropped")        // Node.Drop
	errReplaced = errors.New("replaced")       // the other side opened a new session
	errSilent   = errors.New("nothing-heard")  // not even TAGS for a long time
	errRemote   = errors.New("closed-by-peer") // the stream ended
)

// reason is the text of an error for Status.
func reason(err error) string {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, io.EOF) || errors.Is(err, network.ErrReset):
		return errRemote.Error()
	}
	return err.Error()
}

// broke is the rule that the other side broke where a session ended by its fault, else "".
func broke(err error) string {
	for _, rule := range []error{ErrHello, ErrFlood, ErrCount, ErrKeys} {
		if errors.Is(err, rule) {
			return rule.Error()
		}
	}
	var bad malformed
	switch {
	case errors.Is(err, wire.ErrLength):
		return wire.ErrLength.Error()
	case errors.As(err, &bad):
		for err = bad; errors.Unwrap(err) != nil; {
			err = errors.Unwrap(err)
		}
		return err.Error()
	}
	return ""
}

// malformed is what is wrong with a frame; its text is the rule's.
type malformed struct{ error }

func (m malformed) Unwrap() error { return m.error }

// version of /cordon/sync/1's frames.
const version = 1

// session is the one stream between us and a connected daemon. Its reader runs in
// the goroutine of runSession; its writer in another; a third gives entries to the
// ledger, a fourth waits for the disk.
// What the writer is to send stands in due, which the reader and the node fill;
// neither ever waits for the writer.
type session struct {
	n       *Node
	peer    libpeer.ID
	contact Contact
	stream  network.Stream
	opener  bool
	mine    [32]byte // our nonce
	theirs  [32]byte
	sealer  keySealer // owned by the writer
	kept    int       // bytes read ahead for jobs; owned by the writer
	unseal  keyOpener // owned by the reader
	spend   allowance // what comes unasked; owned by the reader
	talk    allowance // TAGS, VEC and IHAVE; owned by the reader

	came     *intake        // ENTRIES that have arrived; closed by runSession
	taken    chan taken     // those checked, not yet durable; closed by accept
	settling sync.WaitGroup // counts both

	wake chan struct{} // one slot: something is due
	stop chan struct{} // closed by end
	once sync.Once

	mu        sync.Mutex
	since     time.Time // zero before HELLO
	cause     error
	shared    map[id.CaseID]*shared
	byTag     map[wire.Tag]*shared // by the tag the other side uses
	theirTags map[wire.Tag]wire.Mark
	knows     map[id.CaseID]bool // cases that its TAGS have named though it is nothing in them
	met       time.Time          // when they were last looked for
	due       due
	way       []parcel  // ENTRIES on the way, oldest first, the newest of number sent
	sent      uint64    // ENTRIES that we sent
	done      uint64    // ENTRIES of the other side that we acknowledged or passed over
	claims    int       // asks by it; guarded by asks.mu
	asked     int       // entries asked for that have not come, of all cases
	excess    int       // entries that may come beyond them
	pace      allowance // of live entries
	pulse     pulse
	useless   bool // it has sent a chunk of no use; owned by the reader
	owed      int  // bodies that it waits for; guarded by fetcher.mu
	room      int  // heads that may be learned before those that are remembered are counted
}

// shared is a case that both sides know of. Its fields are guarded by session.mu.
type shared struct {
	id     id.CaseID
	out    wire.Tag            // in our frames
	in     wire.Tag            // in theirs
	heads  map[id.Feed]mark    // what the other side is known to hold; nil: not known
	vec    [32]byte            // hash of the last VEC we sent
	source bool                // the other side's entries are taken
	quiet  bool                // our TAGS do not name it: the other side is nothing in it by what is here
	way    int                 // ENTRIES on the way
	asked  int                 // entries asked for that have not come
	behind bool                // was not sent something live; compared with once none is on the way
	given  bool                // a sibling was sent the genesis, and has not sent TAGS since
	told   bool                // a removed organisation holds its removal
	proved map[id.EntryID]bool // forks sent, by their later entry
	probed map[id.Feed]id.Seq  // heads below which a fork was looked for
	unfit  map[id.Feed]bool    // feeds of which it has brought what fits on no anchor here
	vain   int                 // times in a row that what came could not be taken for want of something below
	late   time.Time           // the last of them
	stir   chan struct{}       // that is asked for again after a pause, or once this is closed; nil: it is not
	mine   wire.Mark           // our mark, of version
	at     uint64
}

// mark is a place in a feed.
type mark struct {
	seq id.Seq
	id  [16]byte
}

// openSync opens the stream and runs the session until it ends.
func (n *Node) openSync(ctx context.Context, p libpeer.ID) error {
	if _, ok := n.allowed(p); !ok {
		return errNotNow // it is here as a guest
	}
	open, cancel := context.WithTimeout(network.WithNoDial(ctx, "session"), handshakeTime)
	defer cancel()
	st, err := n.host.NewStream(open, p, protoSync)
	if err != nil {
		n.hangUp(p, nil, err)
		return fmt.Errorf("open session: %w", err)
	}
	return n.runSession(ctx, st, true)
}

// answerSync is the handler of /cordon/sync/1.
func (n *Node) answerSync(ctx context.Context, st network.Stream) {
	p := st.Conn().RemotePeer()
	n.mu.Lock()
	shut := time.Now().Before(n.dialLocked(p).shutTill)
	n.mu.Unlock()
	if !n.mayOpen(p) || shut || n.opens(p) {
		_ = st.Reset()
		return
	}
	err := n.runSession(ctx, st, false)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settleLocked(p, err)
}

// runSession greets and then reads until the session ends; the error says why.
func (n *Node) runSession(ctx context.Context, st network.Stream, opener bool) error {
	p := st.Conn().RemotePeer()
	c, ok := n.allowed(p)
	if !ok {
		_ = st.Reset()
		return errNotNow
	}
	s := &session{n: n, peer: p, contact: c, stream: st, opener: opener,
		came: newIntake(), taken: make(chan taken, maxTaken), wake: make(chan struct{}, 1), stop: make(chan struct{}),
		shared: map[id.CaseID]*shared{}, byTag: map[wire.Tag]*shared{}}
	unhook := context.AfterFunc(ctx, func() { s.end(context.Canceled) })
	defer unhook()
	r := bufio.NewReaderSize(s, readAhead)
	if err := s.greet(r); err != nil {
		n.hangUp(p, nil, err)
		s.end(err)
		return err
	}
	if s.contact, ok = n.allowed(p); !ok || s.contact.Kid != c.Kid { // its events may revoke this very daemon
		s.end(errNotNow)
		return errNotNow
	}
	n.adopt(s)
	defer n.forget(s)
	var others sync.WaitGroup
	others.Go(func() { s.end(s.write(ctx)) })
	others.Go(func() { s.accept(ctx) })
	others.Go(func() { s.settle(ctx) })
	err := s.read(ctx, r)
	n.hangUp(p, s, err)
	s.end(err)
	s.came.close()
	others.Wait()
	return s.cause
}

// adopt makes s the session with its peer; an older one ends.
func (n *Node) adopt(s *session) {
	n.mu.Lock()
	old := n.sessions[s.peer]
	d := n.dialLocked(s.peer)
	d.contact, d.since, d.begun = s.contact, time.Time{}, time.Now()
	if len(n.sessions) == 0 {
		n.backLocked()
	}
	n.sessions[s.peer] = s
	n.mu.Unlock()
	if old != nil {
		old.end(errReplaced)
	}
	s.mu.Lock()
	s.since = n.c.Now()
	s.mu.Unlock()
	s.reshare()
	n.fetch.poke()
}

func (n *Node) forget(s *session) {
	n.mu.Lock()
	if n.sessions[s.peer] == s {
		delete(n.sessions, s.peer)
	}
	d := n.dialLocked(s.peer)
	if d.ended = n.c.Now(); time.Since(d.begun) > stood {
		d.pause = 0
	}
	n.mu.Unlock()
	n.noteAhead(s)
	n.fetch.lost(s)
	n.reask(n.asks.expire(s))
}

// end closes the stream; the first cause stays.
func (s *session) end(cause error) {
	s.once.Do(func() {
		s.mu.Lock()
		s.cause = cause
		s.mu.Unlock()
		close(s.stop)
		_ = s.stream.Reset()
	})
}

// greet exchanges HELLO and checks that its kid is the one whose certificate names
// the connection's transport key.
func (s *session) greet(r io.Reader) error {
	s.pulse.by = time.Now().Add(handshakeTime)
	_ = s.stream.SetWriteDeadline(s.pulse.by)
	if _, err := rand.Read(s.mine[:]); err != nil {
		return err
	}
	hello := &wire.Hello{Versions: []uint64{version}, Kid: s.n.c.Kid, Nonce: s.mine,
		MaxFrame: wire.MaxFrame, Events: newest(s.n.c.Directory.Events(), wire.MaxEvents)}
	if _, err := s.stream.Write(wire.Append(nil, hello)); err != nil {
		return err
	}
	h, err := readHello(r)
	if err != nil {
		return err
	}
	if !slices.Contains(h.Versions, version) || h.Kid != s.contact.Kid || h.MaxFrame < wire.MaxFrame || h.Nonce == s.mine {
		return ErrHello
	}
	s.theirs = h.Nonce
	if len(h.Events) > 0 {
		s.n.c.Directory.Learn(s.contact.Org, h.Events)
	}
	took := time.Since(s.stream.Conn().Stat().Opened)
	s.n.tookTo(s.peer, took)
	if took > maxSetup {
		s.shakes()
	}
	return s.stream.SetDeadline(time.Time{})
}

// newest is as many of the last events as fit into limit bytes.
func newest(events [][]byte, limit int) [][]byte {
	from, size := len(events), 0
	for from > 0 && size+len(events[from-1]) <= limit {
		from--
		size += len(events[from])
	}
	return events[from:]
}

// read takes frames until one is an error.
func (s *session) read(ctx context.Context, r *bufio.Reader) error {
	for {
		b, err := s.frame(r)
		if net(err) != nil {
			return errSilent
		}
		if err != nil {
			return err
		}
		f, err := wire.Parse(b)
		if err != nil {
			return malformed{err}
		}
		if err := s.take(ctx, f); err != nil {
			return err
		}
	}
}

// A frame that has begun must go on: dripSize more of it come within every dripTime
// (spec/sync.md §2). A slow line is served, and who drips holds little of ours, not for ever.
const (
	dripTime = 9 * time.Second
	dripSize = 4 << 10
)

// readAhead is what a session reads beyond what it was asked for; large frames pass it by.
const readAhead = 4 << 10

// frame reads one frame into a new buffer: entries keep what they were parsed from.
func (s *session) frame(r *bufio.Reader) ([]byte, error) {
	s.pulse.by = time.Time{}
	n, err := wire.ReadLength(r, wire.MaxFrame)
	if err != nil {
		return nil, err
	}
	b, begin := make([]byte, n), time.Now()
	for rest, next := b, n; len(rest) > 0; {
		if len(rest) <= next {
			if len(rest) < n {
				s.pieceCame(b[:n-len(rest)], time.Since(begin))
			}
			s.pulse.by = time.Now().Add(dripTime)
			next = len(rest) - dripSize
		}
		got, err := r.Read(rest)
		if rest = rest[got:]; errors.Is(err, errSilent) {
			return nil, err
		} else if err != nil && len(rest) > 0 {
			return nil, fmt.Errorf("%w: %w", wire.ErrLength, err)
		}
	}
	return b, nil
}

// net is err if it is a deadline that has passed.
func net(err error) error {
	var t interface{ Timeout() bool }
	if errors.As(err, &t) && t.Timeout() {
		return err
	}
	return nil
}

func (s *session) status() PeerStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := PeerStatus{Org: s.contact.Org, Kid: s.contact.Kid, Introduced: s.contact.Introduced,
		Connected: !s.since.IsZero() && s.cause == nil, Since: s.since, LastError: reason(s.cause)}
	for _, sh := range s.shared {
		p.Behind = p.Behind || sh.behind
	}
	return p
}

// tag names a case in frames from sender to receiver (spec/sync.md §4).
func (s *session) tag(key []byte, sender, receiver id.Kid) wire.Tag {
	first, second := s.mine, s.theirs
	if !s.opener {
		first, second = second, first
	}
	h := hmac.New(sha256.New, key)
	for _, part := range [][32]byte{first, second, sender, receiver} {
		h.Write(part[:])
	}
	return wire.Tag(h.Sum(nil)[:16])
}

// reshare makes the set of shared cases anew after memberships changed. TAGS follow
// a change within a random delay: who sees them cannot tell what caused them. From
// whom entries were passed over until now is compared with.
func (s *session) reshare() {
	var sources, begun []id.CaseID
	fresh := map[*shared]bool{}
	s.mu.Lock()
	now := s.n.cases.shared(s.contact.Org) // read under the lock: of two calls, the later has the newer
	quiet := s.addKnown(now)
	changed := s.since.IsZero()
	maps.DeleteFunc(s.shared, func(c id.CaseID, sh *shared) bool {
		_, stays := now[c]
		if !stays {
			delete(s.byTag, sh.in)
			changed = true
		}
		return !stays
	})
	for c, key := range now {
		sh, source := s.shared[c], s.brings(c)
		if source && (sh == nil || !sh.source) {
			sources = append(sources, c)
		}
		if sh != nil {
			if source && (!sh.source || sh.quiet && !quiet[c]) {
				begun = append(begun, c)
			}
			changed = changed || sh.quiet != quiet[c]
			sh.source, sh.quiet = source, quiet[c]
			continue
		}
		sh = &shared{id: c, source: source, quiet: quiet[c],
			out: s.tag(key, s.n.c.Kid, s.contact.Kid), in: s.tag(key, s.contact.Kid, s.n.c.Kid)}
		s.shared[c], s.byTag[sh.in], fresh[sh] = sh, sh, true
		changed = true
	}
	if s.due.tags.IsZero() {
		s.due.tags = time.Now() // the first, whatever the cases are
	} else if changed {
		s.due.tagsWithin(s.n.c.Schedule.TagsDelay)
	}
	s.mu.Unlock()
	s.n.fetch.hope(sources)
	s.dueGenesis()
	err := s.match(fresh)
	for _, c := range begun {
		s.dueVec(c)
		err = errors.Join(err, s.pull(c)) // what it said that it holds
	}
	if err != nil {
		s.end(err)
	}
	s.poke()
}

// poke wakes the writer.
func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
