package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// TestScannerSees is the control of every "nothing was found": each spelling of a
// canary, at each place in a group of base64, is found.
func TestScannerSees(t *testing.T) {
	secret := []byte("a canary that sings\x00\xff\xfe")
	s := New([]Canary{{"secret", secret}})
	for shift := range 3 {
		before, after := bytes.Repeat([]byte{0xa5}, shift), []byte{0x5a, 0x77}
		whole := append(append(bytes.Clone(before), secret...), after...)
		for name, b := range map[string][]byte{
			"raw":        whole,
			"hex":        []byte(hex.EncodeToString(whole)),
			"HEX":        bytes.ToUpper([]byte(hex.EncodeToString(whole))),
			"base64":     []byte(base64.StdEncoding.EncodeToString(whole)),
			"base64 url": []byte(base64.RawURLEncoding.EncodeToString(whole)),
		} {
			if len(s.Bytes(b)) == 0 {
				t.Errorf("%s after %d bytes: not seen", name, shift)
			}
		}
	}
	if found := s.Bytes([]byte("a canary that sleeps")); found != nil {
		t.Errorf("seen where it is not: %v", found)
	}
}

func TestScannerReadsFilesAndNames(t *testing.T) {
	dir := t.TempDir()
	s := New([]Canary{{"secret", []byte("sesame-opens")}})
	for name, text := range map[string]string{"deep/inside": "x sesame-opens y", "sesame-opens.txt": "", "clean": "nothing"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, read, err := s.Dir(dir)
	if err != nil || len(found) != 2 || read != int64(len("x sesame-opens y")+len("nothing")) {
		t.Errorf("found %v, read %d, %v", found, read, err)
	}
}
