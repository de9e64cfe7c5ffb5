package daemon_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"io"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"cordon/daemon/api"
)

const (
	fileSize = 96 << 20
	mostHeap = 80 << 20 // of two daemons; nearly all of it is Pebble's, which without cgo holds up to 24 MiB in each
	restHeap = 48 << 20 // afterwards: its tables in memory
	packed   = 64 << 20 // bytes that a bomb unpacks to
)

// TestLargeFilesAreStreamed: while a file goes through two daemons, the heap of both
// together grows by less than the file, and afterwards nothing of it is left but what
// Pebble has in tables. A file that is kept, as the control does, is seen.
func TestLargeFilesAreStreamed(t *testing.T) {
	a, b, c := pair(t)
	defer debug.SetGCPercent(debug.SetGCPercent(50)) // so that what is live is known often
	file := func() io.Reader { return io.LimitReader(&again{block: noise(7, 1<<20+7)}, fileSize) }
	runtime.GC()
	before, rest := heap("/gc/heap/live:bytes"), uint64(0)
	peak := highest(t, func() {
		passes(t, a, b, c, "core.bin", file)
		runtime.GC()
		rest = max(before, heap("/gc/heap/live:bytes")) - before
	})
	t.Logf("highest %d MiB, at rest %d MiB", peak>>20, rest>>20)
	if peak > mostHeap || rest > restHeap {
		t.Errorf("a file of %d MiB: the heap grows by %d MiB, and has %d MiB afterwards", fileSize>>20, peak>>20, rest>>20)
	}
	control := highest(t, func() {
		kept := make([]byte, fileSize)
		runtime.GC()
		runtime.KeepAlive(kept)
	})
	if control <= mostHeap {
		t.Errorf("a file that is kept costs %d MiB: the test sees nothing", control>>20)
	}
}

// TestBombsStayPacked: a file that would unpack to much more passes byte for byte,
// and all that two daemons allocate on its way is less than what is packed in it.
func TestBombsStayPacked(t *testing.T) {
	a, b, c := pair(t)
	gz, zipped := bombs(t)
	for name, bomb := range map[string][]byte{"bomb.gz": gz, "bomb.zip": zipped} {
		cost := allocated(func() {
			passes(t, a, b, c, name, func() io.Reader { return bytes.NewReader(bomb) })
		})
		t.Logf("%s: %d bytes of %d, %d MiB allocated", name, len(bomb), packed, cost>>20)
		if cost > packed/4 {
			t.Errorf("%s of %d bytes costs %d MiB", name, len(bomb), cost>>20)
		}
	}
	control := allocated(func() {
		r, err := gzip.NewReader(bytes.NewReader(gz))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := new(bytes.Buffer).ReadFrom(r); n != packed || err != nil {
			t.Fatalf("the bomb has %d bytes, %v", n, err)
		}
	})
	if control <= packed/4 {
		t.Errorf("unpacking costs %d MiB: the test sees nothing", control>>20)
	}
}

// again reads the same bytes again and again.
type again struct {
	block []byte
	at    int
}

func (r *again) Read(p []byte) (int, error) {
	n := copy(p, r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	return n, nil
}

// pair is two organisations in one case.
func pair(t *testing.T) (a, b *org, c string) {
	t.Helper()
	a, b = newOrg(t, "Alpha", "vendor"), newOrg(t, "Beta", "vendor")
	befriend(a, b)
	c = a.open("large files", []byte("report"))
	a.admits(c, b, "dependent-vendor")
	return a, b, c
}

// passes attaches a file at a and reads it at b, the same bytes.
func passes(t *testing.T, a, b *org, c, name string, file func() io.Reader) {
	t.Helper()
	w, err := a.Attach(t.Context(), c, api.Attach{File: name}, file())
	if err != nil {
		t.Fatal(err)
	}
	var r io.ReadCloser
	eventually(t, name+" arrives", func() bool {
		r, err = b.Attachment(t.Context(), c, w.ID)
		return err == nil
	})
	defer r.Close()
	want, got := sha256.New(), sha256.New()
	n, err := io.Copy(want, file())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := io.Copy(got, r); m != n || err != nil || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Errorf("%s: other bytes arrive: %d of %d, %v", name, m, n, err)
	}
}

// bombs are one file of zeros, packed in two ways.
func bombs(t *testing.T) (gz, zipped []byte) {
	t.Helper()
	zeros := make([]byte, 1<<20)
	pack := func(w io.Writer) {
		for range packed / len(zeros) {
			if _, err := w.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
	}
	var g, z bytes.Buffer
	gw, zw := gzip.NewWriter(&g), zip.NewWriter(&z)
	inside, err := zw.Create("zeros")
	if err != nil {
		t.Fatal(err)
	}
	pack(gw)
	pack(inside)
	if err := gw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return g.Bytes(), z.Bytes()
}

// highest is by how much what is live on the heap exceeded, at any collection while
// do ran, what was live before.
func highest(t *testing.T, do func()) uint64 {
	t.Helper()
	runtime.GC()
	before := heap("/gc/heap/live:bytes")
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		top := before
		for {
			top = max(top, heap("/gc/heap/live:bytes"))
			select {
			case <-stop:
				most <- top - before
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(stop)
	return <-most
}

// allocated is how many bytes were allocated while do ran.
func allocated(do func()) uint64 {
	before := heap("/gc/heap/allocs:bytes")
	do()
	return heap("/gc/heap/allocs:bytes") - before
}

// heap reads a figure of the runtime.
func heap(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
