package cli

import (
	"fmt"
	"io"
	"strings"

	"cordon/protocol/model"
)

// modelOverview is the model on one screen.
func modelOverview(w io.Writer, v *modelView) {
	modelRM(w, v)
	fmt.Fprintln(w)
	modelEM(w, v)
	fmt.Fprintln(w)
	modelConsent(w, v)
	fmt.Fprintf(w, "\nCase state (cs): %d states, %d transitions, %d of the states forced to go on\n",
		len(v.CS.States), len(v.CS.Transitions), forcedStates(v))
	fmt.Fprintf(w, "Messages: %d types, of which %d are entries\n\n", len(v.Messages), entryTypes(v))
	best, worst := v.Histories[0], v.Histories[len(v.Histories)-1]
	fmt.Fprintf(w, "%d histories, %d ranks of skill: %s meets %d of %d desiderata, %s %d\n",
		len(v.Histories), best.Rank, best.H, best.Met, len(v.Desiderata), worst.H, worst.Met)
	fmt.Fprintln(w, "\nMore: cordon model "+partNames("|"))
}

func modelRM(w io.Writer, _ *modelView) { modelRows(w, "Report (rm), one a participant", model.RM) }

func modelEM(w io.Writer, _ *modelView) { modelRows(w, "Embargo (em), one a case", model.EM) }

func modelConsent(w io.Writer, _ *modelView) {
	modelRows(w, "Consent, one a participant", model.Consent)
}

func forcedStates(v *modelView) (n int) {
	for _, h := range v.Embargo {
		if h.Forced != "" {
			n++
		}
	}
	return n
}

func entryTypes(v *modelView) (n int) {
	for _, m := range v.Messages {
		if m.Entry != "" {
			n++
		}
	}
	return n
}

// modelRows prints a machine: a state a line, with the steps that leave it.
func modelRows(w io.Writer, title string, m *model.Machine) {
	fmt.Fprintf(w, "%s: %d states, %d transitions\n", title, len(m.States()), len(m.Transitions()))
	wide := 0
	for _, s := range m.States() {
		wide = max(wide, len(stateWord(m, s)))
	}
	for _, s := range m.States() {
		var steps []string
		for _, r := range m.Next(s) {
			steps = append(steps, string(r.Event)+"→"+string(r.To))
		}
		if steps == nil {
			steps = []string{"(final)"}
		}
		for i, line := range wrap(strings.Join(steps, "  "), width-wide-4) {
			word := stateWord(m, s)
			if i > 0 {
				word = ""
			}
			fmt.Fprintf(w, "  %-*s  %s\n", wide, word, strings.TrimSpace(line))
		}
	}
}

// stateWord is a state's letter with its word; a word alone where that is the state.
func stateWord(m *model.Machine, s model.State) string {
	if len(s) > 1 {
		return string(s)
	}
	return string(s) + " " + m.Means(s)
}

// modelCases prints the case states: what can happen next, and what that means
// for an embargo.
func modelCases(w io.Writer, v *modelView) {
	fmt.Fprintf(w, "Case state (cs): %d states, %d transitions. A capital letter has happened:\n", len(v.CS.States), len(v.CS.Transitions))
	fmt.Fprintln(w, "Vendor aware, Fix ready, fix Deployed, Public aware, eXploit out, Attacks seen.")
	fmt.Fprintln(w)
	var rows [][]string
	for _, h := range v.Embargo {
		var next []string
		for _, r := range model.CS.Next(h.State) {
			next = append(next, string(r.Event))
		}
		can := strings.Join(next, " ")
		if h.Forced != "" {
			can += " at once"
		}
		rows = append(rows, []string{string(h.State), can, h.New, h.Existing, h.Pending})
	}
	table(w, []string{"STATE", "NEXT", "NEW EMBARGO", "IN FORCE", "PROPOSED"}, rows)
}

// modelHosts prints where an embargo can live.
func modelHosts(w io.Writer, _ *modelView) {
	var rows [][]string
	for _, h := range model.Hosts() {
		rows = append(rows, []string{h.Pattern, h.New, h.Existing, h.Pending, h.Why})
	}
	table(w, []string{"CASE", "NEW EMBARGO", "IN FORCE", "PROPOSED", "BECAUSE"}, rows)
	fmt.Fprintln(w, "\nA dot is any letter; the first row that matches counts.")
}

// modelRules prints the rules between the machines.
func modelRules(w io.Writer, v *modelView) {
	for _, r := range v.Rules {
		head := r.Strength
		if len(r.Acts) > 0 {
			head += " " + strings.Join(r.Acts, " ")
		}
		text := r.Text
		if r.If != "" {
			text += ", if " + r.If
		}
		fmt.Fprintf(w, "%-23s %-18s %s\n", r.ID, head, conditionText(r.When))
		for _, line := range wrap(text, width-4) {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
}

// conditionText says of whom something holds.
func conditionText(c model.Condition) string {
	var parts []string
	for _, p := range []struct{ name, value string }{
		{"rm", c.RM}, {"em", c.EM}, {"cs", strings.Join(c.CS, "|")}, {"is", string(c.Is)}, {"not", string(c.Not)},
	} {
		if p.value != "" {
			parts = append(parts, p.name+" "+p.value)
		}
	}
	return strings.Join(parts, ", ")
}

// modelMessages prints the types of messages and what carries them.
func modelMessages(w io.Writer, v *modelView) {
	var rows [][]string
	for _, m := range v.Messages {
		entry := m.Entry
		switch {
		case entry == "":
			entry = "-"
		case !m.Built:
			entry += "*"
		}
		rows = append(rows, []string{m.Code, m.Name, conditionText(m.When), entry})
	}
	table(w, []string{"", "MESSAGE", "SENDER", "ENTRY"}, rows)
	fmt.Fprintln(w, "\n-  a receipt of the session, no entry    *  not in this build")
}

// modelFigures prints what luck alone brings about.
func modelFigures(w io.Writer, v *modelView) {
	fmt.Fprintf(w, "How often luck alone brings the row before the column, in %d histories:\n\n", len(v.Histories))
	events := strings.Split("VFDPXA", "")
	rows := [][]string{}
	for _, a := range events {
		row := []string{a}
		for _, b := range events {
			cell := "-"
			if f, ok := v.Order[model.Event(a)][model.Event(b)]; ok {
				cell = f.String()
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	table(w, append([]string{""}, events...), rows)
	fmt.Fprintln(w, "\nDesiderata, the orders that defenders want:")
	rows = nil
	for _, d := range v.Desiderata {
		rows = append(rows, []string{string(d.Before) + " before " + string(d.After), d.F.String(), fmt.Sprintf("%.3f", d.F.Float()), fmt.Sprint(d.Histories)})
	}
	table(w, []string{"", "BY LUCK", "", "HISTORIES"}, rows)
	fmt.Fprintf(w, "\nStates of a participant: %d, of which the rules leave\n", v.Participants.Raw)
	rows = nil
	for _, s := range v.Participants.Spaces {
		rows = append(rows, []string{s.Who, fmt.Sprint(s.States), fmt.Sprint(s.Own)})
	}
	table(w, []string{"", "STATES", "ITS OWN"}, rows)
}
