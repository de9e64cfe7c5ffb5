package protocol_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// steps are what a daemon of a history does, each as often as its weight says.
var steps = func() (all []func(*history, *writer)) {
	for _, s := range []struct {
		weight int
		do     func(*history, *writer)
	}{
		{4, (*history).admit}, {4, (*history).remove}, {1, (*history).exit}, {6, (*history).report}, {2, (*history).fix},
		{2, (*history).claim}, {1, (*history).confirm}, {1, (*history).room}, {3, (*history).tell}, {1, (*history).move},
		{3, (*history).rekey}, {2, (*history).fork}, {1, (*history).forkContent}, {2, (*history).prove}, {1, (*history).strange},
		{6, (*history).propose}, {3, (*history).endorse}, {7, (*history).carryOne}, {3, (*history).succeed},
		{2, (*history).betray}, {3, (*history).split}, {1, (*history).wait}, {2, (*history).live},
		{3, (*history).offer}, {6, (*history).answer}, {1, (*history).refute}, {1, (*history).end},
		{1, (*history).plan}, {2, (*history).answerPlan}, {2, (*history).link},
	} {
		for range s.weight {
			all = append(all, s.do)
		}
	}
	return all
}()

// step lets one daemon do one thing. Nothing keeps it to the rules.
func (h *history) step() {
	w := h.ws[h.pick(len(h.ws))]
	if !h.known.Member(h.ds[w.org].Org.ID) && h.pick(3) > 0 { // strangers are all alike
		w = h.ws[h.pick(len(h.ws))]
	}
	if len(w.own) == 0 || h.pick(3) == 0 {
		h.learn(w)
	}
	steps[h.pick(len(steps))](h, w)
}

// powerful is mostly a daemon of who decides, or once did; else w.
func (h *history) powerful(w *writer) *writer {
	if h.pick(4) == 0 {
		return w
	}
	x, _ := oneOf(h, h.confs)
	if h.pick(3) > 0 {
		x.Config = h.known.Config()
	}
	o, ok := oneOf(h, x.Stewards)
	if !ok {
		return w
	}
	return h.steward(o)
}

func (h *history) admit(w *writer) {
	h.admitAs(h.powerful(w), h.pick(len(h.ds)), protocol.Role(1+h.pick(6)), fmt.Sprint(h.pick(3)))
}

// able says whether an organisation's own key is certified and not revoked, so
// that it can sign invites, accepts and cards.
func able(d *link.Daemon) bool {
	x, ok := d.Org.Daemon(d.Kid)
	return ok && !x.Revoked
}

func (h *history) admitAs(w *writer, org int, role protocol.Role, label string) {
	from, to := h.ds[w.org], h.ds[org]
	if org == w.org || !able(from) || !able(to) || len(h.confs) == 0 {
		return
	}
	known := 0
	for _, s := range h.idents {
		if s.org == org && w.seen.has(s.at) {
			known = max(known, s.to)
		}
	}
	if known < len(to.Org.Events) {
		i := h.act(w, &protocol.Ident{Events: to.Org.Events[known:]})
		h.idents = append(h.idents, shownEvents{i, org, len(to.Org.Events)})
	}
	h.act(w, admitOf(h.known, from, to, role, label))
}

type admitKey struct {
	c        id.CaseID
	agr      id.AgrID
	from, to string
	role     protocol.Role
	label    string
}

var admits sync.Map

// admitOf is an admit message; making one costs three signatures.
func admitOf(c *protocol.Case, from, to *link.Daemon, role protocol.Role, label string) *protocol.Admit {
	agr := c.Embargo().Agreement
	k := admitKey{c.ID(), agr, string(from.Org.Events[len(from.Org.Events)-1]) + string(from.Kid[:]),
		string(to.Org.Events[len(to.Org.Events)-1]) + string(to.Kid[:]), role, label}
	if m, ok := admits.Load(k); ok {
		return m.(*protocol.Admit)
	}
	salt := [32]byte(link.Seed(to.Org.Name+label, "salt"))
	invite := must(admission.SealInvite(from.Key, admission.Invite{
		Nonce: [16]byte(link.Seed(to.Org.Name+label, "invite")), Inviter: from.Org.ID, Invitee: to.Org.ID,
		Commitment: admission.Commitment(c.ID(), salt), Role: uint8(role), Agr: agr, Expiry: link.Start,
	}))
	opened := must(admission.OpenInvite(invite, from.Org))
	m := &protocol.Admit{Invite: invite, Accept: must(admission.SealAccept(to.Key, opened.Accept())), Salt: salt,
		Card: must(identity.SealCard(to.Key, identity.Card{Org: to.Org, T: link.Start}))}
	admits.Store(k, m)
	return m
}

