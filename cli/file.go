package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// openFile opens a file for reading; a folder is none.
func openFile(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fileError(err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, &failure{code: exitFailed, text: name + ": is a directory"}
	}
	return f, nil
}

// readFile reads at most limit bytes of a file, or of standard input for "-".
func (c *call) readFile(name string, limit int64) ([]byte, error) {
	if name == "-" {
		return readAtMost(c.in, "standard input", limit)
	}
	f, err := openFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, name, limit)
}

func readAtMost(r io.Reader, name string, limit int64) ([]byte, error) {
	var b bytes.Buffer
	n, err := io.CopyN(&b, r, limit+1)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fileError(err)
	case n > limit:
		return nil, &tooLarge{name: name, limit: limit}
	}
	return b.Bytes(), nil
}

// writeFile puts content under a new name or in the place of an old file, whole
// or not at all.
func writeFile(name string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return &failure{code: exitFailed, text: name + ": is a directory", try: "name the file in it"}
	}
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, ".cordon-*")
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return &failure{code: exitFailed, text: fmt.Sprintf("%s: %v", dir, p.Err)}
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fileError(err)
	}
	if err := f.Close(); err != nil {
		return fileError(err)
	}
	return os.Rename(f.Name(), name)
}

// tooLarge says that a file has more bytes than what it ought to hold ever has.
type tooLarge struct {
	name  string
	limit int64
}

func (t *tooLarge) Error() string { return t.name + " is larger than " + size(t.limit) }

// fileError says what the operating system says, without its name for the call.
func fileError(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return &failure{code: exitFailed, text: fmt.Sprintf("%s: %v", p.Path, p.Err)}
	}
	return err
}
