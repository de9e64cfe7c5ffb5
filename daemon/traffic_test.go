package daemon_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/daemon"
	"cordon/daemon/api"
	"cordon/daemon/canary"
	"cordon/ledger/body"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// captured keeps every byte that passes between two daemons, as the network sees it.
type captured struct {
	logged
	t *testing.T
}

// before returns an address that leads to another, both like /ip4/127.0.0.1/tcp/1; what
// passes is kept.
func (w *captured) before(addr string) string {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = l.Close() })
	to := "127.0.0.1:" + addr[strings.LastIndex(addr, "/")+1:]
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					_, _ = io.Copy(way[1], io.TeeReader(way[0], w))
					_ = way[1].Close()
				}()
			}
		}
	}()
	return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", l.Addr().(*net.TCPAddr).Port)
}

// inflated is what stands packed in b, as far as it can be unpacked.
func inflated(b []byte) []byte {
	var out bytes.Buffer
	for i := range b {
		var r io.Reader
		var err error
		switch {
		case bytes.HasPrefix(b[i:], []byte{0x1f, 0x8b, 8}):
			r, err = gzip.NewReader(bytes.NewReader(b[i:]))
		case b[i] == 0x78 && i+1 < len(b) && slices.Contains([]byte{0x01, 0x5e, 0x9c, 0xda}, b[i+1]):
			r, err = zlib.NewReader(bytes.NewReader(b[i:]))
		}
		if err == nil && r != nil {
			_, _ = io.CopyN(&out, r, 1<<20) // as far as it goes
		}
	}
	return out.Bytes()
}

// finds is what a scanner finds in b, and in what stands packed in it.
func finds(s *canary.Scanner, b []byte) []string { return append(s.Bytes(b), s.Bytes(inflated(b))...) }

// trafficVolume is how many canaries there are, and for how long.
func trafficVolume() (int, time.Duration) {
	switch os.Getenv("CORDON_VOLUME") {
	case "gate":
		return 100, 0
	case "full":
		return 500, time.Hour
	}
	return 20, 0
}