func (h *history) remove(w *writer) {
	h.act(h.powerful(w), &protocol.Remove{Org: h.ds[h.pick(len(h.ds))].Org.ID, Code: 1})
}

func (h *history) exit(w *writer) { h.say(w, &protocol.Exit{Code: 2}) }

func (h *history) report(w *writer) { h.say(w, &protocol.Status{RM: protocol.RM(2 + h.pick(5))}) }

func (h *history) fix(w *writer) { h.say(w, &protocol.Status{Fix: protocol.Fix(2 + h.pick(2))}) }

func (h *history) claim(w *writer) {
	h.claims = append(h.claims, h.pool[h.say(w, &protocol.Claim{What: protocol.What(1 + h.pick(3))})].ID)
}

func (h *history) confirm(w *writer) {
	if x, ok := oneOf(h, h.claims); ok {
		h.say(w, &protocol.Confirm{Claim: x})
	}
}

func (h *history) move(w *writer) {
	h.say(w, &protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", 1000+h.pick(9))}})
}

func (h *history) live(w *writer) { h.say(w, &protocol.Alive{}) }

func (h *history) room(w *writer) {
	readers := []id.OrgID{h.ds[w.org].Org.ID}
	for j, o := range h.ds {
		if j != w.org && h.pick(2) == 1 {
			readers = append(readers, o.Org.ID)
		}
	}
	h.rooms = append(h.rooms, id.Comp(h.pool[h.say(w, protocol.NewCompartment(readers...))].ID))
}

// content is a content entry with a body that nobody has.
func (h *history) content(comp id.Comp) entry.Fields {
	agr := h.known.Embargo().Agreement
	if x, ok := oneOf(h, h.terms); ok && h.chance(3) {
		agr = x.ID()
	}
	return entry.Fields{Type: protocol.Note, Comp: comp, Agr: &agr, Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 1, KC: [32]byte{2}}}
}

func (h *history) tell(w *writer) {
	comp := id.Everyone
	if n := h.pick(len(h.rooms) + 1); n > 0 {
		comp = h.rooms[n-1]
	}
	h.write(w, h.content(comp))
}

// offer proposes terms: mostly after those in force, with one of a few ends, now and then with another
// text, so that some relax others.
func (h *history) offer(w *writer) {
	if h.pick(2) == 0 {
		w = h.powerful(w)
	}
	parent := h.known.Embargo().Agreement
	if x, ok := oneOf(h, h.terms); ok && h.chance(3) {
		parent = x.ID()
	}
	text := "Keep it among us."
	if h.chance(4) {
		text = "Tell nobody."
	}
	a := terms(&parent, uint64(h.pick(7)*15), text)
	h.terms = append(h.terms, a)
	h.speak(w, &protocol.EmbargoPropose{Terms: a})
}

// answer accepts or rejects terms.
func (h *history) answer(w *writer) {
	if h.pick(2) == 0 {
		w = h.powerful(w)
	}
	agr := h.known.Embargo().Agreement
	if x, ok := oneOf(h, h.terms); ok && h.pick(5) > 0 {
		agr = x.ID()
	}
	if h.chance(4) {
		h.say(w, &protocol.EmbargoReject{Agr: agr})
		return
	}
	h.speak(w, &protocol.EmbargoAccept{Agr: agr})
}

// speak is act where the organisation decides now, mostly, else say.
func (h *history) speak(w *writer, m protocol.Message) {
	if slices.Contains(h.known.Stewards(), h.ds[w.org].Org.ID) != h.chance(6) {
		h.act(w, m)
		return
	}
	h.say(w, m)
}

func (h *history) refute(w *writer) {
	if x, ok := oneOf(h, h.claims); ok {
		h.act(h.powerful(w), &protocol.Refute{Claim: x})
	}
}

func (h *history) end(w *writer) {
	if h.chance(3) {
		h.say(h.powerful(w), &protocol.EmbargoEnd{Code: 1})
	}
}

// plan plans a release, or calls one off.
func (h *history) plan(w *writer) {
	m := &protocol.ReleasePlan{At: link.Start + uint64(1+h.pick(3))}
	if h.chance(5) {
		m.At = 0
	}
	h.plans = append(h.plans, h.pool[h.act(h.powerful(w), m)].ID)
}

func (h *history) answerPlan(w *writer) {
	if x, ok := oneOf(h, h.plans); ok {
		h.say(w, &protocol.ReleaseReady{Plan: x, State: protocol.Readiness(1 + h.pick(2))})
	}
}

// link says of one of two other cases what it is to this one, and until when its
// embargo runs.
func (h *history) link(w *writer) {
	m := &protocol.CaseLink{Pair: id.Pair{byte(1 + h.pick(2))}, Relation: protocol.Relation(1 + h.pick(5))}
	if !h.chance(4) {
		m.Until = link.Start + uint64(1+h.pick(5))*20*24*3600*1000
	}
	h.act(h.powerful(w), m)
}

