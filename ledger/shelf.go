package ledger

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// Shelf is a small node-wide table, by name. Keys and values are sealed under the
// shelf key, which RenewShelves changes. Every Put and Delete is durable when it returns.
//
//	key: table 2 · HMAC(name)[:8] · HMAC(name ‖ key)[:16]
//	value: length of key 4 · key · value
type Shelf struct {
	l      *Ledger
	prefix []byte
	name   string
}

// Shelf is the shelf of that name; it needs not exist.
func (l *Ledger) Shelf(name string) *Shelf {
	h := l.box.hide([]byte("shelf " + name))
	return &Shelf{l: l, name: name, prefix: append([]byte{byte(tableShelf)}, h[:8]...)}
}

func (s *Shelf) at(key []byte) []byte {
	h := s.l.box.hide(append([]byte("shelf "+s.name+"\x00"), key...))
	return append(append([]byte(nil), s.prefix...), h[:]...)
}

// Get returns a copy of the value; ErrNotFound if there is none.
func (s *Shelf) Get(key []byte) ([]byte, error) {
	row, err := get(s.l.db, s.l.openShelf(), s.at(key))
	if err != nil {
		return nil, err
	}
	_, value, err := parseShelfRow(row)
	return value, err
}

// Put stores the value, replacing what was there.
func (s *Shelf) Put(key, value []byte) error { return s.PutAll([]ShelfRow{{key, value}}) }

// ShelfRow is one row of a shelf.
type ShelfRow struct{ Key, Value []byte }

// PutAll is Put for several rows: all of them are stored, or none.
func (s *Shelf) PutAll(rows []ShelfRow) error {
	if len(rows) == 0 {
		return nil
	}
	b := s.l.db.NewBatch()
	defer b.Close()
	s.l.shelving.RLock()
	defer s.l.shelving.RUnlock()
	for _, r := range rows {
		row := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(r.Key)+len(r.Value)), uint32(len(r.Key)))
		row = append(append(row, r.Key...), r.Value...)
		at := s.at(r.Key)
		if err := b.Set(at, s.l.shelves.Load().now.seal(at, row), nil); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

// Delete removes the row, if it is there. The bytes go when Pebble rewrites
// them; they are sealed until then, and for good once RenewShelves has returned.
func (s *Shelf) Delete(key []byte) error {
	s.l.shelving.RLock()
	defer s.l.shelving.RUnlock()
	return s.l.db.Delete(s.at(key), pebble.Sync)
}

// All yields every row, in no meaningful order, until yield returns false. The
// slices are the caller's.
func (s *Shelf) All(yield func(key, value []byte) bool) error {
	return scan(s.l.db, s.l.openShelf(), s.prefix, func(_, row []byte) (bool, error) {
		key, value, err := parseShelfRow(row)
		return err == nil && yield(key, value), err
	})
}

func parseShelfRow(row []byte) (key, value []byte, err error) {
	if len(row) < 4 {
		return nil, nil, errRow
	}
	n := uint64(binary.BigEndian.Uint32(row))
	if n > uint64(len(row)-4) {
		return nil, nil, errRow
	}
	return row[4 : 4+n : 4+n], row[4+n:], nil
}
