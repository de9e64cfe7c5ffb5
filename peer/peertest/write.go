package peertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"cordon/ledger"
	"cordon/ledger/body"
	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

func now() uint64 { return uint64(time.Now().UnixMilli()) }

// Open opens a case with an embargo of 45 days.
func (o *Org) Open() (id.CaseID, error) {
	var nonce [32]byte
	_, _ = rand.Read(nonce[:]) // never fails (crypto/rand)
	end := now() + 45*24*3600*1000
	g := protocol.NewGenesis(nonce, o.Chain,
		protocol.NewAgreement(protocol.Record{Start: now(), End: &end, Terms: protocol.DefaultTerms()}, "nobody tells"), protocol.Coordinator)
	e, err := o.Ledger.Append(background(), entry.Fields{Type: g.Type(), T: now(), Ctl: protocol.Ctl(g)}, o.key)
	if err != nil {
		return id.CaseID{}, fmt.Errorf("open a case: %w", err)
	}
	return e.CaseID(), nil
}

// Write appends a control entry.
func (o *Org) Write(c id.CaseID, m protocol.Message) (ledger.Entry, error) {
	o.writing.Lock()
	defer o.writing.Unlock()
	f := entry.Fields{Case: c, Comp: id.Control, T: now(), Type: m.Type(), Ctl: protocol.Ctl(m)}
	err := o.Cases.With(c, func(k *protocol.Case) error {
		switch m.(type) {
		case *protocol.Admit, *protocol.Remove, *protocol.Ident:
			cfg := id.ConfigID(c)
			f.Cfg = &cfg
		}
		f.Deps = k.Deps(o.Kid, f.Comp, k.Needs(m)...)
		return k.May(o.Kid, f)
	})
	if err != nil {
		return ledger.Entry{}, err
	}
	return o.Ledger.Append(background(), f, o.key)
}

// Appender returns a function that appends a control entry to the case, for any number
// of callers at once: unlike Write, it looks at the case only now.
func (o *Org) Appender(c id.CaseID) (func(context.Context) (ledger.Entry, error), error) {
	m := &protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1000"}}
	f := entry.Fields{Case: c, Comp: id.Control, Type: m.Type(), Ctl: protocol.Ctl(m)}
	err := o.Cases.With(c, func(k *protocol.Case) error {
		f.Deps = k.Deps(o.Kid, f.Comp, k.Needs(m)...)
		return k.May(o.Kid, f)
	})
	return func(ctx context.Context) (ledger.Entry, error) {
		next := f
		next.T = now()
		return o.Ledger.Append(ctx, next, o.key)
	}, err
}

// Remove removes an organisation.
func (o *Org) Remove(c id.CaseID, who id.OrgID) (ledger.Entry, error) {
	return o.Write(c, &protocol.Remove{Org: who, Code: 1, Reason: [32]byte{1}})
}

// Note writes text for everybody in the case.
func (o *Org) Note(c id.CaseID, text []byte) (ledger.Entry, error) {
	return o.Content(c, id.Everyone, text)
}

// Content writes a sealed body into a compartment.
func (o *Org) Content(c id.CaseID, comp id.Comp, raw []byte) (ledger.Entry, error) {
	o.writing.Lock()
	defer o.writing.Unlock()
	f := entry.Fields{Case: c, Comp: comp, T: now(), Type: protocol.Note}
	err := o.Cases.With(c, func(k *protocol.Case) error {
		agr := k.Embargo().Agreement
		f.Agr = &agr
		f.Deps = k.Deps(o.Kid, comp)
		return nil
	})
	if err != nil {
		return ledger.Entry{}, err
	}
	h, ok, err := o.Ledger.Head(c, id.Feed{Kid: o.Kid, Comp: comp})
	if err != nil {
		return ledger.Entry{}, err
	}
	if ok {
		f.Seq = h.Seq + 1
	}
	at := body.AAD{Case: c, Kid: o.Kid, Comp: comp, Seq: f.Seq, Type: f.Type}
	s, chunks, err := body.SealBytes(body.Head{Label: 3, Sharing: 1, Agr: *f.Agr, Size: uint64(len(raw))}, raw, at, rand.Reader)
	if err != nil {
		return ledger.Entry{}, fmt.Errorf("seal: %w", err)
	}
	f.Body = &s.Ref
	if err := o.Ledger.PutHashes(c, s.Ref, s.Hashes); err != nil {
		return ledger.Entry{}, err
	}
	for i, ct := range chunks {
		if err := o.Ledger.PutChunk(c, s.Ref, i, ct); err != nil {
			return ledger.Entry{}, err
		}
	}
	if err := o.Ledger.PutOwnKey(c, s.Ref, s.CEK); err != nil {
		return ledger.Entry{}, err
	}
	return o.Ledger.Append(background(), f, o.key)
}

