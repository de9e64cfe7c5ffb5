package spec_test

import (
	"fmt"
	"strings"

	"cordon/protocol/canon"
)

// layout describes canonical bytes item by item, one line each:
//
//	84      array of 4
//	58 46   bytes, 70
//
// Byte strings that hold CBOR themselves are opened.
func layout(b []byte) []string {
	var lines []string
	lay(&lines, b, 0, "")
	return lines
}

// lay writes one item and returns what follows it.
func lay(lines *[]string, b []byte, depth int, label string) []byte {
	major, n, size := b[0]>>5, uint64(b[0]&31), 1
	if n >= 24 && n < 28 {
		size += 1 << (n - 24)
		n = 0
		for _, c := range b[1:size] {
			n = n<<8 | uint64(c)
		}
	}
	put := func(width int, what string) {
		*lines = append(*lines, fmt.Sprintf("%s%x  %s%s", strings.Repeat("  ", depth), b[:width], label, what))
	}
	switch major {
	case 0:
		put(size, fmt.Sprint(n))
	case 1:
		put(size, fmt.Sprintf("-%d", n+1))
	case 2, 3:
		return layString(lines, b[size:size+int(n)], b[size+int(n):], depth, put, size, major)
	case 4:
		put(size, fmt.Sprintf("array of %d", n))
		rest := b[size:]
		for range n {
			rest = lay(lines, rest, depth+1, "")
		}
		return rest
	case 5:
		put(size, fmt.Sprintf("map of %d", n))
		return layMap(lines, b[size:], n, depth+1)
	default:
		put(size, map[uint64]string{20: "false", 21: "true"}[n])
	}
	return b[size:]
}

func layString(lines *[]string, s, rest []byte, depth int, put func(int, string), size int, major byte) []byte {
	switch {
	case major == 3:
		put(size+len(s), fmt.Sprintf("text %q", s))
	case len(s) > 40 && canon.Check(s) == nil:
		put(size, fmt.Sprintf("bytes, %d, which hold", len(s)))
		lay(lines, s, depth+1, "")
	case len(s) > 80:
		put(size, fmt.Sprintf("bytes, %d", len(s)))
	default:
		put(size+len(s), fmt.Sprintf("bytes, %d", len(s)))
	}
	return rest
}

func layMap(lines *[]string, b []byte, n uint64, depth int) []byte {
	for range n {
		var key []string
		b = lay(&key, b, 0, "")
		at, name, _ := strings.Cut(key[0], "  ")
		*lines = append(*lines, fmt.Sprintf("%s%s  key %s", strings.Repeat("  ", depth), at, name))
		b = lay(lines, b, depth+1, "")
	}
	return b
}
