package model_test

import (
	"fmt"
	"strings"
	"testing"

	"cordon/protocol/model"
	"cordon/spec"
)

// TestTablesAreTheSpecs: each row of the code stands in the document, and of rules and
// messages the document has no more.
func TestTablesAreTheSpecs(t *testing.T) {
	b, err := spec.Files.ReadFile("model.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	// dash is how an empty cell is written.
	dash := func(s string) string {
		if s == "" {
			return "–"
		}
		return s
	}
	var want []string
	for _, m := range []*model.Machine{model.RM, model.EM} {
		for _, s := range m.States() {
			var steps []string
			for _, r := range m.Next(s) {
				steps = append(steps, string(r.Event)+"→"+string(r.To))
			}
			if steps == nil {
				steps = []string{"(final)"}
			}
			want = append(want, fmt.Sprintf("| **%s** %s | %s |", s, m.Means(s), strings.Join(steps, ", ")))
		}
	}
	for _, s := range model.Consent.States() {
		want = append(want, fmt.Sprintf("| %s | %s |", s, model.Consent.Means(s)))
	}
	for _, r := range model.Rules() {
		text := r.Text
		if r.If != "" {
			text += ", if " + r.If
		}
		want = append(want, fmt.Sprintf("| %s | %s | %s | %s | %s |", r.ID, r.Strength, dash(strings.Join(r.Acts, " ")), where(r.When), text))
	}
	for _, m := range model.Messages() {
		entry := m.Entry
		if entry == "" {
			entry = "receipt"
		}
		want = append(want, fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", m.Code, m.Name, dash(string(m.Event)), where(m.When), entry, m.Cordon))
	}
	for _, h := range model.Hosts() {
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s | %s |", h.Pattern, h.New, h.Existing, h.Pending, h.Why))
	}
	for _, c := range model.Crossings() {
		want = append(want, fmt.Sprintf("| %s | %s | `%s` |", c.Point, c.Value, c.Pattern))
	}
	for _, d := range model.Desiderata() {
		want = append(want, fmt.Sprintf("| %s before %s | %s | %d |", d.Before, d.After, d.F, d.Histories))
	}
	for _, s := range model.Spaces() {
		want = append(want, fmt.Sprintf("| %s | %d | %d |", s.Who, s.States, s.Own))
	}
	for _, row := range want {
		if !strings.Contains(doc, row+"\n") {
			t.Errorf("spec/model.md lacks\n%s", row)
		}
	}
	for _, section := range []struct {
		from, to string
		rows     int
	}{{"## 8.", "## 9.", len(model.Rules())}, {"## 9.", "## 10.", len(model.Messages())}} {
		_, part, _ := strings.Cut(doc, section.from)
		part, _, _ = strings.Cut(part, section.to)
		if n := strings.Count(part, "\n| ") - 1; n != section.rows {
			t.Errorf("section %s has %d rows, the code %d", section.from, n, section.rows)
		}
	}
}

// where writes a condition as the document does.
func where(c model.Condition) string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	add("RM", c.RM)
	add("EM", c.EM)
	if c.CS != nil {
		add("CS", "`"+strings.Join(c.CS, "` `")+"`")
	}
	add("is", string(c.Is))
	add("not", string(c.Not))
	if parts == nil {
		return "any"
	}
	return strings.Join(parts, ", ")
}

// TestRulesFor asks the rules for acts of participants who may and may not.
func TestRulesFor(t *testing.T) {
	vendor := []model.Role{model.Vendor}
	for _, c := range []struct {
		code string
		p    model.Participant
		want string
	}{
		{"CF", model.Participant{RM: "V", EM: "A", CS: "Vfdpxa", Roles: vendor}, "CSB-18-001 MUST NOT"},
		{"CF", model.Participant{RM: "A", EM: "A", CS: "Vfdpxa", Roles: vendor}, ""},
		{"CF", model.Participant{RM: "A", EM: "A", CS: "pxa", Roles: []model.Role{model.Coordinator}}, "CSB-15-001 MUST NOT"},
		{"EP", model.Participant{RM: "R", EM: "N", CS: "Vfdpxa", Roles: vendor}, "VP-13-001 SHOULD, VP-14-005 SHOULD, VP-13-002 MAY"},
		{"EP", model.Participant{RM: "C", EM: "N", CS: "Vfdpxa", Roles: vendor}, "VP-13-011 SHOULD NOT"},
		{"EP", model.Participant{RM: "R", EM: "N", CS: "VfdPxa", Roles: vendor}, "VP-13-002 MAY, VP-06-001 MUST NOT"},
		{"RS", model.Participant{RM: "V", EM: "N", CS: "pxa"}, "VP-02-003 MUST NOT"},
		{"RS", model.Participant{RM: "A", EM: "P", CS: "pxa"}, "VP-06-007 SHALL"},
		{"CX", model.Participant{RM: "A", EM: "R", CS: "pxa"}, "VP-14-012 SHOULD NOT"},
		{"CX", model.Participant{RM: "A", EM: "X", CS: "pxa"}, ""},
		{"??", model.Participant{}, ""},
	} {
		var got []string
		for _, r := range model.RulesFor(c.code, c.p) {
			got = append(got, r.ID+" "+r.Strength)
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s of %v: %q, want %q", c.code, c.p, s, c.want)
		}
	}
}

// TestRulesSpeakOfTheModel: every state, pattern, role and message a rule names exists,
// and every rule holds somewhere.
func TestRulesSpeakOfTheModel(t *testing.T) {
	codes := map[string]bool{}
	for _, m := range model.Messages() {
		if codes[m.Code] {
			t.Errorf("two messages %s", m.Code)
		}
		codes[m.Code] = true
	}
	ids := map[string]bool{}
	for _, r := range model.Rules() {
		if ids[r.ID] || r.Text == "" || len(r.Acts) == 0 != (r.Strength == model.Never || r.Strength == model.Moot) {
			t.Errorf("%s: twice, or without text, or acts that do not fit %s", r.ID, r.Strength)
		}
		ids[r.ID] = true
		for _, a := range r.Acts {
			if !codes[a] {
				t.Errorf("%s speaks of %s", r.ID, a)
			}
		}
		if !somewhere(r.When) {
			t.Errorf("%s holds nowhere", r.ID)
		}
	}
}

func somewhere(c model.Condition) bool {
	for _, rm := range model.RM.States() {
		for _, em := range model.EM.States() {
			for _, cs := range model.CS.States() {
				for _, roles := range [][]model.Role{nil, {model.Vendor}, {model.Deployer}, {model.Reporter}} {
					if c.Holds(model.Participant{RM: rm, EM: em, CS: cs, Roles: roles}) {
						return true
					}
				}
			}
		}
	}
	return false
}
