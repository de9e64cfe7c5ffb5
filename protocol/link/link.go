// Package link is a network inside one process, for tests: messages between ends
// in an order drawn from a seed, with loss, repetition and partition. Beside it
// stands Daemon, the smallest thing that takes part in a case over such a
// network: it writes, asks the gate before it sends, and pulls what it lacks.
// It is test support, not a transport: no keys protect what it carries.
//
// Main path: New, Net.Join, Net.Run; NewDaemon, Open, Daemon.Admit, Daemon.Write, Daemon.Sync.
package link

import "math/rand/v2"

// Net carries frames between its ends. One seed gives one history.
type Net struct {
	Loss  float64 // how likely a frame is lost
	Twice float64 // how likely a frame comes twice

	rng   *rand.Rand
	ends  []func(from int, frame []byte)
	queue []message
	group []int // by end; frames pass inside a group only
	spy   func(from, to int, frame []byte)
}

type message struct {
	from, to int
	frame    []byte
}

// New is a network without ends.
func New(seed uint64) *Net { return &Net{rng: rand.New(rand.NewPCG(seed, 0))} }

// Join adds an end and returns its number. receive is called by Run.
func (n *Net) Join(receive func(from int, frame []byte)) int {
	n.ends = append(n.ends, receive)
	n.group = append(n.group, 0)
	return len(n.ends) - 1
}

// Spy sees every frame at the moment it is sent, lost ones too.
func (n *Net) Spy(see func(from, to int, frame []byte)) { n.spy = see }

// Send queues a frame; it may be lost at delivery.
func (n *Net) Send(from, to int, frame []byte) {
	if n.spy != nil {
		n.spy(from, to, frame)
	}
	n.queue = append(n.queue, message{from, to, frame})
}

// Part puts ends into a group of their own: nothing passes its border, what is
// under way included.
func (n *Net) Part(ends ...int) {
	top := 0
	for _, g := range n.group {
		top = max(top, g)
	}
	for _, e := range ends {
		n.group[e] = top + 1
	}
}

// Heal ends all partitions.
func (n *Net) Heal() { clear(n.group) }

// Step delivers one frame, drawn from all that are under way; false when there
// is none.
func (n *Net) Step() bool {
	if len(n.queue) == 0 {
		return false
	}
	i := n.rng.IntN(len(n.queue))
	m := n.queue[i]
	last := len(n.queue) - 1
	n.queue[i] = n.queue[last]
	n.queue = n.queue[:last]
	if n.group[m.from] != n.group[m.to] || n.rng.Float64() < n.Loss {
		return true
	}
	if n.rng.Float64() < n.Twice {
		n.queue = append(n.queue, m)
	}
	n.ends[m.to](m.from, m.frame)
	return true
}

// Run delivers until nothing is under way, at most most frames; false when some
// are left.
func (n *Net) Run(most int) bool {
	for range most {
		if !n.Step() {
			return true
		}
	}
	return len(n.queue) == 0
}
