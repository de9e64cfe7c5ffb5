package model

import (
	"slices"
	"strings"
)

// Role is a part of a participant that the model tells apart; one participant can
// have several. Cordon's mitigating and dependent vendors are both Vendor.
type Role string

// The roles that rules speak of.
const (
	Reporter    Role = "reporter"
	Vendor      Role = "vendor"
	Deployer    Role = "deployer"
	Coordinator Role = "coordinator"
	Observer    Role = "observer"
)

// Participant is where one participant stands. CS has six letters for a vendor,
// "dpxa" for another deployer, "pxa" for the rest.
type Participant struct {
	RM, EM, CS State
	Roles      []Role
}

// Condition says of which participants something holds; an empty field asks nothing.
type Condition struct {
	RM  string   `json:"rm,omitempty"`  // letters: any of these report states
	EM  string   `json:"em,omitempty"`  // letters: any of these embargo states
	CS  []string `json:"cs,omitempty"`  // patterns: any of these case states
	Is  Role     `json:"is,omitempty"`  // has the role
	Not Role     `json:"not,omitempty"` // has it not
}

// Holds says whether a participant is one of those.
func (c Condition) Holds(p Participant) bool {
	switch {
	case c.RM != "" && !strings.Contains(c.RM, string(p.RM)),
		c.EM != "" && !strings.Contains(c.EM, string(p.EM)),
		c.CS != nil && !matchAny(c.CS, p.CS),
		c.Is != "" && !slices.Contains(p.Roles, c.Is),
		c.Not != "" && slices.Contains(p.Roles, c.Not):
		return false
	}
	return true
}

// Rule is one rule between the machines: in the states of When, the messages of Acts
// may, should or must not be sent. A rule with If asks beside that something which
// only people know. Strength Never says that no participant is in such a state;
// Moot says that the other machines no longer matter there.
type Rule struct {
	ID       string    `json:"id"`
	Strength string    `json:"strength"`
	Acts     []string  `json:"acts,omitempty"` // codes of messages
	When     Condition `json:"when"`
	If       string    `json:"if,omitempty"`
	Text     string    `json:"text"`
}

// Strengths of rules beside MUST, SHALL, SHOULD, MAY and their negations.
const (
	Never = "NEVER"
	Moot  = "MOOT"
)

