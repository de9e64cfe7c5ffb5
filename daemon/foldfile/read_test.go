package foldfile

import (
	"bytes"
	"testing"

	"cordon/protocol/canon"
	"cordon/spec"
)

// FuzzOpen: whatever a file holds, reading it ends with entries that lie in it, one
// after the other, or with an error.
func FuzzOpen(f *testing.F) {
	for _, seed := range [][]byte{nil, {0x80}, {0x82, 0x41, 0x80, 0x40}, []byte("84a0\n80"), {0x9f, 0x5f, 0x41, 0, 0xff, 0xff},
		{0x81, 0xdb, 0, 0, 0, 0, 0, 0, 0, 1, 0xa1, 1, 0xf9, 0, 0}, {0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		f.Add(seed)
	}
	vectors, err := spec.Read("entry")
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range vectors.Vectors[:20] {
		f.Add([]byte(v.Hex))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		items, err := split(file)
		if err != nil {
			return
		}
		at, size := 0, 0
		for _, i := range items {
			if i.at < at || i.at+len(i.raw) > len(file) {
				t.Fatalf("an item at %d, the one before ended at %d of %d", i.at, at, len(file))
			}
			at = i.at + len(i.raw)
			size += len(i.raw)
			if !isText(file[0]) && !bytes.Equal(file[i.at:at], i.raw) {
				t.Fatal("an item is not what the file has there")
			}
		}
		if _, listed := byteStrings(file); !isText(file[0]) && !listed && size != len(file) {
			t.Fatalf("%d bytes of %d are in no item", len(file)-size, len(file))
		}
		p, err := open(items)
		if err == nil && len(p.copies)+p.repeated+len(p.unread) < len(items) {
			t.Fatal("an item is lost")
		}
	})
}

// TestSkipAgrees: what is canonical is skipped as package canon skips it.
func TestSkipAgrees(t *testing.T) {
	vectors, err := spec.Read("canon")
	if err != nil {
		t.Fatal(err)
	}
	valid := 0
	for _, v := range vectors.Vectors {
		w := walk{b: append(bytes.Clone(v.Hex), 0x80)}
		err := w.item(0)
		switch {
		case v.Verdict != spec.Valid:
		case err != nil || w.at != len(v.Hex):
			t.Errorf("%s: ends at %d of %d, %v", v.Name, w.at, len(v.Hex), err)
		default:
			valid++
		}
	}
	if valid < 20 {
		t.Errorf("%d valid items: the test looks at nothing", valid)
	}
}

// TestLimit: entries beyond the limit are not kept in memory.
func TestLimit(t *testing.T) {
	many := bytes.Repeat([]byte{0x80}, MaxEntries+1)
	if _, err := split(many); err == nil {
		t.Error("a sequence of too many is taken")
	}
	if items, err := split(many[:MaxEntries]); err != nil || len(items) != MaxEntries {
		t.Errorf("%d items, %v", len(items), err)
	}
	if _, err := split(append(canon.AppendHead(nil, canon.KindArray, MaxEntries+1), bytes.Repeat([]byte{0x40}, MaxEntries+1)...)); err == nil {
		t.Error("an array of too many is taken")
	}
	if _, err := split(bytes.Repeat([]byte("80\n"), MaxEntries+1)); err == nil {
		t.Error("too many lines are taken")
	}
}

// TestEveryRuleHasASentence: a rule that keeps an entry out is told in words.
func TestEveryRuleHasASentence(t *testing.T) {
	for _, family := range []string{"canon", "entry"} {
		vectors, err := spec.Read(family)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range vectors.Vectors {
			if _, ok := sentences[v.Verdict]; !ok && v.Verdict != spec.Valid {
				t.Errorf("%s/%s: no sentence for %s", family, v.Name, v.Verdict)
			}
		}
	}
	vectors, err := spec.Read("fold")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors.Vectors {
		for _, e := range v.Fold.Entries {
			if _, ok := sentences[e.Rule]; !ok && e.Verdict == "rejected" {
				t.Errorf("%s: no sentence for %s", v.Name, e.Rule)
			}
		}
	}
}
