package protocol_test

import (
	"sync"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
)

// TestReadByMany: a case that is only read may be read by many, whatever it has to find
// out for them. The race detector says whether it may not.
func TestReadByMany(t *testing.T) {
	for _, shape := range []func(int) []*entry.Sealed{unvoted, strandedOnes, lapsedSuccessions} {
		es := shape(300)
		c := addAll(protocol.NewCase(), es)
		g := newDag(2)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if len(c.Proposals()) == 0 || len(c.Prospects()) == 0 {
					t.Error("nothing is proposed")
				}
				c.NextConfig(g.ds[0].Kid, c.Stewards(), 1)
				c.Succeed(g.ds[1].Kid, c.Stewards(), 1)
				for _, e := range es {
					_ = c.Check(e)
				}
			})
		}
		all.Wait()
	}
}
