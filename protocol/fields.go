package protocol

import (
	"cordon/protocol/canon"
	"cordon/protocol/id"
	"cordon/protocol/internal/fields"
)

// The names by which kinds list their fields; package fields says what each is.

type field = fields.Field

var errMalformed = fields.ErrMalformed

func encode(fs []field) []byte { return fields.Encode(fs) }

func decode(b []byte, fs []field) error { return fields.Decode(b, fs) }

func number[T ~uint8 | ~uint32 | ~uint64](key uint64, v *T, lo, hi uint64) field {
	return fields.Number(key, v, lo, hi)
}

func hash[T ~[32]byte](key uint64, v *T) field { return fields.Hash(key, v) }

func readHash[T ~[32]byte](r *canon.Reader, v *T) error { return fields.ReadHash(r, v) }

func bytesOf(key uint64, v *[]byte) field { return fields.Bytes(key, v) }

func textOf(key uint64, v *string, most int) field { return fields.Text(key, v, most) }

func readText(r *canon.Reader, v *string, most int) error { return fields.ReadText(r, v, most) }

func listOf[T any](key uint64, v *[]T, least, most int, read func(*canon.Reader, *T) error, write func(T) any) field {
	return fields.List(key, v, least, most, read, write)
}

// orgsOf is a list of organisations.
func orgsOf(key uint64, v *[]id.OrgID, least, most int) field {
	return listOf(key, v, least, most, readHash[id.OrgID], func(o id.OrgID) any { return o[:] })
}

func blobsOf(key uint64, v *[][]byte, least, most int) field {
	return fields.Blobs(key, v, least, most)
}

func mapOf(key uint64, fs []field) field { return fields.Map(key, fs) }
