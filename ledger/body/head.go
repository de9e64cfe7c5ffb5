package body

import (
	"strings"

	"cordon/protocol/canon"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Limits of a head, in bytes and pieces (spec/identity.md §7.2).
const (
	MaxTitle   = 256
	MaxFile    = 255
	MaxMedia   = 127
	MaxAnswers = 64
	maxHead    = 8 << 10
)

// Head is what stands before the raw bytes, sealed with them: spec/cordon.cddl,
// body-head, a map of exactly these keys, absent where noted. A new key is a new
// kind of content entry.
//
//	a4           map of 4
//	01 04        label: amber+strict
//	02 01        onward sharing: within the readers
//	03 58 20 …   agreement
//	04 05        5 raw bytes follow
type Head struct {
	Label   uint8        // TLP 2.0: 1 clear .. 5 red
	Sharing uint8        // onward sharing: 1 within the readers
	Agr     id.AgrID     // the reader compares it with the entry's
	Size    uint64       // of the raw bytes, at most MaxRaw
	Title   string       // absent if ""
	File    string       // a plain file name, absent if ""
	Media   string       // media type, printable ASCII, absent if ""
	Answers []id.EntryID // absent if none: entries it answers, or gives the reason of
	Salt    *[32]byte    // absent if nil: opens the commitment of the one it gives the reason of
}

// encode writes the head and refuses one that Open would refuse.
func (h Head) encode() ([]byte, error) {
	w := struct {
		Label   uint64   `cbor:"1,keyasint"`
		Sharing uint64   `cbor:"2,keyasint"`
		Agr     []byte   `cbor:"3,keyasint"`
		Size    uint64   `cbor:"4,keyasint"`
		Title   string   `cbor:"5,keyasint,omitempty"`
		File    string   `cbor:"6,keyasint,omitempty"`
		Media   string   `cbor:"7,keyasint,omitempty"`
		Answers [][]byte `cbor:"8,keyasint,omitempty"`
		Salt    []byte   `cbor:"9,keyasint,omitempty"`
	}{uint64(h.Label), uint64(h.Sharing), h.Agr[:], h.Size, h.Title, h.File, h.Media, nil, nil}
	for i := range h.Answers {
		w.Answers = append(w.Answers, h.Answers[i][:])
	}
	if h.Salt != nil {
		w.Salt = h.Salt[:]
	}
	b := canon.MustMarshal(w)
	_, _, err := parseHead(b)
	return b, err
}

// parseHead reads the head at the beginning of b and returns its length.
func parseHead(b []byte) (Head, int, error) {
	var h Head
	r := canon.NewReader(b[:min(len(b), maxHead)])
	n, err := r.Map()
	if err != nil {
		return h, 0, ErrHead
	}
	last := int64(0)
	var seen uint64
	for range n {
		k, err := r.Key(&last)
		if err != nil || k > 9 {
			return h, 0, ErrHead
		}
		if err := h.field(k, r); err != nil {
			return h, 0, err
		}
		seen |= 1 << k
	}
	if seen&0b11110 != 0b11110 { // keys 1 to 4
		return h, 0, ErrHead
	}
	return h, r.Offset(), nil
}

func (h *Head) field(k uint64, r *canon.Reader) (err error) {
	switch k {
	case 1:
		h.Label, err = small(r, 5)
	case 2:
		h.Sharing, err = small(r, 255)
	case 3:
		err = fixed(r, h.Agr[:])
	case 4:
		if h.Size, err = r.Uint(); err != nil || h.Size > MaxRaw {
			err = ErrHead
		}
	case 5:
		h.Title, err = text(r, MaxTitle)
	case 6:
		h.File, err = text(r, MaxFile)
		if h.File == "." || h.File == ".." || strings.ContainsAny(h.File, `/\`) {
			err = ErrHead // must be safe to create in a directory
		}
	case 7:
		h.Media, err = text(r, MaxMedia)
		if strings.ContainsFunc(h.Media, func(c rune) bool { return c > '~' }) {
			err = ErrHead
		}
	case 8:
		h.Answers, err = answers(r)
	case 9:
		h.Salt = new([32]byte)
		err = fixed(r, h.Salt[:])
	}
	return err
}

func small(r *canon.Reader, most uint64) (uint8, error) {
	n, err := r.Uint()
	if err != nil || n < 1 || n > most {
		return 0, ErrHead
	}
	return uint8(n), nil
}

func fixed(r *canon.Reader, dst []byte) error {
	b, err := r.Fixed(len(dst))
	if err != nil {
		return ErrHead
	}
	copy(dst, b)
	return nil
}

func text(r *canon.Reader, most int) (string, error) {
	s, err := r.Text()
	if err != nil || s == "" || identity.PlainText(s, most) != nil {
		return "", ErrHead
	}
	return s, nil
}

func answers(r *canon.Reader) ([]id.EntryID, error) {
	n, err := r.Array()
	if err != nil || n < 1 || n > MaxAnswers {
		return nil, ErrHead
	}
	list := make([]id.EntryID, n)
	for i := range list {
		if err := fixed(r, list[i][:]); err != nil {
			return nil, err
		}
	}
	return list, nil
}
