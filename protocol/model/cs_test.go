package model_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"cordon/protocol/model"
	"cordon/spec"
)

const letters = "VFDPXA"

// caseTable reads the table of all case states in spec/model.md §5: what is written
// there was not made by the code.
func caseTable(t *testing.T) [][]string {
	t.Helper()
	doc, err := spec.Files.ReadFile("model.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, m := range regexp.MustCompile("(?m)^\\| `[vfdpxaVFDPXA]{6}` \\| [`·].*$").FindAllString(string(doc), -1) {
		var row []string
		for _, cell := range strings.Split(strings.Trim(m, "|"), "|") {
			row = append(row, strings.Trim(cell, " `"))
		}
		rows = append(rows, row)
	}
	if len(rows) != 32 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	return rows
}

// TestCaseStatesAreTheSpecs compares what follows from the rules with the table that is
// written out: each event in each state, what is forced, what becomes of an embargo.
func TestCaseStatesAreTheSpecs(t *testing.T) {
	states, edges, forced := model.CS.States(), 0, 0
	for i, row := range caseTable(t) {
		s := states[i]
		if row[0] != string(s) {
			t.Errorf("row %d is %s, derived %s", i, row[0], s)
		}
		for j, e := range letters {
			to, ok := model.CS.Step(s, model.Event(e))
			if want := strings.Trim(row[1+j], "·"); want != string(to) || ok != (want != "") {
				t.Errorf("%c in %s leads to %q, want %q", e, s, to, want)
			}
			if ok {
				edges++
			}
		}
		if f := model.Forced(s); string(f) != row[7] {
			t.Errorf("%s forces %q, want %q", s, f, row[7])
		} else if f != "" {
			forced++
		}
		if h := model.HostOf(s); h.New != row[8] || h.Existing != row[9] || h.Pending == "" {
			t.Errorf("%s hosts %+v, want %s, %s", s, h, row[8], row[9])
		}
	}
	if len(states) != 32 || edges != 58 || edges != len(model.CS.Transitions()) || forced != 12 {
		t.Errorf("%d states, %d transitions, %d forced", len(states), edges, forced)
	}
}

// TestCaseStateProperties: each event raises one letter, its own, and never lowers one;
// no order of two events that are both legal leads to two places.
func TestCaseStateProperties(t *testing.T) {
	for _, r := range model.CS.Transitions() {
		for i := range letters {
			same, raised := r.From[i] == r.To[i], r.From[i] == letters[i]+32 && r.To[i] == letters[i]
			if own := letters[i:i+1] == string(r.Event); own != raised || !own && !same {
				t.Errorf("%v changes letter %d", r, i)
			}
		}
	}
	for _, s := range model.CS.States() {
		if strings.Contains(string(s), "vF") || strings.Contains(string(s), "fD") {
			t.Errorf("%s has a fix without its vendor, or a deployed one that was not ready", s)
		}
		if f := model.Forced(s); f != "" {
			if next := model.CS.Next(s); len(next) != 1 || next[0].Event != f {
				t.Errorf("%s forces %s and goes on by %v", s, f, next)
			}
		}
		for _, a := range model.CS.Next(s) {
			for _, b := range model.CS.Next(s) {
				ab, ok1 := model.CS.Step(a.To, b.Event)
				ba, ok2 := model.CS.Step(b.To, a.Event)
				if ok1 && ok2 && ab != ba {
					t.Errorf("from %s, %s %s leads to %s, %s %s to %s", s, a.Event, b.Event, ab, b.Event, a.Event, ba)
				}
			}
		}
	}
	if model.Forced("VfdpxA") != "" {
		t.Error("attacks force something")
	}
}

// TestMisprints are the steps that published tables have wrong (spec/model.md §11).
func TestMisprints(t *testing.T) {
	if to, _ := model.CS.Step("VFdPxA", "X"); to != "VFdPXA" {
		t.Errorf("X in VFdPxA leads to %s", to)
	}
	if to, ok := model.CS.Step("VfdpXa", "A"); ok {
		t.Errorf("attacks come before the forced P, and lead to %s", to)
	}
	if to, _ := model.CS.Step("Vfdpxa", "A"); to != "VfdpxA" {
		t.Errorf("attacks lead to %s: they say nothing about the public", to)
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern string
		s       model.State
		want    bool
	}{
		{"...P..", "VfdPxa", true}, {"...P..", "Vfdpxa", false}, {"......", "vfdpxa", true},
		{"...P..", "Pxa", true}, {"..D...", "Dpxa", true}, {"..D...", "pxa", false}, {".f....", "dpxa", false},
		{"d...", "dpxa", true}, {"d...", "vfdpxa", false}, {"...P..", "", false}, {"......", "", true},
	} {
		if got := model.Match(c.pattern, c.s); got != c.want {
			t.Errorf("%q in %q: %v", c.pattern, c.s, got)
		}
	}
}

