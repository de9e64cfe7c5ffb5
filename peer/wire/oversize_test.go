package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
)

// TestOversize: a frame of the limit passes, one byte more is refused by its length
// alone, and so is whatever else is claimed; a thousand claims cost nothing.
func TestOversize(t *testing.T) {
	for name, limit := range map[string]int{"session": MaxFrame, "HELLO": MaxEvents + 4<<10, "invitation": MaxInviteFrame} {
		for _, n := range []int{1, limit - 1, limit, limit + 1} {
			b := Prefixed(make([]byte, n))
			got, err := ReadFrame(bytes.NewReader(b), nil, limit)
			if n <= limit && (err != nil || len(got) != n) || n > limit && !errors.Is(err, ErrLength) {
				t.Errorf("%s: a frame of %d bytes, the limit is %d: %d bytes, %v", name, n, limit, len(got), err)
			}
			if _, err := ReadFrame(bytes.NewReader(b[:len(b)-1]), nil, limit); err == nil {
				t.Errorf("%s: a frame of %d bytes without its last one is accepted", name, n)
			}
		}
		seed := rand.Uint64()
		rng := rand.New(rand.NewPCG(seed, 1))
		claims := []uint32{uint32(limit) + 1, 1 << 30, 1 << 31, 1<<32 - 1}
		for len(claims) < 1000 {
			claims = append(claims, uint32(limit+1)+rng.Uint32N(1<<32-1-uint32(limit)))
		}
		refused := func(limit int) (used uint64, all bool) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			all = true
			for _, n := range claims {
				_, err := ReadFrame(bytes.NewReader(binary.BigEndian.AppendUint32(nil, n)), nil, limit)
				all = all && errors.Is(err, ErrLength) && !errors.Is(err, io.EOF)
			}
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc, all
		}
		if used, all := refused(limit); !all || used > 1<<20 {
			t.Errorf("%s, seed %d: refused all: %v, for %d bytes of memory", name, seed, all, used)
		}
	}
}
