// Package model is the formal model of multi-party disclosure as data: four
// machines, the states in which an embargo can live, the rules between the
// machines, the types of messages, and every figure that follows from them by
// exact arithmetic. Nothing here is measured and no figure is typed in.
//
// It knows no entries: what a case of signed entries comes to is package
// protocol's affair, which asks the tables here.
//
// Main path: RM, EM, CS and Consent are the machines; HostOf says where an
// embargo can live; Rules and Messages are what stands between the machines;
// Histories and Desiderata give the figures, SkillOf compares an observed rate
// with them. What is implemented, and where it departs from the published
// tables, is spec/model.md.
package model

import "slices"

// State is a state's name: a letter of report and embargo management, six
// letters of a case state, a word of consent.
type State string

// Event is what moves a machine: a letter, or a word of consent.
type Event string

// Transition is one row of a machine: in From, Event leads to To.
type Transition struct {
	From  State
	Event Event
	To    State
}

// Machine is a finite machine as a table. A value of this type does not change.
type Machine struct {
	states []State
	means  map[State]string
	final  []State
	rows   []Transition
}

// States are the machine's states; the first is where it starts.
func (m *Machine) States() []State { return slices.Clone(m.states) }

// Transitions are the rows of the table.
func (m *Machine) Transitions() []Transition { return slices.Clone(m.rows) }

// Means says what a state is, in words; "" where its letters say it.
func (m *Machine) Means(s State) string { return m.means[s] }

// Step takes one event; ok is false where the table has no such row.
func (m *Machine) Step(from State, e Event) (to State, ok bool) {
	for _, r := range m.rows {
		if r.From == from && r.Event == e {
			return r.To, true
		}
	}
	return "", false
}

// Next lists the rows that leave a state, in the order of the table.
func (m *Machine) Next(from State) []Transition {
	var out []Transition
	for _, r := range m.rows {
		if r.From == from {
			out = append(out, r)
		}
	}
	return out
}

// Reaches says whether one or more steps lead from one state to the other.
func (m *Machine) Reaches(from, to State) bool {
	seen := map[State]bool{}
	for queue := []State{from}; len(queue) > 0; queue = queue[1:] {
		for _, r := range m.Next(queue[0]) {
			if r.To == to {
				return true
			}
			if !seen[r.To] {
				seen[r.To] = true
				queue = append(queue, r.To)
			}
		}
	}
	return false
}

// Traces lists the sequences of at most limit events that lead from the start to
// a final state, the short ones first.
func (m *Machine) Traces(limit int) []string {
	type walk struct {
		at   State
		said string
	}
	var out []string
	walks := []walk{{at: m.states[0]}}
	for n := 0; n <= limit && len(walks) > 0; n++ {
		var longer []walk
		for _, w := range walks {
			if slices.Contains(m.final, w.at) {
				out = append(out, w.said)
			}
			for _, r := range m.Next(w.at) {
				longer = append(longer, walk{r.To, w.said + string(r.Event)})
			}
		}
		walks = longer
	}
	return out
}
