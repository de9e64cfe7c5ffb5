package foldfile_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cordon/daemon/api"
	"cordon/daemon/foldfile"
	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
	"cordon/spec"
)

// histories are the vectors of the fold family, each as its raw entries.
func histories(t testing.TB) map[string][][]byte {
	t.Helper()
	f, err := spec.Read("fold")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][][]byte{}
	for _, v := range f.Vectors {
		items, err := foldfile.Split(v.Hex)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		all[v.Name] = items
	}
	return all
}

func fold(t testing.TB, file []byte) *api.Fold {
	t.Helper()
	f, err := foldfile.Fold(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// shown is an answer without what depends on the order of the file.
func shown(t testing.TB, f *api.Fold) string {
	t.Helper()
	g := *f
	g.Repeated, g.Entries = 0, slices.Clone(f.Entries)
	line := func(e api.FoldEntry) string { return string(encode(t, e)) }
	for i := range g.Entries {
		g.Entries[i].At = nil
	}
	slices.SortFunc(g.Entries[f.Accepted+f.Refused:], func(a, b api.FoldEntry) int { return strings.Compare(line(a), line(b)) })
	return string(encode(t, g))
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// shuffled is a file of the items in an order drawn from a seed, some of them twice.
func shuffled(items [][]byte, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	items = slices.Clone(items)
	for range len(items) / 4 {
		items = append(items, items[rng.IntN(len(items))])
	}
	rng.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	return bytes.Join(items, nil)
}

// TestAnyOrder: the same entries in another order, some of them twice, give the same
// answer.
func TestAnyOrder(t *testing.T) {
	for name, items := range histories(t) {
		want := shown(t, fold(t, bytes.Join(items, nil)))
		for seed := range uint64(2) {
			if have := shown(t, fold(t, shuffled(items, seed))); have != want {
				t.Errorf("%s, seed %d: %s\nwant %s", name, seed, have, want)
			}
		}
	}
}

// TestForms: a sequence, an array of byte strings and hex lines say the same.
func TestForms(t *testing.T) {
	for name, items := range histories(t) {
		want := shown(t, fold(t, bytes.Join(items, nil)))
		array := canon.AppendHead(nil, canon.KindArray, uint64(len(items)))
		var text strings.Builder
		for i, raw := range items {
			array = append(canon.AppendHead(array, canon.KindBytes, uint64(len(raw))), raw...)
			at := len(raw) * (i % 2)
			fmt.Fprintf(&text, "%x\r\n %x\n", raw[:at], raw[at:])
		}
		if have := shown(t, fold(t, array)); have != want {
			t.Errorf("%s as an array: %s", name, have)
		}
		if have := shown(t, fold(t, []byte(text.String()))); have != want {
			t.Errorf("%s in hex: %s", name, have)
		}
	}
}

// long is a case of many batches: six organisations whose daemons share one fold,
// and n entries more.
func long(n int) (c *protocol.Case, es []*entry.Sealed) {
	a := link.NewDaemon(nil, "lead")
	a.Open("long", link.Terms(), protocol.Coordinator)
	ds := []*link.Daemon{a}
	for i := range 5 {
		d := link.NewDaemon(nil, fmt.Sprint("org ", i))
		a.Admit(d, protocol.MitigatingVendor)
		d.Case, d.Held = a.Case, a.Held
		ds = append(ds, d)
	}
	for i := range n {
		d := ds[i%len(ds)]
		if i%3 == 0 {
			d.Say(&protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", 1+i)}})
		} else {
			d.Tell(protocol.Note, id.Everyone)
		}
	}
	for _, e := range a.Held {
		es = append(es, e)
	}
	slices.SortFunc(es, func(x, y *entry.Sealed) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	return a.Case, es
}

// TestManyBatches: what does not fit one batch is the same case; and an entry with
// a bad signature below a good one is stored, wherever batches are cut.
func TestManyBatches(t *testing.T) {
	c, es := long(900)
	last := map[id.Feed]id.Seq{}
	for _, e := range es {
		last[e.Feed()] = max(last[e.Feed()], e.Seq)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	spoilt := 0
	items := make([][]byte, len(es))
	for i, e := range es {
		items[i] = slices.Clone(e.Raw)
		if !e.Genesis() && e.Seq < last[e.Feed()] && rng.IntN(3) == 0 {
			items[i][len(items[i])-1] ^= 1
			spoilt++
		}
	}
	for seed := range uint64(3) {
		f := fold(t, shuffled(items, seed))
		digest := c.Digest()
		if f.Accepted != len(es) || f.Rejected != 0 || f.Digest != hex.EncodeToString(digest[:]) {
			t.Errorf("seed %d: %d of %d accepted, %d rejected; %d have a bad signature below a good one", seed, f.Accepted, len(es), f.Rejected, spoilt)
		}
	}
	if spoilt < 100 {
		t.Errorf("%d spoilt: the test looks at nothing", spoilt)
	}
}

// TestFaults: what cannot be folded is told in one line, with its place.
func TestFaults(t *testing.T) {
	all := histories(t)
	plain, other := all["plain"], all["succession"]
	file := bytes.Join(plain, nil)
	at := slices.IndexFunc(plain, func(raw []byte) bool { e, err := entry.Parse(raw); return err == nil && e.Genesis() })
	rest := slices.Delete(slices.Clone(plain), at, at+1)
	forged := slices.Clone(plain[at])
	forged[len(forged)-1] ^= 1
	genesis := other[slices.IndexFunc(other, func(raw []byte) bool { e, err := entry.Parse(raw); return err == nil && e.Genesis() })]
	note := other[slices.IndexFunc(other, func(raw []byte) bool { e, err := entry.Parse(raw); return err == nil && !e.Genesis() })]
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "holds no entries"},
		{"white space", []byte(" \n\n"), "holds no entries"},
		{"a text", []byte("hello"), "byte 0 begins no entry"},
		{"hex that is none", []byte("84aa\n84ag\n"), "line 2 is not bytes in hex"},
		{"half a byte", []byte("84a"), "line 1 is not bytes in hex"},
		{"cut", file[:len(file)-1], fmt.Sprintf("the entry at byte %d is cut short", len(file)-len(plain[len(plain)-1]))},
		{"garbage behind", append(slices.Clone(file), "\nend"...), fmt.Sprintf("byte %d begins no entry", len(file))},
		{"a reserved head", append(slices.Clone(file), 0x9c), "is no well-formed CBOR"},
		{"nested without end", append(slices.Clone(file), bytes.Repeat([]byte{0x81}, 1000)...), "is no well-formed CBOR"},
		{"arrays of nothing", []byte{0x80, 0x80}, "nothing in it is an entry: at byte 0, not-cose-profile"},
		{"no genesis", bytes.Join(rest, nil), "holds no genesis"},
		{"two geneses", append(slices.Clone(file), genesis...), fmt.Sprintf("another at byte %d", len(file))},
		{"an entry of another case", append(slices.Clone(file), note...), fmt.Sprintf("the entry at byte %d is of case", len(file))},
		{"a forged genesis", append(forged, bytes.Join(rest, nil)...), "the genesis at byte 0 is not authentic: bad-signature"},
	} {
		_, err := foldfile.Fold(t.Context(), c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if f := fold(t, append(forged, file...)); f.Rejected != 0 || f.Repeated != 1 {
		t.Errorf("a bad copy beside a good one: %d rejected, %d repeated", f.Rejected, f.Repeated)
	}
}

// TestRejectedHasItsPlace: what is rejected says where it begins and what it lacks.
func TestRejectedHasItsPlace(t *testing.T) {
	items := histories(t)["plain"]
	c := fold(t, bytes.Join(items, nil))
	var lost api.FoldEntry // B's identity: without it nothing of B's is authentic
	for _, e := range c.Entries {
		if e.Kind == "ident" {
			lost = e
		}
	}
	items = slices.DeleteFunc(items, func(raw []byte) bool { e, err := entry.Parse(raw); return err == nil && e.ID == *lost.ID })
	file := bytes.Join(items, nil)
	f := fold(t, file)
	if f.Rejected == 0 || f.Accepted+f.Refused+f.Rejected != len(items) {
		t.Fatalf("%d accepted, %d refused, %d rejected of %d", f.Accepted, f.Refused, f.Rejected, len(items))
	}
	named := false
	for _, e := range f.Entries[f.Accepted+f.Refused:] {
		if s, err := entry.Parse(file[*e.At:][:lengthOf(items, *e.At)]); err != nil || s.ID != *e.ID {
			t.Errorf("at byte %d there is another entry: %v", *e.At, err)
		}
		if e.Text == "" || e.Rule != "unknown-kid" && e.Rule != "missing-entry" {
			t.Errorf("%s: %q", e.Rule, e.Text)
		}
		named = named || slices.Contains(e.Missing, *lost.ID)
	}
	if !named {
		t.Error("nobody misses what is missing")
	}
}

// lengthOf is the length of the item that begins at a byte of the joined items.
func lengthOf(items [][]byte, at int) int {
	for _, raw := range items {
		if at == 0 {
			return len(raw)
		}
		at -= len(raw)
	}
	return 0
}

// TestMutants: whatever is changed in a file, the answer is an answer or one line.
func TestMutants(t *testing.T) {
	all := histories(t)
	names := []string{"plain", "fork-proof", "revocation-with-cut", "double-certificate"}
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 7))
		items := slices.Clone(all[names[seed%uint64(len(names))]])
		for range 1 + rng.IntN(3) {
			i := rng.IntN(len(items))
			raw := slices.Clone(items[i])
			raw[rng.IntN(len(raw))] ^= 1 << rng.IntN(8)
			items[i] = raw
		}
		f, err := foldfile.Fold(t.Context(), bytes.Join(items, nil))
		switch {
		case err != nil && strings.Contains(err.Error(), "\n"):
			t.Errorf("seed %d: %v", seed, err)
		case err == nil && f.Accepted+f.Refused+f.Rejected != len(f.Entries):
			t.Errorf("seed %d: %d entries, %d accepted, %d refused, %d rejected", seed, len(f.Entries), f.Accepted, f.Refused, f.Rejected)
		}
	}
}
