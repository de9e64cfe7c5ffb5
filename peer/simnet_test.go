package peer_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/x/simlibp2p"
	"github.com/marcopolo/simnet"

	"cordon/ledger"
	"cordon/ledger/memdisk"
	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/protocol"
	"cordon/protocol/id"
)

// The simulator's second tier (the first, protocol/link/sim, has no network): whole
// daemons, with the real host, sessions and fold, the schedule that everybody runs,
// and a Pebble store on a disk in memory, on a simulated network in virtual time.
//
// A seed gives the daemons' keys, the links, and who writes what and when. The order
// of what happens at one moment is the scheduler's, which packet is lost follows
// from it; so a test judges what must hold in any order, after virtual time that is
// more than enough, and never how long a thing took.
//
// Virtual time stands still while anybody waits for a mutex. That is why the disk
// takes no time: Pebble holds its commit mutex while it ends one log and begins the
// next, and with a disk that sleeps, who waits for that mutex would wait for ever.
//
// One history again:
//
//	go test ./peer -run 'TestSimHalves$' -seed 17
//
// More of them: CORDON_VOLUME=gate (.ci/run), and ten times that, CORDON_VOLUME=full (.ci/full).
var simSeed = flag.Int64("seed", -1, "play this history alone")

// enough is more than what daemons need to come to the same, whatever happened: the
// longest pause between two dials, an idle connection's end, and a round of TAGS.
const enough = 10 * time.Minute

// histories are the first seed and the number of those that are played, few by default.
func histories(few, gate int) (first uint64, n int) {
	switch os.Getenv("CORDON_VOLUME") {
	case "gate":
		few = gate
	case "full":
		few = 10 * gate
	}
	if *simSeed >= 0 {
		return uint64(*simSeed), 1
	}
	return 0, few
}

// unraced leaves a test of the simulated network out under the race detector.
func unraced(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("NOT RUN: the race detector of go1.26.8 crashes in its own code, about every other time, when timers fire in a bubble")
	}
}

// simulate plays few histories, or more on demand, one bubble each.
func simulate(t *testing.T, n, few, gate int, play func(w *world)) {
	t.Helper()
	unraced(t)
	first, few := histories(few, gate)
	for i := range few {
		seed := first + uint64(i)
		cryptotest.SetGlobalRandom(t, seed)
		t.Logf("again: go test ./peer -run '%s$' -seed %d", t.Name(), seed)
		synctest.Test(t, func(t *testing.T) { play(newWorld(t, seed, n)) })
	}
}

// world is members of one case on a simulated network.
type world struct {
	t     *testing.T
	draw  *rand.Rand
	orgs  []*peertest.Org // by transport id, the last has the smallest and opens its sessions
	c     id.CaseID
	wrote []note
	liar  id.Kid        // the one key that may have forked
	beat  time.Duration // Schedule.Beat of who starts anew; zero: as everybody
	small bool          // no body is written that needs frames of its own
	wires *simnet.Simnet
	speed map[int]int // bits a second of a member that starts anew; none: fast

	mu    sync.Mutex // guards what the network reads
	luck  *rand.Rand
	loss  float64
	sent  int                      // bytes, lost ones too
	first int                      // bytes of those to and from the first member
	sway  float64                  // of a line's delay, at most so much more or less: packets overtake each other
	far   map[[2]int]time.Duration // from the lower to the higher number; none: no link
	side  map[int]int              // of a partition; none: hears both
	dark  map[int]bool             // cut off from all
	place map[string]int           // by IP address
}

// note is an entry that somebody has written and been told is durable.
type note struct {
	by   *peertest.Org
	e    ledger.Entry
	text []byte // of the body; nil without one
}

