package protocol

import (
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/identity"
)

// Message is what a control entry says. Each kind is one file: its fields, what
// it asks, what it changes.
type Message interface {
	// Type is the kind's registry number.
	Type() entry.Type
	fields() []field
	// apply takes the effect of a sound entry; n.honoured says whether it counts.
	apply(c *Case, n *node)
}

// kind is one row of the table of messages.
type kind struct {
	typ  entry.Type
	name string
	// cap is what the author's certificate must allow.
	cap identity.Cap
	// make is an empty message; nil in the content plane.
	make func() Message
	// once is what the entry's past alone decides for good, whoever has power;
	// nil: nothing.
	once func(*Case, *node) *Refusal
	// enter takes the effect that no change of power undoes; nil: none.
	enter func(*Case, *node)
	// who says whether the author's organisation may speak so, by the entry's
	// past and the chain of configs; nil: whose key it is was enough.
	who func(*Case, *node) *Refusal
	// check is what the kind itself asks beside. It changes nothing in the case.
	check func(*Case, *node) *Refusal
	// holds says whether what came since leaves a sound entry its force; nil: always.
	holds func(*Case, *node) *Refusal
	// standing kinds decide who is a member.
	standing bool
	// chain kinds make the chain of configs: what it rests on can be named also
	// when the key that wrote it is closed.
	chain bool
}

// kinds is the table. Encoding, validation, the local API and the CLI read it.
var kinds = []kind{
	genesisKind, proposeKind, endorseKind, admitKind, removeKind, exitKind, identKind, addressKind, compartmentKind,
	embargoProposeKind, embargoAcceptKind, embargoRejectKind, statusKind, claimKind, confirmKind, refuteKind, embargoEndKind, aliveKind, forkKind, releasePlanKind, releaseReadyKind, caseLinkKind,
	subjectKind, noteKind, attachmentKind, reasonKind,
	vulnerabilityKind, productStatusKind, verificationKind, mitigationKind, testResultKind, findingKind, bundleKind,
}

// byType is kinds by number.
var byType = func() []*kind {
	t := make([]*kind, 64)
	for i := range kinds {
		t[kinds[i].typ] = &kinds[i]
	}
	return t
}()

// row finds a type's row; nil for one that rules 1 do not know.
func row(rows []*kind, t entry.Type) *kind {
	if int(t) < len(rows) {
		return rows[t]
	}
	return nil
}

// The kinds of the content plane; what they say lies in the sealed body.
const (
	Subject    entry.Type = 32 // title and report, first entry of the opener
	Note       entry.Type = 33
	Attachment entry.Type = 34
	Reason     entry.Type = 35 // text that opens the commitment of a control entry
)

// Kinds lists the names of all kinds, in the order of their numbers.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// KindName is the name of a type; ok is false for one that rules 1 do not know.
func KindName(t entry.Type) (name string, ok bool) {
	if k := row(byType, t); k != nil {
		return k.name, true
	}
	return "", false
}

// KindOf is the type of a name.
func KindOf(name string) (entry.Type, bool) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return 0, false
	}
	return kinds[i].typ, true
}

// Ctl writes a message as an entry's ctl.
func Ctl(m Message) []byte { return encode(m.fields()) }

// Read reads the message of a control entry. The error is a *Refusal.
func Read(e *entry.Sealed) (Message, error) {
	n := newNode(e, row(byType, e.Type), nil)
	if n.bad != nil {
		return nil, n.bad
	}
	if n.msg == nil {
		return nil, refuse("wrong-plane", "a content entry has no message of its own")
	}
	return n.msg, nil
}

// Commitment is what a message binds its reason or evidence to, whose text travels as
// content; ok is false for a kind that has none.
func Commitment(m Message) (x [32]byte, ok bool) {
	if m, has := m.(interface{ commitment() [32]byte }); has {
		return m.commitment(), true
	}
	return x, false
}

// Describe says in two words what a message says: its code, and whom or what it is
// about. For people; nothing is decided by it.
func (c *Case) Describe(m Message) (what, about string) {
	if m, ok := m.(interface {
		says(*Case) (what, about string)
	}); ok {
		return m.says(c)
	}
	return "", ""
}
