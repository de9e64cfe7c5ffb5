package ledgerbench

import (
	"crypto/ed25519"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"cordon/ledger/feedgen"
)

// limitTime is how long a limit is measured.
const limitTime = 400 * time.Millisecond

// onAllCores is how often a second do is called when every core calls it.
func onAllCores(do func()) float64 {
	var n atomic.Int64
	start := time.Now()
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for time.Since(start) < limitTime {
				do()
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / time.Since(start).Seconds()
}

// VerifyRate is how many 500-byte messages a second all cores verify, one by one.
func VerifyRate() float64 {
	key, msg := feedgen.Key(1, 1), make([]byte, 500)
	pub, sig := key.Public().(ed25519.PublicKey), ed25519.Sign(key, msg)
	return onAllCores(func() { ed25519.Verify(pub, msg, sig) })
}

// signRate is how many 500-byte messages a second all cores sign.
func signRate() float64 {
	key, msg := feedgen.Key(1, 1), make([]byte, 500)
	return onAllCores(func() { ed25519.Sign(key, msg) })
}

// pebbleCommits is how many synced 500-byte commits a second Pebble does for
// that many writers, and the median time of one.
func pebbleCommits(dir string, writers int, d time.Duration) (rate float64, one time.Duration, err error) {
	db, err := pebble.Open(filepath.Join(dir, "limit"), &pebble.Options{
		MemTableSize: 8 << 20, FormatMajorVersion: pebble.FormatTableFormatV6, Logger: quiet{}})
	if err != nil {
		return 0, 0, err
	}
	var mu sync.Mutex
	var times []time.Duration
	var wg sync.WaitGroup
	start := time.Now()
	for w := range writers {
		wg.Go(func() {
			var mine []time.Duration
			key, value := make([]byte, 16), make([]byte, 500)
			key[0] = byte(w)
			for i := 0; time.Since(start) < d; i++ {
				key[1], key[2], key[3] = byte(i>>16), byte(i>>8), byte(i)
				at := time.Now()
				if e := db.Set(key, value, pebble.Sync); e != nil {
					mu.Lock()
					err = e
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
		})
	}
	wg.Wait()
	took := time.Since(start)
	if e := db.Close(); err == nil {
		err = e
	}
	if err != nil || len(times) == 0 {
		return 0, 0, err
	}
	slices.Sort(times)
	return float64(len(times)) / took.Seconds(), times[len(times)/2], nil
}

// quiet is a Pebble logger that says nothing; a failed disk panics, which ends
// a benchmark and nothing else.
type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, _ ...any) { panic("pebble: " + format) }