// wait lets an organisation's clock, or everybody's, go on by what a succession asks.
func (h *history) wait(w *writer) {
	for i := range h.later {
		if i == w.org || h.pick(2) == 0 {
			h.later[i] += protocol.Silence
		}
	}
}

// fork writes after an entry that is not the last of its feed, with what was
// known at some time.
func (h *history) fork(w *writer) {
	if h.calm {
		return
	}
	w = h.powerful(w)
	own, last := w.own[id.Control], w.tip[id.Control]
	prev := -1
	if n := h.pick(len(own) + 1); n > 0 {
		prev = own[n-1]
	} else if w == h.ws[0] {
		prev = 0
	}
	know := w.seen.upTo(len(h.pool) - h.pick(len(h.pool)))
	m, f := protocol.Message(nil), entry.Fields{}
	cfg := h.cite(w)
	switch x, ok := oneOf(h, h.knownTo(w)); h.pick(7) {
	case 0, 1:
		m, f.Cfg = &protocol.Remove{Org: h.ds[h.pick(len(h.ds))].Org.ID}, &cfg
	case 2:
		m = &protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/127.0.0.2/tcp/%d", 1000+h.pick(9))}}
	case 3, 4:
		if !ok || h.honest {
			return
		}
		m = &protocol.Endorse{Config: x.ID}
		if h.pick(2) == 0 {
			know = know.or(h.past[x.at]).with(x.at)
		}
	case 5:
		to := h.ds[h.pick(len(h.ds))]
		if !able(h.ds[w.org]) || !able(to) || to == h.ds[w.org] {
			return
		}
		m, f.Cfg = admitOf(h.known, h.ds[w.org], to, protocol.Role(1+h.pick(6)), fmt.Sprint(h.pick(3))), &cfg
	default:
		m = &protocol.Status{RM: protocol.RM(2 + h.pick(5))}
	}
	f.Type, f.Ctl = m.Type(), protocol.Ctl(m)
	if h.writeAfter(w, prev, f, know); len(own) > 0 && h.pick(2) == 0 {
		w.tip[id.Control] = last
	}
}

// forkContent signs two notes at one place.
func (h *history) forkContent(w *writer) {
	x, ok := oneOf(h, w.own[id.Everyone])
	if !ok || h.calm {
		return
	}
	f := h.content(id.Everyone)
	f.Body.Size = 2
	prev, ok := h.at[h.pool[x].Prev]
	if !ok {
		prev = -1
	}
	h.writeAfter(w, prev, f, w.seen)
}

// prove shows a fork, or what is none.
func (h *history) prove(w *writer) {
	x, ok := oneOf(h, h.forks)
	if !ok {
		return
	}
	a, b := h.pool[x[0]], h.pool[x[1]]
	if h.chance(8) {
		b = h.pool[h.pick(len(h.pool))]
	}
	if h.pick(4) > 0 {
		for i := range x {
			w.seen = w.seen.or(h.past[x[i]])
			if h.pool[x[i]].Control() {
				w.seen = w.seen.with(x[i])
			}
		}
	}
	if bytes.Compare(a.ID[:], b.ID[:]) > 0 != h.chance(10) {
		a, b = b, a
	}
	m := &protocol.Fork{A: a.ID, B: b.ID}
	if !a.Control() || h.chance(10) {
		m.Entries = [][]byte{a.Raw, b.Raw}
	}
	h.say(w, m)
}

// rekey certifies another key and lets some daemon bring it into the case, or
// revokes the one in use, or makes the chain ambiguous.
func (h *history) rekey(w *writer) {
	d := h.ds[w.org]
	if len(d.Org.Events) > 9 {
		return
	}
	h.keys++
	name := fmt.Sprintf("%s/%d", d.Org.Name, 1+len(d.Org.Events))
	was, events, cut := d.Org, [][]byte(nil), []byte(nil)
	bearer := h.ws[h.pick(len(h.ws))]
	switch h.pick(8) {
	case 0, 1:
		kid := h.ws[h.pick(len(h.ws))].kid
		if x, ok := d.Org.Daemon(kid); !ok || x.Revoked {
			return
		}
		events = [][]byte{must(d.Org.RevokeDaemon(d.Root, kid, 1))}
		d.Org, cut = must(d.Org.Extend(events[0])), h.cut(bearer, d, kid)
	case 2:
		events = [][]byte{must(d.Org.Rename(d.Root, name, nil))}
		if h.pick(2) == 0 {
			d.Org = must(d.Org.Extend(events[0]))
		}
	case 3:
		h.usurp(w)
		return
	case 4: // badly signed; its own well-signed twin may come too
		event := d.Certify(name, identity.CapWrite, identity.CapConsent, identity.CapInvite)
		h.shows(bearer, w.org, was, [][]byte{event}, nil)
		event = slices.Clone(event)
		event[len(event)-1] ^= 1
		bearer, events = h.ws[h.pick(len(h.ws))], [][]byte{event}
	case 5, 6: // another daemon decides for the organisation from now on
		if x, ok := d.Org.Daemon(d.Kid); !ok || x.Revoked {
			return
		}
		events = [][]byte{must(d.Org.RevokeDaemon(d.Root, d.Kid, 1))}
		cut = h.cut(bearer, d, d.Kid)
		d.Org = must(d.Org.Extend(events[0]))
		events = append(events, d.Certify(name, identity.CapWrite, identity.CapConsent, identity.CapSteward, identity.CapInvite))
		defer d.Use(name)
		defer h.join(w.org, name, bearer.seen)
	default:
		events = [][]byte{d.Certify(name, identity.CapWrite, identity.CapConsent, identity.CapInvite)}
		defer h.join(w.org, name, bearer.seen)
	}
	h.shows(bearer, w.org, was, events, cut)
}