// newWorld has n members of a case, each linked to each.
func newWorld(t *testing.T, seed uint64, n int) *world {
	w := &world{t: t, draw: rand.New(rand.NewPCG(seed, 1)), luck: rand.New(rand.NewPCG(seed, 2)),
		far: map[[2]int]time.Duration{}, side: map[int]int{}, dark: map[int]bool{}, place: map[string]int{}, speed: map[int]int{}}
	w.wires = &simnet.Simnet{LatencyFunc: w.delay, Logger: slog.New(slog.DiscardHandler)}
	w.wires.Start()
	t.Cleanup(w.wires.Close)
	for i := range n {
		w.add(i)
	}
	slices.SortFunc(w.orgs, func(a, b *peertest.Org) int { return -cmp.Compare(peerOf(t, a), peerOf(t, b)) })
	w.mesh()
	peertest.Meet(w.orgs...)
	start(t, w.orgs...)
	w.c = must(w.orgs[0].Open())(t)
	for _, o := range w.orgs[1:] {
		if err := w.orgs[0].Invite(w.c, o.ID, protocol.MitigatingVendor); err != nil {
			t.Fatal(err)
		}
	}
	w.settle(w.same)
	return w
}

const mbps = 1_000_000

// add makes an organisation at an address of its own.
func (w *world) add(i int) {
	o := must(peertest.NewOn(string(rune('A'+i)), memdisk.New(), peer.DefaultSchedule()))(w.t)
	w.t.Cleanup(func() {
		if err := o.Close(); err != nil {
			w.t.Error(err)
		}
	})
	w.orgs = append(w.orgs, o)
	o.Tune = func(c *peer.Config) {
		at := slices.Index(w.orgs, o)
		ip := simnet.IntToPublicIPv4(at)
		w.mu.Lock()
		w.place[ip.String()] = at
		w.mu.Unlock()
		c.Schedule.Beat = w.beat
		c.Listen = []string{fmt.Sprintf("/ip4/%s/udp/8000/quic-v1", ip)}
		line := simnet.LinkSettings{BitsPerSecond: cmp.Or(w.speed[at], 50*mbps)}
		peer.Wire(c, simlibp2p.QUICSimnet(w.wires, simnet.NodeBiDiLinkSettings{Downlink: line, Uplink: line}))
	}
}

// lost is the delay of a packet that never comes: the world ends before.
const lost = 100 * 365 * 24 * time.Hour

// delay is simnet's question about each packet.
func (w *world) delay(p *simnet.Packet) time.Duration {
	from, to := p.From.(*net.UDPAddr).IP.String(), p.To.(*net.UDPAddr).IP.String()
	w.mu.Lock()
	defer w.mu.Unlock()
	size := reflect.ValueOf(p).Elem().FieldByName("buf").Len()
	w.sent += size
	a, b := w.place[from], w.place[to]
	if a == 0 || b == 0 {
		w.first += size
	}
	d, linked := w.far[[2]int{min(a, b), max(a, b)}]
	sa, parted := w.side[a]
	sb, too := w.side[b]
	if !linked || w.dark[a] || w.dark[b] || parted && too && sa != sb || w.luck.Float64() < w.loss {
		return lost
	}
	return d + time.Duration(w.sway*(2*w.luck.Float64()-1)*float64(d))
}

// link gives two members a line of 20 to 200 ms.
func (w *world) link(a, b int) {
	w.linkIn(a, b, 20*time.Millisecond+time.Duration(w.draw.Int64N(int64(180*time.Millisecond))))
}

func (w *world) linkIn(a, b int, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.far[[2]int{min(a, b), max(a, b)}] = d
}

// mesh links everybody with everybody.
func (w *world) mesh() {
	for b := range w.orgs {
		for a := range b {
			w.link(a, b)
		}
	}
}

// scatter leaves a random tree of links over the members, and as many more.
func (w *world) scatter(members ...int) {
	w.mu.Lock()
	clear(w.far)
	w.mu.Unlock()
	for i := 1; i < len(members); i++ {
		w.link(members[w.draw.IntN(i)], members[i])
	}
	for range members {
		if a, b := w.draw.IntN(len(members)), w.draw.IntN(len(members)); a != b {
			w.link(members[a], members[b])
		}
	}
}

func (w *world) plug(i int, in bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dark[i] = !in
}

func (w *world) isDark(i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dark[i]
}

func (w *world) lose(p float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loss = p
}

// part puts members into halves that do not hear each other; nobody parted heals.
func (w *world) part(side map[int]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.side = side
}

