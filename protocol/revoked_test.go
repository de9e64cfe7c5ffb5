package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// TestIntroduced: the key of a new daemon comes into a case by the ident entry that
// certifies it and that it signs itself, in the name of an organisation which the
// past knows, and in no other way.
func TestIntroduced(t *testing.T) {
	a, b, _, x := trio()
	kid := func(name string) id.Kid { return link.KidOf(name) }

	// Of the sole steward, while nobody else may bring its events.
	admitted := a.Act(a.Admission(x, protocol.Observer, "1"))
	events := [][]byte{must(a.Org.RevokeDaemon(a.Root, a.Kid, identity.Superseded))}
	a.Org = must(a.Org.Extend(events[0]))
	events = append(events, a.Certify("A/2", identity.CapWrite, identity.CapConsent, identity.CapSteward, identity.CapInvite))
	a.Use("A/2")
	if err := a.Case.May(a.Kid, fields(&protocol.Status{RM: protocol.RMValid})); err == nil {
		t.Error("a key that nothing has introduced may write")
	}
	m := &protocol.Ident{Events: events}
	if err := a.Case.May(a.Kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), T: a.Clock()}); err != nil {
		t.Errorf("a new daemon may not introduce itself: %v", err)
	}
	intro := a.Say(m)
	verdict(t, a.Case, intro, "")
	verdict(t, a.Case, admitted, "")
	verdict(t, a.Case, a.Act(&protocol.Remove{Org: x.Org.ID}), "")
	if err := a.Case.May(a.Kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), T: a.Clock()}); err == nil {
		t.Error("what the case knows may be told again")
	}

	// In no other's name, with no gap, and not as part of another history.
	stranger := link.NewDaemon(nil, "stranger")
	for name, c := range map[string]struct {
		want   string
		key    string
		events func() [][]byte
	}{
		"an organisation that the case does not know": {"key-not-certified", "stranger/1", func() [][]byte { return stranger.Org.Events }},
		"events that do not certify the author":       {"key-not-certified", "B/9", func() [][]byte { return [][]byte{must(b.Org.Rename(b.Root, "Bee", nil))} }},
		"a gap": {"key-not-certified", "B/3", func() [][]byte {
			org := must(b.Org.Extend(must(b.Org.Rename(b.Root, "Bee", nil))))
			return [][]byte{certify(b, org, "B/3")}
		}},
		"a certificate that is revoked at once": {"key-revoked", "B/4", func() [][]byte {
			e := certify(b, b.Org, "B/4")
			return [][]byte{e, must(must(b.Org.Extend(e)).RevokeDaemon(b.Root, kid("B/4"), identity.Stolen))}
		}},
		"another cap than write": {"cap-missing", "B/5", func() [][]byte { return [][]byte{certify(b, b.Org, "B/5", identity.CapConsent)} }},
	} {
		d := *b
		d.Use(c.key)
		e := d.Write(fields(&protocol.Ident{Events: c.events()}, intro))
		if rule, _ := d.Case.Verdict(e.ID); rule != c.want {
			t.Errorf("%s: %q, want %q", name, rule, c.want)
		}
	}

	// Two histories: the second is no way in.
	one, two := certify(b, b.Org, "B/6"), certify(b, b.Org, "B/7")
	first := *b
	first.Use("B/6")
	shown := first.Write(fields(&protocol.Ident{Events: [][]byte{one}}, intro))
	verdict(t, first.Case, shown, "")
	second := *b
	second.Use("B/7")
	verdict(t, second.Case, second.Write(fields(&protocol.Ident{Events: [][]byte{two}}, shown)), "key-not-certified")
}

// certify is the event by which an organisation certifies a key drawn from a name.
func certify(d *link.Daemon, org *identity.Org, name string, caps ...identity.Cap) []byte {
	if caps == nil {
		caps = []identity.Cap{identity.CapWrite}
	}
	x := *d
	x.Org = org
	return x.Certify(name, caps...)
}

// TestRevoked is P8.2: of what a revoked key of a steward decided nothing stands
// that its organisation's cuts leave out, or, without cuts, that the entries which
// show the revocation had not seen; its daemon is sent nothing; all that in any
// order of arrival. THREATS A6.
func TestRevoked(t *testing.T) {
	seeds(t, 100, func(seed uint64) string { return revoked(protocol.NewCase, seed) })
	notices(t, "a forked steward has no power", 300, func(seed uint64) string {
		return revoked(func() *protocol.Case { return protocol.Broken("a forked steward has no power") }, seed)
	})
}

