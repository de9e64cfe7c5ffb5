package peer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"cordon/peer"
)

// hall is 300 organisations in one case, each with a session to each, 20 to 200 ms apart,
// of which ten write entries of 500 bytes.
func hall(seed uint64) crowdSet {
	return crowdSet{seed: seed, size: 300, writers: 10, near: 20 * time.Millisecond, far: 200 * time.Millisecond,
		pause: 2 * time.Second, entry: 500, heads: 300, tell: peer.TellPeers}
}

// crowdSum is what came of many entries.
type crowdSum struct {
	entries, broken int
	overLongest     float64       // until all had it, over the longest line from its author: the worst entry
	overMedian      []float64     // until somebody had it, over the median line from its author
	slowest         time.Duration // until all had it: the worst entry
	late            int           // of the entries: not with all within mostTime
	bytes           float64       // of an organisation, on average, over the minimum: each entry once
	most            float64       // of the one reader with most
	beat, seconds   float64       // of TAGS and VEC, in bytes: they come whether anybody writes or not
}

func (s *crowdSum) String() string {
	return fmt.Sprintf("%d entries; %.2f of the longest path, 98 %% within %.2f of the median path, all after %v (%d after more than 2 s); %.2f of the least bytes, one reader %.2f; TAGS and VEC %.0f bytes a second; %d sessions broken",
		s.entries, s.overLongest, s.quantile(0.98), s.slowest.Round(time.Millisecond), s.late, s.bytes, s.most, s.beat/s.seconds, s.broken)
}

func (s *crowdSum) quantile(q float64) float64 {
	return s.overMedian[int(q*float64(len(s.overMedian)-1))]
}

const crowdEntries = 20 // of a history

// crowds plays histories of a crowd.
func crowds(t *testing.T, few, gate int, set func(seed uint64) crowdSet) *crowdSum {
	t.Helper()
	first, few := histories(few, gate)
	s := &crowdSum{}
	for i := range few {
		s.play(set(first + uint64(i)))
	}
	s.bytes /= float64(s.entries)
	slices.Sort(s.overMedian)
	t.Logf("seeds %d to %d: %v\none of them: go test ./peer -v -run '%s$' -seed %d", first, first+uint64(few)-1, s, t.Name(), first)
	return s
}

// play plays one history: entries come at random, then time passes until all have all.
func (s *crowdSum) play(set crowdSet) {
	w := newCrowd(set)
	w.run(time.Minute)
	for range crowdEntries {
		w.write(w.luck.IntN(w.writers))
		w.run(w.within(set.pause))
	}
	for end := w.now + 10*time.Minute; !w.all() && w.now < end; {
		w.run(time.Second)
	}
	w.run(time.Second) // the last are told
	least := float64(w.entries(1))
	for i, o := range w.orgs {
		s.bytes += float64(o.got) / least / float64(set.size)
		s.beat += float64(o.beat) / float64(set.size)
		if i >= w.writers { // who writes gets an ACK of each of all others
			s.most = max(s.most, float64(o.got)/least/crowdEntries)
		}
	}
	s.seconds += w.now.Seconds()
	s.entries += crowdEntries
	s.broken += w.broken
	for f := range w.writers {
		for seq, at := range w.orgs[f].came[f] {
			s.judge(w, f, seq, at)
		}
	}
}

// judge notes how an entry came to all; who lacks it got it after an hour.
func (s *crowdSum) judge(w *crowd, f, seq int, at time.Duration) {
	var lines, took []time.Duration
	for i, o := range w.orgs {
		if i == f {
			continue
		}
		lines = append(lines, w.line(f, i))
		if seq < len(o.came[f]) {
			took = append(took, o.came[f][seq]-at)
		} else {
			took = append(took, time.Hour)
		}
	}
	slices.Sort(lines)
	last := slices.Max(took)
	s.overLongest = max(s.overLongest, float64(last)/float64(lines[len(lines)-1]))
	s.slowest = max(s.slowest, last)
	if last > mostTime {
		s.late++
	}
	for _, d := range took {
		s.overMedian = append(s.overMedian, float64(d)/float64(lines[len(lines)/2]))
	}
}

// What issue 5 asks of 300 organisations.
const (
	mostBytes   = 3.0 // of the least
	mostLongest = 1.2 // of the longest path, without loss
	mostMedian  = 3.0 // of the median path, for 98 of 100, with loss
	mostTime    = 2 * time.Second
)

