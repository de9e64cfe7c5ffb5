package foldfile

// Split takes a file apart, for tests.
func Split(file []byte) (raws [][]byte, err error) {
	items, err := split(file)
	for _, i := range items {
		raws = append(raws, i.raw)
	}
	return raws, err
}
