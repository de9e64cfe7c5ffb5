package detail

import (
	"fmt"
	"slices"
	"strings"
)

// Status is what a product is to a vulnerability. The numbers travel.
type Status uint8

// The statuses, as VEX has them.
const (
	Affected           Status = 1
	NotAffected        Status = 2
	UnderInvestigation Status = 3
	Fixed              Status = 4
)

var statusNames = []string{1: "affected", 2: "not-affected", 3: "under-investigation", 4: "fixed"}

func (s Status) String() string { return nameOf(statusNames, s) }

// ParseStatus reads a status's name.
func ParseStatus(s string) (Status, error) { return parse[Status]("status", statusNames, s) }

// Justification is why a product is not affected. The numbers travel.
type Justification uint8

// The names are those of CSAF and OpenVEX.
var justificationNames = []string{1: "component_not_present", 2: "vulnerable_code_not_present", 3: "vulnerable_code_not_in_execute_path",
	4: "vulnerable_code_cannot_be_controlled_by_adversary", 5: "inline_mitigations_already_exist"}

func (j Justification) String() string { return nameOf(justificationNames, j) }

// ParseJustification reads a justification's name; hyphens do for underscores.
func ParseJustification(s string) (Justification, error) {
	return parse[Justification]("justification", justificationNames, strings.ReplaceAll(s, "-", "_"))
}

// Result is what came of trying. The numbers travel.
type Result uint8

// The results of a verification, then those of a test.
const (
	Reproduced    Result = 1
	NotReproduced Result = 2
	Partly        Result = 3

	Pass Result = 1
	Fail Result = 2
)

var (
	verifiedNames = []string{1: "reproduced", 2: "not-reproduced", 3: "partly"}
	testedNames   = []string{1: "pass", 2: "fail"}
)

// ParseVerified reads the name of a verification's result.
func ParseVerified(s string) (Result, error) { return parse[Result]("result", verifiedNames, s) }

// ParseTested reads the name of a test's result.
func ParseTested(s string) (Result, error) { return parse[Result]("result", testedNames, s) }

// Remedy is what a mitigation is. The numbers travel.
type Remedy uint8

var remedyNames = []string{1: "patch", 2: "update", 3: "firmware", 4: "microcode", 5: "workaround", 6: "configuration", 7: "other"}

func (r Remedy) String() string { return nameOf(remedyNames, r) }

// ParseRemedy reads the name of what a mitigation is.
func ParseRemedy(s string) (Remedy, error) {
	return parse[Remedy]("kind of mitigation", remedyNames, s)
}

// nameOf is the name of a number; 0 has none.
func nameOf[T ~uint8](names []string, v T) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprint(uint8(v))
}

func parse[T ~uint8](what string, names []string, s string) (T, error) {
	if i := slices.Index(names, s); i > 0 {
		return T(i), nil
	}
	return 0, fmt.Errorf("%q is no %s: one of %s", s, what, strings.Join(names[1:], ", "))
}
