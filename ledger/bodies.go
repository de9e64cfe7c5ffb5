package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// sealedChunk is the size of every sealed chunk of a body but the last: 1 MiB
// and the tag (spec/protocol.md §7).
const sealedChunk = 1<<20 + 16

// A chunk lies in the store in pieces: Pebble reads, compacts and writes tables by
// whole values, several at a time, and with cgo on the C heap, which gives nothing
// back. With values of 1 MiB that was most of a daemon's memory (spec/store.md §2).
const (
	chunkPieces = 16
	pieceSize   = sealedChunk / chunkPieces // 65,537 bytes, without remainder
)

// BodyState says what is held of a body.
type BodyState struct {
	Have  int  // chunks held without a gap, from the first
	Total int  // chunks in all
	Key   bool // the key is held

	Erased bool // was erased here: nothing of it is held, nor taken
}

// Whole says whether every chunk is held.
func (b BodyState) Whole() bool { return b.Have == b.Total }

func chunksOf(ref entry.BodyRef) int { return int((ref.Size + sealedChunk - 1) / sealedChunk) }

// chunkSize is the number of sealed bytes of chunk i.
func chunkSize(ref entry.BodyRef, i int) int {
	return int(min(sealedChunk, ref.Size-uint64(i)*sealedChunk))
}

// PutHashes stores the chunk hashes of a body. ErrBody: they are not those that
// ref names; ErrErased: the body was erased here, so of PutChunk and PutKey. Not synced: the next commit of any kind syncs it.
func (l *Ledger) PutHashes(c id.CaseID, ref entry.BodyRef, hashes [][32]byte) error {
	cs, v, err := l.enter(c)
	if err != nil {
		return err
	}
	defer cs.leave()
	if v.erasedBody(ref) {
		return ErrErased
	}
	row := make([]byte, 0, 32*len(hashes))
	for _, h := range hashes {
		row = append(row, h[:]...)
	}
	if len(hashes) != chunksOf(ref) || sha256.Sum256(row) != ref.Hash {
		return fmt.Errorf("chunk hashes: %w", ErrBody)
	}
	return v.put(keyHashed(tableHashes, v.num, v.bodyName(ref)), row, pebble.NoSync)
}

// PutChunk stores sealed chunk i of a body whose hashes are held; a body of one
// chunk needs none. Chunks come in order; one that is held is passed over. ErrBody:
// it is not the chunk that ref names, or one before it is missing; ErrNotFound: the
// hashes are not held. Not synced: the next commit of any kind syncs it.
func (l *Ledger) PutChunk(c id.CaseID, ref entry.BodyRef, i int, ct []byte) error {
	cs, v, err := l.enter(c)
	if err != nil {
		return err
	}
	defer cs.leave()
	if v.erasedBody(ref) {
		return ErrErased
	}
	total := chunksOf(ref)
	if i < 0 || i >= total || len(ct) != chunkSize(ref, i) {
		return fmt.Errorf("chunk %d: %w", i, ErrBody)
	}
	name := v.bodyName(ref)
	have, err := v.chunksHeld(name)
	if err != nil || i < have {
		return err
	}
	sum := sha256.Sum256(ct)
	if total == 1 {
		if sha256.Sum256(sum[:]) != ref.Hash {
			return fmt.Errorf("chunk %d: %w", i, ErrBody)
		}
	} else if want, err := v.hashes(ref); err != nil {
		return err
	} else if want[i] != sum || i > have {
		return fmt.Errorf("chunk %d: %w", i, ErrBody)
	}
	w := l.db.NewBatchWithSize(len(ct) + 4<<10)
	defer w.Close()
	if total == 1 {
		v.box.set(w, keyHashed(tableHashes, v.num, name), sum[:])
	}
	n := i * chunkPieces
	for piece := range slices.Chunk(ct, pieceSize) {
		v.box.set(w, keyPiece(v.num, name, n), piece)
		n++
	}
	v.box.set(w, keyHashed(tableHeld, v.num, name), binary.BigEndian.AppendUint32(nil, uint32(i+1)))
	return w.Commit(pebble.NoSync)
}

// chunksHeld is how many chunks of a body are held, from the first.
func (v *caseView) chunksHeld(name [16]byte) (int, error) {
	row, err := get(v.l.db, v.box, keyHashed(tableHeld, v.num, name))
	switch {
	case isNotFound(err):
		return 0, nil
	case err != nil:
		return 0, err
	case len(row) != 4:
		return 0, errRow
	}
	return int(binary.BigEndian.Uint32(row)), nil
}

// PutKey stores the key of a body; ErrBody if it is not the one that ref
// commits to. Durable when it returns.
func (l *Ledger) PutKey(c id.CaseID, ref entry.BodyRef, cek [32]byte) error {
	return l.putKey(c, ref, cek, pebble.Sync)
}

