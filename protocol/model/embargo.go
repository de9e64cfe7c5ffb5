package model

// Host says what a case state makes of an embargo.
type Host struct {
	Pattern  string `json:"pattern"`  // of the case state
	New      string `json:"new"`      // may one be proposed or accepted
	Existing string `json:"existing"` // what becomes of one in force
	Pending  string `json:"pending"`  // what becomes of a proposal
	Why      string `json:"why"`
}

// hosts are read from the top: the first that matches counts.
var hosts = []Host{
	{"...P..", "MUST NOT", "SHALL end", "reject", "the public knows"},
	{"....X.", "MUST NOT", "SHALL end", "reject", "an exploit is public"},
	{".....A", "MUST NOT", "SHOULD end", "reject", "attacks are observed"},
	{"..Dpxa", "SHOULD NOT", "SHOULD end", "SHOULD be rejected", "the fix is deployed"},
	{".Fdpxa", "MAY, brief", "prepare to end", "SHOULD be rejected", "the fix is ready"},
	{"Vfdpxa", "SHOULD start", "may continue", "decide soon", "vendor knows, no fix"},
	{"vfdpxa", "MAY", "may continue", "decide promptly", "no vendor knows"},
}

// Hosts is the table of spec/model.md §6; of two rows that match, the first counts.
func Hosts() []Host { return append([]Host(nil), hosts...) }

// HostOf says what one of the 32 case states makes of an embargo; of anything
// else, the zero Host.
func HostOf(s State) Host {
	for _, h := range hosts {
		if Match(h.Pattern, s) {
			return h
		}
	}
	return Host{}
}

// Crossing is one value of an SSVC decision point, as a case state shows it.
type Crossing struct {
	Point   string `json:"point"`
	Value   string `json:"value"`
	Pattern string `json:"pattern"`
}

var crossings = []Crossing{
	{"exploitation", "none", "....xa"},
	{"exploitation", "public PoC", "....Xa"},
	{"exploitation", "active", ".....A"},
	{"report public", "no", "...p.."},
	{"report public", "yes", "...P.."},
	{"supplier contacted", "no", "v....."},
	{"supplier contacted", "yes", "V....."},
}

// Crossings is the table of spec/model.md §7: what SSVC asks and a case state
// answers. Of each point exactly one value matches any state.
func Crossings() []Crossing { return append([]Crossing(nil), crossings...) }

// Triage is what the outcome of an SSVC tree does to the report.
type Triage struct {
	Tree    string `json:"tree"`
	Outcome string `json:"outcome"`
	RM      State  `json:"rm"`
}

var triage = []Triage{
	{"supplier, deployer", "Defer", "D"},
	{"supplier, deployer", "Scheduled", "A"},
	{"supplier, deployer", "Out-of-cycle", "A"},
	{"supplier, deployer", "Immediate", "A"},
	{"coordinator", "Decline", "D"},
	{"coordinator", "Track", "A"},
	{"coordinator", "Coordinate", "A"},
}

// Triages lists what each outcome of the SSVC trees does to the report.
func Triages() []Triage { return append([]Triage(nil), triage...) }
