package link

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Start is the clock of every daemon unless its Clock says otherwise: Unix
// milliseconds.
const Start uint64 = 1_800_000_000_000

// Daemon is one organisation's daemon in one case. Its keys come from its name,
// so that a test is the same each time.
type Daemon struct {
	Org   *identity.Org
	Kid   id.Kid
	Case  *protocol.Case
	Held  map[id.EntryID]*entry.Sealed // of the case
	Clock func() uint64                // Unix milliseconds
	Root  ed25519.PrivateKey
	Key   ed25519.PrivateKey // it writes with

	FromAdmission bool // what its invites tell of the history

	peer   ed25519.PrivateKey
	heads  map[id.Feed]*entry.Sealed // own feeds
	net    *Net
	end    int
	others map[int]*Daemon // by end: the directory
	parked []*entry.Sealed
}

// seed derives key material from a name and a use.
func seed(name, use string) []byte {
	h := sha256.Sum256([]byte(name + "/" + use))
	return h[:]
}

// NewDaemon makes an organisation with one daemon that has all caps, joined to
// net; net may be nil.
func NewDaemon(net *Net, name string) *Daemon {
	d := &Daemon{Case: protocol.NewCase(), Held: map[id.EntryID]*entry.Sealed{}, net: net,
		Clock: func() uint64 { return Start }, heads: map[id.Feed]*entry.Sealed{}, others: map[int]*Daemon{}}
	d.Root = ed25519.NewKeyFromSeed(seed(name, "root"))
	create := must(identity.Create(d.Root, public(seed(name, "next")), name, nil))
	d.Org = must(identity.Replay([][]byte{create}))
	d.Certify(name+"/1", identity.CapWrite, identity.CapConsent, identity.CapSteward, identity.CapInvite)
	d.Use(name + "/1")
	if net != nil {
		d.end = net.Join(d.receive)
	}
	return d
}

// Certify adds a daemon key, drawn from a name, to the organisation. The event is
// not in the case yet.
func (d *Daemon) Certify(name string, caps ...identity.Cap) []byte {
	kem := must(hpke.MLKEM768X25519().DeriveKeyPair(seed(name, "kem")))
	event := must(d.Org.CertifyDaemon(d.Root, Keys(name), identity.Daemon{
		KEM: kem.PublicKey().Bytes(), Caps: caps, NotAfter: Start/1000 + 300*24*3600,
	}))
	d.Org = must(d.Org.Extend(event))
	return event
}

// Seed is the key material drawn from a name for a use: "sig" or "peer".
func Seed(name, use string) []byte { return seed(name, use) }

// Keys are those drawn from a name.
func Keys(name string) identity.Keys {
	return identity.Keys{Sig: ed25519.NewKeyFromSeed(seed(name, "sig")), Peer: ed25519.NewKeyFromSeed(seed(name, "peer"))}
}

// Use writes with the key drawn from a name from now on.
func (d *Daemon) Use(name string) {
	k := Keys(name)
	d.Key, d.peer, d.Kid = k.Sig, k.Peer, KidOf(name)
}

// KidOf is the kid of the key drawn from a name.
func KidOf(name string) id.Kid { return cose.Thumbprint(public(seed(name, "sig"))) }

func public(seed []byte) ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
}

// Peer is the daemon's transport key.
func (d *Daemon) Peer() ed25519.PublicKey { return d.peer.Public().(ed25519.PublicKey) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("link: a test's own doing: %v", err))
	}
	return v
}

// Knows lets daemons find each other on the net: what pinned cards are for.
func Knows(ds ...*Daemon) {
	for _, a := range ds {
		for _, b := range ds {
			a.others[b.end] = b
		}
	}
}

// Terms are an agreement of 45 days from Start on.
func Terms() protocol.Agreement {
	end := Start + 45*24*3600*1000
	return protocol.NewAgreement(protocol.Record{Start: Start, End: &end, Terms: protocol.DefaultTerms()}, "Keep it among us.")
}

