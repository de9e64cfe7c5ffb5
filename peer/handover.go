package peer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"

	"cordon/peer/wire"
	"cordon/protocol/canon"
	"cordon/protocol/id"
)

// Beside the cases an active daemon knows what no case holds: whom people have
// pinned, which invitations wait. Its standbys keep a copy of that, as rows that only
// daemons of one organisation read (spec/sync.md §3.2). A standby asks now and then
// with the digests of what it has; what has changed comes, and nothing else.

// Handover is the daemon's side of it. Rows go from the active daemon to a standby,
// never the other way.
type Handover interface {
	// Rows yields ours, at most MaxRows of at most MaxRow bytes.
	Rows(yield func(row []byte) error) error
	// Copied are the digests of the rows of the active daemon that are kept here.
	Copied() ([][32]byte, error)
	// Copy keeps rows of the active daemon, and forgets others; last: it is all.
	Copy(rows [][]byte, gone [][32]byte, last bool) error
}

// Limits of /cordon/handover/1 (spec/sync.md §3.2).
const (
	MaxRow       = 512 << 10   // bytes of a row
	MaxRows      = 1 << 15     // rows of a daemon: their digests fit a frame
	handoverTime = time.Minute // of one exchange
)

// copyRequest is the request: the digests of the rows that its sender has, one byte
// string of them all.
type copyRequest struct {
	Have []byte `cbor:"1,keyasint,omitempty"`
}

// copyAnswer is a frame of the answer: rows that the other side lacks, and digests of
// those that it has and that are no more. After the last its copy is whole.
type copyAnswer struct {
	Gone []byte   `cbor:"1,keyasint,omitempty"`
	Rows [][]byte `cbor:"2,keyasint,omitempty"`
	Last bool     `cbor:"3,keyasint,omitempty"`
}

var errHandover = errors.New("bad-handover") // a frame of /cordon/handover/1 that breaks its form

// splitDigests reads what joinDigests wrote.
func splitDigests(all []byte) ([][32]byte, error) {
	if len(all)%sha256.Size != 0 || len(all) > MaxRows*sha256.Size {
		return nil, errHandover
	}
	list := make([][32]byte, 0, len(all)/sha256.Size)
	for h := range slices.Chunk(all, sha256.Size) {
		list = append(list, [32]byte(h))
	}
	return list, nil
}

func joinDigests(list [][32]byte) []byte {
	all := make([]byte, 0, len(list)*sha256.Size)
	for _, h := range list {
		all = append(all, h[:]...)
	}
	return all
}

// writeFrame writes one frame of the exchange.
func writeFrame(w io.Writer, v any) error {
	_, err := w.Write(wire.Prefixed(canon.MustMarshal(v)))
	return err
}

// readFrame reads one. Its length is judged before anything is made of it.
func readFrame(r io.Reader, v any) error {
	b, err := wire.ReadFrame(r, nil, wire.MaxFrame)
	if err != nil {
		return err
	}
	return canon.Unmarshal(b, v)
}

// copyHandover asks the active daemon of ours, whenever one is connected.
func (n *Node) copyHandover(ctx context.Context) {
	tick := time.NewTicker(n.c.Schedule.Retry / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, s := range n.with() {
			if !s.sibling() || !speaks(s.contact) {
				continue
			}
			if err := n.copyFrom(ctx, s.peer); err != nil && ctx.Err() == nil {
				n.log.Warn("copy what the active daemon knows", "err", reason(err))
			}
		}
	}
}

// copyFrom is one exchange.
func (n *Node) copyFrom(ctx context.Context, p libpeer.ID) error {
	have, err := n.c.Handover.Copied()
	if err != nil {
		return internal("handover", err)
	}
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "handover"), handoverTime)
	defer cancel()
	st, err := n.host.NewStream(ctx, p, protoHandover)
	if err != nil {
		return fmt.Errorf("open handover: %w", err)
	}
	defer st.Close()
	unhook := context.AfterFunc(ctx, func() { _ = st.Reset() })
	defer unhook()
	_ = st.SetDeadline(time.Now().Add(handoverTime))
	if err := writeFrame(st, copyRequest{joinDigests(have)}); err != nil {
		return err
	}
	for rows := 0; ; {
		last, err := n.takeRows(st, &rows)
		if err != nil {
			_ = st.Reset()
		}
		if err != nil || last {
			return err
		}
	}
}

