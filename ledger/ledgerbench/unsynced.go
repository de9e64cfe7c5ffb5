package ledgerbench

import (
	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/ledger"
)

// OpenUnsynced opens a store on the machine's disk that says of everything at once that
// it is durable: what a yardstick does that syncs nothing.
func OpenUnsynced(dir string, o ledger.Options) (*ledger.Ledger, error) {
	return ledger.OpenOn(unsynced{vfs.Default}, dir, o)
}

type unsynced struct{ vfs.FS }

// Create is vfs.FS's.
func (u unsynced) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := u.FS.Create(name, c)
	return unsyncedFile{f}, err
}

// ReuseForWrite is vfs.FS's.
func (u unsynced) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := u.FS.ReuseForWrite(from, to, c)
	return unsyncedFile{f}, err
}

type unsyncedFile struct{ vfs.File }

// Sync is vfs.File's.
func (unsyncedFile) Sync() error { return nil }

// SyncData is vfs.File's.
func (unsyncedFile) SyncData() error { return nil }

// SyncTo is vfs.File's.
func (unsyncedFile) SyncTo(int64) (whole bool, err error) { return true, nil }
