package peer_test

import (
	agenda "container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"cordon/peer"
	"cordon/peer/wire"
	"cordon/protocol/id"
)

// crowd is a model of spec/sync.md §5 and §6 for cases of hundreds of organisations, of
// which this machine cannot run the daemons: one case, one feed for each who writes.
//
// Modelled are who is sent ENTRIES and who IHAVE, telling on, TAGS, VEC, WANT with the
// asks that several sessions share, ACK, what each takes of a peer to hold, and sessions
// that end and are dialled again. Frames are the codec's, so that bytes are bytes; the
// numbers are the daemon's own. Time is virtual and every draw comes from one seed. Not modelled are signatures, the fold and the gate (all
// may have all), being behind (nobody is), bodies, and processors: an entry takes a disk's
// time at each end, and none else. TestCrowdIsLikeDaemons holds it against daemons.
type crowd struct {
	crowdSet
	luck   *rand.Rand
	now    time.Duration
	queue  moments
	drawn  int
	orgs   []*crowdOrg
	frames map[string]int // by kind
	broken int            // sessions that ended
}

// crowdSet says what a crowd is and what befalls it.
type crowdSet struct {
	seed    uint64
	size    int
	writers int                      // the first so many
	near    time.Duration            // shortest latency of a line
	far     time.Duration            // longest
	links   int                      // of each, at least; 0: everybody with everybody
	lines   map[[2]int]time.Duration // between the lower and the higher number; nil: by a map
	loss    float64                  // of frames
	how     string                   // what a lost frame is: see crowd.send
	entry   int                      // bytes
	heads   int                      // of a VEC: everybody has written before
	pause   time.Duration            // between two entries, at most
	tell    int                      // how many are told on
	shy     bool                     // who writes only tells
	forgets bool                     // a VEC takes away what is on the way
}

// What the loss of a frame is.
const (
	resent   = "resent"   // it comes later, and all behind it
	cut      = "cut"      // the connection breaks, with all that is on its way
	vanished = "vanished" // it never comes, and nobody knows
)

const crowdDisk = 3 * time.Millisecond // a synced commit

// crowdOrg is a daemon.
type crowdOrg struct {
	x, y  float64
	have  []int             // entries held, by feed
	came  [][]time.Duration // when, by feed and seq
	with  []*crowdEnd       // sessions by organisation; nil: never
	peers []int             // who has a session, ever
	tells map[int]bool      // feeds to tell of; nil: no telling is due
	asks  map[int]crowdAsk  // by feed
	got   int               // bytes about entries that came
	beat  int               // bytes of TAGS and VEC that came
}

// crowdAsk is what one session was asked for.
type crowdAsk struct {
	to    int // entries, the end not included
	by    int
	until time.Duration
}

// crowdEnd is a session as one side sees it.
type crowdEnd struct {
	up      bool
	life    int      // of the session
	known   []int    // entries that the other side is taken to hold, by feed; nil: not known
	vec     []int    // the last VEC that was sent
	way     [][3]int // ENTRIES that were sent and not acknowledged: feed, first, end
	arrives time.Duration
}

// moment is something that will happen.
type moment struct {
	at time.Duration
	n  int
	do func()
}

type moments []moment

func (q moments) Len() int      { return len(q) }
func (q moments) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q moments) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].n < q[j].n
}
func (q *moments) Push(x any) { *q = append(*q, x.(moment)) }
func (q *moments) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}

var crowdTimes = peer.DefaultSchedule()

// newCrowd has sessions up and compared, as after the first round of TAGS.
func newCrowd(set crowdSet) *crowd {
	w := &crowd{crowdSet: set, luck: rand.New(rand.NewPCG(set.seed, 7)), frames: map[string]int{}}
	for range set.size {
		w.add()
	}
	for i := range set.size {
		for j := range i {
			if set.links == 0 || w.luck.Float64() < float64(set.links)/float64(set.size) {
				w.join(i, j)
			}
		}
	}
	for i, o := range w.orgs {
		for len(o.peers) < min(set.links, 2) {
			if j := w.luck.IntN(set.size); j != i && o.with[j] == nil {
				w.join(i, j)
			}
		}
		w.after(w.jitter(crowdTimes.Compare), func() { w.compare(i) })
		w.after(w.within(crowdTimes.Retry/2), func() { w.expire(i) })
		for _, j := range o.peers {
			w.after(w.within(crowdTimes.Tags), func() { w.tags(i, j, o.with[j].life) })
		}
	}
	return w
}

func (w *crowd) add() {
	o := &crowdOrg{x: w.luck.Float64(), y: w.luck.Float64(), have: make([]int, w.writers), came: make([][]time.Duration, w.writers),
		with: make([]*crowdEnd, w.size), asks: map[int]crowdAsk{}}
	w.orgs = append(w.orgs, o)
}

