package canontest

import "math"

// node is an item as a tree that can be written wrongly on purpose.
type node struct {
	major      byte
	arg        uint64 // integers, simple values, tags; a claimed length when claim is set
	data       []byte // of byte and text strings
	items      []node // of arrays; keys and values in turn of maps; the content of a tag
	width      int    // bytes of the head's argument; shortest when smaller than needed
	claim      bool   // arg replaces the true length
	indefinite bool
	raw        []byte // written as it is, instead of all else
}

// Mutate returns b, which should hold canonical CBOR, with one to three changes
// of its structure or bytes. Most results are not canonical, some are.
// draw(n) chooses one of 0..n-1; what it chooses decides everything. b stays.
func Mutate(draw func(n int) int, b []byte) []byte {
	root, rest, ok := parse(b, 0)
	if !ok || len(rest) > 0 {
		return damage(draw, b)
	}
	for range 1 + draw(3) {
		all := root.all(nil)
		change(draw, all[draw(len(all))], all)
	}
	out := root.append(nil)
	if draw(4) == 0 {
		return damage(draw, out)
	}
	return out
}

// damage changes bytes without looking at what they mean.
func damage(draw func(n int) int, b []byte) []byte {
	b = append([]byte(nil), b...)
	if len(b) == 0 {
		return []byte{byte(draw(256))}
	}
	switch at := draw(len(b)); draw(5) {
	case 0:
		return b[:at]
	case 1:
		return append(b, byte(draw(256)))
	case 2:
		b[at] ^= 1 << draw(8)
	case 3:
		b[at] = byte(draw(256))
	default:
		return append(b[:at:at], b[at+1:]...)
	}
	return b
}

// edges are integers at which heads and limits change.
var edges = []uint64{0, 1, 23, 24, 255, 256, 65535, 65536, 1<<20 - 1, 1 << 20, 1 << 30, math.MaxUint32, 1 << 32,
	1 << 53, 1<<53 + 1, 1 << 63, math.MaxUint64}

// change alters n; all are the nodes of its tree, to copy from.
func change(draw func(n int) int, n *node, all []*node) {
	switch draw(16) {
	case 0:
		n.width = []int{1, 2, 4, 8}[draw(4)]
	case 1:
		n.indefinite = true
	case 2:
		n.claim, n.arg = true, edges[draw(len(edges))]
	case 3:
		*n = node{major: 6, arg: edges[draw(len(edges))], items: []node{n.copy()}}
	case 4:
		*n = node{raw: oddities[draw(len(oddities))]}
	case 5:
		n.nest(draw)
	case 6, 7:
		n.disorder(draw)
	case 8:
		*n = all[draw(len(all))].copy()
	case 9:
		*n = node{major: byte(draw(2)), arg: edges[draw(len(edges))]}
	case 10:
		n.retype(draw)
	case 11:
		n.insert(draw, all)
	case 12:
		n.remove(draw)
	case 13:
		*n = node{major: 3, data: badText[draw(len(badText))]}
	case 14:
		n.resize(draw)
	default:
		n.arg = edges[draw(len(edges))]
	}
}

// oddities are items that the form does not have.
var oddities = [][]byte{{0xf6}, {0xf7}, {0xe0}, {0xf8, 0xff}, {0xf8, 0x15}, {0xf9, 0x3c, 0x00}, {0xf9, 0x7e, 0x00},
	{0xfa, 0x47, 0xc3, 0x50, 0x00}, {0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a},
	{0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1}, {0xff}, {0x1c}, {0x5d}, {0x1f}, {0xf4}, {0xf5}}

var badText = [][]byte{{0x80}, {0xc0, 0xaf}, {0xed, 0xa0, 0x80}, {0xf4, 0x90, 0x80, 0x80}, {'a', 0xc3}, {0xff}, []byte("é")}

func (n *node) nest(draw func(n int) int) {
	depth := 1 + draw(10)
	if draw(50) == 0 {
		depth = 2000
	}
	for range depth {
		if inner := *n; draw(2) == 0 {
			*n = node{major: 4, items: []node{inner}}
		} else {
			*n = node{major: 5, items: []node{{major: 0, arg: 1}, inner}}
		}
	}
}

// disorder repeats a pair of a map or swaps two.
func (n *node) disorder(draw func(n int) int) {
	pairs := len(n.items) / 2
	if n.major != 5 || pairs == 0 {
		return
	}
	i, j := 2*draw(pairs), 2*draw(pairs)
	if draw(2) == 0 {
		n.items = append(n.items, n.items[i].copy(), n.items[j+1].copy())
		return
	}
	n.items[i], n.items[j] = n.items[j], n.items[i]
	n.items[i+1], n.items[j+1] = n.items[j+1], n.items[i+1]
}

// retype writes the same content under another major type.
func (n *node) retype(draw func(n int) int) {
	switch n.major {
	case 0, 1:
		n.major ^= 1
	case 2, 3:
		n.major ^= 1
	case 4, 5:
		if len(n.items)%2 == 0 {
			n.major ^= 1
		}
	}
}

func (n *node) insert(draw func(n int) int, all []*node) {
	if n.major == 4 {
		n.items = append(n.items, all[draw(len(all))].copy())
	}
	if n.major == 5 {
		n.items = append(n.items, node{major: byte(draw(4)), arg: 1 << draw(34), data: []byte("k")},
			all[draw(len(all))].copy())
	}
}

func (n *node) remove(draw func(n int) int) {
	step := 1 + int(n.major&1) // arrays lose an item, maps a pair
	if (n.major == 4 || n.major == 5) && len(n.items) >= step {
		at := draw(len(n.items)/step) * step
		n.items = append(n.items[:at:at], n.items[at+step:]...)
	}
}

func (n *node) resize(draw func(n int) int) {
	if n.major == 2 || n.major == 3 {
		size := []int{0, 1, 23, 24, 31, 32, 33, 63, 65, 255, 256, 5000}[draw(12)]
		d := make([]byte, size)
		copy(d, n.data)
		n.data = d
	}
}
