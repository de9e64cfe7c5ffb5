package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"cordon/ledger"
)

// shelf is a node-wide table of the ledger with rows of one type. A row is
// JSON: an older row lacks the newer fields, a newer one has more, both are read.
type shelf[T any] struct {
	name string
	s    *ledger.Shelf
}

func openShelf[T any](l *ledger.Ledger, name string) shelf[T] {
	return shelf[T]{name: name, s: l.Shelf(name)}
}

func (s shelf[T]) get(key []byte) (row T, ok bool, err error) {
	b, err := s.s.Get(key)
	if errors.Is(err, ledger.ErrNotFound) {
		return row, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &row)
	}
	if err != nil {
		return row, false, fmt.Errorf("shelf %s: %w", s.name, err)
	}
	return row, true, nil
}

func (s shelf[T]) put(key []byte, row T) error {
	b, err := json.Marshal(row)
	if err == nil {
		err = s.s.Put(key, b)
	}
	if err != nil {
		return fmt.Errorf("shelf %s: %w", s.name, err)
	}
	return nil
}

func (s shelf[T]) delete(key []byte) error {
	if err := s.s.Delete(key); err != nil {
		return fmt.Errorf("shelf %s: %w", s.name, err)
	}
	return nil
}

// clear deletes every row.
func (s shelf[T]) clear() error {
	var keys [][]byte
	err := s.all(func(key []byte, _ T) error {
		keys = append(keys, slices.Clone(key))
		return nil
	})
	for _, key := range keys {
		err = errors.Join(err, s.delete(key))
	}
	return err
}

// all yields every row, in no order that means anything.
func (s shelf[T]) all(yield func(key []byte, row T) error) error {
	var inner error
	err := s.s.All(func(key, value []byte) bool {
		var row T
		if inner = json.Unmarshal(value, &row); inner == nil {
			inner = yield(key, row)
		}
		return inner == nil
	})
	if err = errors.Join(err, inner); err != nil {
		return fmt.Errorf("shelf %s: %w", s.name, err)
	}
	return nil
}
