package model

// The machines of spec/model.md §2 to §5. Bare letters mean different things in
// different machines and never travel alone.
var (
	// RM is report management: one a participant, written by it alone.
	RM = &Machine{
		states: []State{"S", "R", "I", "V", "A", "D", "C"},
		means: map[State]string{"S": "start", "R": "received", "I": "invalid", "V": "valid",
			"A": "accepted", "D": "deferred", "C": "closed"},
		final: []State{"C"},
		rows: []Transition{
			{"S", "r", "R"},
			{"R", "v", "V"}, {"R", "i", "I"},
			{"I", "v", "V"}, {"I", "c", "C"},
			{"V", "a", "A"}, {"V", "d", "D"},
			{"A", "d", "D"}, {"A", "c", "C"},
			{"D", "a", "A"}, {"D", "c", "C"},
		},
	}
	// EM is embargo management: one a case, derived from agreements and claims.
	EM = &Machine{
		states: []State{"N", "P", "A", "R", "X"},
		means:  map[State]string{"N": "none", "P": "proposed", "A": "active", "R": "revise", "X": "exited"},
		final:  []State{"N", "X"},
		rows: []Transition{
			{"N", "p", "P"},
			{"P", "p", "P"}, {"P", "a", "A"}, {"P", "r", "N"},
			{"A", "p", "R"}, {"A", "t", "X"},
			{"R", "p", "R"}, {"R", "a", "A"}, {"R", "r", "A"}, {"R", "t", "X"},
		},
	}
	// Consent is a participant's answer to the terms of the embargo.
	Consent = &Machine{
		states: []State{"NO_EMBARGO", "INVITED", "SIGNATORY", "LAPSED", "DECLINED"},
		means: map[State]string{"NO_EMBARGO": "no embargo in scope", "INVITED": "asked, not answered",
			"SIGNATORY": "bound by the current terms", "LAPSED": "had signed; new terms not yet signed",
			"DECLINED": "said no, or let the time to answer pass"},
		rows: []Transition{
			{"NO_EMBARGO", "INVITE", "INVITED"}, {"LAPSED", "INVITE", "INVITED"}, {"DECLINED", "INVITE", "INVITED"},
			{"NO_EMBARGO", "ACCEPT", "SIGNATORY"}, {"INVITED", "ACCEPT", "SIGNATORY"}, {"LAPSED", "ACCEPT", "SIGNATORY"},
			{"NO_EMBARGO", "DECLINE", "DECLINED"}, {"INVITED", "DECLINE", "DECLINED"}, {"LAPSED", "DECLINE", "DECLINED"},
			{"INVITED", "timeout", "DECLINED"}, {"LAPSED", "timeout", "DECLINED"},
			{"SIGNATORY", "REVISE", "LAPSED"},
			{"NO_EMBARGO", "RESET", "NO_EMBARGO"}, {"INVITED", "RESET", "NO_EMBARGO"}, {"SIGNATORY", "RESET", "NO_EMBARGO"},
			{"LAPSED", "RESET", "NO_EMBARGO"}, {"DECLINED", "RESET", "NO_EMBARGO"},
		},
	}
	// CS is the case state: its states and rows follow from the rules in cs.go.
	CS = caseStates()
)
