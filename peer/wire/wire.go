// Package wire reads and writes the frames of /cordon/sync/1 and /cordon/invite/1
// (spec/sync.md §2, spec/cordon.cddl). A frame is a 4-byte big-endian length and
// one canonical CBOR array whose first item is its kind. The package knows
// structure and limits, not what a frame means.
//
// Main path: ReadFrame takes a frame's bytes off a stream, Parse reads them,
// Append writes them.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Limits of spec/sync.md §2, and of /cordon/invite/1 (§3).
const (
	MaxFrame   = 1<<20 + 1<<16 // bytes of a frame: a chunk of 1 MiB or that much of entries, and what stands around it
	MaxBatch   = 1 << 20       // bytes of entries and small bodies in one ENTRIES
	MaxEntries = 256           // entries in one ENTRIES
	MaxSmall   = 16 << 10      // sealed bytes of a body that travels beside its entry
	maxChunks  = entry.MaxBody>>20 + 1
	MaxEvents  = identity.MaxCard // bytes of identity events in HELLO: every chain that fits a card

	MaxInviteFrame = 128 << 10 // bytes of a request or answer: an entry of 64 KiB and what seals it, at most
	MaxObject      = 4 << 10   // bytes of a sealed invite or accept
	MaxAgreement   = 40 << 10  // bytes of an agreement: a record and 32 KiB of text
	MaxNamed       = 64        // organisations in a join packet
)

// Errors of ReadFrame and Parse, beside those of package canon.
var (
	ErrLength = errors.New("frame-length")
	errKind   = errors.New("unknown-frame")
	errFrame  = errors.New("bad-frame")
)

// The kinds of frames, as they travel.
const (
	kindHello   = 1
	kindTags    = 2
	kindVec     = 3
	kindWant    = 4
	kindEntries = 5
	kindKeys    = 6
	kindBody    = 7
	kindIHave   = 8
	kindProof   = 9
	kindAck     = 10
	kindGenesis = 11
	kindBeat    = 12
)

// Tag names a case between two daemons in one direction and session.
type Tag [16]byte

// Mark condenses what its sender holds of a case that both may read.
type Mark [16]byte

// Frame is one of the eleven frames below; each is its own pointer type.
type Frame interface {
	append(b []byte) []byte
}

// Hello is the first frame in each direction.
type Hello struct {
	Versions []uint64 // known versions of this protocol, ascending; 1
	Kid      id.Kid
	Nonce    [32]byte
	MaxFrame uint64   // the longest frame its sender reads
	Events   [][]byte // its organisation's identity events, at most MaxEvents bytes
}

// Pair is a case of TAGS; most are random.
type Pair struct {
	Tag  Tag
	Mark Mark
}

// Tags lists the cases its sender would talk about, hidden among random pairs.
type Tags struct{ Pairs []Pair }

// Head is the last entry of a feed; ID is the first half of its id.
type Head struct {
	Feed id.Feed
	Seq  id.Seq
	ID   [16]byte
}

// Vec lists every head its sender holds and the receiver may know of.
type Vec struct {
	Tag   Tag
	Heads []Head
}

// Range is a stretch of a feed, both ends included.
type Range struct {
	Feed     id.Feed
	From, To id.Seq
}

// BodyWant asks for the chunks of an entry's body from From on, and for its key.
type BodyWant struct {
	Entry id.EntryID
	From  uint32 // the number of chunks: only the key
}

// Want asks for entries and bodies.
type Want struct {
	Tag    Tag
	Done   uint64 // how many Entries of the other side its sender has acknowledged or passed over
	Ranges []Range
	Bodies []BodyWant
}

// Small is a body of one chunk, sent beside its entry.
type Small struct {
	Entry id.EntryID
	CT    []byte
}

// Entries carries entries as they were signed, feed after feed.
type Entries struct {
	Tag    Tag
	Raws   [][]byte
	Bodies []Small
}

// Keys carries an HPKE ciphertext of a list of keys (AppendKeys). Enc is empty
// except in the first Keys of a session and direction.
type Keys struct {
	Tag    Tag
	Enc    []byte
	Sealed []byte
}

// Body is one chunk of a body; Hashes are present exactly at Index 0.
type Body struct {
	Tag    Tag
	Entry  id.EntryID
	Hashes [][32]byte
	Index  uint32
	CT     []byte
}

// IHave tells of heads without sending them.
type IHave struct {
	Tag   Tag
	Heads []Head
}

// Proof carries two entries of one feed and seq with different ids.
type Proof struct {
	Tag  Tag
	A, B []byte
}

// Ack answers an Entries that was taken: how many of its entries are now held.
type Ack struct {
	Number uint64 // of that Entries in its session and direction, from 1
	Held   uint64
}

// Genesis brings a daemon of the sender's own organisation a case that it lacks.
type Genesis struct{ Raw []byte }

// Beat says that its sender is there, and within how many milliseconds it will say so again.
type Beat struct{ Next uint64 }

// ReadFrame reads a frame's bytes into buf, growing it as needed, and returns
// them. The length is judged before anything is allocated; limit is at most MaxFrame.
func ReadFrame(r io.Reader, buf []byte, limit int) ([]byte, error) {
	n, err := ReadLength(r, limit)
	if err != nil {
		return nil, err
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err = io.ReadFull(r, buf); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLength, err)
	}
	return buf, nil
}

// ReadLength reads the length before a frame and judges it against limit. For who
// reads the frame itself with a deadline; others use ReadFrame.
func ReadLength(r io.Reader, limit int) (int, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || uint64(n) > uint64(min(limit, MaxFrame)) {
		return 0, fmt.Errorf("%w %d", ErrLength, n)
	}
	return int(n), nil
}

// Append appends the length and the frame to b.
func Append(b []byte, f Frame) []byte {
	return prefixed(b, f.append)
}

// Prefixed is b behind its length.
func Prefixed(b []byte) []byte {
	return prefixed(nil, func(p []byte) []byte { return append(p, b...) })
}

// prefixed appends what body appends, behind its length.
func prefixed(b []byte, body func([]byte) []byte) []byte {
	at := len(b)
	b = body(append(b, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}
