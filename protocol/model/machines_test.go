package model_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"cordon/protocol/model"
)

// published are the tables of the published model, written out a second time: state,
// event, state.
var published = []struct {
	name    string
	machine *model.Machine
	states  string
	events  string
	rows    string
}{
	{"rm", model.RM, "S R I V A D C", "r v i a d c",
		"SrR RvV RiI IvV IcC VaA VdD AdD AcC DaA DcC"},
	{"em", model.EM, "N P A R X", "p a r t",
		"NpP PpP PaA PrN ApR AtX RpR RaA RrA RtX"},
	{"consent", model.Consent, "NO_EMBARGO INVITED SIGNATORY LAPSED DECLINED", "INVITE ACCEPT DECLINE timeout REVISE RESET",
		"NO_EMBARGO/INVITE/INVITED LAPSED/INVITE/INVITED DECLINED/INVITE/INVITED " +
			"NO_EMBARGO/ACCEPT/SIGNATORY INVITED/ACCEPT/SIGNATORY LAPSED/ACCEPT/SIGNATORY " +
			"NO_EMBARGO/DECLINE/DECLINED INVITED/DECLINE/DECLINED LAPSED/DECLINE/DECLINED " +
			"INVITED/timeout/DECLINED LAPSED/timeout/DECLINED SIGNATORY/REVISE/LAPSED " +
			"NO_EMBARGO/RESET/NO_EMBARGO INVITED/RESET/NO_EMBARGO SIGNATORY/RESET/NO_EMBARGO " +
			"LAPSED/RESET/NO_EMBARGO DECLINED/RESET/NO_EMBARGO"},
}

// TestEveryStepOfEveryMachine tries every event in every state: the published steps are
// there, and no other is.
func TestEveryStepOfEveryMachine(t *testing.T) {
	for _, p := range published {
		states := strings.Fields(p.states)
		if got := p.machine.States(); !slices.Equal(texts(got), states) {
			t.Errorf("%s: states %v", p.name, got)
		}
		want := map[string]string{}
		for _, row := range strings.Fields(p.rows) {
			sep := ""
			if strings.Contains(row, "/") {
				sep = "/"
			}
			parts := strings.SplitN(row, sep, 3)
			want[parts[0]+" "+parts[1]] = parts[2]
		}
		if got := p.machine.Transitions(); len(got) != len(want) {
			t.Errorf("%s: %d rows, want %d", p.name, len(got), len(want))
		}
		for _, s := range states {
			for _, e := range strings.Fields(p.events) {
				to, ok := p.machine.Step(model.State(s), model.Event(e))
				if legal := want[s+" "+e]; string(to) != legal || ok != (legal != "") {
					t.Errorf("%s: %s in %s leads to %q, want %q", p.name, e, s, to, legal)
				}
			}
		}
	}
}

func texts[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

// TestWhatIsFinal: no step leaves a closed report, an embargo that has ended, or a case
// in which everything has happened; and a report is closed only after a judgement.
func TestWhatIsFinal(t *testing.T) {
	for _, f := range []struct {
		m  *model.Machine
		at model.State
	}{{model.RM, "C"}, {model.EM, "X"}, {model.CS, "VFDPXA"}} {
		if next := f.m.Next(f.at); next != nil {
			t.Errorf("%s goes on: %v", f.at, next)
		}
		for _, s := range f.m.States() {
			if s != f.at && !f.m.Reaches(s, f.at) {
				t.Errorf("%s does not reach %s", s, f.at)
			}
		}
	}
	for _, pair := range [][2]model.State{{"V", "I"}, {"A", "V"}, {"D", "R"}, {"R", "S"}, {"C", "A"}} {
		if model.RM.Reaches(pair[0], pair[1]) {
			t.Errorf("a report goes back from %s to %s", pair[0], pair[1])
		}
	}
}

// TestReportTraces: the fifteen shortest ways from a report to its end, and how many
// there are of each length.
func TestReportTraces(t *testing.T) {
	want := strings.Fields("ric rvac rvdc rivac rivdc rvadc rvdac rivadc rivdac rvadac rvdadc rivadac rivdadc rvadadc rvdadac")
	got := model.RM.Traces(7)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	counts := make([]int, 10)
	for _, s := range model.RM.Traces(9) {
		counts[len(s)]++
	}
	if want := []int{0, 0, 0, 1, 2, 4, 4, 4, 4, 4}; !slices.Equal(counts, want) {
		t.Errorf("by length %v, want %v", counts, want)
	}
}

// TestEmbargoTraces compares the machine with the corrected regular expression on every
// string of at most seven events.
func TestEmbargoTraces(t *testing.T) {
	right := regexp.MustCompile(`^(p+r)*(p+a(p+[ra])*p*t)?$`)
	traces := model.EM.Traces(7)
	var want []string
	for level := []string{""}; len(level[0]) <= 7; {
		var longer []string
		for _, s := range level {
			if right.MatchString(s) {
				want = append(want, s)
			}
			for _, e := range "part" {
				longer = append(longer, s+string(e))
			}
		}
		level = longer
	}
	if len(traces) != 1+72 {
		t.Errorf("%d traces, want 72 and the empty one", len(traces))
	}
	slices.Sort(traces)
	slices.Sort(want)
	if !slices.Equal(traces, want) {
		t.Errorf("machine and expression differ:\n%v\n%v", traces, want)
	}
	for _, missed := range []string{"papt", "ppat"} {
		if !slices.Contains(traces, missed) {
			t.Errorf("%s is missing, as in the published expression", missed)
		}
	}
}

// TestTablesAreCopies: who changes what he was given changes nothing.
func TestTablesAreCopies(t *testing.T) {
	model.RM.States()[0] = "?"
	model.RM.Transitions()[0].To = "?"
	model.RM.Next("R")[0].To = "?"
	model.Hosts()[0].New = "MAY"
	model.Messages()[8].When.CS[0] = "......"
	model.Rules()[0].Acts[0] = "??"
	model.Crossings()[0].Value = "?"
	model.Triages()[0].RM = "?"
	if model.RM.States()[0] != "S" || model.RM.Transitions()[0].To != "R" || model.RM.Next("R")[0].To != "V" ||
		model.Hosts()[0].New != "MUST NOT" || model.Messages()[8].When.CS[0] != "...pxa" ||
		model.Rules()[0].Acts[0] != "RS" || model.Crossings()[0].Value != "none" || model.Triages()[0].RM != "D" {
		t.Error("a table of the package was changed from outside")
	}
}
