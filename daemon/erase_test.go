package daemon_test

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol/id"
)

// shelves are all that a daemon has.
var shelves = []string{"organisations", "inbox", "invited", "minima", "clocks", "pins", "seen", "owed", "plans", "linked", "splits", "exports",
	"self", "siblings", "told", "duties", "handover", "handover-whole", "peer-outbox", "peer-joining", "peer-heard", "peer-bodies", "peer-ahead"}

// TestShelvesAreKnown: every shelf that the code of daemon and peer names stands above.
func TestShelvesAreKnown(t *testing.T) {
	named := regexp.MustCompile(`(?:openShelf\[\w+\]\([\w.]+, |Shelf\(|shelf[A-Z]\w*\s+= )"([a-z-]+)"`)
	found := 0
	for _, folder := range []string{".", filepath.Join("..", "peer")} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range named.FindAllSubmatch(text, -1) {
				if found++; !slices.Contains(shelves, string(m[1])) {
					t.Errorf("%s: shelf %s", f, m[1])
				}
			}
		}
	}
	if found < len(shelves) {
		t.Errorf("%d names of %d: the test looks at nothing", found, len(shelves))
	}
}

// openLedger opens the store of a daemon that has stopped.
func (o *org) openLedger() *ledger.Ledger {
	o.t.Helper()
	text, err := os.ReadFile(filepath.Join(o.home, "keys", "store.key"))
	if err != nil {
		o.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	l, err := ledger.Open(filepath.Join(o.home, "store"), ledger.Options{StoreKey: [32]byte(block.Bytes), Generation: filepath.Join(o.home, "keys", "generation")})
	if err != nil {
		o.t.Fatal(err)
	}
	return l
}

// mentions counts the rows of shelves that name a case.
func mentions(t *testing.T, l *ledger.Ledger, c id.CaseID) (n int) {
	t.Helper()
	for _, name := range shelves {
		err := l.Shelf(name).All(func(key, value []byte) bool {
			row := append(bytes.Clone(key), value...)
			if bytes.Contains(row, c[:]) || bytes.Contains(row, []byte(c.String())) {
				n++
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestErasedCaseIsForgotten: no shelf names an erased case; an invitation into it that
// waits is withdrawn. A daemon that was killed after the key was destroyed, and before
// it could forget the rest, does so at its next start.
func TestErasedCaseIsForgotten(t *testing.T) {
	a, b, out := newOrg(t, "Alpha", "vendor"), newOrg(t, "Beta", "vendor"), newOrg(t, "Outside", "vendor")
	befriend(a, b, out)
	name := a.open("a canary of a title", []byte("report"))
	c, err := id.Parse[id.CaseID](name)
	if err != nil {
		t.Fatal(err)
	}
	a.admits(name, b, "dependent-vendor")
	eventually(t, "b has the report", func() bool { r, err := b.Report(t.Context(), name); return err == nil && r.Close() == nil })
	if _, err := a.AskContact(t.Context(), name, "tofu"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Invite(t.Context(), name, api.Invite{Org: out.id.String(), Role: "observer"}); err != nil {
		t.Fatal(err)
	}
	waits := func(state string) func() bool {
		return func() bool {
			in, err := out.Inbox(t.Context())
			return err == nil && len(in.Items) == 1 && in.Items[0].State == state
		}
	}
	eventually(t, "the invitation waits", waits("open"))
	b.stop()
	l := b.openLedger()
	if n := mentions(t, l, c); n < 3 {
		t.Errorf("only %d rows name the case: the test sees nothing", n)
	}
	if err := l.EraseCase(t.Context(), c); err != nil { // killed right after it
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b.start()
	e, err := a.Erase(t.Context(), name, "")
	if err != nil || e.Others != 1 || e.Invited != 1 || !e.OnlySteward || e.Bodies != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	eventually(t, "the invitation is withdrawn", waits("withdrawn"))
	for _, o := range []*org{a, b} {
		if _, err := o.Case(t.Context(), name); kindOf(err) != api.NotFound {
			t.Errorf("%s: %v", o.name, err)
		}
		o.stop()
		l := o.openLedger()
		if n := mentions(t, l, c); n > 0 || l.Stale() || !l.Erased(c) {
			t.Errorf("%s: %d rows name the case; stale %v, erased %v", o.name, n, l.Stale(), l.Erased(c))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		leaksNothing(t, o, "canary")
	}
}

// TestEraseUnderLoad erases a case and a body while others write in them and readers
// follow: every call ends in an answer or a kind, and the daemon goes on.
func TestEraseUnderLoad(t *testing.T) {
	a, b := newOrg(t, "Alpha", "vendor"), newOrg(t, "Beta", "vendor")
	befriend(a, b)
	c, stays := a.open("goes", []byte("report")), a.open("stays", []byte("report"))
	for _, name := range []string{c, stays} {
		a.admits(name, b, "dependent-vendor")
		eventually(t, "b has it", func() bool { r, err := b.Report(t.Context(), name); return err == nil && r.Close() == nil })
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, o := range []*org{a, b} {
				for _, name := range []string{c, stays} {
					_, _ = o.Say(t.Context(), name, api.Say{Text: "again"})
					_, _ = o.Case(t.Context(), name)
				}
			}
		}
	}()
	note, err := b.Say(t.Context(), stays, api.Say{Text: "to be erased"})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := b.Erase(t.Context(), stays, note.ID); err != nil || e.Bodies != 1 || e.Anew == 0 {
		t.Errorf("a body: %+v, %v", e, err)
	}
	if _, err := b.Erase(t.Context(), c, ""); err != nil {
		t.Errorf("a case: %v", err)
	}
	close(stop)
	<-done
	last, err := a.Say(t.Context(), stays, api.Say{Text: "the last"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other case goes on", func() bool {
		for _, l := range b.lines(stays) {
			if l.ID.String() == last.ID && l.Text == "the last" {
				return true
			}
		}
		return false
	})
	if _, err := b.Case(t.Context(), c); kindOf(err) != api.NotFound {
		t.Errorf("the erased case: %v", err)
	}
	if v, err := b.Verify(t.Context(), ""); err != nil || v.Bad > 0 {
		t.Errorf("%+v, %v", v, err)
	}
}
