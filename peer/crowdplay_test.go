package peer_test

import (
	"slices"

	"cordon/peer"
)

// write is an entry of one's own: durable, then to all, by what they are taken to hold.
func (w *crowd) write(f int) {
	w.after(crowdDisk, func() {
		o := w.orgs[f]
		w.hold(f, f)
		seq := o.have[f]
		for _, j := range o.peers {
			e := o.with[j]
			switch {
			case !e.up:
			case w.shy || e.known == nil || e.known[f] != seq-1:
				w.ihave(f, j, []int{f})
			default:
				e.known[f] = seq
				w.give(f, j, f, seq-1, seq)
			}
		}
	})
}

// hold stores the next entry of a feed.
func (w *crowd) hold(i, f int) {
	o := w.orgs[i]
	o.have[f]++
	o.came[f] = append(o.came[f], w.now)
}

// give sends entries from..to, the end not included.
func (w *crowd) give(i, j, f, from, to int) {
	e := w.orgs[i].with[j]
	if e.known != nil {
		e.known[f] = max(e.known[f], to)
	}
	e.way = append(e.way, [3]int{f, from, to})
	w.send(i, j, "ENTRIES", w.entries(to-from), func() {
		w.after(crowdDisk, func() { w.taken(j, i, f, from, to) })
	})
}

// taken is what follows when ENTRIES is durable: ACK, telling on, asking for what is below.
func (w *crowd) taken(i, from, f, first, end int) {
	o := w.orgs[i]
	e, back := o.with[from], w.orgs[from].with[i]
	missing, stored := first > o.have[f], 0
	for !missing && o.have[f] < end {
		w.hold(i, f)
		stored++
	}
	w.send(i, from, "ACK", ackSize, func() {
		if at := slices.Index(back.way, [3]int{f, first, end}); at >= 0 {
			back.way = slices.Delete(back.way, at, at+1)
		}
	})
	if stored > 0 {
		if e.known != nil {
			e.known[f] = max(e.known[f], end)
		}
		if k, ok := o.asks[f]; ok && k.by == from {
			k.until = w.now + crowdTimes.Retry
			o.asks[f] = k
		}
		w.tellLater(i, f)
	}
	if missing {
		delete(o.asks, f)
		w.vec(i, from)
	}
	w.pull(i, from)
}

// tellLater tells a few of an entry of somebody else, after a random delay.
func (w *crowd) tellLater(i, f int) {
	o := w.orgs[i]
	if o.tells != nil {
		o.tells[f] = true
		return
	}
	o.tells = map[int]bool{f: true}
	w.after(w.within(crowdTimes.Tell), func() {
		due := o.tells
		o.tells = nil
		list := slices.Clone(o.peers)
		w.luck.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
		told := 0
		for _, j := range list {
			if told == w.tell {
				return
			}
			e := o.with[j]
			var news []int
			for f := range w.writers {
				if e.up && due[f] && (e.known == nil || e.known[f] < o.have[f]) {
					news = append(news, f)
				}
			}
			if len(news) > 0 {
				w.ihave(i, j, news)
				told++
			}
		}
	})
}

func (w *crowd) ihave(i, j int, feeds []int) {
	heads := map[int]int{}
	for _, f := range feeds {
		heads[f] = w.orgs[i].have[f]
	}
	w.send(i, j, "IHAVE", ihaveSize(len(feeds)), func() {
		o := w.orgs[j]
		e := o.with[i]
		if e.known == nil {
			e.known = make([]int, w.writers)
		}
		news := false
		for f, n := range heads {
			e.known[f] = max(e.known[f], n)
			news = news || n > o.have[f]
		}
		if news {
			w.pull(j, i)
		}
	})
}

// pull asks one for what it is known to hold, and nobody else was asked for.
func (w *crowd) pull(i, from int) {
	o := w.orgs[i]
	e := o.with[from]
	if !e.up || e.known == nil {
		return
	}
	for f, n := range e.known {
		k, asked := o.asks[f]
		first := o.have[f]
		if n <= first {
			if asked && k.to <= first {
				delete(o.asks, f)
			}
			continue
		}
		if asked && w.now < k.until && k.to >= first {
			first = k.to
		}
		if first >= n {
			continue
		}
		o.asks[f] = crowdAsk{n, from, w.now + crowdTimes.Retry}
		w.send(i, from, "WANT", wantSize, func() {
			if end := min(n, w.orgs[from].have[f]); end > first {
				w.give(from, i, f, first, end)
			}
		})
	}
}

// reask turns to others for what a session that has ended was asked for, or, with who below
// 0, for what was not answered.
func (w *crowd) reask(i, who int) {
	o := w.orgs[i]
	again := false
	for f := range w.writers {
		if k, ok := o.asks[f]; ok && (k.by == who || who < 0 && w.now > k.until) {
			delete(o.asks, f)
			again = true
			if e := o.with[k.by]; e.known != nil {
				e.known[f] = 0
			}
		}
	}
	if again {
		for _, j := range o.peers {
			w.pull(i, j)
		}
	}
}

func (w *crowd) expire(i int) {
	w.reask(i, -1)
	w.after(crowdTimes.Retry/2, func() { w.expire(i) })
}

// compare sends VEC to one at random.
func (w *crowd) compare(i int) {
	var up []int
	for _, j := range w.orgs[i].peers {
		if w.orgs[i].with[j].up {
			up = append(up, j)
		}
	}
	if len(up) > 0 {
		w.vec(i, up[w.luck.IntN(len(up))])
	}
	w.after(w.jitter(crowdTimes.Compare), func() { w.compare(i) })
}

func (w *crowd) vec(i, j int) {
	o := w.orgs[i]
	said := slices.Clone(o.have)
	o.with[j].vec = said
	w.send(i, j, "VEC", ihaveSize(w.heads), func() {
		p := w.orgs[j]
		e := p.with[i]
		e.known = slices.Clone(said)
		for _, on := range e.way {
			if f, from := on[0], on[1]; e.known[f] == from && f == j && !w.forgets {
				e.known[f] = on[2]
			}
		}
		ahead := false
		for f, n := range e.known {
			ahead = ahead || n < p.have[f]
		}
		if ahead && !slices.Equal(e.vec, p.have) {
			w.vec(j, i)
		}
		w.pull(j, i)
	})
}

// tags compares marks, every minute while the session lasts.
func (w *crowd) tags(i, j, life int) {
	o := w.orgs[i]
	if o.with[j].life != life {
		return
	}
	said := slices.Clone(o.have)
	w.send(i, j, "TAGS", tagsSize, func() {
		p := w.orgs[j]
		e := p.with[i]
		switch same := slices.Equal(said, p.have); {
		case !same && (e.known == nil || w.luck.IntN(w.size) < peer.ComparePeers):
			w.vec(j, i)
		case same && e.known == nil:
			e.known = slices.Clone(said)
		}
	})
	w.after(crowdTimes.Tags, func() { w.tags(i, j, life) })
}
