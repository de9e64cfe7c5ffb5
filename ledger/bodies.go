package ledger

import (
	"crypto/sha256"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// sealedChunk is the size of every sealed chunk of a body but the last: 1 MiB
// and the tag (spec/protocol.md §7).
const sealedChunk = 1<<20 + 16

// BodyState says what is held of a body.
type BodyState struct {
	Have  int  // chunks held without a gap, from the first
	Total int  // chunks in all
	Key   bool // the key is held
}

// Whole says whether every chunk is held.
func (b BodyState) Whole() bool { return b.Have == b.Total }

func chunksOf(ref entry.BodyRef) int { return int((ref.Size + sealedChunk - 1) / sealedChunk) }

// chunkSize is the number of sealed bytes of chunk i.
func chunkSize(ref entry.BodyRef, i int) int {
	return int(min(sealedChunk, ref.Size-uint64(i)*sealedChunk))
}

// PutHashes stores the chunk hashes of a body. ErrBody: they are not those that
// ref names. Not synced: the next commit of any kind syncs it.
func (l *Ledger) PutHashes(c id.CaseID, ref entry.BodyRef, hashes [][32]byte) error {
	cs, v, err := l.enter(c)
	if err != nil {
		return err
	}
	defer cs.leave()
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
// chunk needs none. ErrBody: it is not the chunk that ref names; ErrNotFound:
// the hashes are not held. Not synced: the next commit of any kind syncs it.
func (l *Ledger) PutChunk(c id.CaseID, ref entry.BodyRef, i int, ct []byte) error {
	cs, v, err := l.enter(c)
	if err != nil {
		return err
	}
	defer cs.leave()
	total := chunksOf(ref)
	if i < 0 || i >= total || len(ct) != chunkSize(ref, i) {
		return fmt.Errorf("chunk %d: %w", i, ErrBody)
	}
	sum := sha256.Sum256(ct)
	if total == 1 {
		if sha256.Sum256(sum[:]) != ref.Hash {
			return fmt.Errorf("chunk %d: %w", i, ErrBody)
		}
		if err := v.put(keyHashed(tableHashes, v.num, v.bodyName(ref)), sum[:], pebble.NoSync); err != nil {
			return err
		}
	} else if want, err := v.hashes(ref); err != nil {
		return err
	} else if want[i] != sum {
		return fmt.Errorf("chunk %d: %w", i, ErrBody)
	}
	return v.put(keyChunk(v.num, v.bodyName(ref), i), ct, pebble.NoSync)
}

// PutKey stores the key of a body; ErrBody if it is not the one that ref
// commits to. Durable when it returns.
func (l *Ledger) PutKey(c id.CaseID, ref entry.BodyRef, cek [32]byte) error {
	cs, v, err := l.enter(c)
	if err != nil {
		return err
	}
	defer cs.leave()
	if sha256.Sum256(append([]byte("cordon-kc/1"), cek[:]...)) != ref.KC {
		return fmt.Errorf("key: %w", ErrBody)
	}
	return v.put(keyHashed(tableCEK, v.num, v.keyName(ref)), cek[:], pebble.Sync)
}

// BodyState says what is held of a body; of an unknown one, nothing.
func (l *Ledger) BodyState(c id.CaseID, ref entry.BodyRef) (BodyState, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return BodyState{}, err
	}
	defer cs.leave()
	st := BodyState{Total: chunksOf(ref)}
	_, err = get(l.db, v.box, keyHashed(tableCEK, v.num, v.keyName(ref)))
	if err != nil && !isNotFound(err) {
		return st, err
	}
	st.Key = err == nil
	name := v.bodyName(ref)
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: keyChunk(v.num, name, 0), UpperBound: after(keyHashed(tableChunk, v.num, name))})
	if err != nil {
		return st, err
	}
	for ok := it.First(); ok && string(it.Key()) == string(keyChunk(v.num, name, st.Have)); ok = it.Next() {
		st.Have++
	}
	return st, it.Close()
}

// Chunk returns a copy of sealed chunk i; ErrNotFound if it is not held.
func (l *Ledger) Chunk(c id.CaseID, ref entry.BodyRef, i int) ([]byte, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return nil, err
	}
	defer cs.leave()
	return get(l.db, v.box, keyChunk(v.num, v.bodyName(ref), i))
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