// PutOwnKey is PutKey for whoever appends the entry of ref next. Not synced: the next
// commit of any kind syncs it, and that of the entry is one.
func (l *Ledger) PutOwnKey(c id.CaseID, ref entry.BodyRef, cek [32]byte) error {
	return l.putKey(c, ref, cek, pebble.NoSync)
}

func (l *Ledger) putKey(c id.CaseID, ref entry.BodyRef, cek [32]byte, sync *pebble.WriteOptions) error {
	cs, v, err := l.enter(c)
	if err != nil {
		return err
	}
	defer cs.leave()
	if v.erasedBody(ref) {
		return ErrErased
	}
	if sha256.Sum256(append([]byte("cordon-kc/1"), cek[:]...)) != ref.KC {
		return fmt.Errorf("key: %w", ErrBody)
	}
	return v.put(keyHashed(tableCEK, v.num, v.keyName(ref)), cek[:], sync)
}

// BodyState says what is held of a body; of an unknown one, nothing.
func (l *Ledger) BodyState(c id.CaseID, ref entry.BodyRef) (BodyState, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return BodyState{}, err
	}
	defer cs.leave()
	st := BodyState{Total: chunksOf(ref), Erased: v.erasedBody(ref)}
	_, err = get(l.db, v.box, keyHashed(tableCEK, v.num, v.keyName(ref)))
	if err != nil && !isNotFound(err) {
		return st, err
	}
	st.Key = err == nil
	st.Have, err = v.chunksHeld(v.bodyName(ref))
	return st, err
}

// Chunk returns a copy of sealed chunk i as it is held under the hash of ref;
// ErrNotFound if it is not.
func (l *Ledger) Chunk(c id.CaseID, ref entry.BodyRef, i int) ([]byte, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return nil, err
	}
	defer cs.leave()
	if i < 0 || i >= chunksOf(ref) {
		return nil, ErrNotFound
	}
	name, size := v.bodyName(ref), chunkSize(ref, i)
	ct := make([]byte, 0, size)
	for n := i * chunkPieces; len(ct) < size; n++ {
		piece, err := get(l.db, v.box, keyPiece(v.num, name, n))
		if isNotFound(err) && len(ct) > 0 {
			break // ref names the hash of this body, and a larger size than it has
		}
		if err != nil {
			return nil, err
		}
		ct = append(ct, piece...)
	}
	return ct, nil
}

// Hashes returns the chunk hashes of a body; ErrNotFound if they are not held.
func (l *Ledger) Hashes(c id.CaseID, ref entry.BodyRef) ([][32]byte, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return nil, err
	}
	defer cs.leave()
	return v.hashes(ref)
}

// Key returns the key of a body; ErrNotFound if it is not held.
func (l *Ledger) Key(c id.CaseID, ref entry.BodyRef) ([32]byte, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return [32]byte{}, err
	}
	defer cs.leave()
	row, err := get(l.db, v.box, keyHashed(tableCEK, v.num, v.keyName(ref)))
	if err != nil {
		return [32]byte{}, err
	}
	if len(row) != 32 {
		return [32]byte{}, errRow
	}
	return [32]byte(row), nil
}

// HoldsKeys says whether the key of any body of a case is here, at the cost of one read.
func (l *Ledger) HoldsKeys(c id.CaseID) (some bool, err error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return false, err
	}
	defer cs.leave()
	prefix := keyOf(tableCEK, v.num)
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return false, fmt.Errorf("read store: %w", err)
	}
	some = it.First()
	return some, errors.Join(it.Error(), it.Close())
}

func (v *caseView) hashes(ref entry.BodyRef) ([][32]byte, error) {
	row, err := get(v.l.db, v.box, keyHashed(tableHashes, v.num, v.bodyName(ref)))
	if err != nil {
		return nil, err
	}
	if len(row) != 32*chunksOf(ref) {
		return nil, errRow
	}
	out := make([][32]byte, chunksOf(ref))
	for i := range out {
		out[i] = [32]byte(row[32*i:])
	}
	return out, nil
}

// bodyName names a body's chunks by their hash; two entries with the same
// sealed bytes share them.
func (v *caseView) bodyName(ref entry.BodyRef) [16]byte { return v.box.hide(ref.Hash[:]) }

// keyName names a body's key by what commits to it.
func (v *caseView) keyName(ref entry.BodyRef) [16]byte { return v.box.hide(ref.KC[:]) }

func (v *caseView) put(key, plain []byte, o *pebble.WriteOptions) error {
	return v.l.db.Set(key, v.box.seal(key, plain), o)
}
