package daemon_test

import (
	"os"
	"path/filepath"
	"testing"

	"cordon/daemon"
	"cordon/daemon/api"
)

// rooted is a home whose root lies apart, with a daemon that does not run.
func rooted(t *testing.T, name string) (o *org, root daemon.KeyOptions) {
	t.Helper()
	o = newOrg(t, name, "vendor")
	o.stop()
	usb := filepath.Join(t.TempDir(), "root")
	move(t, filepath.Join(o.home, "root"), usb)
	return o, daemon.KeyOptions{Root: usb}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil { // it may lie on another disk
		t.Fatal(err)
	}
	if err := os.RemoveAll(from); err != nil {
		t.Fatal(err)
	}
}

func renew(t *testing.T, o *org, root daemon.KeyOptions, fresh bool) *api.KeyChange {
	t.Helper()
	c, err := daemon.RenewKey(t.Context(), o.home, daemon.RenewOptions{KeyOptions: root, Fresh: fresh})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// writes starts the daemon of o, which must be well and write, and stops it.
func (o *org) writes(t *testing.T, events int) {
	t.Helper()
	o.start()
	defer o.stop()
	k, err := o.Keys(t.Context())
	if err != nil || k.State != "ok" || k.Events != events || k.Fresh {
		t.Fatalf("%+v, %v, want %d events", k, err, events)
	}
	o.open("written", []byte("r"))
}

// TestWrongRoot is P8.3 where a person meets it: a root that is not the one that was
// committed to, and one that is out of force, change nothing.
func TestWrongRoot(t *testing.T) {
	o, root := rooted(t, "Quagga")
	other, wrong := rooted(t, "Raccoon")
	_, _ = daemon.RotateRoot(o.home, wrong) // makes the lock
	before := tree(t, o.home)
	for name, do := range map[string]func() error{
		"rotate": func() error { return second(daemon.RotateRoot(o.home, wrong)) },
		"renew": func() error {
			return second(daemon.RenewKey(t.Context(), o.home, daemon.RenewOptions{KeyOptions: wrong}))
		},
		"no root":  func() error { return second(daemon.RotateRoot(o.home, daemon.KeyOptions{})) },
		"a reason": func() error { return second(daemon.RevokeKey(o.home, "00000000", "because", root)) },
		"a kid":    func() error { return second(daemon.RevokeKey(o.home, "00000000", "stolen", root)) },
	} {
		if err := do(); kindOf(err) == "" || kindOf(err) == api.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := tree(t, o.home); after != before {
		t.Errorf("something was changed:\n%s\n%s", before, after)
	}
	if _, err := daemon.RotateRoot(o.home, root); err != nil {
		t.Fatal(err)
	}
	o.writes(t, 3)
	other.writes(t, 2)
}

// TestRotateInterrupted breaks a rotation after each of its steps.
func TestRotateInterrupted(t *testing.T) {
	o, root := rooted(t, "Serval")
	at := func(name string) string { return filepath.Join(root.Root, name) }
	files := func() map[string][]byte {
		all := map[string][]byte{}
		for _, name := range []string{"root.key", "next.key", "identity.pem"} {
			b, err := os.ReadFile(at(name))
			if err != nil {
				t.Fatal(err)
			}
			all[name] = b
		}
		b, err := os.ReadFile(filepath.Join(o.home, "identity.pem"))
		if err != nil {
			t.Fatal(err)
		}
		all["home"] = b
		return all
	}
	put := func(path string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := files()
	if _, err := daemon.RotateRoot(o.home, root); err != nil {
		t.Fatal(err)
	}
	after := files()
	events := 3
	for name, crash := range map[string]func(){
		"the new next root is written": func() {
			put(at("next.key.new"), []byte("half a ke"))
			put(at("root.key"), old["root.key"])
			put(at("next.key"), old["next.key"])
			put(at("identity.pem"), old["identity.pem"])
			put(filepath.Join(o.home, "identity.pem"), old["home"])
		},
		"the event is noted": func() {
			put(at("next.key.new"), after["next.key"])
			put(at("root.key"), old["root.key"])
			put(at("next.key"), old["next.key"])
			put(at("identity.pem"), after["identity.pem"])
			put(filepath.Join(o.home, "identity.pem"), old["home"])
		},
		"one file is renamed": func() {
			put(at("next.key.new"), after["next.key"])
			put(at("root.key"), after["root.key"])
			if err := os.Remove(at("next.key")); err != nil {
				t.Fatal(err)
			}
			put(at("identity.pem"), after["identity.pem"])
			put(filepath.Join(o.home, "identity.pem"), after["home"])
		},
	} {
		crash()
		want := events + 1
		if name == "the new next root is written" {
			want = events // the rotation never took place
		}
		c, err := daemon.RotateRoot(o.home, root)
		if err != nil || c.Events != want {
			t.Errorf("%s: %+v, %v, want %d events", name, c, err, want)
		}
		if c, err := daemon.RotateRoot(o.home, root); err != nil || c.Events != want+1 {
			t.Errorf("%s: once more: %+v, %v", name, c, err)
		}
	}
}

// TestRenewInterrupted breaks a renewal after each of its steps; the next start, or
// the next attempt, ends it, and the daemon writes.
func TestRenewInterrupted(t *testing.T) {
	t.Parallel()
	steps := map[string]struct {
		again  bool // the person tries again
		events int
		undo   func(t *testing.T, o *org, root string)
	}{
		"nothing": {false, 4, func(*testing.T, *org, string) {}},
		"keys are made, the root has not signed": {true, 4, func(t *testing.T, o *org, root string) {
			remove(t, filepath.Join(o.home, "keys", "next", "identity.pem"))
			remove(t, filepath.Join(root, "identity.pem"))
		}},
		"the root has signed, the home does not know": {true, 4, func(t *testing.T, o *org, _ string) {
			remove(t, filepath.Join(o.home, "keys", "next", "identity.pem"))
		}},
		"the transport key has moved": {false, 4, func(t *testing.T, o *org, _ string) {
			rename(t, filepath.Join(o.home, "keys", "next", "peer.key"), filepath.Join(o.home, "keys", "peer.key"))
		}},
		"two keys have moved": {false, 4, func(t *testing.T, o *org, _ string) {
			for _, name := range []string{"peer.key", "kem.key"} {
				rename(t, filepath.Join(o.home, "keys", "next", name), filepath.Join(o.home, "keys", name))
			}
		}},
		"all keys have moved": {false, 4, func(t *testing.T, o *org, _ string) {
			for _, name := range []string{"peer.key", "kem.key", "sign.key"} {
				rename(t, filepath.Join(o.home, "keys", "next", name), filepath.Join(o.home, "keys", name))
			}
		}},
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			o, root := rooted(t, "Tapir")
			o.start()
			k := o.open("before", []byte("r"))
			o.stop()
			renew(t, o, root, true)
			step.undo(t, o, root.Root)
			if step.again {
				renew(t, o, root, true)
			}
			o.writes(t, step.events)
			o.start()
			if _, err := o.RM(t.Context(), k, "valid"); err != nil {
				t.Errorf("in the case from before: %v", err)
			}
			for _, l := range o.lines(k) {
				if l.Refused != "" {
					t.Errorf("refused: %+v", l)
				}
			}
			o.stop()
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestRootRemembers: a home from before a renewal knows less of our keys than the
// folder of the root. What the root signs goes on from what it has signed, never
// beside it.
func TestRootRemembers(t *testing.T) {
	o, root := rooted(t, "Urial")
	old := o.copied()
	renew(t, o, root, true)
	o.writes(t, 4)
	lost := renew(t, o, root, false)

	// The home of today is lost; the old one comes back: beside the other, until it
	// takes over.
	if c := renew(t, old, root, false); c.Events != 6 || !c.Fresh || c.Role != "standby" {
		t.Errorf("renewed: %+v", c)
	}
	old.start()
	old.stop()
	if _, err := daemon.PromoteDaemon(t.Context(), old.home, daemon.PromoteOptions{KeyOptions: root}); kindOf(err) != api.Unavailable {
		t.Errorf("promoted while nobody can say what it lacks: %v", err)
	}
	c, err := daemon.PromoteDaemon(t.Context(), old.home, daemon.PromoteOptions{KeyOptions: root, Force: true})
	if err != nil || c.Events != 8 || c.Role != "active" || *c.Former != *lost.Kid {
		t.Fatalf("promoted: %+v, %v", c, err)
	}
	old.writes(t, 8)
}

// TestInvitationOutlivesTheKey: who was invited before the inviter's key was replaced
// is invited anew, by nobody's doing, and gets in.
func TestInvitationOutlivesTheKey(t *testing.T) {
	a, b := newOrg(t, "Xerus", "coordinator"), newOrg(t, "Yak", "vendor")
	befriend(a, b)
	k := a.open("invited", []byte("r"))
	b.stop()
	if _, err := a.Invite(t.Context(), k, api.Invite{Org: b.name, Role: "observer", Teaser: "a parser"}); err != nil {
		t.Fatal(err)
	}
	a.stop()
	if _, err := daemon.RenewKey(t.Context(), a.home, daemon.RenewOptions{Reason: "stolen"}); err != nil {
		t.Fatal(err)
	}
	a.start()
	b.start()
	eventually(t, "the invited one is in the case", func() bool {
		in, err := b.Inbox(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range in.Items {
			if item.State == "open" && item.Teaser == "a parser" {
				_, _ = b.Accept(t.Context(), item.ID) // one that the former key signed is refused, in time
			}
		}
		p, ok := b.sees(k, b)
		return ok && p.Admitted
	})
	agree(t, k, a, b)
}
