package protocol_test

import (
	"errors"
	"testing"

	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

func TestAgreementRefuses(t *testing.T) {
	end, early := link.Start+10, link.Start-1
	good := protocol.Record{Start: link.Start, End: &end, Terms: protocol.DefaultTerms()}
	for name, a := range map[string]protocol.Agreement{
		"another text":     {Raw: protocol.NewAgreement(good, "one").Raw, Text: "two"},
		"ends first":       protocol.NewAgreement(protocol.Record{Start: link.Start, End: &early, Terms: good.Terms}, ""),
		"no terms":         protocol.NewAgreement(protocol.Record{Start: link.Start, End: &end}, ""),
		"an unknown key":   {Raw: canon.MustMarshal(map[uint64]uint64{2: 1, 9: 1})},
		"no record at all": {},
		"bytes after it":   {Raw: append(protocol.NewAgreement(good, "").Raw, 0)},
		"too long a text":  protocol.NewAgreement(good, string(make([]byte, protocol.MaxText+1))),
	} {
		var r *protocol.Refusal
		if _, err := a.Open(); !errors.As(err, &r) || r.Rule != "bad-agreement" {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := protocol.NewAgreement(good, "Keep it.")
	r, err := a.Open()
	if err != nil || *r.End != end || r.Terms != good.Terms || r.Parent != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestCovers and with it the gate is LEDGER's P4.2: no body under b reaches an
// organisation that signed a only, unless a covers b.
func TestCovers(t *testing.T) {
	const text = "Keep it among us."
	for _, tc := range []struct {
		name   string
		change func(*protocol.Record)
		text   string
		active bool
		covers bool // terms 0 cover b
		back   bool // b covers terms 0
	}{
		{"ends sooner", func(r *protocol.Record) { e := *r.End - 1; r.End = &e }, text, true, true, true},
		{"ends sooner, not active", func(r *protocol.Record) { e := *r.End - 2; r.End = &e }, text, false, true, false},
		{"ends later", func(r *protocol.Record) { e := *r.End + 1; r.End = &e }, text, true, false, true},
		{"ends later, not active", func(r *protocol.Record) { e := *r.End + 2; r.End = &e }, text, false, false, true},
		{"other terms", func(r *protocol.Record) { r.Terms.TLP = 5 }, text, true, false, true},
		{"another text", func(r *protocol.Record) {}, "Else.", true, false, true},
	} {
		a, b, c, _ := trio()
		root := a.Case.Embargo().Agreement
		_, rec, _ := a.Case.Agreement(root)
		tc.change(&rec)
		rec.Parent = &root
		agreement := protocol.NewAgreement(rec, tc.text)
		verdict(t, b.Case, b.Say(&protocol.EmbargoPropose{Terms: agreement}), "")

		if tc.active {
			verdict(t, a.Case, a.Act(&protocol.EmbargoAccept{Agr: agreement.ID()}), "")

		}
		if got := protocol.Covers(b.Case, root, agreement.ID()); got != tc.covers {
			t.Errorf("terms 0 cover %s: %v", tc.name, got)
		}
		if got := protocol.Covers(b.Case, agreement.ID(), root); got != tc.back {
			t.Errorf("%s covers terms 0: %v", tc.name, got)
		}
		agr := agreement.ID()
		note := b.Write(entry.Fields{Type: protocol.Note, Comp: id.Everyone, Agr: &agr, Deps: b.Case.Deps(b.Kid, id.Everyone),
			Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 1, KC: [32]byte{2}}})
		if !tc.active {
			verdict(t, b.Case, note, "agreement-not-active")
			continue
		}
		verdict(t, b.Case, note, "")
		if got := b.Case.MaySend(note.ID, protocol.Body, to(c), from(b)); got.Send != tc.covers {
			t.Errorf("a body under %q: %+v", tc.name, got)
		}
		if got := b.Case.MaySend(note.ID, protocol.Header, to(c), from(b)); !got.Send {
			t.Errorf("a header under %q: %+v", tc.name, got)
		}
	}
}

// FuzzRead: no ctl of any type panics, and what is read is written the same.
func FuzzRead(f *testing.F) {
	s := newTour()
	for _, e := range inOrder(s.a) {
		if e.Control() {
			f.Add(uint16(e.Type), e.Ctl)
		}
	}
	f.Fuzz(func(t *testing.T, typ uint16, ctl []byte) {
		m, err := protocol.Read(&entry.Sealed{Fields: entry.Fields{Type: entry.Type(typ), Ctl: ctl}})
		if err == nil && string(protocol.Ctl(m)) != string(ctl) {
			t.Fatalf("read %x, wrote %x", ctl, protocol.Ctl(m))
		}
	})
}
