package memdisk_test

import (
	"crypto/ed25519"
	"testing"

	"cordon/ledger"
	"cordon/ledger/feedgen"
	"cordon/ledger/memdisk"
)

// TestCut: a power cut before an entry is durable keeps all that was durable, and
// of the entry what chance keeps; a cut after it keeps it.
func TestCut(t *testing.T) {
	keys := []ed25519.PrivateKey{feedgen.Key(1, 0)}
	outcomes := map[int]int{}
	for seed := range uint64(40) {
		d := memdisk.New()
		l := open(t, d)
		write := func(seed uint64) {
			if _, err := l.Append(t.Context(), feedgen.GenesisFields(seed, keys), keys[0]); err != nil {
				t.Fatal(err)
			}
		}
		write(1)
		var during *memdisk.Disk
		n := 0
		d.BeforeSync(func() { n, during = n+1, d.Cut(seed) }) // the last one is the log's, with the entry
		write(2)
		d.BeforeSync(nil)
		after := d.Cut(seed)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			t.Fatal("an entry became durable without a sync")
		}
		outcomes[cases(t, during)]++
		if got := cases(t, after); got != 2 {
			t.Errorf("seed %d: %d cases of 2 after they were durable", seed, got)
		}
	}
	if outcomes[1] == 0 || outcomes[1]+outcomes[2] != 40 {
		t.Errorf("cases on the disk, and how often: %v", outcomes)
	}
}

func open(t *testing.T, d *memdisk.Disk) *ledger.Ledger {
	t.Helper()
	l, err := d.Open("store", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// cases is how many cases a store on the disk has.
func cases(t *testing.T, d *memdisk.Disk) int {
	t.Helper()
	l := open(t, d)
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	return len(l.Cases())
}