// Body opens the body of an entry; ledger.ErrNotFound until all of it is here.
func (o *Org) Body(c id.CaseID, x id.EntryID) ([]byte, error) {
	e, err := o.Ledger.Entry(c, x)
	if err != nil {
		return nil, err
	}
	st, err := o.Ledger.BodyState(c, *e.Body)
	if err != nil {
		return nil, err
	}
	if !st.Key || st.Have < st.Total {
		return nil, ledger.ErrNotFound
	}
	cek, err := o.Ledger.Key(c, *e.Body)
	if err != nil {
		return nil, err
	}
	hashes, err := o.Ledger.Hashes(c, *e.Body)
	if err != nil {
		return nil, err
	}
	chunks := make([][]byte, st.Total)
	for i := range chunks {
		if chunks[i], err = o.Ledger.Chunk(c, *e.Body, i); err != nil {
			return nil, err
		}
	}
	_, raw, err := body.OpenBytes(*e.Body, hashes, cek, body.Of(e.Sealed), chunks)
	return raw, err
}

// Digest is the fold's digest; zero for a case that is not here.
func (o *Org) Digest(c id.CaseID) (d [32]byte) {
	_ = o.Cases.With(c, func(k *protocol.Case) error {
		d = k.Digest()
		return nil
	})
	return d
}

// Member says whether who is a member by o's fold.
func (o *Org) Member(c id.CaseID, who id.OrgID) (is bool) {
	_ = o.Cases.With(c, func(k *protocol.Case) error {
		is = k.Member(who)
		return nil
	})
	return is
}

// Notes signs n headers of notes as o's feed in comp 1, without bodies and without
// storing them, each of 500 bytes. after is an entry that admits o.
func (o *Org) Notes(c id.CaseID, after ledger.Entry, agr id.AgrID, n int) [][]byte {
	return o.Noter(c, after, agr)(n)
}

// Noter is Notes for who wants them little by little: each call signs the next n.
func (o *Org) Noter(c id.CaseID, after ledger.Entry, agr id.AgrID) func(n int) [][]byte {
	return o.Shaped(c, after, agr, 500, 300)
}

// Shaped is Noter for entries of so many bytes, or as few as one can have, that say that
// their bodies have that many.
func (o *Org) Shaped(c id.CaseID, after ledger.Entry, agr id.AgrID, bytesEach int, body uint64) func(n int) [][]byte {
	var prev id.EntryID
	var pad []byte
	i, lc, t := 0, after.LC, now()
	one := func() []byte {
		lc++
		m := map[uint64]any{1: 1, 2: c[:], 3: 1, 5: i, 7: [][]byte{}, 8: lc, 9: t, 10: uint64(protocol.Note), 12: agr[:],
			14: []any{bytes.Repeat([]byte{1}, 32), body, bytes.Repeat([]byte{2}, 32)}}
		if i > 0 {
			m[6] = prev[:]
		} else {
			m[7] = [][]byte{after.ID[:]}
		}
		if pad == nil {
			m[64] = []byte{}
			raw, _ := cose.Seal(cose.Entry, o.key, canon.MustMarshal(m))
			pad = make([]byte, max(0, bytesEach-1-len(raw)))
		}
		if m[64] = pad; len(pad) == 0 {
			delete(m, 64)
		}
		raw, x := cose.Seal(cose.Entry, o.key, canon.MustMarshal(m))
		i, prev = i+1, x
		return raw
	}
	return func(n int) [][]byte {
		list := make([][]byte, n)
		for k := range list {
			list[k] = one()
		}
		return list
	}
}

// Forge signs n control entries after the last of o's own, without storing them: others
// for each salt, which makes a fork.
func (o *Org) Forge(c id.CaseID, salt byte, n int) []*entry.Sealed {
	var list []*entry.Sealed
	h, ok, err := o.Ledger.Head(c, id.Feed{Kid: o.Kid, Comp: id.Control})
	for range n {
		m := &protocol.Claim{What: protocol.Attack, Evidence: [32]byte{salt}}
		f := entry.Fields{Case: c, Comp: id.Control, T: now(), Type: m.Type(), Ctl: protocol.Ctl(m)}
		if err == nil && !ok {
			err = o.Cases.With(c, func(k *protocol.Case) error {
				f.Deps = k.Deps(o.Kid, id.Control)
				return nil
			})
			for _, d := range f.Deps {
				if e, miss := o.Ledger.Entry(c, d); miss == nil {
					f.LC = max(f.LC, e.LC+1)
				}
			}
		} else {
			f.Seq, f.Prev, f.LC, f.T = h.Seq+1, h.ID, h.LC+1, max(f.T, h.T)
		}
		e, bad := f.Seal(o.key)
		if err != nil || bad != nil {
			return nil
		}
		list = append(list, e)
		h, ok = ledger.Head{Feed: e.Feed(), Seq: e.Seq, ID: e.ID, LC: e.LC, T: e.T}, true
	}
	return list
}
