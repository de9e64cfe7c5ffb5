package cases

import (
	"bytes"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"cordon/ledger"
	"cordon/ledger/body"
	"cordon/protocol/id"
)

// written is the body of one content entry, as the play finds it when all is over.
type written struct {
	entry  ledger.Entry
	c      id.CaseID
	act    int // of the play, by the canary in its text
	cek    [32]byte
	sealed [][]byte        // its chunks
	hashes [][32]byte      // of these
	held   map[*org]stored // at whom something of it is
}

// stored is what a store has of a body.
type stored struct{ key, some, whole bool }

// evidence is all bodies of a play, and where bytes of them have come by.
type evidence struct {
	bodies map[id.EntryID]*written
	sent   map[*org]map[id.EntryID]int // the first place in what a daemon was sent; entries whose body it was sent
	clear  []string                    // what was sent, logged or stored in the clear and never may be
	early  map[*org]map[string]int     // the first place of a case's id
}

var canaryText = regexp.MustCompile(`\[canary (\d+) [0-9a-f]{24}\]`)

// gather stops every daemon and reads all that there is.
func gather(p *play) *evidence {
	p.t.Helper()
	p.stop()
	v := &evidence{bodies: map[id.EntryID]*written{}, sent: map[*org]map[id.EntryID]int{}, early: map[*org]map[string]int{}}
	for _, o := range p.order {
		v.open(p.t, o)
	}
	words := p.titles
	for x, b := range v.bodies {
		text := b.plain(p.t)
		found := canaryText.FindSubmatch(text)
		if found == nil {
			p.t.Fatalf("a body without a canary: %v, %q", x, text)
		}
		b.act, _ = strconv.Atoi(string(found[1]))
		words = append(words, string(found[0]))
	}
	s := newSearch(v, p, words)
	for _, o := range p.order {
		v.sent[o], v.early[o] = map[id.EntryID]int{}, map[string]int{}
		s.sent(o)
		s.clear(o)
	}
	return v
}

