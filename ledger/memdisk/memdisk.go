// Package memdisk is a disk in memory that can lose power. It is test support:
// what is left of a store after a power cut is what a real disk would have kept.
// No call waits for anything but memory, so a store on it lives in virtual time.
//
// Main path: New; Disk.Open; Disk.BeforeSync and Disk.Cut, whose Open finds what
// is left.
package memdisk

import (
	"math/rand/v2"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/ledger"
)

// Disk is one disk. Its methods may be called from any goroutine.
type Disk struct {
	mem    *vfs.MemFS
	before atomic.Pointer[func()]
}

// New is an empty disk.
func New() *Disk { return &Disk{mem: vfs.NewCrashableMem()} }

// Open opens the store in dir, as ledger.Open does.
func (d *Disk) Open(dir string, o ledger.Options) (*ledger.Ledger, error) {
	return ledger.OpenOn(watched{d.mem, d}, dir, o)
}

// BeforeSync makes f be called whenever a file is about to become durable, by the
// goroutine that waits for it: the moment at which a power cut takes most. f may
// call Cut. It replaces an earlier one; nil calls nothing.
func (d *Disk) BeforeSync(f func()) { d.before.Store(&f) }

// Cut is what the disk holds after a power cut at this moment: all that is durable
// and a part of the rest, by seed. Whoever has d open goes on with d.
func (d *Disk) Cut(seed uint64) *Disk {
	rng := rand.New(rand.NewPCG(seed, 0))
	return &Disk{mem: d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})}
}

func (d *Disk) sync() {
	if f := d.before.Load(); f != nil && *f != nil {
		(*f)()
	}
}

// watched is the file system of a disk, which says when it syncs.
type watched struct {
	vfs.FS
	d *Disk
}

// Create is vfs.FS's.
func (w watched) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := w.FS.Create(name, c)
	return watchedFile{f, w.d}, err
}

// ReuseForWrite is vfs.FS's.
func (w watched) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := w.FS.ReuseForWrite(from, to, c)
	return watchedFile{f, w.d}, err
}

type watchedFile struct {
	vfs.File
	d *Disk
}

// Sync is vfs.File's.
func (f watchedFile) Sync() error {
	f.d.sync()
	return f.File.Sync()
}

// SyncData is vfs.File's.
func (f watchedFile) SyncData() error {
	f.d.sync()
	return f.File.SyncData()
}
