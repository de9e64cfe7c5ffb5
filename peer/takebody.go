package peer

import (
	"errors"
	"sync"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// takeSmall stores bodies that came beside their entries.
func (s *session) takeSmall(c id.CaseID, list []wire.Small) error {
	for _, b := range list {
		e, err := s.n.c.Ledger.Entry(c, b.Entry)
		if err != nil || e.Body == nil || s.overfull(c, e.Kid) {
			continue
		}
		if err := s.n.putChunk(c, *e.Body, nil, 0, b.CT); err != nil {
			return err
		}
	}
	return nil
}

// putChunk stores a chunk, with the hashes of all when it is the first of several. A
// chunk that is not what the entry names is passed over.
func (n *Node) putChunk(c id.CaseID, ref entry.BodyRef, hashes [][32]byte, i int, ct []byte) error {
	if i == 0 && len(hashes) > 1 {
		if err := n.c.Ledger.PutHashes(c, ref, hashes); err != nil {
			return ours("hashes", err)
		}
	}
	return ours("chunk", n.c.Ledger.PutChunk(c, ref, i, ct))
}

// ours is err when it is a fault of our store rather than of what a peer sent.
func ours(doing string, err error) error {
	if err == nil || errors.Is(err, ledger.ErrBody) || errors.Is(err, ledger.ErrErased) || errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	return internal(doing, err)
}

func (s *session) takeKeys(f *wire.Keys) error {
	list, err := s.openKeys(f)
	if err != nil {
		return err
	}
	sh := s.source(f.Tag)
	if sh == nil {
		return nil
	}
	return s.putKeys(sh.id, list)
}

// putters is how many keys are stored at a time: each is durable by itself, and
// together they share commits.
const putters = 32

// putKeys stores keys; one that is not what its entry names is passed over.
func (s *session) putKeys(c id.CaseID, list []wire.Key) error {
	var wg sync.WaitGroup
	errs := make([]error, min(putters, len(list)))
	for w := range errs {
		wg.Go(func() {
			for i := w; i < len(list) && errs[w] == nil; i += putters {
				errs[w] = s.putKey(c, list[i])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *session) putKey(c id.CaseID, k wire.Key) error {
	e, err := s.n.c.Ledger.Entry(c, k.Entry)
	if err != nil || e.Body == nil {
		return nil
	}
	if err := ours("key", s.n.c.Ledger.PutKey(c, *e.Body, k.CEK)); err != nil {
		return err
	}
	return s.n.fetch.got(s, c, e)
}

func (s *session) takeBody(f *wire.Body) error {
	sh := s.source(f.Tag)
	if sh == nil || !s.n.fetch.asked(s, f.Entry) {
		return nil
	}
	e, err := s.n.c.Ledger.Entry(sh.id, f.Entry)
	if err != nil || e.Body == nil {
		return nil
	}
	_, before, err := s.n.holdsBody(sh.id, e)
	if err != nil {
		return err
	}
	if err := s.n.putChunk(sh.id, *e.Body, f.Hashes, int(f.Index), f.CT); err != nil {
		return err
	}
	_, after, err := s.n.holdsBody(sh.id, e)
	if err != nil {
		return err
	}
	s.useless = s.useless || after.Have == before.Have
	return s.n.fetch.got(s, sh.id, e)
}