// revoked plays one theft: the owner and the thief of a key act side by side, the
// root revokes it, a new key takes over, with or without a cut.
func revoked(fresh func() *protocol.Case, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 82))
	a, b, c, _ := trio()
	thief := link.NewDaemon(nil, "A")
	for _, e := range inOrder(a) {
		thief.Accept(e)
	}
	var acts []*entry.Sealed
	act := func(d *link.Daemon, prev *entry.Sealed) *entry.Sealed {
		x := admitted()[len(acts)]
		var m protocol.Message = &protocol.Remove{Org: []id.OrgID{b.Org.ID, c.Org.ID}[rng.IntN(2)]}
		if rng.IntN(3) > 0 {
			prev = after(d, prev, &protocol.Ident{Events: x.Org.Events})
			m = d.Admission(x, protocol.Observer, "1")
		}
		acts = append(acts, after(d, prev, m))
		return acts[len(acts)-1]
	}
	top := lastOf(a)
	for range 1 + rng.IntN(4) {
		top = act(a, top)
	}
	if rng.IntN(2) == 0 { // the thief goes on from the owner's last, else it forks from before
		for _, e := range inOrder(a) {
			thief.Accept(e)
		}
	}
	events := [][]byte{must(a.Org.RevokeDaemon(a.Root, a.Kid, identity.Stolen))}
	a.Org = must(a.Org.Extend(events[0]))
	events = append(events, a.Certify("A/2", identity.CapWrite, identity.CapConsent, identity.CapSteward, identity.CapInvite))
	old := a.Kid
	stolen := a.Peer()
	own := slices.Clone(acts)
	a.Use("A/2")
	m := &protocol.Ident{Events: events}
	var cut *identity.CutPlace
	if rng.IntN(2) == 0 {
		at := own[rng.IntN(len(own))]
		cut = &identity.CutPlace{Seq: at.Seq, Entry: at.ID}
		m.Cut = identity.SealCut(a.Key, identity.Cut{Case: a.Case.ID(), Kid: old, At: cut})
	}
	intro := a.Say(m)
	top = lastOf(thief)
	for range 1 + rng.IntN(4) {
		top = act(thief, top)
	}
	pool := inOrder(a, thief)
	past := pasts(pool)
	var first string
	for range 2 {
		k := fold(fresh(), shuffledBy(pool, rng))
		for _, e := range acts {
			if e.Kid != old {
				continue
			}
			rule, _ := k.Verdict(e.ID)
			stands := past[intro.ID][e.ID]
			if cut != nil {
				stands = e.ID == cut.Entry || past[cut.Entry][e.ID]
			}
			if rule == "" && !stands {
				return fmt.Sprintf("an act of the revoked key at %d is honoured (cut %v)", e.Seq, cut)
			}
		}
		for _, e := range pool {
			if k.MaySend(e.ID, protocol.Header, protocol.Recipient{Org: a.Org.ID, Key: stolen}, protocol.Local{Us: b.Org.ID, Now: a.Clock() / 1000}).Send {
				return "the revoked daemon is sent something"
			}
		}
		d := fmt.Sprint(k.Digest())
		for _, e := range pool {
			rule, _ := k.Verdict(e.ID)
			d += " " + rule
		}
		if first != "" && d != first {
			return "two orders of arrival give two verdicts"
		}
		first = d
	}
	return ""
}

// admitted are organisations that a history admits one after the other.
var admitted = sync.OnceValue(func() (ds []*link.Daemon) {
	for i := range 8 {
		ds = append(ds, link.NewDaemon(nil, fmt.Sprintf("X%d", i)))
	}
	return ds
})

// after writes a control message after prev, with the deps that a daemon names.
func after(d *link.Daemon, prev *entry.Sealed, m protocol.Message) *entry.Sealed {
	cfg := d.Case.Config().ID
	return d.WriteAfter(prev, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: &cfg,
		Deps: d.Case.Deps(d.Kid, id.Control, d.Case.Needs(m)...)})
}

// lastOf is the last control entry of its own that a daemon holds.
func lastOf(d *link.Daemon) (last *entry.Sealed) {
	for _, e := range d.Held {
		if e.Kid == d.Kid && e.Control() && (last == nil || e.Seq > last.Seq) {
			last = e
		}
	}
	return last
}

// pasts are the entries below each entry along prev and deps.
func pasts(pool []*entry.Sealed) map[id.EntryID]map[id.EntryID]bool {
	past := map[id.EntryID]map[id.EntryID]bool{}
	for _, e := range pool { // in a causal order
		mine := map[id.EntryID]bool{}
		for _, d := range append([]id.EntryID{e.Prev}, e.Deps...) {
			if past[d] != nil {
				mine[d] = true
				for x := range past[d] {
					mine[x] = true
				}
			}
		}
		past[e.ID] = mine
	}
	return past
}

// shuffledBy is another causal order of a pool.
func shuffledBy(pool []*entry.Sealed, rng *rand.Rand) []*entry.Sealed {
	h := &history{pool: pool}
	return h.shuffled(rng.IntN)
}