var rules = []Rule{
	{ID: "VP-02-003", Strength: "MUST NOT", Acts: []string{"RS"}, When: Condition{RM: "SRIVDC"}, Text: "only who has accepted a report sends it on"},
	{ID: "VP-02-004", Strength: "MUST NOT", Acts: []string{"RC"}, When: Condition{RM: "V"}, Text: "a valid report is accepted or deferred before it is closed"},
	{ID: "RMB-10-001", Strength: "MUST", Acts: []string{"RA", "RD"}, When: Condition{RM: "V"}, Text: "a valid report is prioritised, and by that accepted or deferred"},
	{ID: "RMB-14-003", Strength: "SHOULD NOT", Acts: []string{"RC"}, When: Condition{RM: "IDA", EM: "AR"}, Text: "no report is closed while its embargo is in force"},
	{ID: "VP-11-009", Strength: "MAY", Acts: []string{"EP", "EA", "ER", "EV", "EJ", "EC", "ET"}, When: Condition{RM: "S"}, Text: "an embargo can be agreed before the report is sent"},
	{ID: "VP-13-001", Strength: "SHOULD", Acts: []string{"EP"}, When: Condition{RM: "R", EM: "N", CS: []string{"...pxa"}}, Text: "an embargo starts when the report is received"},
	{ID: "VP-14-005", Strength: "SHOULD", Acts: []string{"EP"}, When: Condition{RM: "RVA", EM: "N", CS: []string{"Vfdpxa"}}, Text: "an embargo starts when a vendor knows and there is no fix"},
	{ID: "VP-13-002", Strength: "MAY", Acts: []string{"EP"}, When: Condition{RM: "RVA", EM: "N"}, Text: "an embargo can start while the report is worked on"},
	{ID: "VP-13-011", Strength: "SHOULD NOT", Acts: []string{"EP"}, When: Condition{RM: "IDC", EM: "N"}, Text: "no embargo starts on a report that is not worked on"},
	{ID: "VP-06-001", Strength: "MUST NOT", Acts: []string{"EP", "EA", "EV", "EC"}, When: Condition{CS: []string{"...P..", "....X.", ".....A"}}, Text: "no terms are agreed on once anything is public or attacked"},
	{ID: "VP-06-002", Strength: "SHOULD NOT", Acts: []string{"EP"}, When: Condition{EM: "N", CS: []string{"..Dpxa"}}, Text: "no embargo starts once the fix is deployed"},
	{ID: "VP-06-004", Strength: "SHOULD", Acts: []string{"EA", "ER", "EC", "EJ"}, When: Condition{EM: "PR"}, Text: "a proposal is answered within 14 days, or sooner where one's own policy says so"},
	{ID: "VP-14-014", Strength: "SHOULD", Acts: []string{"ER"}, When: Condition{EM: "P", CS: []string{".Fdpxa", "..Dpxa"}}, Text: "a proposal is rejected once the fix is ready"},
	{ID: "VP-13-014", Strength: "MAY", Acts: []string{"EP", "ER"}, When: Condition{RM: "I", EM: "P"}, If: "more information is expected", Text: "a pending negotiation can go on"},
	{ID: "VP-13-004", Strength: "MAY", Acts: []string{"EA"}, When: Condition{RM: "RVAD", EM: "P"}, Text: "a proposal can be accepted"},
	{ID: "VP-13-015", Strength: "SHOULD NOT", Acts: []string{"EA"}, When: Condition{RM: "IC", EM: "P"}, Text: "no proposal is accepted on an invalid or closed report"},
	{ID: "VP-13-016", Strength: "MAY", Acts: []string{"ER"}, When: Condition{RM: "IC", EM: "P"}, Text: "a proposal can be rejected on an invalid or closed report"},
	{ID: "VP-13-013", Strength: "MAY", Acts: []string{"EV", "EJ", "EC"}, When: Condition{RM: "VAD", EM: "AR"}, Text: "terms can be revised"},
	{ID: "CSB-18-001", Strength: "MUST NOT", Acts: []string{"CF"}, When: Condition{RM: "SRIV", Is: Vendor}, Text: "a fix is ready only after its vendor accepted the report"},
	{ID: "CSB-15-001", Strength: "MUST NOT", Acts: []string{"CF"}, When: Condition{Not: Vendor}, Text: "only a vendor says that its fix is ready"},
	{ID: "CSB-15-002", Strength: "MUST NOT", Acts: []string{"CD"}, When: Condition{Not: Deployer}, Text: "only a deployer says that a fix is deployed"},
	{ID: "VP-14-001", Strength: "SHALL", Acts: []string{"ET"}, When: Condition{EM: "AR", CS: []string{"...P.."}}, Text: "an embargo ends when the public knows"},
	{ID: "VP-14-002", Strength: "SHALL", Acts: []string{"ET"}, When: Condition{EM: "AR", CS: []string{"....X."}}, Text: "an embargo ends when an exploit is public"},
	{ID: "VP-14-003", Strength: "SHOULD", Acts: []string{"ET"}, When: Condition{EM: "AR", CS: []string{"...pxA"}}, Text: "an embargo ends when attacks are observed"},
	{ID: "VP-14-010", Strength: "SHOULD", Acts: []string{"ET"}, When: Condition{EM: "AR", CS: []string{"..Dpxa"}}, Text: "an embargo ends when the fix is deployed"},
	{ID: "VP-14-007..009", Strength: "MAY", Acts: []string{"EV"}, When: Condition{EM: "AR", CS: []string{".Fdpxa"}}, If: "other vendors still need time", Text: "an embargo can be extended although a fix is ready"},
	{ID: "VP-09-004", Strength: "SHOULD", Acts: []string{"ET"}, When: Condition{EM: "AR"}, If: "adversaries hold an exploit", Text: "an embargo ends early"},
	{ID: "VP-09-006", Strength: "MAY", Acts: []string{"ET"}, When: Condition{EM: "AR"}, If: "adversaries know technical details", Text: "an embargo can end early"},
	{ID: "VP-09-007", Strength: "MAY", Acts: []string{"ET"}, When: Condition{EM: "AR"}, If: "enough vendors have their fix ready", Text: "an embargo can end early"},
	{ID: "VP-13-009", Strength: "MUST NOT", Acts: []string{"ET"}, When: Condition{RM: "DC", EM: "AR"}, If: "others are engaged, and our leaving is the only reason", Text: "who leaves does not end the embargo of the others"},
	{ID: "VP-06-007", Strength: "SHALL", Acts: []string{"RS"}, When: Condition{RM: "A", EM: "P"}, Text: "who sends a report accepts the terms that are proposed"},
	{ID: "VP-06-015", Strength: "MAY", Acts: []string{"CP"}, When: Condition{EM: "NPX"}, Text: "without an embargo in force nobody is bound"},
	{ID: "VP-14-012", Strength: "SHOULD NOT", Acts: []string{"CX"}, When: Condition{EM: "AR"}, Text: "no exploit is released while an embargo is in force"},
	{ID: "FP-vendor-received", Strength: Never, When: Condition{RM: "RIVAD", Is: Vendor, CS: []string{"v....."}}, Text: "a vendor that received the report is aware"},
	{ID: "FP-vendor-unaccepted", Strength: Never, When: Condition{RM: "RIV", Is: Vendor, CS: []string{".F...."}}, Text: "no fix before the report was accepted"},
	{ID: "FP-vendor-deploys", Strength: Never, When: Condition{Is: Vendor, Not: Deployer, CS: []string{"..D..."}}, Text: "a vendor that does not deploy has no deployed fix"},
	{ID: "FP-deployer-unaccepted", Strength: Never, When: Condition{RM: "RIV", Is: Deployer, CS: []string{"..D..."}}, Text: "nothing is deployed before the report was accepted"},
	{ID: "FP-reporter-hidden", Strength: Never, When: Condition{RM: "SRIV", Is: Reporter}, Text: "a reporter appears with its report accepted"},
	{ID: "FP-closed", Strength: Moot, When: Condition{RM: "SC"}, Text: "before its report and after closing it, embargo and case state do not concern a participant"},
}

// Rules is the table of spec/model.md §8.
func Rules() []Rule {
	out := slices.Clone(rules)
	for i := range out {
		out[i].Acts, out[i].When.CS = slices.Clone(out[i].Acts), slices.Clone(out[i].When.CS)
	}
	return out
}

// RulesFor lists the rules on a message that hold where a participant stands; those with
// If hold only if that is so.
func RulesFor(code string, p Participant) []Rule {
	return slices.DeleteFunc(Rules(), func(r Rule) bool { return !slices.Contains(r.Acts, code) || !r.When.Holds(p) })
}
