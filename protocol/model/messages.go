package model

import "slices"

// Message is one of the 28 types of the formal protocol.
type Message struct {
	Code    string `json:"code"`
	Name    string `json:"name"`
	Machine string `json:"machine"` // rm, em, cs; "" for the general ones
	// Event is the step of that machine which the message announces; "" for none.
	Event Event `json:"event,omitempty"`
	// When says who can send it, by the sender's own state before the step.
	When Condition `json:"when"`
	// Entry is the kind of entry that carries it; "" for a receipt of the session.
	Entry string `json:"entry,omitempty"`
	// Cordon says what it is here.
	Cordon string `json:"cordon"`
}

const unclosed = "SRIVAD" // report states of a participant that has not closed its report

var (
	hosting = []string{"...pxa"} // case states in which terms can be agreed on
	kept    = "receipt: the entry is stored, and what a peer holds says so"
	refused = "receipt: the entry is kept as refused, with the rule"
)

var messages = []Message{
	{"RS", "report submission", "rm", "", Condition{RM: "A"}, "admit", "an admitted organisation has received the report"},
	{"RI", "report invalid", "rm", "i", Condition{RM: "R"}, "status", "own report state"},
	{"RV", "report valid", "rm", "v", Condition{RM: "RI"}, "status", "own report state"},
	{"RD", "report deferred", "rm", "d", Condition{RM: "VA"}, "status", "own report state"},
	{"RA", "report accepted", "rm", "a", Condition{RM: "VD"}, "status", "own report state"},
	{"RC", "report closed", "rm", "c", Condition{RM: "IDA"}, "status", "own report state"},
	{"RK", "report acknowledged", "rm", "", Condition{}, "", kept},
	{"RE", "report error", "rm", "", Condition{}, "", refused},
	{"EP", "embargo proposal", "em", "p", Condition{RM: unclosed, EM: "NP", CS: hosting}, "embargo-propose", "terms, by their id"},
	{"EA", "embargo accepted", "em", "a", Condition{RM: unclosed, EM: "P", CS: hosting}, "embargo-accept", "names the terms; stewards' accepts activate them"},
	{"ER", "embargo rejected", "em", "r", Condition{RM: unclosed, EM: "P"}, "embargo-reject", "names the terms; says nothing about others"},
	{"EV", "embargo revision proposal", "em", "p", Condition{RM: unclosed, EM: "AR", CS: hosting}, "embargo-propose", "terms whose parent is in force"},
	{"EJ", "embargo revision rejected", "em", "r", Condition{RM: unclosed, EM: "R", CS: hosting}, "embargo-reject", "names the terms; those in force stay"},
	{"EC", "embargo revision accepted", "em", "a", Condition{RM: unclosed, EM: "R", CS: hosting}, "embargo-accept", "names the terms; of several the earliest end is current"},
	{"ET", "embargo termination", "em", "t", Condition{RM: unclosed, EM: "AR"}, "embargo-end", "by a steward, for good; one who leaves writes exit"},
	{"EK", "embargo acknowledged", "em", "", Condition{RM: unclosed}, "", kept},
	{"EE", "embargo error", "em", "", Condition{RM: unclosed}, "", refused},
	{"CV", "vendor aware", "cs", "V", Condition{CS: []string{"v....."}}, "admit", "an admitted vendor is aware"},
	{"CF", "fix ready", "cs", "F", Condition{RM: "ADC", CS: []string{"Vf...."}, Is: Vendor}, "status", "own fix path"},
	{"CD", "fix deployed", "cs", "D", Condition{CS: []string{"VFd...", "d..."}, Is: Deployer}, "status", "own fix path; a vendor deploys its own fix"},
	{"CP", "public aware", "cs", "P", Condition{CS: []string{"...p.."}}, "claim", "public; ends the embargo once confirmed"},
	{"CX", "exploit public", "cs", "X", Condition{CS: []string{"....x."}}, "claim", "exploit, and public with it; ends the embargo once confirmed"},
	{"CA", "attacks observed", "cs", "A", Condition{CS: []string{".....a"}}, "claim", "attack, and nothing beside; ends the embargo once confirmed"},
	{"CK", "case state acknowledged", "cs", "", Condition{}, "", kept},
	{"CE", "case state error", "cs", "", Condition{}, "", refused},
	{"GI", "general inquiry", "", "", Condition{}, "note", "a question, an answer, a draft"},
	{"GK", "general acknowledged", "", "", Condition{}, "", kept},
	{"GE", "general error", "", "", Condition{}, "", refused},
}

// Messages is the table of spec/model.md §9.
func Messages() []Message {
	out := slices.Clone(messages)
	for i := range out {
		out[i].When.CS = slices.Clone(out[i].When.CS)
	}
	return out
}