// with is a hall in which something is another way.
func with(change func(*crowdSet)) func(uint64) crowdSet {
	return func(seed uint64) crowdSet {
		s := hall(seed)
		change(&s)
		return s
	}
}

// seen says that a fault of a crowd shows in what came of it.
func seen(t *testing.T, fault string, shows func(*crowdSum) bool, change func(*crowdSet)) {
	t.Helper()
	if *simSeed >= 0 {
		return
	}
	if s := crowds(t, 2, 2, with(change)); !shows(s) {
		t.Errorf("%s, and it is not seen: %v", fault, s)
	}
}

func detours(s *crowdSum) bool { return s.overLongest > mostLongest }
func wastes(s *crowdSum) bool  { return s.bytes > mostBytes || s.most > mostBytes }
func lags(s *crowdSum) bool    { return s.quantile(0.98) > mostMedian || s.late > s.entries/200 }

func often(s *crowdSet) { s.pause = 200 * time.Millisecond }

// TestCrowd: without loss an entry is with all 300 organisations by the shortest way, and
// costs each little more than itself, whether one is written a second or ten. The controls are
// authors that only tell, that forget what is on the way when a VEC comes, and members that
// tell thirty.
func TestCrowd(t *testing.T) {
	for name, change := range map[string]func(*crowdSet){"one a second": func(*crowdSet) {}, "ten a second": often} {
		t.Run(name, func(t *testing.T) {
			if s := crowds(t, 1, 30, with(change)); detours(s) || wastes(s) {
				t.Errorf("too slow, or too much: %v", s)
			}
		})
	}
	seen(t, "authors only tell", detours, func(s *crowdSet) { s.shy = true })
	seen(t, "authors forget what is on the way", detours, func(s *crowdSet) { often(s); s.forgets = true })
	seen(t, "all tell thirty", wastes, func(s *crowdSet) { s.tell = 30 })
}

// redial is how long it takes at most until marks are compared anew after a session broke:
// two rounds of dialling, handshakes, TAGS, and then VEC, WANT and ENTRIES.
var redial = 5*crowdTimes.Dial/2 + crowdTimes.TagsDelay + 2*time.Second

// TestCrowdLoss: of 100 frames one is lost. Over TCP and QUIC that is never a frame that is
// gone while its session lasts: it comes later, and all behind it, or the session ends.
// Where the session ends, whoever is told by none of the others, one of e^8, waits until it
// is dialled again and has TAGS: one entry of 1,000 takes longer than 2 s to be with all, and
// never longer than redialling. The control is members that do not tell on.
func TestCrowdLoss(t *testing.T) {
	for _, how := range []string{resent, cut} {
		t.Run(how, func(t *testing.T) {
			s := crowds(t, 1, 30, with(func(s *crowdSet) { s.how, s.loss = how, 0.01 }))
			if lags(s) || wastes(s) || s.slowest > redial || how == resent && s.late > 0 {
				t.Errorf("too slow, or too much: %v", s)
			}
			seen(t, "nobody tells on", lags, func(s *crowdSet) { s.how, s.loss, s.tell = how, 0.03, 0 })
		})
	}
}

// TestCrowdLimits are figures beyond what issue 5 asks, with the bounds that they have. A line
// that swallows single frames and does not end, which no transport of ours is, costs a WANT
// the 10 s after which it is given up. Where each has a session with 20 of 300 only, most
// entries come by IHAVE and WANT: three latencies and up to 200 ms for each daemon on the way,
// and who is told by nobody waits for TAGS or another entry.
func TestCrowdLimits(t *testing.T) {
	gone := crowds(t, 1, 20, with(func(s *crowdSet) { s.how, s.loss = vanished, 0.01 }))
	if gone.quantile(0.98) > mostMedian || gone.slowest > 3*crowdTimes.Retry || gone.bytes > mostBytes {
		t.Errorf("frames vanish: %v", gone)
	}
	sparse := crowds(t, 1, 20, with(func(s *crowdSet) { s.links = 20 }))
	if sparse.late > sparse.entries/5 || sparse.slowest > 2*crowdTimes.Compare || sparse.bytes > mostBytes {
		t.Errorf("20 sessions each: %v", sparse)
	}
}