// Open opens a case; the nonce comes from label.
func (d *Daemon) Open(label string, terms protocol.Agreement, roles ...protocol.Role) *entry.Sealed {
	g := protocol.NewGenesis([32]byte(seed(label, "nonce")), d.Org, terms, roles...)
	f := entry.Fields{T: d.Clock(), Type: g.Type(), Ctl: protocol.Ctl(g)}
	return d.take(must(f.Seal(d.Key)))
}

// Say writes a control message.
func (d *Daemon) Say(m protocol.Message) *entry.Sealed {
	f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}
	f.Deps = d.Case.Deps(d.Kid, id.Control, d.Case.Needs(m)...)
	return d.Write(f)
}

// Act writes a steward act under the config in force.
func (d *Daemon) Act(m protocol.Message) *entry.Sealed {
	cfg := d.Case.Config().ID
	f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: &cfg}
	f.Deps = d.Case.Deps(d.Kid, id.Control, d.Case.Needs(m)...)
	return d.Write(f)
}

// Speak writes what stewards say under the config in force and others without one.
func (d *Daemon) Speak(m protocol.Message) *entry.Sealed {
	if slices.Contains(d.Case.Stewards(), d.Org.ID) {
		return d.Act(m)
	}
	return d.Say(m)
}

// Tell writes content with a body that nobody has, under the terms in force.
func (d *Daemon) Tell(kind entry.Type, comp id.Comp) *entry.Sealed {
	return d.tell(kind, comp, d.Case.Embargo().Agreement)
}

// TellUnder is Tell for everybody under any terms.
func (d *Daemon) TellUnder(kind entry.Type, agr id.AgrID) *entry.Sealed {
	return d.tell(kind, id.Everyone, agr)
}

func (d *Daemon) tell(kind entry.Type, comp id.Comp, agr id.AgrID) *entry.Sealed {
	return d.Write(entry.Fields{Type: kind, Comp: comp, Agr: &agr, Deps: d.Case.Deps(d.Kid, comp),
		Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 1, KC: [32]byte{2}}})
}

// Write puts f at the end of its feed, signs it and takes it.
func (d *Daemon) Write(f entry.Fields) *entry.Sealed {
	return d.WriteAfter(d.heads[id.Feed{Kid: d.Kid, Comp: f.Comp}], f)
}

// WriteAfter puts f after any entry of its feed (nil: at seq 0). Twice after one
// entry is a fork.
func (d *Daemon) WriteAfter(prev *entry.Sealed, f entry.Fields) *entry.Sealed {
	f.Case, f.T = d.Case.ID(), max(f.T, d.Clock())
	if prev != nil {
		f.Seq, f.Prev, f.LC, f.T = prev.Seq+1, prev.ID, prev.LC, max(f.T, prev.T)
	}
	for _, x := range f.Deps {
		f.LC = max(f.LC, d.Held[x].LC)
	}
	f.LC++
	return d.take(must(f.Seal(d.Key)))
}

// take folds an entry of our own. The next one follows it, unless it forks off.
func (d *Daemon) take(e *entry.Sealed) *entry.Sealed {
	d.Accept(e)
	if h := d.heads[e.Feed()]; h == nil || e.Prev == h.ID {
		d.heads[e.Feed()] = e
	}
	return e
}

// Accept folds an entry, or parks it until what it names is here.
func (d *Daemon) Accept(e *entry.Sealed) {
	if d.Held[e.ID] != nil {
		return
	}
	if d.Case.Apply(e).Refused == protocol.ErrOrder {
		if !slices.ContainsFunc(d.parked, func(p *entry.Sealed) bool { return p.ID == e.ID }) {
			d.parked = append(d.parked, e)
		}
		return
	}
	d.Held[e.ID] = e
	waiting := d.parked
	d.parked = nil
	for _, p := range waiting {
		d.Accept(p)
	}
}

