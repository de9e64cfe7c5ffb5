package model

import "slices"

// Space is how many states a participant can have.
type Space struct {
	Who string `json:"who"`
	// States counts them; where embargo and case state do not matter, one stands for all.
	States int `json:"states"`
	// Own counts them without the states of the embargo and of the public, which all
	// participants have in common.
	Own int `json:"own"`
}

// kinds of participants, and what their part of the case state can be.
var kinds = []struct {
	who   string
	roles []Role
	paths []State
}{
	{"any", nil, []State{"", "vfd", "Vfd", "VFd", "VFD"}},
	{"vendor and deployer", []Role{Vendor, Deployer}, []State{"vfd", "Vfd", "VFd", "VFD"}},
	{"vendor", []Role{Vendor}, []State{"vfd", "Vfd", "VFd", "VFD"}},
	{"deployer", []Role{Deployer}, []State{"d", "D"}},
	{"other", []Role{Coordinator}, []State{""}},
	{"reporter", []Role{Reporter}, []State{""}},
}

// worlds are the states of public, exploit and attacks, which all participants share.
var worlds = []State{"pxa", "pxA", "pXa", "pXA", "Pxa", "PxA", "PXa", "PXA"}

// RawStates is how many triples of report, embargo and case state there are before any
// rule: a fix path or none, in every combination.
func RawStates() int { return len(raw(kinds[0].paths)) }

// Spaces counts the states that a participant can have by the rules of strength Never
// and Moot.
func Spaces() []Space {
	var out []Space
	for _, k := range kinds {
		states, own := map[[3]State]bool{}, map[[2]State]bool{}
		for _, p := range raw(k.paths) {
			p.Roles = k.roles
			if broken(p) {
				continue
			}
			p = settle(p)
			states[[3]State{p.RM, p.EM, p.CS}] = true
			own[[2]State{p.RM, p.CS[:max(0, len(p.CS)-len(worlds[0]))]}] = true
		}
		out = append(out, Space{k.who, len(states), len(own)})
	}
	return out
}

// raw lists all triples of report, embargo and case state with these fix paths.
func raw(paths []State) (all []Participant) {
	for _, rm := range RM.states {
		for _, em := range EM.states {
			for _, path := range paths {
				for _, world := range worlds {
					all = append(all, Participant{RM: rm, EM: em, CS: path + world})
				}
			}
		}
	}
	return all
}

func broken(p Participant) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.Strength == Never && r.When.Holds(p) })
}

// settle drops from a state what does not matter: everything but the report where a
// rule says Moot, the embargo once the public knows. A public exploit is public.
func settle(p Participant) Participant {
	for _, r := range rules {
		if r.Strength == Moot && r.When.Holds(p) {
			return Participant{RM: p.RM}
		}
	}
	if Forced(p.CS) == "P" {
		p.CS = p.CS[:len(p.CS)-3] + "P" + p.CS[len(p.CS)-2:]
	}
	if Match("...P..", p.CS) {
		p.EM = ""
	}
	return p
}
