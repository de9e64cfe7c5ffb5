package daemon_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordon/daemon"
	"cordon/daemon/api"
)

func TestInit(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	made, err := daemon.Init(home, daemon.InitOptions{Name: "Kestrel", Unattended: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(strings.Fields(made.Fingerprint)) != 12 || made.Name != "Kestrel" {
		t.Errorf("made %+v", made)
	}
	before := tree(t, home)
	for _, dir := range []string{"", "root", "keys"} {
		if info, err := os.Stat(filepath.Join(home, dir)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("folder %q: %v, %v", dir, info.Mode(), err)
		}
	}
	if _, err := daemon.Init(home, daemon.InitOptions{Name: "Other", Unattended: true}); kindOf(err) != api.Exists {
		t.Errorf("a second init: %v", err)
	}
	if after := tree(t, home); after != before {
		t.Errorf("a second init has changed the home:\n%s\n%s", before, after)
	}
	for name, o := range map[string]daemon.InitOptions{
		"no name": {Unattended: true}, "role": {Name: "A", Role: "king", Unattended: true},
		"name": {Name: strings.Repeat("x", 200), Unattended: true}, "escape": {Name: "\x1b[31mA", Unattended: true},
	} {
		dir := filepath.Join(t.TempDir(), "h")
		if _, err := daemon.Init(dir, o); err == nil {
			t.Errorf("%s: made", name)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: something was left", name)
		}
	}
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	if _, err := daemon.Init(long, daemon.InitOptions{Name: "A", Unattended: true}); kindOf(err) != api.Invalid || !strings.Contains(err.Error(), "107") {
		t.Errorf("a long path: %v", err)
	}
}

// tree is every file of a home with its mode and content.
func tree(t *testing.T, home string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		info, _ := d.Info()
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		b.WriteString(path + "\n" + string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPassphrase(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	t.Setenv("CORDON_PASSPHRASE", "short")
	if _, err := daemon.Init(home, daemon.InitOptions{Name: "Lynx"}); kindOf(err) != api.Invalid {
		t.Errorf("a short passphrase: %v", err)
	}
	t.Setenv("CORDON_PASSPHRASE", "correct horse battery")
	if _, err := daemon.Init(home, daemon.InitOptions{Name: "Lynx"}); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"root/root.key", "root/next.key", "keys/store.key"} {
		b, err := os.ReadFile(filepath.Join(home, f))
		if err != nil || !strings.HasPrefix(string(b), "-----BEGIN AGE ENCRYPTED FILE-----") {
			t.Errorf("%s is not protected: %.40s, %v", f, b, err)
		}
	}
	t.Setenv("CORDON_PASSPHRASE", "another horse")
	if err := daemon.Run(t.Context(), home, daemon.Options{Log: io.Discard}); kindOf(err) != api.Invalid {
		t.Errorf("a wrong passphrase: %v", err)
	}
}
