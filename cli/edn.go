package cli

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cordon/protocol/canon"
)

// diagnostic writes canonical CBOR in diagnostic notation (RFC 8949 §8), byte
// strings of more than limit bytes cut.
func diagnostic(b []byte, limit int) string {
	var v any
	if err := canon.Unmarshal(b, &v); err != nil {
		return "not readable: " + err.Error()
	}
	var out strings.Builder
	notate(&out, v, limit)
	return out.String()
}

func notate(out *strings.Builder, v any, limit int) {
	switch v := v.(type) {
	case []byte:
		if len(v) > limit {
			fmt.Fprintf(out, "h'%s…' /%d bytes/", hex.EncodeToString(v[:limit]), len(v))
			return
		}
		fmt.Fprintf(out, "h'%s'", hex.EncodeToString(v))
	case string:
		out.WriteString(strconv.Quote(v))
	case []any:
		out.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				out.WriteString(", ")
			}
			notate(out, e, limit)
		}
		out.WriteByte(']')
	case map[any]any:
		notateMap(out, v, limit)
	default: // integers and booleans: nothing else is canonical
		fmt.Fprint(out, v)
	}
}

// notateMap writes the pairs in the order of their keys on the wire.
func notateMap(out *strings.Builder, m map[any]any, limit int) {
	keys := make([]any, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b any) int {
		return strings.Compare(string(canon.MustMarshal(a)), string(canon.MustMarshal(b)))
	})
	out.WriteByte('{')
	for i, k := range keys {
		if i > 0 {
			out.WriteString(", ")
		}
		notate(out, k, limit)
		out.WriteString(": ")
		notate(out, m[k], limit)
	}
	out.WriteByte('}')
}
