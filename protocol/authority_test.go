package protocol_test

import (
	"bytes"
	"errors"
	"testing"

	"cordon/protocol"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

func verdict(t *testing.T, c *protocol.Case, e *entry.Sealed, want string) {
	t.Helper()
	if rule, known := c.Verdict(e.ID); !known || rule != want {
		t.Errorf("verdict: known %v, %q, want %q", known, rule, want)
	}
}

// TestClaims is LEDGER's P4.5 and P4.6: one organisation that is no steward
// cannot end an embargo alone; two can, one steward can; an end stays.
func TestClaims(t *testing.T) {
	a, b, c, _ := trio()
	claim := b.Say(&protocol.Claim{What: protocol.Attack})
	b.Say(&protocol.Claim{What: protocol.Attack})
	if em := b.Case.Embargo(); em.State != protocol.EMActive || !em.ExitPending {
		t.Errorf("after one word: %+v", em)
	}
	a.Act(&protocol.Remove{Org: b.Org.ID})
	verdict(t, a.Case, claim, "")
	c.Say(&protocol.Confirm{Claim: claim.ID})
	if em := b.Case.Embargo(); em.State != protocol.EMExited || em.ExitPending {
		t.Errorf("after two words, one of who was removed: %+v", em)
	}
	if cs := b.Case.CS(); cs != "vfdpxA" {
		t.Errorf("case state %s", cs)
	}
	a.Say(&protocol.Claim{What: protocol.Exploit})
	if cs := b.Case.CS(); cs != "vfdPXA" {
		t.Errorf("an exploit by a steward makes the case %s", cs)
	}
	for _, p := range a.Case.Participants() {
		if p.Consent != protocol.NoEmbargo {
			t.Errorf("%s: %s after the embargo", p.Name, p.Consent)
		}
	}
}

// TestViews walks a small case through what `case show` tells.
func TestViews(t *testing.T) {
	a, b, c, _ := trio()
	if cs := a.Case.CS(); cs != "Vfdpxa" {
		t.Errorf("a vendor that was admitted is aware: %s", cs)
	}
	for _, to := range []protocol.RM{protocol.RMValid, protocol.RMAccepted} {
		b.Say(&protocol.Status{RM: to})
	}
	b.Say(&protocol.Status{Fix: protocol.FixReady})
	b.Say(&protocol.Status{Fix: protocol.FixDeployed})
	c.Say(&protocol.Exit{})
	want := map[string]protocol.Participant{
		"A": {RM: protocol.RMReceived, Consent: protocol.Signatory, Admitted: true, Steward: true},
		"B": {RM: protocol.RMAccepted, VFD: "VFD", Consent: protocol.Signatory, Admitted: true},
		"C": {RM: protocol.RMAccepted, Consent: protocol.Declined},
	}
	ps := a.Case.Participants()
	if len(ps) != 3 || ps[0].Name != "A" {
		t.Fatalf("participants: %+v", ps)
	}
	for _, p := range ps {
		w := want[p.Name]
		if p.RM != w.RM || p.VFD != w.VFD || p.Consent != w.Consent || p.Admitted != w.Admitted || p.Steward != w.Steward {
			t.Errorf("%s: %+v", p.Name, p)
		}
	}
	if cs := a.Case.CS(); cs != "VFDpxa" {
		t.Errorf("case state %s", cs)
	}
}

// TestNoEmbargo: terms without an end are an agreement too.
func TestNoEmbargo(t *testing.T) {
	a := link.NewDaemon(nil, "A")
	terms := protocol.DefaultTerms()
	a.Open("open", protocol.NewAgreement(protocol.Record{Start: link.Start, Terms: terms}, ""), protocol.Coordinator)
	if em := a.Case.Embargo(); em.State != protocol.EMNone || em.End != 0 {
		t.Errorf("%+v", em)
	}
	if p := a.Case.Participants()[0]; p.Consent != protocol.NoEmbargo {
		t.Errorf("%+v", p)
	}
}

// TestAcceptReplay is LEDGER's P4.3: an accept counts for one case, role and
// agreement, once.
func TestAcceptReplay(t *testing.T) {
	a, b, c, _ := trio()
	old := a.Admission(c, protocol.Reporter, "1") // the objects that admitted C
	verdict(t, a.Case, a.Act(old), "accept-used")
	c.Say(&protocol.Exit{})
	verdict(t, a.Case, a.Act(old), "accept-used")
	if a.Case.Member(c.Org.ID) {
		t.Error("an old accept brings back who left")
	}
	other := link.NewDaemon(nil, "A")
	other.Open("another case", link.Terms(), protocol.Coordinator)
	other.Admission(b, protocol.MitigatingVendor, "x") // b's identity events
	verdict(t, other.Case, other.Act(a.Admission(b, protocol.MitigatingVendor, "2")), "accept-other-case")
	late := link.NewDaemon(nil, "A")
	end := link.Start + 1
	late.Open("other terms", protocol.NewAgreement(protocol.Record{Start: link.Start, End: &end, Terms: protocol.DefaultTerms()}, ""), protocol.Coordinator)
	m := late.Admission(b, protocol.MitigatingVendor, "x")
	old = a.Admission(b, protocol.MitigatingVendor, "x")
	m.Accept = old.Accept
	verdict(t, late.Case, late.Act(m), "accept-mismatch")
}

// TestForkedSteward: what a steward's daemon signed at or above a fork counts
// for nothing, also where it was honoured before; what is below it stays.
func TestForkedSteward(t *testing.T) {
	run := func(fresh *protocol.Case) (c *protocol.Case, b, x *link.Daemon, late *entry.Sealed) {
		a, b, _, x := trio()
		below := a.Say(&protocol.Claim{What: protocol.Public})
		m := a.Admission(x, protocol.Observer, "late") // writes X's identity above it
		late = a.Act(m)
		alias := &protocol.Claim{What: protocol.Attack}
		a.WriteAfter(below, entry.Fields{Type: alias.Type(), Ctl: protocol.Ctl(alias)})
		return fold(fresh, inOrder(a)), b, x, late
	}
	c, b, x, late := run(protocol.NewCase())
	verdict(t, c, late, "forked-authority")
	if !c.Member(b.Org.ID) || c.Member(x.Org.ID) {
		t.Error("the acts below a fork stand, those above do not")
	}
	if cs := c.CS(); cs != "VfdPxA" {
		t.Errorf("claims on both branches count: %s", cs)
	}
	c, _, x, _ = run(protocol.Broken("a forked steward has no power"))
	if !c.Member(x.Org.ID) {
		t.Error("the test does not notice that the rule is gone")
	}
}

// TestRevokedSteward: a revocation takes the force of the steward acts that it
// did not see, and of no other.
func TestRevokedSteward(t *testing.T) {
	a, b, _, x := trio()
	a.Say(&protocol.Ident{Events: [][]byte{a.Certify("A/2", identity.CapWrite)}})
	deps := a.Case.Deps(link.KidOf("A/2"), id.Control)
	late := a.Act(a.Admission(x, protocol.Observer, "late"))
	note := x.Tell(protocol.Note, id.Everyone)
	verdict(t, a.Case, note, "")
	revoke := &protocol.Ident{Events: [][]byte{must(a.Org.RevokeDaemon(a.Root, a.Kid, 1))}}
	a.Use("A/2")
	e := a.Write(entry.Fields{Type: revoke.Type(), Ctl: protocol.Ctl(revoke), Deps: deps})
	verdict(t, a.Case, e, "")
	verdict(t, a.Case, late, "revoked-authority")
	verdict(t, a.Case, note, "not-a-member")
	if a.Case.Member(x.Org.ID) || !a.Case.Member(b.Org.ID) {
		t.Error("membership is not what the acts before the revocation made it")
	}
	a.Use("A/1")
	verdict(t, a.Case, a.Say(&protocol.Claim{What: protocol.Public}), "key-revoked")
}

// TestParticipantsAreNoStewards: whatever participants write, membership is what
// the steward made it.
func TestParticipantsAreNoStewards(t *testing.T) {
	run := func(fresh *protocol.Case) *protocol.Case {
		a, b, c, x := trio()
		b.Act(&protocol.Remove{Org: c.Org.ID})
		b.Act(b.Admission(x, protocol.Observer, "mine"))
		return fold(fresh, inOrder(a))
	}
	_, _, c, x := trio()
	k := run(protocol.NewCase())
	if !k.Member(c.Org.ID) || k.Member(x.Org.ID) {
		t.Error("a participant admits or removes")
	}
	if run(protocol.Broken("only stewards remove")).Member(c.Org.ID) {
		t.Error("the test does not notice that the rule is gone")
	}
}

// TestSuspect: two events at one index end a chain there for the case, whoever
// shows them, and the gate.
func TestSuspect(t *testing.T) {
	a, b, _, _ := trio()
	note := a.Tell(protocol.Subject, id.Everyone)
	one := must(b.Org.Rename(b.Root, "B one", nil))
	two := must(b.Org.Rename(b.Root, "B two", nil))
	a.Act(&protocol.Ident{Events: [][]byte{one}})
	if o, _ := a.Case.Org(b.Org.ID); o.Name != "B one" {
		t.Fatalf("name %q", o.Name)
	}
	b.Say(&protocol.Ident{Events: [][]byte{two}})
	o, _ := a.Case.Org(b.Org.ID)
	if o.Name != "B" {
		t.Errorf("an ambiguous chain counts further than its fork: %q", o.Name)
	}
	if got := a.Case.MaySend(note.ID, protocol.Header, to(b), from(a)); got.Send {
		t.Error("a suspect organisation is served")
	}
	for _, p := range a.Case.Participants() {
		if p.Suspect != (p.Org == b.Org.ID) {
			t.Errorf("%s: suspect %v", p.Name, p.Suspect)
		}
	}
}

// TestDisputedKey: who certifies another's key, with that key's consent, does not
// come to write in its name, nor does it silence it.
func TestDisputedKey(t *testing.T) {
	a, b, c, _ := trio()
	k, _ := b.Org.Daemon(b.Kid)
	k.Caps = []identity.Cap{identity.CapWrite}
	event := must(c.Org.CertifyDaemon(c.Root, elsewhere(b), k))
	verdict(t, a.Case, c.Say(&protocol.Ident{Events: [][]byte{event}}), "")
	e := b.Say(&protocol.Status{RM: protocol.RMValid})
	verdict(t, a.Case, e, "")
	if o, ok := a.Case.OrgOf(b.Kid); !ok || o != b.Org.ID {
		t.Errorf("the key is %v's", o)
	}
}

// TestOthersKey: an organisation that copies another's certificate into its own
// chain before the other could show it has certified nothing.
func TestOthersKey(t *testing.T) {
	a, b, c, _ := trio()
	at := len(b.Org.Events)
	event := b.Certify("B/2", identity.CapWrite)
	last := func(o *identity.Org) []byte {
		obj := must(cose.Parse(cose.Ident, o.Events[at-1]))
		return obj.ID[:]
	}
	theirs := must(cose.Parse(cose.Ident, event)).Payload
	mine := bytes.Replace(theirs, last(b.Org), last(c.Org), 1)
	copied, _ := cose.Seal(cose.Ident, c.Root, mine)
	if len(c.Org.Events) != at || bytes.Equal(mine, theirs) {
		t.Fatal("the copy does not follow in the other chain")
	}
	verdict(t, a.Case, c.Say(&protocol.Ident{Events: [][]byte{copied}}), "bad-identity")
	verdict(t, a.Case, a.Act(&protocol.Ident{Events: [][]byte{event}}), "")
	b.Use("B/2")
	verdict(t, a.Case, b.Say(&protocol.Status{RM: protocol.RMValid}), "")
}

// TestRefusalsSpeak: each refusal is one line that a person can act on.
func TestRefusalsSpeak(t *testing.T) {
	_, b, c, _ := trio()
	var r *protocol.Refusal
	for _, m := range []protocol.Message{
		&protocol.Status{RM: protocol.RMValid}, &protocol.Status{Fix: protocol.FixReady},
		protocol.NewCompartment(id.OrgID{1}, c.Org.ID), &protocol.Confirm{},
	} {
		err := c.Case.May(c.Kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)})
		if !errors.As(err, &r) || r.Rule == "" || len(r.Text) < 20 {
			t.Errorf("%T: %v", m, err)
		}
	}
	m := &protocol.Status{RM: protocol.RMAccepted}
	f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}
	if err := b.Case.May(b.Kid, f); err == nil {
		t.Error("our own entries skip no step")
	}
	verdict(t, b.Case, b.Say(m), "")
}