// write is what a member writes: of control, content, and content of some size.
func (w *world) write(i int) {
	o := w.orgs[i]
	n := note{by: o}
	var err error
	switch k := w.draw.IntN(8); {
	case k < 2:
		n.e, err = o.Write(w.c, &protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/192.0.2.1/tcp/%d", 1+len(w.wrote))}})
	case k == 2 && !w.small:
		n.text = bytes.Repeat([]byte{byte(w.draw.Int())}, 100<<10)
	default:
		n.text = fmt.Appendf(nil, "note %d", len(w.wrote))
	}
	if n.text != nil {
		n.e, err = o.Note(w.c, n.text)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if !w.isDark(i) { // else its power went meanwhile, and nobody was told
		w.wrote = append(w.wrote, n)
	}
}

// busy has members write, n entries in all, within a time.
func (w *world) busy(n int, within time.Duration, members ...int) {
	for range n {
		w.write(members[w.draw.IntN(len(members))])
		pass(time.Duration(w.draw.Int64N(int64(within) / int64(n))))
	}
}

// pass lets virtual time pass: nobody is late for it.
func pass(d time.Duration) { <-time.After(d) }

// settle waits until a check holds.
func (w *world) settle(check func() error) {
	w.t.Helper()
	if err := w.within(enough, check); err != nil {
		w.t.Fatal(err)
	}
}

// bites says that a check finds fault, as it must, for as long as virtual time d.
func (w *world) bites(d time.Duration, check func() error) {
	w.t.Helper()
	err := w.within(d, check)
	if err == nil {
		w.t.Fatal("the check finds no fault where there is one")
	}
	w.t.Logf("negative control: %v", err)
}

// same is the check that all members are the same.
func (w *world) same() error { return w.apart(w.orgs...) }

// within gives a check so much virtual time, and is what it says at last.
func (w *world) within(d time.Duration, check func() error) (err error) {
	begin := time.Now()
	for time.Since(begin) < d {
		if err = check(); err == nil {
			return nil
		}
		pass(time.Second)
	}
	return fmt.Errorf("after %v: %w", d, err)
}

// apart says how members differ: by what they hold of what was written, by their
// heads, by what they fold.
func (w *world) apart(orgs ...*peertest.Org) error {
	for _, o := range orgs {
		if !o.Member(w.c, o.ID) {
			return fmt.Errorf("%s is no member by its own fold", o.Chain.Name)
		}
		if d := o.Digest(w.c); d != orgs[0].Digest(w.c) {
			return fmt.Errorf("%s and %s fold differently", o.Chain.Name, orgs[0].Chain.Name)
		}
		if a, b := w.heads(o), w.heads(orgs[0]); !slices.Equal(a, b) {
			return fmt.Errorf("%s and %s hold different heads: %d, %d", o.Chain.Name, orgs[0].Chain.Name, len(a), len(b))
		}
	}
	for _, o := range orgs {
		if err := w.lacks(o, nil); err != nil {
			return err
		}
		forks, err := o.Ledger.Forks(w.c)
		if err != nil {
			return err
		}
		for _, f := range forks {
			if f.Feed.Kid != w.liar {
				return fmt.Errorf("%s holds a fork of an honest key", o.Chain.Name)
			}
		}
	}
	return nil
}

func (w *world) heads(o *peertest.Org) []ledger.Head {
	list, _ := o.Ledger.Heads(w.c)
	slices.SortFunc(list, func(a, b ledger.Head) int { return cmp.Or(a.Feed.Compare(b.Feed), bytes.Compare(a.ID[:], b.ID[:])) })
	return list
}

// lacks says what a member does not hold of what by wrote; nil: anybody.
func (w *world) lacks(o, by *peertest.Org) error {
	for _, n := range w.wrote {
		if by != nil && n.by != by {
			continue
		}
		if _, err := o.Ledger.Entry(w.c, n.e.ID); err != nil {
			return fmt.Errorf("%s lacks an entry of %s: %v", o.Chain.Name, n.by.Chain.Name, err)
		}
		if n.text == nil {
			continue
		}
		if got, err := o.Body(w.c, n.e.ID); err != nil || !bytes.Equal(got, n.text) {
			return fmt.Errorf("%s lacks a body of %s: %v", o.Chain.Name, n.by.Chain.Name, err)
		}
	}
	return nil
}

// all are the numbers of n members.
func all(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