// takeRows takes one frame of an answer that has brought so many rows before.
func (n *Node) takeRows(r io.Reader, rows *int) (last bool, err error) {
	var a copyAnswer
	if err := readFrame(r, &a); err != nil {
		return false, err
	}
	gone, err := splitDigests(a.Gone)
	if err != nil {
		return false, err
	}
	*rows += len(a.Rows)
	if *rows > MaxRows || slices.ContainsFunc(a.Rows, func(row []byte) bool { return len(row) > MaxRow }) || len(a.Rows)+len(gone) == 0 && !a.Last {
		return false, errHandover
	}
	return a.Last, n.c.Handover.Copy(a.Rows, gone, a.Last)
}

// answerHandover is the handler of /cordon/handover/1. Only the active daemon
// answers, and only one of its own organisation.
func (n *Node) answerHandover(ctx context.Context, st network.Stream) {
	defer st.Close()
	from, ok := n.asker(st)
	unhook := context.AfterFunc(ctx, func() { _ = st.Reset() })
	defer unhook()
	_ = st.SetDeadline(time.Now().Add(handoverTime))
	if !ok || from.Org != n.c.Org || !speaks(Contact{Kid: n.c.Kid, Chain: from.Chain}) {
		_ = st.Reset()
		return
	}
	var q copyRequest
	err := readFrame(st, &q)
	if err == nil {
		var have [][32]byte
		if have, err = splitDigests(q.Have); err == nil {
			err = n.handOver(st, from.Kid, have)
		}
	}
	if err != nil {
		_ = st.Reset()
		n.log.Warn("hand over what this daemon knows", "err", reason(err))
	}
}

// handOver writes what a standby lacks.
func (n *Node) handOver(st network.Stream, to id.Kid, have [][32]byte) error {
	lacks := map[[32]byte]bool{} // ours; false: it has it
	set := map[[32]byte]bool{}
	for _, h := range have {
		set[h] = true
	}
	err := n.c.Handover.Rows(func(row []byte) error {
		h := sha256.Sum256(row)
		lacks[h] = !set[h]
		return nil
	})
	if err != nil {
		return internal("handover", err)
	}
	a := &copyAnswer{}
	for h := range set {
		if _, ours := lacks[h]; !ours {
			a.Gone = append(a.Gone, h[:]...)
		}
	}
	size := len(a.Gone)
	err = n.c.Handover.Rows(func(row []byte) error {
		if !lacks[sha256.Sum256(row)] {
			return nil
		}
		if size > 0 && size+len(row) > wire.MaxBatch {
			if err := writeFrame(st, a); err != nil {
				return err
			}
			a, size = &copyAnswer{}, 0
		}
		a.Rows, size = append(a.Rows, row), size+len(row)+8
		return nil
	})
	if err != nil {
		return err
	}
	a.Last = true
	if err := writeFrame(st, a); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.copies[to] = sumOf(have)
	return nil
}

// HasCopy says whether a standby, when it last asked, had all that we would hand over
// now.
func (n *Node) HasCopy(kid id.Kid) (bool, error) {
	var ours [][32]byte
	err := n.c.Handover.Rows(func(row []byte) error {
		ours = append(ours, sha256.Sum256(row))
		return nil
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	sum, asked := n.copies[kid]
	return asked && sum == sumOf(ours), err
}

// sumOf stands for a set of digests.
func sumOf(set [][32]byte) [32]byte {
	set = slices.Clone(set)
	slices.SortFunc(set, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	for _, d := range slices.Compact(set) {
		h.Write(d[:])
	}
	return [32]byte(h.Sum(nil))
}