// Admit invites an organisation, takes its accept and admits it: three signed
// objects and the entries for them.
func (d *Daemon) Admit(o *Daemon, role protocol.Role) *entry.Sealed {
	return d.Act(d.Admission(o, role, "1"))
}

// Admission is the admit message for an organisation, whose identity events are
// written first where the case lacks them. Another label is another invitation.
func (d *Daemon) Admission(o *Daemon, role protocol.Role, label string) *protocol.Admit {
	return d.AdmissionUnder(o, role, label, d.Case.Embargo().Agreement)
}

// AdmissionUnder is Admission under any terms.
func (d *Daemon) AdmissionUnder(o *Daemon, role protocol.Role, label string, agr id.AgrID) *protocol.Admit {
	if known, ok := d.Case.Org(o.Org.ID); !ok || len(known.Events) < len(o.Org.Events) {
		events := o.Org.Events
		if ok {
			events = events[len(known.Events):]
		}
		d.Act(&protocol.Ident{Events: events})
	}
	salt := [32]byte(seed(o.Org.Name+label, "salt"))
	invite := must(admission.SealInvite(d.Key, admission.Invite{
		Nonce: [16]byte(seed(o.Org.Name+label, "invite")), Inviter: d.Org.ID, Invitee: o.Org.ID,
		Commitment: admission.Commitment(d.Case.ID(), salt), Role: uint8(role),
		Agr: agr, Expiry: Start + 7*24*3600*1000, FromAdmission: d.FromAdmission,
	}))
	opened := must(admission.OpenInvite(invite, d.Org))
	accept := must(admission.SealAccept(o.Key, opened.Accept()))
	card := must(identity.SealCard(o.Key, identity.Card{Org: o.Org, T: Start}))
	return &protocol.Admit{Invite: invite, Accept: accept, Salt: salt, Card: card}
}

// Frames of Daemon: one byte, then ids or an entry.
const (
	haveFrame byte = 1 // the ids that the sender may give
	wantFrame byte = 2 // the ids that the sender lacks
	giveFrame byte = 3 // an entry
)

// Sync tells every other end what it may have from here; it asks for the rest.
func (d *Daemon) Sync() {
	for _, end := range slices.Sorted(maps.Keys(d.others)) {
		if end != d.end {
			d.Offer(end)
		}
	}
}

// Offer tells one end what it may have from here.
func (d *Daemon) Offer(end int) {
	ids := make([]id.EntryID, 0, len(d.Held))
	for x := range d.Held {
		if d.maySend(x, end) {
			ids = append(ids, x)
		}
	}
	if len(ids) > 0 {
		slices.SortFunc(ids, func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
		d.net.Send(d.end, end, frame(haveFrame, ids))
	}
}

func frame(kind byte, ids []id.EntryID) []byte {
	b := []byte{kind}
	for _, x := range ids {
		b = append(b, x[:]...)
	}
	return b
}

// maySend asks the gate about an entry's header.
func (d *Daemon) maySend(x id.EntryID, end int) bool {
	o := d.others[end]
	return o != nil && d.Case.MaySend(x, protocol.Header,
		protocol.Recipient{Org: o.Org.ID, Key: o.Peer()},
		protocol.Local{Us: d.Org.ID, Now: d.Clock() / 1000, StewardHeard: d.Clock() / 1000}).Send
}

func (d *Daemon) receive(from int, f []byte) {
	if f[0] == giveFrame {
		if e, err := entry.Parse(f[1:]); err == nil {
			d.Accept(e)
		}
		return
	}
	var lack []id.EntryID
	for at := 1; at < len(f); at += id.Size {
		x := id.EntryID(f[at : at+id.Size])
		switch e := d.Held[x]; {
		case f[0] == haveFrame && e == nil:
			lack = append(lack, x)
		case f[0] == wantFrame && e != nil && d.maySend(x, from):
			d.net.Send(d.end, from, append([]byte{giveFrame}, e.Raw...))
		}
	}
	if len(lack) > 0 {
		d.net.Send(d.end, from, frame(wantFrame, lack))
	}
}