// cut says up to where the acts of a revoked key stand, or nothing, or nonsense.
func (h *history) cut(w *writer, d *link.Daemon, kid id.Kid) []byte {
	if h.pick(2) == 0 {
		return nil
	}
	x := identity.Cut{Case: h.known.ID(), Kid: kid}
	var known []int
	for _, o := range h.ws {
		for _, i := range o.own[id.Control] {
			if o.kid == kid && w.seen.has(i) {
				known = append(known, i)
			}
		}
	}
	if i, ok := oneOf(h, known); ok && !h.chance(6) {
		x.At = &identity.CutPlace{Seq: h.pool[i].Seq, Entry: h.pool[i].ID}
	}
	switch h.pick(16) {
	case 0:
		x.Case[0] ^= 1
	case 1:
		x.Kid = h.ws[h.pick(len(h.ws))].kid
	case 2:
		x.At = &identity.CutPlace{Seq: 1, Entry: h.pool[len(h.pool)-1].ID}
	case 3:
		return identity.SealCut(w.key, x)
	}
	return identity.SealCut(d.Root, x)
}

// shows lets a daemon bring events, and the chain before them where the case
// lacks it.
func (h *history) shows(bearer *writer, org int, before *identity.Org, events [][]byte, cut []byte) {
	if _, ok := h.known.Org(before.ID); !ok {
		events = append(slices.Clone(before.Events), events...)
	}
	if h.pick(3) > 0 { // mostly who may
		if bearer.org != org {
			bearer = h.powerful(bearer)
		}
		for _, s := range h.idents {
			if s.org == org {
				bearer.seen = bearer.seen.or(h.past[s.at]).with(s.at)
			}
		}
	}
	i := h.act(bearer, &protocol.Ident{Events: events, Cut: cut})
	h.idents = append(h.idents, shownEvents{i, org, len(before.Events) + len(events)})
}

// usurp certifies another organisation's key, which agrees, and now and then revokes it.
func (h *history) usurp(w *writer) {
	d, o := h.ds[w.org], h.ds[h.pick(len(h.ds))]
	k, ok := o.Org.Daemon(o.Kid)
	if _, mine := d.Org.Daemon(o.Kid); mine || !ok {
		return
	}
	k.Caps = []identity.Cap{identity.CapWrite}
	keys := identity.Keys{Sig: o.Key, Peer: link.Keys(fmt.Sprintf("elsewhere %d", h.keys)).Peer}
	was := d.Org
	events := [][]byte{must(d.Org.CertifyDaemon(d.Root, keys, k))}
	d.Org = must(d.Org.Extend(events[0]))
	if h.pick(2) == 0 {
		events = append(events, must(d.Org.RevokeDaemon(d.Root, o.Kid, 1)))
		d.Org = must(d.Org.Extend(events[1]))
	}
	h.shows(w, w.org, was, events, nil)
}

// strange writes what rules 1 do not know, or know to be wrong.
func (h *history) strange(w *writer) {
	switch h.pick(4) {
	case 0:
		h.write(w, entry.Fields{Type: 20, Ctl: canon.MustMarshal(map[uint64]uint64{1: 1})})
	case 1:
		h.write(w, entry.Fields{Type: 13, Ctl: canon.MustMarshal(map[uint64]uint64{1: 3, 9: 1})})
	case 2:
		h.write(w, entry.Fields{Type: 13, Ctl: canon.MustMarshal(map[uint64]uint64{})})
	case 3:
		if tip, ok := w.tip[id.Control]; ok && tip > 0 {
			s := &protocol.Status{RM: protocol.RMValid}
			h.write(w, entry.Fields{Type: s.Type(), Ctl: protocol.Ctl(s), Deps: []id.EntryID{h.pool[0].ID}})
		}
	}
}
