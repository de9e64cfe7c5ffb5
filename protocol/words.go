package protocol

import (
	"fmt"
	"slices"
	"strings"

	"cordon/protocol/model"
)

// Role is what an organisation is in a case: a label, never power. The numbers travel.
type Role uint8

// The roles of spec/cordon.cddl.
const (
	Reporter         Role = 1
	MitigatingVendor Role = 2
	DependentVendor  Role = 3
	Coordinator      Role = 4
	Deployer         Role = 5
	Observer         Role = 6
)

var roleNames = []string{1: "reporter", 2: "mitigating-vendor", 3: "dependent-vendor", 4: "coordinator", 5: "deployer", 6: "observer"}

func (r Role) String() string { return word(roleNames, uint8(r)) }

// Vendor says whether the role has a fix path.
func (r Role) Vendor() bool { return r == MitigatingVendor || r == DependentVendor }

// ParseRole reads a role's name.
func ParseRole(s string) (Role, error) { return parseWord[Role]("role", roleNames, s) }

// RM is an organisation's report state (spec/kinds.md, status). The numbers travel.
type RM uint8

// The report states. Start and received are derived, never written.
const (
	RMStart    RM = 0
	RMReceived RM = 1
	RMInvalid  RM = 2
	RMValid    RM = 3
	RMAccepted RM = 4
	RMDeferred RM = 5
	RMClosed   RM = 6
)

// rmStates are the same states in the model, which has their names and steps.
var rmStates = []model.State{RMStart: "S", RMReceived: "R", RMInvalid: "I", RMValid: "V", RMAccepted: "A", RMDeferred: "D", RMClosed: "C"}

var rmNames = func() (names []string) {
	for _, s := range rmStates {
		names = append(names, model.RM.Means(s))
	}
	return names
}()

func (s RM) String() string { return word(rmNames, uint8(s)) }

// rmVerbs are the words for writing a report state.
var rmVerbs = []string{RMInvalid: "invalid", RMValid: "valid", RMAccepted: "accept", RMDeferred: "defer", RMClosed: "close"}

// Verb is the word for writing the state.
func (s RM) Verb() string { return word(rmVerbs, uint8(s)) }

// ParseRM reads a report state's name, or the verb that leads to it.
func ParseRM(s string) (RM, error) {
	if v := slices.Index(rmVerbs, s); v > 0 {
		return RM(v), nil
	}
	return parseWord[RM]("report state", rmNames, s)
}

// next lists the states to which one step leads (spec/model.md §2).
func (s RM) next() (to []RM) {
	for _, r := range model.RM.Next(rmStates[s]) {
		to = append(to, RM(slices.Index(rmStates, r.To)))
	}
	return to
}

// before lists the states from which one step leads to s.
func (s RM) before() (from []RM) {
	for i := range rmStates {
		if slices.Contains(RM(i).next(), s) {
			from = append(from, RM(i))
		}
	}
	return from
}

// skip says whether steps that were not seen lead from s to another state.
func (s RM) skip(to RM) bool {
	return s != RMStart && s != to && model.RM.Reaches(rmStates[s], rmStates[to])
}

// Fix is how far a fix is (spec/kinds.md, status). The numbers travel.
type Fix uint8

// The fix states. Aware is derived from a vendor's admission, never written.
const (
	FixNone     Fix = 0
	FixAware    Fix = 1
	FixReady    Fix = 2
	FixDeployed Fix = 3
)

var fixNames = []string{"none", "aware", "ready", "deployed"}

func (f Fix) String() string { return word(fixNames, uint8(f)) }

// ParseFix reads a fix state's name.
func ParseFix(s string) (Fix, error) { return parseWord[Fix]("fix state", fixNames, s) }

// vfd writes the vendor's part of the case state.
func (f Fix) vfd() string { return []string{"vfd", "Vfd", "VFd", "VFD"}[f] }

// What is what a claim says has happened. The numbers travel.
type What uint8

// The events of a case that end its embargo.
const (
	Public  What = 1
	Exploit What = 2
	Attack  What = 3
)

var whatNames = []string{1: "public", 2: "exploit", 3: "attack"}

func (w What) String() string { return word(whatNames, uint8(w)) }

// ParseWhat reads the name of a claim's event.
func ParseWhat(s string) (What, error) { return parseWord[What]("claim", whatNames, s) }

// asserts lists the events that a claim of w asserts: an exploit that is out
// makes the vulnerability public (spec/kinds.md, claim).
func (w What) asserts() []What {
	if w == Exploit {
		return []What{Exploit, Public}
	}
	return []What{w}
}

// Consent is an organisation's answer to the current agreement.
type Consent string

// The states of consent.
const (
	NoEmbargo Consent = "no-embargo"
	Invited   Consent = "invited"
	Signatory Consent = "signatory"
	Lapsed    Consent = "lapsed"
	Declined  Consent = "declined"
)

// EM is the state of a case's embargo, derived from agreements and claims.
type EM string

// The embargo states (spec/kinds.md, agreements).
const (
	EMNone     EM = "none"
	EMProposed EM = "proposed"
	EMActive   EM = "active"
	EMRevise   EM = "revise" // active, and other terms are proposed
	EMExited   EM = "exited"
)

// word is the name of a number; unnamed numbers show as themselves.
func word(names []string, n uint8) string {
	if int(n) < len(names) && names[n] != "" {
		return names[n]
	}
	return fmt.Sprintf("%d", n)
}

func parseWord[T ~uint8](what string, names []string, s string) (T, error) {
	if i := slices.Index(names, s); i >= 0 && s != "" {
		return T(i), nil
	}
	known := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
	return 0, fmt.Errorf("%q is no %s: one of %s", s, what, strings.Join(known, ", "))
}
