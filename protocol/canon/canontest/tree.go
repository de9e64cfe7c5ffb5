package canontest

// parse reads one well-formed item of definite length.
func parse(b []byte, depth int) (n node, rest []byte, ok bool) {
	if len(b) == 0 || depth > 64 {
		return n, b, false
	}
	n.major, n.arg = b[0]>>5, uint64(b[0]&31)
	size := 0
	if n.arg >= 24 {
		if n.arg > 27 {
			return n, b, false
		}
		size = 1 << (n.arg - 24)
	}
	if len(b) < 1+size {
		return n, b, false
	}
	if size > 0 {
		n.arg = 0
	}
	for _, c := range b[1 : 1+size] {
		n.arg = n.arg<<8 | uint64(c)
	}
	return n.content(b[1+size:], depth)
}

// content reads what follows a head.
func (n node) content(b []byte, depth int) (node, []byte, bool) {
	count := uint64(0)
	switch n.major {
	case 2, 3:
		if n.arg > uint64(len(b)) {
			return n, b, false
		}
		n.data = b[:n.arg:n.arg]
		return n, b[n.arg:], true
	case 4:
		count = n.arg
	case 5:
		count = 2 * n.arg
	case 6:
		count = 1
	}
	if count > uint64(len(b)) {
		return n, b, false
	}
	for range count {
		item, rest, ok := parse(b, depth+1)
		if !ok {
			return n, b, false
		}
		n.items, b = append(n.items, item), rest
	}
	return n, b, true
}

// all lists n and everything below it.
func (n *node) all(list []*node) []*node {
	list = append(list, n)
	for i := range n.items {
		list = n.items[i].all(list)
	}
	return list
}

func (n *node) copy() node {
	c := *n
	c.items = make([]node, len(n.items))
	for i := range n.items {
		c.items[i] = n.items[i].copy()
	}
	return c
}

// append writes the node as its fields say.
func (n *node) append(b []byte) []byte {
	if n.raw != nil {
		return append(b, n.raw...)
	}
	length := n.arg
	switch {
	case n.claim:
	case n.major == 2 || n.major == 3:
		length = uint64(len(n.data))
	case n.major == 4:
		length = uint64(len(n.items))
	case n.major == 5:
		length = uint64(len(n.items) / 2)
	}
	if n.indefinite && n.major >= 2 && n.major <= 5 {
		return n.chunks(append(b, n.major<<5|31))
	}
	b = append(appendHead(b, n.major, length, n.width), n.data...)
	for i := range n.items {
		b = n.items[i].append(b)
	}
	return b
}

// chunks writes the content of an indefinite item and its break.
func (n *node) chunks(b []byte) []byte {
	if n.major <= 3 {
		b = append(appendHead(b, n.major, uint64(len(n.data)), 0), n.data...)
	}
	for i := range n.items {
		b = n.items[i].append(b)
	}
	return append(b, 0xff)
}

// appendHead writes a head with at least width bytes of argument.
func appendHead(b []byte, major byte, v uint64, width int) []byte {
	need := 0
	for _, w := range []int{1, 2, 4, 8} {
		if need == 0 && v >= 24 && (w == 8 || v < 1<<(8*w)) {
			need = w
		}
	}
	width = max(width, need)
	if width == 0 {
		return append(b, major<<5|byte(v))
	}
	info := map[int]byte{1: 24, 2: 25, 4: 26, 8: 27}[width]
	b = append(b, major<<5|info)
	for shift := 8 * (width - 1); shift >= 0; shift -= 8 {
		b = append(b, byte(v>>shift))
	}
	return b
}
