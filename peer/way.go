package peer

import (
	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol/id"
)

// maxWay is how many ENTRIES of a case may be on the way; more, and the peer is behind.
const maxWay = 64

// parcel is an ENTRIES frame on the way (spec/sync.md §6.3).
type parcel struct {
	sh      *shared
	entries int
	removal bool            // of the receiver's organisation
	runs    map[id.Feed]run // of our own feeds: only in those what comes next goes out unasked
}

// run is what a frame has of a feed, one entry after the other.
type run struct {
	from id.Seq
	prev [16]byte // of its first entry
	last mark
}

// adds notes an entry of ours that is in the frame.
func (p *parcel) adds(e ledger.Entry) {
	if p.runs == nil {
		p.runs = map[id.Feed]run{}
	}
	r, ok := p.runs[e.Feed()]
	if !ok {
		r = run{from: e.Seq, prev: [16]byte(e.Prev[:16])}
	}
	r.last = mark{e.Seq, [16]byte(e.ID[:16])}
	p.runs[e.Feed()] = r
}

// keepWay notes of a case what of ours is on the way and follows what the other side has just
// said that it holds: it will come behind that. The caller holds s.mu.
func (s *session) keepWay(sh *shared) {
	for _, p := range s.way {
		if p.sh != sh {
			continue
		}
		for f, r := range p.runs {
			if sh.follows(f, r.from, r.prev) {
				sh.heads[f] = r.last
			}
		}
	}
}

// sends puts a frame that is about to be written on the way. The caller holds s.mu.
func (s *session) sends(p parcel) {
	s.sent++
	s.way = append(s.way, p)
	p.sh.way++
}

// passedOver takes off the way what the other side has done with up to number n
// and has not acknowledged. It is compared with in those cases. The caller holds s.mu.
func (s *session) passedOver(n uint64) error {
	off := s.sent - uint64(len(s.way)) // up to it all are off the way
	if n < off || n > s.sent {
		return ErrCount
	}
	cases := map[*shared]bool{}
	for _, p := range s.way[:n-off] {
		p.sh.way--
		cases[p.sh] = true
	}
	s.way = s.way[n-off:]
	for sh := range cases {
		if s.shared[sh.id] == sh {
			s.fallBack(sh)
		}
	}
	s.poke()
	return nil
}

// takeAck takes the frame that an ACK names off the way; those before it were
// passed over, for ACKs come in the order of the frames.
func (s *session) takeAck(f *wire.Ack) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.passedOver(f.Number - 1); err != nil { // below 0 it is above all
		return err
	}
	if len(s.way) == 0 {
		return ErrCount
	}
	p := s.way[0]
	s.way = s.way[1:]
	p.sh.way--
	if p.removal && f.Held >= uint64(p.entries) {
		p.sh.told = true
	}
	if p.sh.behind && p.sh.way == 0 && s.shared[p.sh.id] == p.sh {
		p.sh.behind = false
		s.dueVecLocked(p.sh.id)
	}
	return nil
}

// ack acknowledges the next ENTRIES of the other side.
func (s *session) ack(held int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	return s.queue(&wire.Ack{Number: s.done, Held: uint64(held)})
}

// passOver counts the next n ENTRIES of the other side and says nothing.
func (s *session) passOver(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done += uint64(n)
}

// ask queues a WANT, which also tells what we have done with.
func (s *session) ask(f *wire.Want) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Done = s.done
	return s.queue(f)
}
