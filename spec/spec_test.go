package spec_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"cordon/spec"
)

var (
	heading   = regexp.MustCompile(`(?m)^#+ ([0-9]+(?:\.[0-9]+)*)[ .]`)
	reference = regexp.MustCompile(`spec/([a-z]+\.md) §([0-9]+(?:\.[0-9]+)*)`)
	beside    = regexp.MustCompile("`([a-z]+\\.md)`[^§\\n|]{0,12}§([0-9]+(?:\\.[0-9]+)*)")
	link      = regexp.MustCompile(`\]\(([a-z]+\.(?:md|cddl))\)`)
	bare      = regexp.MustCompile(`\(§([0-9]+(?:\.[0-9]+)*)\)`)
)

// chapters are the section numbers of each document.
func chapters(t *testing.T) map[string]map[string]bool {
	t.Helper()
	docs, err := fs.Glob(spec.Files, "*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]bool{}
	for _, d := range docs {
		all[d] = map[string]bool{}
		for _, m := range heading.FindAllStringSubmatch(document(t, d), -1) {
			all[d][m[1]] = true
		}
	}
	return all
}

func document(t *testing.T, name string) string {
	t.Helper()
	b, err := spec.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSpec: every section that the code cites exists. A reader who follows a
// comment must arrive somewhere.
func TestSpec(t *testing.T) {
	sections, cited := chapters(t), 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".mjs" {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		// A citation may be broken over two lines of a comment.
		text := regexp.MustCompile(`\n\s*//\s*`).ReplaceAllString(string(b), " ")
		for _, m := range reference.FindAllStringSubmatch(text, -1) {
			cited++
			if !sections[m[1]][m[2]] {
				t.Errorf("%s cites %s", path, m[0])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if cited < 20 {
		t.Errorf("%d citations found: the test looks at nothing", cited)
	}
}

// TestSpecHangsTogether: what the documents cite of each other exists, and every
// section number of the CDDL stands in one of them.
func TestSpecHangsTogether(t *testing.T) {
	sections := chapters(t)
	anywhere := map[string]bool{}
	for name, numbers := range sections {
		for n := range numbers {
			anywhere[n] = true
		}
		text := document(t, name)
		for _, m := range beside.FindAllStringSubmatch(text, -1) {
			if !sections[m[1]][m[2]] {
				t.Errorf("%s cites %s §%s", name, m[1], m[2])
			}
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := spec.Files.Open(m[1]); err != nil {
				t.Errorf("%s links to %s", name, m[1])
			}
		}
	}
	for name := range sections {
		for _, m := range bare.FindAllStringSubmatch(document(t, name), -1) {
			if !anywhere[m[1]] {
				t.Errorf("%s cites §%s", name, m[1])
			}
		}
	}
	for _, m := range bare.FindAllStringSubmatch(document(t, "cordon.cddl"), -1) {
		if !anywhere[m[1]] {
			t.Errorf("cordon.cddl cites §%s", m[1])
		}
	}
}

// TestRulesAreWritten: every verdict of a vector is explained in a document.
func TestRulesAreWritten(t *testing.T) {
	var text strings.Builder
	for name := range chapters(t) {
		text.WriteString(document(t, name))
	}
	names, err := spec.Families()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := spec.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range f.Vectors {
			if !strings.Contains(text.String(), "`"+v.Verdict+"`") {
				t.Errorf("%s/%s: the rule %s is in no document", name, v.Name, v.Verdict)
			}
			for _, rule := range rulesIn(&v) {
				if !strings.Contains(text.String(), "`"+rule+"`") {
					t.Errorf("%s/%s: the rule %s is in no document", name, v.Name, rule)
				}
			}
		}
	}
}

// rulesIn are the rules that refuse or reject an entry of a history.
func rulesIn(v *spec.Vector) (rules []string) {
	if v.Fold != nil {
		for _, e := range v.Fold.Entries {
			if e.Rule != "" {
				rules = append(rules, e.Rule)
			}
		}
	}
	return rules
}

// TestSecondReader runs the reader in Node, where it is installed (npm ci in
// spec/verify), and the control: it must not pass when one verdict is changed.
func TestSecondReader(t *testing.T) {
	node, err := exec.LookPath("node")
	if _, dep := os.Stat("verify/node_modules/cbor2"); err != nil || dep != nil {
		t.Skip("NOT RUN: Node, or npm ci in spec/verify, is missing")
	}
	out, err := exec.Command(node, "verify/verify.mjs", "vectors").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	for _, change := range [][3]string{
		{"entry", `"verdict": "tag"`, `"verdict": "valid"`},
		{"entry", `"verdict": "valid"`, `"verdict": "float"`},
		{"entry", `"id": "`, `"id": "00`},
		{"fold", `"digest": "`, `"digest": "00`},
		{"fold", `"rule": "bad-link"`, `"rule": "wrong-lamport"`},
		{"fold", `"verdict": "accepted"`, `"verdict": "rejected"`},
	} {
		dir := t.TempDir()
		b, err := os.ReadFile("vectors/" + change[0] + ".json")
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(b), change[1], change[2], 1)
		if err := os.WriteFile(filepath.Join(dir, change[0]+".json"), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(node, "verify/verify.mjs", dir).CombinedOutput(); err == nil {
			t.Errorf("%s: %s for %s passes:\n%s", change[0], change[2], change[1], out)
		}
	}
}