// TestEmbargoLivesInFourStates: only before anything is public or attacked; and the rules
// on ending one say the same as the table.
func TestEmbargoLivesInFourStates(t *testing.T) {
	counts := map[string]int{}
	for _, s := range model.CS.States() {
		h := model.HostOf(s)
		counts[h.Existing]++
		if lives := h.New != "MUST NOT"; lives != model.Match("...pxa", s) {
			t.Errorf("%s: a new embargo %s", s, h.New)
		}
		for _, strength := range []string{"MUST NOT", "SHOULD NOT"} {
			said := slices.ContainsFunc(model.RulesFor("EP", model.Participant{RM: "R", EM: "N", CS: s}), func(r model.Rule) bool { return r.Strength == strength })
			if said != (h.New == strength) {
				t.Errorf("%s: a new embargo %s, the rules say %s: %v", s, h.New, strength, said)
			}
		}
		for _, em := range []model.State{"A", "R"} {
			strength := ""
			for _, r := range model.RulesFor("ET", model.Participant{RM: "A", EM: em, CS: s}) {
				if r.If == "" && (strength == "" || r.Strength == "SHALL") {
					strength = r.Strength
				}
			}
			if said := strings.TrimSuffix(h.Existing, " end"); (said == "SHALL" || said == "SHOULD") != (strength != "") || strength != "" && said != strength {
				t.Errorf("%s, embargo %s: the table says %q, the rules %q", s, em, h.Existing, strength)
			}
		}
	}
	if counts["SHALL end"] != 24 || counts["SHOULD end"] != 5 || counts["may continue"] != 2 || counts["prepare to end"] != 1 {
		t.Errorf("counts %v", counts)
	}
	if h := model.HostOf("nonsense"); h != (model.Host{}) {
		t.Errorf("nonsense hosts %v", h)
	}
}

// TestSSVC: each decision point has exactly one value in each state.
func TestSSVC(t *testing.T) {
	for _, s := range model.CS.States() {
		values := map[string]int{}
		for _, c := range model.Crossings() {
			n := values[c.Point]
			if model.Match(c.Pattern, s) {
				n++
			}
			values[c.Point] = n
		}
		for point, n := range values {
			if n != 1 {
				t.Errorf("%s: %s has %d values", s, point, n)
			}
		}
	}
	for _, tr := range model.Triages() {
		if _, ok := model.RM.Step("V", map[model.State]model.Event{"A": "a", "D": "d"}[tr.RM]); !ok {
			t.Errorf("%v is no step from valid", tr)
		}
	}
}

// TestMessagesFollowTheMachines: a message that announces a step can be sent exactly where
// the machine has that step; in a case state that is forced to go on, other events wait.
func TestMessagesFollowTheMachines(t *testing.T) {
	all := model.Messages()
	if len(all) != 28 {
		t.Fatalf("%d types of messages", len(all))
	}
	for name, m := range map[string]*model.Machine{"rm": model.RM, "em": model.EM, "cs": model.CS} {
		can := map[model.Transition]bool{} // in From, some message announces Event
		for _, msg := range all {
			for _, s := range m.States() {
				if msg.Machine == name && msg.Event != "" && sendable(msg, s) {
					can[model.Transition{From: s, Event: msg.Event}] = true
				}
			}
		}
		for _, r := range m.Transitions() {
			r.To = ""
			if !can[r] && r != (model.Transition{From: "S", Event: "r"}) { // received is derived
				t.Errorf("%s: no message announces %s in %s", name, r.Event, r.From)
			}
			delete(can, r)
		}
		for r := range can {
			if model.Forced(r.From) == "" {
				t.Errorf("%s: %s in %s is no step", name, r.Event, r.From)
			}
		}
	}
}

// sendable says whether a message can be sent in a state of its own machine.
func sendable(m model.Message, s model.State) bool {
	switch m.Machine {
	case "rm":
		return strings.Contains(m.When.RM, string(s))
	case "em":
		return strings.Contains(m.When.EM, string(s))
	}
	return slices.ContainsFunc(m.When.CS, func(p string) bool { return model.Match(p, s) })
}

// TestEntriesAreInTheRegistry: a message that is an entry names a kind that the format
// knows or keeps a number for; acknowledgements and errors are none.
func TestEntriesAreInTheRegistry(t *testing.T) {
	cddl, err := spec.Files.ReadFile("cordon.cddl")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range model.Messages() {
		receipt := m.Code[1] == 'K' || m.Code[1] == 'E'
		if receipt != (m.Entry == "") {
			t.Errorf("%s: entry %q", m.Code, m.Entry)
		}
		if m.Entry != "" && !regexp.MustCompile(`(?m)^;.*[0-9] `+m.Entry+`\b`).Match(cddl) {
			t.Errorf("%s: the registry has no %s", m.Code, m.Entry)
		}
	}
}
