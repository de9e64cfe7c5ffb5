package peer

import (
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
)

// slowStream notes what is written under which deadline.
type slowStream struct {
	network.Stream
	deadlines int
	parts     []int // bytes written under each deadline
}

func (s *slowStream) SetWriteDeadline(time.Time) error {
	s.deadlines++
	s.parts = append(s.parts, 0)
	return nil
}

func (s *slowStream) Write(b []byte) (int, error) {
	s.parts[len(s.parts)-1] += len(b)
	return len(b), nil
}

// TestSlowLineIsServed: a frame of 1 MiB may take longer than writeTime; only its
// pieces may not. At 64 kbit/s all of it takes 130 s.
func TestSlowLineIsServed(t *testing.T) {
	s := &slowStream{}
	n, err := pieces{s}.Write(make([]byte, 1<<20+7))
	if err != nil || n != 1<<20+7 || slices.Max(s.parts) > 64<<10 {
		t.Errorf("%d bytes, %v, under one deadline up to %d", n, err, slices.Max(s.parts))
	}
}