func (w *crowd) join(i, j int) {
	for _, p := range [][2]int{{i, j}, {j, i}} {
		o := w.orgs[p[0]]
		o.with[p[1]] = &crowdEnd{up: true, known: make([]int, w.writers)}
		o.peers = append(o.peers, p[1])
	}
}

// line is the latency between two: they are places on a map, so that no detour is shorter.
func (w *crowd) line(i, j int) time.Duration {
	if w.lines != nil {
		return w.lines[[2]int{min(i, j), max(i, j)}]
	}
	d := math.Hypot(w.orgs[i].x-w.orgs[j].x, w.orgs[i].y-w.orgs[j].y) / math.Sqrt2
	return w.near + time.Duration(d*float64(w.far-w.near))
}

func (w *crowd) within(d time.Duration) time.Duration {
	return time.Duration(w.luck.Int64N(int64(d) + 1))
}
func (w *crowd) jitter(d time.Duration) time.Duration { return d*3/4 + w.within(d/2) }

func (w *crowd) after(d time.Duration, do func()) {
	w.drawn++
	agenda.Push(&w.queue, moment{w.now + d, w.drawn, do})
}

// run lets happen what is due for so long.
func (w *crowd) run(d time.Duration) {
	end := w.now + d
	for len(w.queue) > 0 && w.queue[0].at <= end {
		m := agenda.Pop(&w.queue).(moment)
		w.now = m.at
		m.do()
	}
	w.now = end
}

// send puts a frame on the line. A stream is in order: what is behind a frame that is
// sent again waits for it. That it is lost shows after four latencies and 200 ms, which is
// TCP's probe of a line on which nothing else is; QUIC's comes earlier. Then twice that.
func (w *crowd) send(i, j int, kind string, size int, take func()) {
	from, to := w.orgs[i].with[j], w.orgs[j].with[i]
	if !from.up {
		return
	}
	line := w.line(i, j)
	late, lost := line, 0
	for again := 4*line + 200*time.Millisecond; w.loss > 0 && w.luck.Float64() < w.loss; again *= 2 {
		if lost++; w.how != resent {
			break
		}
		late += again
	}
	w.frames[kind] += 1
	if lost > 0 && w.how == cut {
		w.cut(i, j)
		return
	}
	if beat := kind == "TAGS" || kind == "VEC"; beat {
		w.orgs[j].beat += size
	} else {
		w.orgs[j].got += size * (1 + lost)
	}
	if lost > 0 && w.how == vanished {
		return
	}
	from.arrives = max(from.arrives, w.now+late)
	life := from.life
	w.after(from.arrives-w.now, func() {
		if to.up && to.life == life {
			take()
		}
	})
}

// cut ends a session, and what is on its way with it; both see it after a latency. The
// next round of the smaller id dials: four round trips until HELLO is there, then TAGS.
func (w *crowd) cut(i, j int) {
	w.broken++
	a, b := w.orgs[i].with[j], w.orgs[j].with[i]
	for _, e := range []*crowdEnd{a, b} {
		e.up, e.known, e.vec, e.way = false, nil, nil, nil
		e.life++
	}
	w.after(w.line(i, j), func() {
		w.reask(i, j)
		w.reask(j, i)
	})
	w.after(w.jitter(crowdTimes.Dial)+w.within(crowdTimes.Dial)+8*w.line(i, j), func() {
		a.up, b.up = true, true
		a.arrives, b.arrives = w.now, w.now
		w.after(w.within(crowdTimes.TagsDelay), func() { w.tags(i, j, a.life) })
		w.after(w.within(crowdTimes.TagsDelay), func() { w.tags(j, i, b.life) })
	})
}

// Sizes of frames.
func (w *crowd) entries(n int) int {
	f := &wire.Entries{}
	for range n {
		f.Raws = append(f.Raws, make([]byte, w.entry))
	}
	return len(wire.Append(nil, f))
}

func someHeads(n int) []wire.Head { return slices.Repeat([]wire.Head{{Feed: id.Feed{}, Seq: 1000}}, n) }

func ihaveSize(n int) int { return len(wire.Append(nil, &wire.IHave{Heads: someHeads(n)})) }

var (
	ackSize  = len(wire.Append(nil, &wire.Ack{Number: 1000, Held: 1}))
	wantSize = len(wire.Append(nil, &wire.Want{Done: 1000, Ranges: []wire.Range{{From: 1000, To: 1000}}}))
	tagsSize = len(wire.Append(nil, &wire.Tags{Pairs: make([]wire.Pair, 16)}))
)

// all says whether every organisation holds all that was written.
func (w *crowd) all() bool {
	for f := range w.writers {
		for _, o := range w.orgs {
			if o.have[f] < w.orgs[f].have[f] {
				return false
			}
		}
	}
	return true
}
