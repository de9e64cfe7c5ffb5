package identity

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"cordon/protocol/cose"
)

// TestMain plays ten thousand random chains at full volume, where .ci/run plays a hundred.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("CORDON_VOLUME") == "full" {
		if err := flag.Set("rapid.checks", "10000"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

// TestWrongPreimages is P8.3 after any chain: of everybody who ever had a key in it, and
// whatever root they put in, only the announced root, by its own word, takes the place of
// the one in force, and that one signs nothing more.
func TestWrongPreimages(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		raw, err := Create(keyOf("root0"), pub("root1"), "Acme", nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Replay([][]byte{raw})
		if err != nil {
			t.Fatal(err)
		}
		root := 0
		for range rapid.IntRange(0, 8).Draw(t, "steps") {
			if raw, rotated, err := someEvent(t, o, root); err == nil {
				if o, err = o.Extend(raw); err != nil {
					t.Fatal(err)
				}
				if rotated {
					root++
				}
			}
		}
		announced, now := fmt.Sprintf("root%d", root+1), fmt.Sprintf("root%d", root)
		somebody := rapid.OneOf(rapid.Just(announced), rapid.Just(now),
			rapid.SampledFrom([]string{"root0", "root1", "d0", "d1", "d1/peer", "d3", "thief"}))
		signer, follows := somebody.Draw(t, "signer"), somebody.Draw(t, "root")
		next := commit(pub("after " + announced))
		n, err := o.Extend(signed(o, signer, map[uint64]any{4: uint64(4), 5: []byte(pub(follows)), 6: next[:]}))
		if signer != announced || follows != announced {
			if !errors.Is(err, ErrRoot) {
				t.Fatalf("%s puts in %s, announced is %s: %v", signer, follows, announced, err)
			}
			return
		}
		taken++
		if err != nil || !bytes.Equal(n.Root(), pub(announced)) {
			t.Fatalf("the announced root is refused: %v", err)
		}
		by := func(root string) error {
			_, err := n.Extend(signed(n, root, map[uint64]any{4: uint64(5), 7: "Acme", 8: []string{}}))
			return err
		}
		if err := by(now); !errors.Is(err, ErrRoot) {
			t.Fatalf("the former root still signs: %v", err)
		}
		if err := by(announced); err != nil {
			t.Fatalf("the new root does not sign: %v", err)
		}
	})
	if taken == 0 {
		t.Error("no right rotation was played: the refusals say nothing")
	}
}

// Extend leaves its organisation as it was, also when two chains grow from one,
// and Extend event by event is Replay of all.
func TestExtendProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw, err := Create(keyOf("root0"), pub("root1"), "Acme", nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Replay([][]byte{raw})
		if err != nil {
			t.Fatal(err)
		}
		root := 0
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			before := fmt.Sprintf("%+v", o)
			raw, rotated, err := someEvent(t, o, root)
			if err != nil {
				continue
			}
			n, err := o.Extend(raw)
			if err != nil {
				t.Fatal("a writer wrote what does not extend:", err)
			}
			if rival, _, err := someEvent(t, o, root); err == nil {
				if m, err := o.Extend(rival); err != nil || (!bytes.Equal(rival, raw) && (m.Extends(n) || n.Extends(m))) {
					t.Fatal("rival", err)
				}
			}
			if after := fmt.Sprintf("%+v", o); after != before {
				t.Fatal("Extend changed its organisation")
			}
			if all, err := Replay(n.Events); err != nil || !reflect.DeepEqual(all, n) {
				t.Fatal("Replay differs from Extend:", err)
			}
			o = n
			if rotated {
				root++
			}
			checkOrg(t, o)
		}
	})
}

// someEvent draws a writer's call; it may be one that is refused.
func someEvent(t *rapid.T, o *Org, root int) (raw []byte, rotated bool, err error) {
	key := keyOf(fmt.Sprintf("root%d", root))
	daemon := fmt.Sprintf("d%d", rapid.IntRange(0, 3).Draw(t, "daemon"))
	d := daemonOf(daemon)
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		raw, err = o.RevokeDaemon(key, d.Kid, Reason(rapid.IntRange(0, 16).Draw(t, "reason")))
	case 1:
		raw, err = o.Rotate(keyOf(fmt.Sprintf("root%d", root+1)), pub(fmt.Sprintf("root%d", root+2)))
		return raw, true, err
	case 2:
		raw, err = o.Rename(key, rapid.StringN(0, 20, 140).Draw(t, "name"), nil)
	default:
		for c := CapWrite; c <= CapInvite; c++ {
			if rapid.Bool().Draw(t, "cap") {
				d.Caps = append(d.Caps, c)
			}
		}
		raw, err = o.CertifyDaemon(key, ownKeys(daemon), d)
	}
	return raw, false, err
}

// checkOrg states what holds of every chain.
func checkOrg(t *rapid.T, o *Org) {
	stewards := 0
	keys := map[string]bool{string(o.root): true}
	for _, d := range o.Daemons() {
		if !d.Revoked && d.Can(CapSteward) {
			stewards++
		}
		for _, k := range []ed25519.PublicKey{d.Sig, d.Peer} {
			if keys[string(k)] || !cose.KeyOK(k) {
				t.Fatal("a key stands twice, or is bad")
			}
			keys[string(k)] = true
		}
		if _, ok := o.ByPeer(d.Peer); ok == d.Revoked {
			t.Fatal("ByPeer")
		}
	}
	if stewards > 1 {
		t.Fatal("two stewards")
	}
	if PlainText(o.Name, MaxName) != nil || o.Name == "" {
		t.Fatal("name")
	}
}

// FuzzReplay reads its input as events, each behind two bytes of length.
func FuzzReplay(f *testing.F) {
	f.Add(joined(acme(f).Events))
	f.Add(joined(certified(f, acme(f), "d2", CapWrite).Events))
	f.Fuzz(func(t *testing.T, b []byte) {
		events := cut(b)
		o, err := Replay(events)
		if err != nil {
			return
		}
		if len(o.Events) != len(events) || len(events) > MaxEvents {
			t.Fatal("events")
		}
		if _, err := Replay(o.Events); err != nil {
			t.Fatal(err)
		}
	})
}

func joined(events [][]byte) (b []byte) {
	for _, e := range events {
		b = append(append(b, byte(len(e)>>8), byte(len(e))), e...)
	}
	return b
}

func cut(b []byte) (events [][]byte) {
	for len(b) >= 2 {
		n := min(int(b[0])<<8|int(b[1]), len(b)-2)
		events = append(events, b[2:2+n])
		b = b[2+n:]
	}
	return events
}
