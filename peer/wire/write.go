package wire

import (
	"cordon/protocol/canon"
	"cordon/protocol/id"
)

func number(b []byte, v uint64) []byte { return canon.AppendHead(b, 0, v) }
func array(b []byte, n int) []byte     { return canon.AppendHead(b, 4, uint64(n)) }
func str(b, s []byte) []byte           { return append(canon.AppendHead(b, 2, uint64(len(s))), s...) }
func hash(b []byte, h [32]byte) []byte { return append(append(b, 0x58, 0x20), h[:]...) }
func half(b []byte, h [16]byte) []byte { return append(append(b, 0x50), h[:]...) }

// open starts a frame of n items whose first is its kind.
func open(b []byte, n int, kind uint64) []byte { return number(array(b, n), kind) }

func comp(b []byte, c id.Comp) []byte {
	if c == id.Control || c == id.Everyone {
		return number(b, uint64(c[id.Size-1]))
	}
	return hash(b, c)
}

func blobs(b []byte, list [][]byte) []byte {
	b = array(b, len(list))
	for _, s := range list {
		b = str(b, s)
	}
	return b
}

func heads(b []byte, list []Head) []byte {
	b = array(b, len(list))
	for _, h := range list {
		b = comp(hash(array(b, 4), h.Feed.Kid), h.Feed.Comp)
		b = half(number(b, uint64(h.Seq)), h.ID)
	}
	return b
}

func (f *Hello) append(b []byte) []byte {
	b = array(open(b, 6, kindHello), len(f.Versions))
	for _, v := range f.Versions {
		b = number(b, v)
	}
	b = hash(hash(b, f.Kid), f.Nonce)
	return blobs(number(b, f.MaxFrame), f.Events)
}

func (f *Tags) append(b []byte) []byte {
	b = array(open(b, 2, kindTags), len(f.Pairs))
	for _, p := range f.Pairs {
		b = half(half(array(b, 2), p.Tag), p.Mark)
	}
	return b
}

func (f *Vec) append(b []byte) []byte   { return heads(half(open(b, 3, kindVec), f.Tag), f.Heads) }
func (f *IHave) append(b []byte) []byte { return heads(half(open(b, 3, kindIHave), f.Tag), f.Heads) }

func (f *Want) append(b []byte) []byte {
	b = array(number(half(open(b, 5, kindWant), f.Tag), f.Done), len(f.Ranges))
	for _, r := range f.Ranges {
		b = comp(hash(array(b, 4), r.Feed.Kid), r.Feed.Comp)
		b = number(number(b, uint64(r.From)), uint64(r.To))
	}
	b = array(b, len(f.Bodies))
	for _, w := range f.Bodies {
		b = number(hash(array(b, 2), w.Entry), uint64(w.From))
	}
	return b
}

func (f *Entries) append(b []byte) []byte {
	b = blobs(half(open(b, 4, kindEntries), f.Tag), f.Raws)
	b = array(b, len(f.Bodies))
	for _, s := range f.Bodies {
		b = str(hash(array(b, 2), s.Entry), s.CT)
	}
	return b
}

func (f *Keys) append(b []byte) []byte {
	return str(str(half(open(b, 4, kindKeys), f.Tag), f.Enc), f.Sealed)
}

func (f *Body) append(b []byte) []byte {
	b = hash(half(open(b, 6, kindBody), f.Tag), f.Entry)
	b = array(b, len(f.Hashes))
	for _, h := range f.Hashes {
		b = hash(b, h)
	}
	return str(number(b, uint64(f.Index)), f.CT)
}

func (f *Proof) append(b []byte) []byte {
	return str(str(half(open(b, 4, kindProof), f.Tag), f.A), f.B)
}

func (f *Ack) append(b []byte) []byte {
	return number(number(open(b, 3, kindAck), f.Number), f.Held)
}

func (f *Genesis) append(b []byte) []byte { return str(open(b, 2, kindGenesis), f.Raw) }

func (f *Beat) append(b []byte) []byte { return number(open(b, 2, kindBeat), f.Next) }

// AppendEvents appends what ParseEvents reads.
func AppendEvents(b []byte, events [][]byte) []byte { return blobs(b, events) }
