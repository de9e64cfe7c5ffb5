// Package protocol is the meaning of a case: what each kind of entry says, who
// may say it, and what it changes. It is pure: no clock, disk, network, log or
// goroutine, and nothing in it depends on the order in which entries arrived.
// Whether an entry is authentic was judged before (packages entry and ledger);
// an authentic entry that the rules refuse is folded as refused, with the rule.
//
// Main path: Case.Apply folds one entry; Case.Check and Case.May are the dry
// run; kinds (kinds.go) is the one table of messages, each kind a file with its
// fields, check and apply; Case.Deps says what a new entry must name; MaySend
// decides what may leave; Participants, Embargo, CS and Digest are the views.
package protocol

import "fmt"

// Rules is the version of the rules that this build folds by. A config that
// names a higher one puts the case in state upgrade-needed (spec/protocol.md §4.7).
const Rules = 1

// Limits of a case (spec/protocol.md §4.4).
const (
	MaxCompartments = 256  // opened by one organisation
	MaxReaders      = 1000 // of one compartment
	MaxStewards     = 9
	MaxAddrs        = 16
	MaxAddr         = 256      // bytes of an address
	MaxText         = 32 << 10 // bytes of an agreement's text
	MaxCode         = 15       // highest reason code
)

// Refusal is why the rules of a case refuse an entry.
type Refusal struct {
	Rule string // stable name, kebab case
	Text string // one line for a person: what was refused and what it would need
	// Lead is what the author could write first, each of which leads there; nil: nothing
	// that it could write does.
	Lead []Message
}

func (r *Refusal) Error() string { return r.Text }

func refuse(rule, format string, args ...any) *Refusal {
	return &Refusal{Rule: rule, Text: fmt.Sprintf(format, args...)}
}

// after adds what leads to what is refused.
func (r *Refusal) after(lead ...Message) *Refusal {
	r.Lead = lead
	return r
}

// Outcome is what Apply made of an entry.
type Outcome struct {
	Refused string // the rule that refused it; "" means honoured
	Late    bool   // honoured content of an organisation that had been removed here before it came; local, no state
}

// ErrOrder says that an entry came before its prev or one of its deps, or
// belongs to another case: a mistake of the caller's. Nothing was stored.
const ErrOrder = "not-in-causal-order"
