package sim_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link/sim"
	"cordon/spec"
)

// A history that is worth keeping becomes a vector of the family history, which every
// implementation then folds: as short as it may be while what -keep names is in it.
//
//	go test ./protocol/link/sim -run 'TestStewards$' -seed 11 -save two-certificates -keep 'two certificates'
var (
	saveFlag = flag.String("save", "", "keep the history of -seed as the vector of this name")
	keepFlag = flag.String("keep", "", "what the kept history must have in it, by comma")
)

const historyFile = "../../../spec/vectors/history.json"

// save puts a history among the vectors.
func save(t *testing.T, s *sim.Script, j judge) {
	t.Helper()
	wanted := strings.Split(*keepFlag, ",")
	has := func(s *sim.Script) bool {
		w, err := j(s)
		return err == nil && !slices.ContainsFunc(wanted, func(k string) bool { return w.Seen()[k] == 0 })
	}
	if !has(s) {
		t.Fatalf("the history has not all of %q in it", wanted)
	}
	s = sim.Shrink(s, has)
	w, _ := j(s)
	var f spec.Family
	raw, err := os.ReadFile(historyFile)
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	f.Schema, f.Family = "cordon.vectors/1", "history"
	f.Comment = "Hostile histories that the simulator found, in the form of the family fold. They are kept as they were found, not " +
		"generated again. The verdicts are those of the fold; the oracle of the protocol's tests, which is naive, agrees with them."
	v := vectorOf(w, *saveFlag, "In it: "+strings.Join(wanted, ", ")+". "+strings.TrimSpace(s.String()))
	f.Vectors = slices.DeleteFunc(f.Vectors, func(o spec.Vector) bool { return o.Name == v.Name })
	f.Vectors = append(f.Vectors, v)
	slices.SortFunc(f.Vectors, func(a, b spec.Vector) int { return strings.Compare(a.Name, b.Name) })
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(f); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(historyFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// vectorOf is what all entries of a history come to, the entries in the order of their
// ids.
func vectorOf(w *sim.World, name, comment string) spec.Vector {
	c := protocol.NewCase()
	for _, e := range w.Entries() {
		c.Add(e)
	}
	c.Settle()
	caseID, digest := c.ID(), c.Digest()
	v := spec.Vector{Name: name, Comment: comment, Verdict: spec.Valid, ID: caseID[:],
		Fold: &spec.Folded{Digest: digest[:], State: c.State(), Stewards: hashes(c.Stewards()), Members: []spec.Bytes{}, Chain: []spec.Bytes{}}}
	for _, x := range c.Chain() {
		v.Fold.Chain = append(v.Fold.Chain, x.ID[:])
	}
	for _, p := range c.Participants() {
		if p.Admitted {
			v.Fold.Members = append(v.Fold.Members, p.Org[:])
		}
	}
	slices.SortFunc(v.Fold.Members, func(a, b spec.Bytes) int { return bytes.Compare(a, b) })
	all := slices.Clone(w.Entries())
	slices.SortFunc(all, func(a, b *entry.Sealed) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for _, e := range all {
		rule, folded := c.Verdict(e.ID)
		if !folded {
			continue // above what a cheat kept for itself
		}
		x := spec.FoldedEntry{ID: e.ID[:], Verdict: "accepted"}
		if rule != "" {
			x.Verdict, x.Rule = "refused", rule
		}
		v.Hex = append(v.Hex, e.Raw...)
		v.Fold.Entries = append(v.Fold.Entries, x)
	}
	return v
}

func hashes(os []id.OrgID) (all []spec.Bytes) {
	for _, o := range os {
		all = append(all, o[:])
	}
	return all
}
