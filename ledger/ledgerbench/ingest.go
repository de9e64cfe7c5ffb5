package ledgerbench

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// ingestBatch is how many values are synced together.
const ingestBatch = 1000

// Ingest is how many values of 500 bytes a second a bare Pebble takes in dir, n of
// them, in synced batches of 1,000 and in the order of their keys.
func Ingest(dir string, n int) (rate float64, err error) {
	o := &pebble.Options{MemTableSize: 8 << 20, FormatMajorVersion: pebble.FormatTableFormatV6, Logger: quiet{}}
	for i := range o.Levels {
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression } // as nothing sealed compresses
	}
	db, err := pebble.Open(dir, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	value := make([]byte, 500)
	key := make([]byte, 16)
	noise := rand.NewChaCha8([32]byte{1})
	start := time.Now()
	for from := 0; from < n; from += ingestBatch {
		b := db.NewBatch()
		for i := from; i < min(from+ingestBatch, n); i++ {
			binary.BigEndian.PutUint64(key, uint64(i))
			_, _ = noise.Read(value) // never fails
			if err := b.Set(key, value, nil); err != nil {
				return 0, err
			}
		}
		if err := b.Commit(pebble.Sync); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}
