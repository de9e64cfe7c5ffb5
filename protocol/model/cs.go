package model

import (
	"slices"
	"strings"
)

// events are the six of a case, in the order of a case state's letters: a vendor
// is aware, a fix is ready, a fix is deployed, the public is aware, an exploit is
// public, attacks are observed. A capital letter says that it has happened.
const events = "VFDPXA"

// implied are the patterns that no case state has: a fix that is deployed was
// ready, a fix that is ready was made by a vendor who is aware.
var implied = []string{"vF....", ".fD..."}

// force is a state that does not last: only one event can follow.
type force struct {
	pattern string
	event   Event
}

// forces are the forced successors: a public exploit makes the vulnerability
// public, what is public reaches the vendor. Attacks force nothing.
var forces = []force{{"...pX.", "P"}, {"v..P..", "V"}}

// Match says whether a case state has a pattern's letters; a dot matches any, also
// none. Both are aligned at their ends, so that a participant without a fix path
// ("pxa"), or with deployment alone ("dpxa"), has what it has; a state that is longer
// than the pattern does not match.
func Match(pattern string, s State) bool {
	skip := len(pattern) - len(s)
	for i, c := range []byte(pattern) {
		if c != '.' && (i < skip || s[i-skip] != c) {
			return false
		}
	}
	return skip >= 0
}

func matchAny(patterns []string, s State) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return Match(p, s) })
}

// Forced is the one event that can follow a state that does not last; "" for the others.
func Forced(s State) Event {
	for _, f := range forces {
		if Match(f.pattern, s) {
			return f.event
		}
	}
	return ""
}

// caseStates makes the machine: of all 64 patterns those that nothing implies
// away, and from each the events that flip one letter and that no force forbids.
func caseStates() *Machine {
	m := &Machine{final: []State{events}}
	for n := range 1 << len(events) {
		b := []byte(strings.ToLower(events))
		for i := range b {
			if n>>i&1 == 1 {
				b[i] = events[i]
			}
		}
		if s := State(b); !matchAny(implied, s) {
			m.states = append(m.states, s)
		}
	}
	slices.SortFunc(m.states, inOrder)
	for _, from := range m.states {
		for i := range len(events) {
			e := Event(events[i : i+1])
			to := from[:i] + State(e) + from[i+1:]
			if must := Forced(from); to != from && slices.Contains(m.states, to) && (must == "" || must == e) {
				m.rows = append(m.rows, Transition{from, e, to})
			}
		}
	}
	return m
}

// inOrder sorts by how far the fix is, then public, exploit, attacks.
func inOrder(a, b State) int {
	for i := range len(events) {
		if a[i] != b[i] {
			return int(b[i]) - int(a[i])
		}
	}
	return 0
}
