package ledgerbench

import (
	"crypto/ed25519"
	"encoding/binary"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"cordon/ledger/feedgen"
)

// limitTime is how long a limit is measured, where figure and limit are not
// measured in slices.
const limitTime = 400 * time.Millisecond

// pace is what callers achieved side by side.
type pace struct {
	rate   float64       // calls a second, of all callers
	median time.Duration // of one call
}

// together lets callers call do, each again as soon as it returned, until d has
// passed.
func together(callers int, d time.Duration, do func(caller int) error) (pace, error) {
	var mu sync.Mutex
	var times []time.Duration
	var failed error
	var wg sync.WaitGroup
	start := time.Now()
	for c := range callers {
		wg.Go(func() {
			var mine []time.Duration
			var err error
			for at := start; err == nil && at.Sub(start) < d; {
				err = do(c)
				now := time.Now()
				mine = append(mine, now.Sub(at))
				at = now
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	slices.Sort(times)
	return pace{float64(len(times)) / took.Seconds(), times[len(times)/2]}, failed
}

// onAllCores is how often a second do is called when every core calls it.
func onAllCores(d time.Duration, do func()) float64 {
	p, _ := together(runtime.GOMAXPROCS(0), d, func(int) error { do(); return nil })
	return p.rate
}

// VerifyRate is how many 500-byte messages a second all cores verify, one by one.
func VerifyRate() float64 {
	key, msg := feedgen.Key(1, 1), make([]byte, 500)
	pub, sig := key.Public().(ed25519.PublicKey), ed25519.Sign(key, msg)
	return onAllCores(limitTime, func() { ed25519.Verify(pub, msg, sig) })
}

// signRate is how many 500-byte messages a second all cores sign.
func signRate() float64 {
	key, msg := feedgen.Key(1, 1), make([]byte, 500)
	return onAllCores(limitSlice, func() { ed25519.Sign(key, msg) })
}

// signTime is the median time of one signature by a lone caller.
func signTime() time.Duration {
	key, msg := feedgen.Key(1, 1), make([]byte, 500)
	p, _ := together(1, limitSlice/4, func(int) error { ed25519.Sign(key, msg); return nil })
	return p.median
}

// Commits is a bare Pebble store to which 500-byte values are committed, each synced.
// At most 64 writers may write at once.
type Commits struct {
	db    *pebble.DB
	value []byte
	next  [callers]uint32 // the number of a writer's next key; the writer's own
}

// NewCommits opens one in dir.
func NewCommits(dir string) (*Commits, error) {
	db, err := pebble.Open(filepath.Join(dir, "limit"), &pebble.Options{
		MemTableSize: 8 << 20, FormatMajorVersion: pebble.FormatTableFormatV6, Logger: quiet{}})
	return &Commits{db: db, value: make([]byte, 500)}, err
}

// One commits one value of a writer, 0 to 63.
func (c *Commits) One(writer int) error {
	key := make([]byte, 16)
	key[0] = byte(writer)
	binary.BigEndian.PutUint32(key[1:], c.next[writer])
	c.next[writer]++
	return c.db.Set(key, c.value, pebble.Sync)
}

// Close closes the store.
func (c *Commits) Close() error { return c.db.Close() }

// quiet is a Pebble logger that says nothing; a failed disk panics, which ends
// a benchmark and nothing else.
type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, _ ...any) { panic("pebble: " + format) }