// TestCanariesStayInside is THREATS' A8: of what two daemons write about (titles, reports,
// notes, files and their names) and of the case's id, nothing is in what the network sees,
// in their logs, or in their homes; of what is written about, nothing is in what either
// receives, decrypted. Bodies have only sizes of Padmé's classes. The controls: a canary
// in a log, and one that passes the same way in any of these spellings, is found.
func TestCanariesStayInside(t *testing.T) {
	n, lasting := trafficVolume()
	mark := fmt.Sprintf("canary%08x", rand.Uint32()) // each begins with it: who finds none of it, finds none of them
	var plain logged
	a, b := newOrg(t, "Alder", "coordinator"), newOrg(t, "Birch", "vendor")
	w := &captured{t: t}
	for _, o := range []*org{a, b} {
		o.stop()
		o.tap = func(p []byte) { _, _ = plain.Write(p) }
		o.start()
	}
	for _, way := range [][2]*org{{a, b}, {b, a}} {
		s, err := way[0].Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		card, err := daemon.CardAt(way[0].home, w.before(s.Listen[0]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := way[1].AddPeer(t.Context(), card); err != nil {
			t.Fatal(err)
		}
	}
	c := a.open(mark+" title", []byte(mark+" report"))
	a.admits(c, b, "mitigating-vendor")
	tick := time.NewTicker(max(lasting/time.Duration(n), time.Millisecond))
	defer tick.Stop()
	for i := range n {
		<-tick.C
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		text := fmt.Sprintf("%s %d", mark, i)
		if i%5 == 4 {
			file := []byte(text + strings.Repeat(" "+text, rand.IntN(4000)))
			w, err := from.Attach(t.Context(), c, api.Attach{File: mark + ".txt"}, bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the file arrives", func() bool { return arrived(to, c, w.ID, file) })
			continue
		}
		if _, err := from.Say(t.Context(), c, api.Say{Text: text}); err != nil {
			t.Fatal(err)
		}
		to.reads(c, text)
	}
	classes(t, a, c)
	caseID, err := id.Parse[id.CaseID](c)
	if err != nil {
		t.Fatal(err)
	}
	texts := canary.New([]canary.Canary{{What: "a canary", Bytes: []byte(mark)}})
	all := canary.New([]canary.Canary{{What: "a canary", Bytes: []byte(mark)}, {What: "the case's id", Bytes: caseID[:]}})
	raw, inside := []byte(w.String()), []byte(plain.String())
	for where, found := range map[string][]string{
		"what the network sees": finds(all, raw), "what they receive": finds(texts, inside),
		"Alder's log": finds(all, []byte(a.log.String())), "Birch's log": finds(all, []byte(b.log.String())),
		"Alder's home": homes(t, all, a), "Birch's home": homes(t, all, b),
	} {
		if len(found) > 0 {
			t.Errorf("%s: %q", where, found)
		}
	}
	if len(raw) < len(inside) || len(inside) < n*500 {
		t.Errorf("%d bytes on the wire, %d received: the test looks past them", len(raw), len(inside))
	}
	t.Logf("%d canaries, %d bytes on the wire, %d received", n, len(raw), len(inside))
	planted(t, w, a, mark, texts)
}

func arrived(o *org, c, entry string, want []byte) bool {
	r, err := o.Attachment(o.t.Context(), c, entry)
	if err != nil {
		return false
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	return err == nil && bytes.Equal(got, want)
}

func homes(t *testing.T, s *canary.Scanner, o *org) []string {
	t.Helper()
	found, read, err := s.Dir(o.home)
	if err != nil || read == 0 {
		t.Errorf("read %d bytes of a home: %v", read, err)
	}
	return found
}

// inClass says whether a body's sealed size is one of Padmé's classes.
func inClass(size uint64) bool {
	chunks := (size + body.ChunkSize + body.Overhead - 1) / (body.ChunkSize + body.Overhead)
	text := size - chunks*body.Overhead
	return body.Padme(text) == text
}

// classes says whether every body of a case has a size of Padmé's classes.
func classes(t *testing.T, o *org, c string) {
	t.Helper()
	bodies := 0
	for _, l := range o.lines(c) {
		raw, err := o.Entry(t.Context(), c, l.ID.String())
		if err != nil {
			t.Fatal(err)
		}
		e, err := entry.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if e.Body == nil {
			continue
		}
		bodies++
		if !inClass(e.Body.Size) {
			t.Errorf("a body of %d bytes", e.Body.Size)
		}
	}
	if bodies == 0 || inClass(10_001+body.Overhead) {
		t.Error("the test of sizes sees nothing")
	}
}

// planted sends a canary over the wire in every spelling, and writes one into a log: each
// has to be found.
func planted(t *testing.T, w *captured, a *org, mark string, s *canary.Scanner) {
	t.Helper()
	var packed, gz bytes.Buffer
	zw, gw := zlib.NewWriter(&packed), gzip.NewWriter(&gz)
	for _, p := range []io.WriteCloser{zw, gw} {
		_, err := io.WriteString(p, "before "+mark+" after")
		if err := errors.Join(err, p.Close()); err != nil {
			t.Fatal(err)
		}
	}
	end, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	addr := w.before(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", end.Addr().(*net.TCPAddr).Port))
	for name, b := range map[string][]byte{
		"plain": []byte(mark), "base64": []byte(base64.StdEncoding.EncodeToString([]byte("x" + mark + "yz"))),
		"hex": []byte(hex.EncodeToString([]byte(mark))), "zlib": packed.Bytes(), "gzip": gz.Bytes(),
	} {
		from := len(w.String())
		conn, err := net.Dial("tcp", "127.0.0.1:"+addr[strings.LastIndex(addr, "/")+1:])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(append([]byte{0, 1, 2}, b...)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a canary in "+name+" over the wire is found", func() bool { return len(finds(s, []byte(w.String()[from:]))) > 0 })
		_ = conn.Close()
	}
	_, _ = a.log.Write([]byte("title=" + mark))
	if len(finds(s, []byte(a.log.String()))) == 0 {
		t.Error("a canary in a log is not found")
	}
}
