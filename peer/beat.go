package peer

import (
	"context"
	"errors"
	"time"

	libpeer "github.com/libp2p/go-libp2p/core/peer"

	"cordon/peer/wire"
)

// Each side of a session says now and then that it is there, and when it will next, whatever
// happens in cases (spec/sync.md §5.1). A connection that died in silence is so noticed in
// seconds, on lines that have proven steady; QUIC and TCP take half a minute and more. What
// is said also wakes a QUIC connection after a short silence: it sends at once what is new,
// while what was lost waits longer each time.
const (
	maxBeats  = 4                      // a second, of all sessions together: more sessions, longer pauses
	mostPause = 10 * time.Second       // the longest; on lines that are not steady always
	lateness  = 250 * time.Millisecond // a line that lets us wait for so much more than was promised is not steady
	unsteady  = time.Minute            // nor for so long after it did
	calmBeats = 20                     // nor until so many have come in time
	maxSetup  = 2 * time.Second        // a line on which a connection and HELLO take longer is not steady

	alarmBeats  = 4 // times as often we say that we are there while a BEAT is missing
	missedBeats = 3 // when nothing is heard for so many the other side is gone
)

// pulse is what a session knows of the line. Owned by the reader, where nothing else is said.
type pulse struct {
	promised time.Duration // of the last BEAT; zero before one
	by       time.Time     // the deadline of what is being read, whatever is heard

	// Guarded by session.mu.
	shook time.Time     // when it last was not steady; zero: never
	heard time.Time     // the last time
	late  time.Duration // so long after it, a BEAT has not come
}

// beatPause is the time between two BEATs of ours.
func (s *session) beatPause() time.Duration {
	s.n.mu.Lock()
	pause := s.n.c.Schedule.Beat * time.Duration(max(maxBeats, len(s.n.sessions))) / maxBeats
	s.n.mu.Unlock()
	if !s.steady() {
		pause = mostPause
	}
	return min(pause, max(mostPause, s.n.c.Schedule.Beat))
}

// beat says that we are there, and when we will next. Called by the writer.
func (s *session) beat(context.Context) error {
	pause := s.beatPause()
	next := pause
	if s.steady() && s.missing() {
		next /= alarmBeats
	}
	s.mu.Lock()
	s.due.beat = time.Now().Add(next)
	s.mu.Unlock()
	return s.put(wire.Append(nil, &wire.Beat{Next: uint64(pause.Milliseconds())}))
}

// takeBeat believes no promise to be quicker than we are, and none to be slower than mostPause.
func (s *session) takeBeat(f *wire.Beat) {
	next := time.Duration(min(f.Next, uint64(mostPause.Milliseconds()))) * time.Millisecond
	s.pulse.promised = max(next, s.n.c.Schedule.Beat)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pulse.late = s.pulse.promised + lateness
}

func (s *session) steady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pulse.shook.IsZero() || time.Since(s.pulse.shook) > max(unsteady, calmBeats*s.pulse.late)
}

// shakes notes that the line is not steady.
func (s *session) shakes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pulse.shook = time.Now()
}

// missing says whether a BEAT has not come.
func (s *session) missing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pulse.late > 0 && time.Since(s.pulse.heard) > s.pulse.late
}

// patience is for how long nothing may be heard.
func (s *session) patience() time.Duration {
	if s.pulse.promised > 0 && s.steady() {
		return missedBeats * s.pulse.promised
	}
	return max(5*s.n.c.Schedule.Tags, 3*time.Minute) // the other side's schedule may be slower than ours
}

// Read reads what the other side says: until pulse.by, and no longer than our patience
// with its silence lasts. Only the time in which we listen counts.
func (s *session) Read(b []byte) (int, error) {
	begin := time.Now()
	end := begin.Add(s.patience())
	silent := s.pulse.by.IsZero() || end.Before(s.pulse.by)
	if !silent {
		end = s.pulse.by
	}
	_ = s.stream.SetReadDeadline(end)
	n, err := s.stream.Read(b)
	if p := s.pulse.promised; p > 0 && time.Since(begin) > p+lateness {
		s.shakes()
	}
	s.mu.Lock()
	s.pulse.heard = time.Now()
	s.mu.Unlock()
	if err != nil && silent && net(err) != nil {
		return n, errSilent
	}
	return n, err
}

// hangUp closes the connections with a peer that has fallen silent: else they count as
// ways to it, for as long as QUIC and TCP believe in them. A session other than s, if there
// is one by now, stands on one that does not.
func (n *Node) hangUp(p libpeer.ID, s *session, cause error) {
	n.mu.Lock()
	current := n.sessions[p]
	n.mu.Unlock()
	if silent := errors.Is(cause, errSilent) || net(cause) != nil; silent && current == s {
		n.spawn(func() { _ = n.host.Network().ClosePeer(p) })
	}
}