// open reads the bodies that a store has.
func (v *evidence) open(t *testing.T, o *org) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.home, "keys", "store.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, _ := pem.Decode(text)
	l, err := ledger.Open(filepath.Join(o.home, "store"), ledger.Options{StoreKey: [32]byte(key.Bytes), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range l.Cases() {
		entries, err := l.Tail(c, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Body != nil {
				v.add(t, o, l, c, e)
			}
		}
	}
}

// add notes what a store has of one body, and keeps the body where it is whole.
func (v *evidence) add(t *testing.T, o *org, l *ledger.Ledger, c id.CaseID, e ledger.Entry) {
	t.Helper()
	st, err := l.BodyState(c, *e.Body)
	if err != nil {
		t.Fatal(err)
	}
	b := v.bodies[e.ID]
	if b == nil {
		b = &written{entry: e, c: c, held: map[*org]stored{}}
		v.bodies[e.ID] = b
	}
	whole := st.Key && st.Have == st.Total
	b.held[o] = stored{st.Key, st.Have > 0, whole}
	if !whole || b.sealed != nil {
		return
	}
	if b.cek, err = l.Key(c, *e.Body); err != nil {
		t.Fatal(err)
	}
	if b.hashes, err = l.Hashes(c, *e.Body); err != nil {
		t.Fatal(err)
	}
	for i := range st.Total {
		ct, err := l.Chunk(c, *e.Body, i)
		if err != nil {
			t.Fatal(err)
		}
		b.sealed = append(b.sealed, bytes.Clone(ct))
	}
	if e.Body.Size > 1<<16 {
		t.Fatalf("a body of %d bytes: canaries are small", e.Body.Size)
	}
}

// plain opens a body.
func (b *written) plain(t *testing.T) []byte {
	t.Helper()
	_, raw, err := body.OpenBytes(*b.entry.Body, b.hashes, b.cek, body.Of(b.entry.Sealed), b.sealed)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// piece is how much of a sealed body is enough to know it by.
const piece = 16

// search looks for many things at once in what a daemon was sent.
type search struct {
	v     *evidence
	p     *play
	words []string
	by    map[uint64][]hunted // by the first eight bytes
}

// hunted is a thing that is looked for: bytes of a body, or else what may not be there.
type hunted struct {
	bytes []byte
	of    id.EntryID
	c     string // a case's id, in hex
	what  string
}

func newSearch(v *evidence, p *play, words []string) *search {
	s := &search{v: v, p: p, words: words, by: map[uint64][]hunted{}}
	for x, b := range v.bodies {
		for _, ct := range b.sealed {
			for part := range slices.Chunk(ct, piece) {
				if len(part) == piece {
					s.add(hunted{bytes: part, of: x})
				}
			}
		}
		s.add(hunted{bytes: b.cek[:], what: fmt.Sprintf("the key of entry %v", x)})
	}
	for _, w := range words {
		s.add(hunted{bytes: []byte(w), what: fmt.Sprintf("%q in the clear", w)})
	}
	for _, k := range p.cases {
		c := p.caseID(k)
		s.add(hunted{bytes: c[:], c: k.id})
	}
	return s
}

func (s *search) add(h hunted) {
	at := binary.LittleEndian.Uint64(h.bytes)
	s.by[at] = append(s.by[at], h)
}

// sent looks through all that a daemon was sent.
func (s *search) sent(o *org) {
	b := o.got.bytes
	for i := 0; i+8 <= len(b); i++ {
		for _, h := range s.by[binary.LittleEndian.Uint64(b[i:])] {
			if !bytes.HasPrefix(b[i:], h.bytes) {
				continue
			}
			switch {
			case h.what != "":
				s.v.clear = append(s.v.clear, o.name+" was sent "+h.what)
			case h.c != "":
				if _, ok := s.v.early[o][h.c]; !ok {
					s.v.early[o][h.c] = i
				}
			default:
				if _, ok := s.v.sent[o][h.of]; !ok {
					s.v.sent[o][h.of] = i
				}
			}
		}
	}
}

// clear looks for words in a daemon's log and in its home, which is sealed.
func (s *search) clear(o *org) {
	look := func(where string, b []byte) {
		for _, w := range s.words {
			if bytes.Contains(b, []byte(w)) {
				s.v.clear = append(s.v.clear, o.name+": "+where+" has "+w)
			}
		}
	}
	look("its log", o.log.bytes)
	err := filepath.WalkDir(o.home, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		look(path, b)
		return err
	})
	if err != nil {
		s.p.t.Fatal(err)
	}
}

// findings is what the book does not allow, and what it demands and is not there.
func (v *evidence) findings(p *play) (found []string) {
	found = slices.Clone(v.clear)
	for x, b := range v.bodies {
		said, agr := p.said[b.act], *b.entry.Agr
		for _, o := range p.order {
			if o == said.by {
				continue
			}
			at, came := v.sent[o][x]
			has := b.held[o]
			who := fmt.Sprintf("what %s wrote by act %d under %.8v", said.by.name, b.act, agr)
			switch {
			case came && !p.may(o, b.act, agr, at):
				found = append(found, o.name+" was sent "+who+", without a consent that covers it")
			case (has.key || has.some) && !p.may(o, b.act, agr, -1):
				found = append(found, o.name+" holds "+who+", without a consent that covers it")
			case p.must(o, b.act, agr) && !has.whole:
				found = append(found, o.name+" lacks "+who+", which it is to have")
			case has.whole && !came:
				found = append(found, o.name+" holds "+who+" and was never seen to be sent it: the search does not bite")
			}
		}
	}
	for _, o := range p.order {
		for c, at := range v.early[o] {
			if !slices.ContainsFunc(p.yes[o], func(y consent) bool { return p.known[y.agr].c.String() == c && y.from <= at }) {
				found = append(found, o.name+" was sent the id of a case that it had signed nothing for")
			}
		}
	}
	slices.Sort(found)
	return found
}

// checked gathers the evidence of a play, fails for what is wrong with it, and shows that
// the check can fail: for each consent of the book that somebody was sent something by,
// the book without it is contradicted.
func checked(p *play) {
	p.t.Helper()
	v := gather(p)
	for _, f := range v.findings(p) {
		p.t.Error(f)
	}
	got, bodies := 0, 0
	for _, o := range p.order {
		got += len(o.got.bytes)
		bodies += len(v.sent[o])
	}
	struck := 0
	for _, o := range p.order {
		for i := range p.yes[o] {
			if len(v.sent[o]) == 0 || len(p.yes[o]) > 1 {
				continue // a second yes may cover the same
			}
			was := p.yes[o]
			p.yes[o] = slices.Delete(slices.Clone(was), i, i+1)
			if len(v.findings(p)) == 0 {
				p.t.Errorf("the book without the consent of %s is not contradicted: the check sees nothing", o.name)
			}
			p.yes[o] = was
			struck++
		}
		if struck > 3 {
			break
		}
	}
	if struck == 0 && bodies > 0 {
		p.t.Error("no consent could be struck: the check is not shown to fail")
	}
	p.t.Logf("%d bodies, sent %d times in %d KiB to %d organisations; all of it and all stores searched", len(v.bodies), bodies, got>>10, len(p.order))
}
