package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	cacheBytes    = 8 << 20
	memTableBytes = 8 << 20
	bloomBits     = 10
	openFiles     = 256
)

// engineOptions are Pebble's options. Values are sealed and do not compress.
// The caller releases Cache after Open.
func engineOptions(fs vfs.FS, log *slog.Logger) *pebble.Options {
	o := &pebble.Options{
		FS:                 fs,
		Cache:              pebble.NewCache(cacheBytes),
		MemTableSize:       memTableBytes,
		MaxOpenFiles:       openFiles,
		FormatMajorVersion: pebble.FormatTableFormatV6, // explicit: the default is the oldest, and it only goes up
		Logger:             engineLog{log},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
		o.Levels[i].FilterType = pebble.TableFilter
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	return o
}

// engineLog passes on Pebble's complaints. Pebble knows local numbers and
// sealed bytes only, so nothing it says is case data.
type engineLog struct{ log *slog.Logger }

// Infof says nothing: Pebble's small talk is no operator's business.
func (engineLog) Infof(string, ...any) {}

// Errorf reports.
func (e engineLog) Errorf(format string, args ...any) {
	e.log.Error("store: " + fmt.Sprintf(format, args...))
}

// Fatalf ends the process. Pebble calls it when a sync failed: what was written
// may or may not be on the disk, and going on would sign on top of a guess
// (spec/store.md §5).
func (e engineLog) Fatalf(format string, args ...any) {
	e.log.Error("store: the disk failed, stopping: " + fmt.Sprintf(format, args...))
	os.Exit(1)
}

// opener opens sealed values: a box, or the boxes of the shelves.
type opener interface {
	open(key, value []byte) ([]byte, error)
}

// get opens the value of key; ErrNotFound if there is none.
func get(db *pebble.DB, b opener, key []byte) ([]byte, error) {
	v, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	plain, err := b.open(key, v)
	return plain, errors.Join(err, closer.Close())
}

// scan opens, in key order, every value whose key starts with prefix, until
// yield returns false. key is valid during the call only, plain is the caller's.
func scan(db *pebble.DB, b opener, prefix []byte, yield func(key, plain []byte) (bool, error)) error {
	return scanRange(db, b, prefix, after(prefix), yield)
}

func scanRange(db *pebble.DB, b opener, from, to []byte, yield func(key, plain []byte) (bool, error)) (err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return fmt.Errorf("read store: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read store: %w", err)
		}
		plain, err := b.open(it.Key(), v)
		if err != nil {
			return err
		}
		if more, err := yield(it.Key(), plain); err != nil || !more {
			return err
		}
	}
	return it.Error()
}
