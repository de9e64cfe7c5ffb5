package ledger

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel calls do for 0..n-1 on all cores, step of them at a time, and
// returns when all are done.
func parallel(n, step int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), (n+step-1)/step)
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var next atomic.Int64
	work := func() {
		for {
			hi := int(next.Add(int64(step)))
			for i := hi - step; i < min(hi, n); i++ {
				do(i)
			}
			if hi >= n {
				return
			}
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}
