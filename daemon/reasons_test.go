package daemon

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"cordon/ledger"
	"cordon/ledger/projection"
	"cordon/protocol"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// writer is a service with a case of its own and no network.
func writer(t *testing.T) (*service, id.CaseID) {
	t.Helper()
	s, _ := quarantined(t)
	s.kid = cose.Thumbprint(s.keys.sign.Public().(ed25519.PublicKey))
	s.cases, s.owed = projection.New(s.led), openShelf[owedRow](s.led, "owed")
	s.cfg.Role, s.minima = "coordinator", openShelf[minimumRow](s.led, "minima")
	s.titles.of = map[id.CaseID]string{}
	until := uint64(time.Now().Add(time.Hour).UnixMilli())
	c, err := s.found(t.Context(), protocol.NewAgreement(protocol.Record{End: &until, Terms: protocol.DefaultTerms()}, terms))
	if err != nil {
		t.Fatal(err)
	}
	in, err := newSpool(t.TempDir(), strings.NewReader("report"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	subject := file(protocol.Subject, id.Everyone, in, "", "")
	subject.head.Title = "t"
	if _, err := s.writeContent(t.Context(), c, subject); err != nil {
		t.Fatal(err)
	}
	return s, c
}

// reasons are the entries whose reason is given in a case, with its text.
func (s *service) reasons(t *testing.T, c id.CaseID) map[id.EntryID]string {
	t.Helper()
	out := map[id.EntryID]string{}
	err := s.each(c, 0, func(e ledger.Entry) error {
		if e.Type != protocol.Reason {
			return nil
		}
		h, raw, ok, err := s.openBody(c, e.Sealed)
		if err != nil || !ok || len(h.Answers) != 1 {
			t.Errorf("a reason: %+v, %v, %v", h, ok, err)
			return err
		}
		if out[h.Answers[0]] != "" {
			t.Error("one reason is given twice")
		}
		text, err := readUpTo(raw, maxText)
		out[h.Answers[0]] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestOwedReasons breaks off before the act, between the act and its reason, and
// after both; what is owed is written once.
func TestOwedReasons(t *testing.T) {
	s, c := writer(t)
	owe := func(text string) because {
		why, err := newReason(text)
		if err != nil {
			t.Fatal(err)
		}
		x := why.commitment()
		if err := s.owed.put(x[:], owedRow{Case: c, Text: why.text, Salt: why.salt}); err != nil {
			t.Fatal(err)
		}
		return why
	}
	claim := func(what protocol.What, why because) id.EntryID {
		e, err := s.write(t.Context(), c, simple(&protocol.Claim{What: what, Evidence: why.commitment()}))
		if err != nil {
			t.Fatal(err)
		}
		return e.ID
	}
	owe("never claimed")
	between := claim(protocol.Public, owe("between"))
	why := owe("after")
	after := claim(protocol.Attack, why)
	if _, err := s.writeContent(t.Context(), c, why.content(after)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.payReasons(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := s.reasons(t, c)
		if len(got) != 2 || got[between] != "between" || got[after] != "after" {
			t.Errorf("the reasons are %v", got)
		}
		err := s.owed.all(func([]byte, owedRow) error { t.Error("something is owed still"); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
}
