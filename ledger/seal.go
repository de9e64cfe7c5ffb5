package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// errSealed says that a stored value does not open: the disk changed it, or the
// store key is another one.
var errSealed = errors.New("stored value does not open")

const (
	nonceSize = 12
	tagSize   = 16
)

// nonces gives every sealed value of this run its own 96-bit nonce: 8 random
// bytes, drawn at the start and whenever the counter is used up, and a counter.
type nonces struct {
	mu     sync.Mutex
	prefix [8]byte // guarded by mu
	n      uint32  // guarded by mu; 0: draw a new prefix first
}

func (g *nonces) next(dst []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n == 0 {
		rand.Read(g.prefix[:]) // never fails (crypto/rand)
	}
	copy(dst, g.prefix[:])
	binary.BigEndian.PutUint32(dst[8:nonceSize], g.n)
	g.n++
}

// box seals the values of one case, or of the node-wide tables, and hides their
// ids: value = nonce ‖ AES-256-GCM(plain, aad = Pebble key), id = HMAC-SHA256[:16].
type box struct {
	aead   cipher.AEAD
	hmacs  sync.Pool // of hash.Hash, keyed
	nonces *nonces
}

// newBox derives the sealing and the index key from key (RFC 5869).
func newBox(key [32]byte, g *nonces) (*box, error) {
	index, err := indexKey(key)
	if err != nil {
		return nil, err
	}
	return newBoxOf(key, index, g)
}

// newBoxOf derives the sealing key from key, and takes the index key as it is.
func newBoxOf(key, index [32]byte, g *nonces) (*box, error) {
	seal, err := derive(key, "cordon-store/1 seal")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	b := &box{aead: aead, nonces: g}
	b.hmacs.New = func() any { return hmac.New(sha256.New, index[:]) }
	return b, nil
}

// indexKey is the index key that comes with a key.
func indexKey(key [32]byte) ([32]byte, error) {
	index, err := derive(key, "cordon-store/1 index")
	if err != nil {
		return [32]byte{}, err
	}
	return [32]byte(index), nil
}

func derive(key [32]byte, info string) ([]byte, error) {
	return hkdf.Key(sha256.New, key[:], nil, info, 32)
}

// hide is the name of an id in a Pebble key.
func (b *box) hide(id []byte) [16]byte {
	h := b.hmacs.Get().(hash.Hash)
	defer b.hmacs.Put(h)
	h.Reset()
	h.Write(id)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return [16]byte(sum[:16])
}

// set seals the concatenation of parts into w under key.
func (b *box) set(w *pebble.Batch, key []byte, parts ...[]byte) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	op := w.SetDeferred(len(key), nonceSize+n+tagSize)
	copy(op.Key, key)
	plain := op.Value[nonceSize:nonceSize]
	for _, p := range parts {
		plain = append(plain, p...)
	}
	nonce := op.Value[:nonceSize]
	b.nonces.next(nonce)
	b.aead.Seal(plain[:0], nonce, plain, key)
	_ = op.Finish() // fails for indexed batches only
}

// seal seals one value that does not go through a batch.
func (b *box) seal(key, plain []byte) []byte {
	v := make([]byte, nonceSize, nonceSize+len(plain)+tagSize)
	b.nonces.next(v)
	return b.aead.Seal(v, v[:nonceSize], plain, key)
}

// open returns a fresh copy of the value sealed under key.
func (b *box) open(key, value []byte) ([]byte, error) {
	if len(value) < nonceSize+tagSize {
		return nil, errSealed
	}
	plain, err := b.aead.Open(nil, value[:nonceSize], value[nonceSize:], key)
	if err != nil {
		return nil, fmt.Errorf("table %d: %w", key[0], errSealed)
	}
	return plain, nil
}
