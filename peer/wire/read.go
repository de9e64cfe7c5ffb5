package wire

import (
	"fmt"
	"math"

	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Parse reads one frame, which is the whole of b. Byte strings in the result
// alias b. The memory it takes is bounded by a small multiple of len(b): the
// items of a list are counted against the bytes that are left before a list is made.
func Parse(b []byte) (Frame, error) {
	d := &decoder{r: canon.NewReader(b), size: len(b)}
	n := d.list(1)
	kind := d.number(1 << 8)
	if d.err != nil {
		return nil, d.err
	}
	f := d.frame(kind, n)
	if d.err == nil && !d.r.Done() {
		d.err = canon.ErrTrailing
	}
	if d.err != nil {
		return nil, fmt.Errorf("frame of kind %d: %w", kind, d.err)
	}
	return f, nil
}

// items is the length of each kind's outer array.
var items = [...]int{kindHello: 6, kindTags: 2, kindVec: 3, kindWant: 5, kindEntries: 4,
	kindKeys: 4, kindBody: 6, kindIHave: 3, kindProof: 4, kindAck: 3, kindGenesis: 2, kindBeat: 2}

// frame reads the items after the kind; n is the length of the outer array.
func (d *decoder) frame(kind uint64, n int) Frame {
	if kind >= uint64(len(items)) || items[kind] == 0 {
		d.fail(errKind)
		return nil
	}
	if n != items[kind] {
		d.fail(errFrame)
		return nil
	}
	switch kind {
	case kindHello:
		return d.hello()
	case kindTags:
		return &Tags{Pairs: d.pairs()}
	case kindVec:
		return &Vec{Tag: d.half(), Heads: d.heads()}
	case kindWant:
		return &Want{Tag: d.half(), Done: d.number(math.MaxUint64), Ranges: d.ranges(), Bodies: d.bodyWants()}
	case kindEntries:
		return d.entries()
	case kindKeys:
		return &Keys{Tag: d.half(), Enc: d.bytes(MaxFrame), Sealed: d.bytes(MaxFrame)}
	case kindBody:
		return d.body()
	case kindIHave:
		return &IHave{Tag: d.half(), Heads: d.heads()}
	case kindProof:
		return &Proof{Tag: d.half(), A: d.bytes(entry.MaxControl), B: d.bytes(entry.MaxControl)}
	case kindGenesis:
		return &Genesis{Raw: d.bytes(entry.MaxControl)}
	case kindBeat:
		return &Beat{Next: d.number(math.MaxUint64)}
	}
	return &Ack{Number: d.number(math.MaxUint64), Held: d.number(MaxEntries)}
}

// Begins reads of which entry's body a frame is a chunk from its first bytes; false: of none.
func (f *Body) Begins(begin []byte) bool {
	const at = 3 + len(f.Tag) + 2 // the array, the kind, the tag and the head of the id
	if len(begin) < at+id.Size || begin[1] != kindBody {
		return false
	}
	f.Entry = id.EntryID(begin[at : at+id.Size])
	return true
}

func (d *decoder) hello() *Hello {
	f := new(Hello)
	for range d.list(1) {
		f.Versions = append(f.Versions, d.number(1<<32))
	}
	if d.err == nil && len(f.Versions) == 0 {
		d.fail(errFrame)
	}
	f.Kid, f.Nonce = d.hash(), d.hash()
	f.MaxFrame = d.number(1 << 32)
	f.Events = d.events()
	return f
}

// events are the identity events of one organisation.
func (d *decoder) events() [][]byte {
	list := d.blobs(identity.MaxEvents, MaxEvents)
	total := 0
	for _, e := range list {
		total += len(e)
	}
	if total > MaxEvents {
		d.fail(errFrame)
	}
	return list
}

// ParseEvents reads a message of the public topic of revocations, which is the whole
// of b: the identity events of one organisation, oldest first, at most MaxEvents
// bytes of them (spec/cordon.cddl, revocations). The result aliases b.
func ParseEvents(b []byte) ([][]byte, error) {
	d := &decoder{r: canon.NewReader(b), size: len(b)}
	list := d.events()
	if d.err == nil && !d.r.Done() {
		d.err = canon.ErrTrailing
	}
	if d.err == nil && len(list) == 0 {
		d.err = errFrame
	}
	return list, d.err
}

func (d *decoder) pairs() []Pair {
	list := make([]Pair, d.list(35))
	for i := range list {
		d.tuple(2)
		list[i] = Pair{Tag: d.half(), Mark: d.half()}
	}
	return list
}

func (d *decoder) heads() []Head {
	list := make([]Head, d.list(54))
	for i := range list {
		d.tuple(4)
		list[i] = Head{Feed: d.feed(), Seq: d.seq(), ID: d.half()}
	}
	return list
}

func (d *decoder) ranges() []Range {
	list := make([]Range, d.list(38))
	for i := range list {
		d.tuple(4)
		list[i] = Range{Feed: d.feed(), From: d.seq(), To: d.seq()}
		if list[i].From > list[i].To {
			d.fail(errFrame)
		}
	}
	return list
}

func (d *decoder) bodyWants() []BodyWant {
	list := make([]BodyWant, d.list(36))
	for i := range list {
		d.tuple(2)
		list[i] = BodyWant{Entry: d.hash(), From: uint32(d.number(maxChunks))}
	}
	return list
}

func (d *decoder) entries() *Entries {
	f := &Entries{Tag: d.half(), Raws: d.blobs(MaxEntries, entry.MaxControl)}
	size := 0
	for _, raw := range f.Raws {
		size += len(raw)
	}
	if size > MaxBatch {
		d.fail(errFrame)
	}
	f.Bodies = d.smalls()
	return f
}

func (d *decoder) smalls() []Small {
	n := d.list(36)
	if n > MaxEntries {
		d.fail(errFrame)
		return nil
	}
	list := make([]Small, n)
	for i := range list {
		d.tuple(2)
		list[i] = Small{Entry: d.hash(), CT: d.bytes(MaxSmall)}
	}
	return list
}

func (d *decoder) body() *Body {
	f := &Body{Tag: d.half(), Entry: d.hash()}
	n := d.list(34)
	if n > maxChunks {
		d.fail(errFrame)
		return f
	}
	f.Hashes = make([][32]byte, n)
	for i := range f.Hashes {
		f.Hashes[i] = d.hash()
	}
	f.Index = uint32(d.number(maxChunks - 1))
	f.CT = d.bytes(MaxFrame)
	if (f.Index == 0) != (n > 0) {
		d.fail(errFrame)
	}
	return f
}

// decoder is a canon.Reader whose first error sticks, so that a structure reads
// as one expression. After an error every method returns zero values.
type decoder struct {
	r    *canon.Reader
	size int
	err  error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// list reads an array's head; least is the fewest bytes one item takes.
func (d *decoder) list(least int) int {
	if d.err != nil {
		return 0
	}
	n, err := d.r.Array()
	if err == nil && n > (d.size-d.r.Offset())/least {
		err = canon.ErrTruncated
	}
	if err != nil {
		d.err = err
		return 0
	}
	return n
}

// tuple reads the head of an array of exactly n items.
func (d *decoder) tuple(n int) {
	if got := d.list(1); d.err == nil && got != n {
		d.err = errFrame
	}
}

func (d *decoder) number(most uint64) uint64 {
	if d.err != nil {
		return 0
	}
	v, err := d.r.Uint()
	if err == nil && v > most {
		err = canon.ErrRange
	}
	if err != nil {
		d.err = err
		return 0
	}
	return v
}

func (d *decoder) seq() id.Seq { return id.Seq(d.number(entry.MaxSeqContent - 1)) }

func (d *decoder) bytes(most int) []byte {
	if d.err != nil {
		return nil
	}
	s, err := d.r.Bytes()
	if err == nil && len(s) > most {
		err = canon.ErrRange
	}
	d.err = err
	return s
}

func (d *decoder) hash() (h [32]byte) {
	if d.err == nil {
		var s []byte
		s, d.err = d.r.Fixed(len(h))
		copy(h[:], s)
	}
	return h
}

func (d *decoder) half() (h [16]byte) {
	if d.err == nil {
		var s []byte
		s, d.err = d.r.Fixed(len(h))
		copy(h[:], s)
	}
	return h
}

// feed reads a kid and a compartment: 0, 1 or 32 bytes.
func (d *decoder) feed() (f id.Feed) {
	f.Kid = d.hash()
	if d.err != nil {
		return f
	}
	if kind, _ := d.r.Kind(); kind == canon.KindUint {
		f.Comp[id.Size-1] = byte(d.number(1))
		return f
	}
	f.Comp = d.hash()
	if d.err == nil && (f.Comp == id.Control || f.Comp == id.Everyone) {
		d.err = errFrame // a second way to write 0 or 1
	}
	return f
}

// blobs reads a list of at most count byte strings of at most most bytes each.
func (d *decoder) blobs(count, most int) [][]byte {
	n := d.list(1)
	if n > count {
		d.fail(errFrame)
		return nil
	}
	list := make([][]byte, n)
	for i := range list {
		list[i] = d.bytes(most)
	}
	return list
}
