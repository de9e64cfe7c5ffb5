// Package house tests the rules of the house: who may import whom, how large
// things may grow, what may not stand in the tree. Each rule states its reason;
// an exception stands beside its reason too. Run by .ci/run from this folder.
package house

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var ps []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	if len(ps) == 0 {
		t.Fatal("no packages: the house test looks at nothing")
	}
	return ps
}

// under says whether path is tree or inside it.
func under(path, tree string) bool { return path == tree || strings.HasPrefix(path, tree+"/") }

// layers, lowest first: a package imports its own layer and those before it.
var layers = []string{"cordon/spec", "cordon/protocol", "cordon/ledger", "cordon/peer", "cordon/daemon", "cordon/cli/cordon"}

func layer(path string) int {
	for i, l := range layers {
		if under(path, l) {
			return i
		}
	}
	return -1
}

// TestImportsGoOneWay: a stranger reads the layers in one order, and the pure
// core cannot come to depend on disk or network.
func TestImportsGoOneWay(t *testing.T) {
	for _, p := range packages(t) {
		if under(p.ImportPath, "cordon/cli") && !under(p.ImportPath, "cordon/cli/cordon") {
			continue // TestCLISeesTheAPIOnly
		}
		at := layer(p.ImportPath)
		if at < 0 {
			t.Errorf("%s is in no layer", p.ImportPath)
		}
		for _, im := range p.Imports {
			if l := layer(im); l > at {
				t.Errorf("%s imports %s: imports go %v", p.ImportPath, im, layers)
			}
		}
	}
}

// TestCLISeesTheAPIOnly: whatever the CLI can do, a script with curl can do.
func TestCLISeesTheAPIOnly(t *testing.T) {
	for _, p := range packages(t) {
		if !under(p.ImportPath, "cordon/cli") || under(p.ImportPath, "cordon/cli/cordon") {
			continue
		}
		for _, im := range p.Imports {
			if under(im, "cordon") && !under(im, "cordon/protocol") && !under(im, "cordon/daemon/api") && !under(im, "cordon/cli") {
				t.Errorf("%s imports %s: cli sees protocol and daemon/api", p.ImportPath, im)
			}
		}
	}
}

// only lists who alone may import a library, and why.
var only = []struct{ lib, who, why string }{
	{"github.com/cockroachdb/pebble", "cordon/ledger", "one place decides what is durable"},
	{"github.com/libp2p", "cordon/peer", "one place puts bytes on a network"},
}

// TestOnlyImporters also covers test files.
func TestOnlyImporters(t *testing.T) {
	for _, p := range packages(t) {
		for _, im := range append(append(append([]string{}, p.Imports...), p.TestImports...), p.XTestImports...) {
			for _, o := range only {
				if under(im, o.lib) && !under(p.ImportPath, o.who) {
					t.Errorf("%s imports %s: %s only, because %s", p.ImportPath, im, o.who, o.why)
				}
			}
		}
	}
}

// unpackers turn a few bytes of somebody else's into many.
var unpackers = []string{"compress", "archive", "github.com/klauspost/compress", "github.com/DataDog/zstd",
	"github.com/golang/snappy", "github.com/andybalholm/brotli", "github.com/pierrec/lz4"}

// TestNothingIsUnpacked: whatever comes from a peer or a file costs memory of the
// size it has; a report that is a zip bomb is a file like any other. Tests may make bombs.
func TestNothingIsUnpacked(t *testing.T) {
	for _, p := range packages(t) {
		for _, im := range p.Imports {
			for _, u := range unpackers {
				if under(im, u) {
					t.Errorf("%s imports %s: nothing is ever unpacked", p.ImportPath, im)
				}
			}
		}
	}
}

// impure may not be imported below cordon/protocol: the meaning of a case
// depends on its entries alone.
var impure = []string{"os", "net", "time", "log", "log/slog", "sync", "crypto/rand", "math/rand", "math/rand/v2", "context", "io/ioutil"}

// pure exceptions: a package, an import, and the reason.
var pureExceptions = map[string]string{
	"cordon/protocol/link math/rand/v2":     "the in-process test link draws its order from a seed it is given",
	"cordon/protocol/link/sim math/rand/v2": "the simulator draws its histories from a seed it is given",
}

// TestProtocolIsPure: no clock, disk, network, log or goroutine below protocol.
func TestProtocolIsPure(t *testing.T) {
	for _, p := range packages(t) {
		if !under(p.ImportPath, "cordon/protocol") {
			continue
		}
		for _, im := range p.Imports {
			for _, bad := range impure {
				if im == bad && pureExceptions[p.ImportPath+" "+im] == "" {
					t.Errorf("%s imports %s: protocol is pure", p.ImportPath, im)
				}
			}
			if strings.Contains(im, ".") && !strings.HasPrefix(im, "github.com/fxamacker/cbor") {
				t.Errorf("%s imports %s: protocol is std + cbor", p.ImportPath, im)
			}
		}
		eachFunc(t, p, func(file string, fset *token.FileSet, n ast.Node) {
			if g, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%v: a goroutine in protocol", fset.Position(g.Pos()))
			}
		})
	}
}

// eachFunc walks all nodes of a package's product files.
func eachFunc(t *testing.T, p pkg, visit func(file string, fset *token.FileSet, n ast.Node)) {
	t.Helper()
	for _, name := range p.GoFiles {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool { visit(name, fset, n); return true })
	}
}

// The limits of size. Above them a reason stands in the tables below.
const (
	maxFunc   = 80
	maxFile   = 600
	maxExport = 40
)

var longFuncs = map[string]string{}

var longFiles = map[string]string{}

var manyNames = map[string]string{
	"cordon/protocol":   "the words of the domain: one name a role, state, kind and view, as the specification has them",
	"cordon/daemon/api": "one request and one answer type a verb, as the contract has them",
	"cordon/peer/wire":  "one type a frame, as the specification has them",
}

// TestSizes: one function or file that takes everything is how good code ends.
func TestSizes(t *testing.T) {
	for _, p := range packages(t) {
		exported := 0
		eachFunc(t, p, func(file string, fset *token.FileSet, n ast.Node) {
			switch d := n.(type) {
			case *ast.File:
				exported += countExported(d)
				lines := fset.File(d.Pos()).LineCount()
				if key := p.ImportPath + "/" + file; lines > maxFile && longFiles[key] == "" {
					t.Errorf("%s has %d lines, the limit is %d", key, lines, maxFile)
				}
			case *ast.FuncDecl:
				lines := fset.Position(d.End()).Line - fset.Position(d.Pos()).Line + 1
				if key := p.ImportPath + "." + d.Name.Name; lines > maxFunc && longFuncs[key] == "" {
					t.Errorf("%s has %d lines, the limit is %d", key, lines, maxFunc)
				}
			}
		})
		if exported > maxExport && manyNames[p.ImportPath] == "" {
			t.Errorf("%s exports %d names, the limit is %d", p.ImportPath, exported, maxExport)
		}
	}
}

// countExported counts top-level exported names; constants of one typed group
// count as one with their type, since they are read as one list.
func countExported(f *ast.File) int {
	n := 0
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.IsExported() {
				n++
			}
		case *ast.GenDecl:
			group := 0
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						n++
					}
				case *ast.ValueSpec:
					for _, name := range s.Names {
						if name.IsExported() {
							group++
						}
					}
				}
			}
			if group > 0 {
				n++
			}
		}
	}
	return n
}

// TestDocComments: every exported top-level name and every package says what it is.
func TestDocComments(t *testing.T) {
	for _, p := range packages(t) {
		documented := len(p.GoFiles) == 0
		eachFunc(t, p, func(file string, fset *token.FileSet, n ast.Node) {
			switch d := n.(type) {
			case *ast.File:
				documented = documented || d.Doc != nil
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.IsExported() && d.Doc == nil {
					t.Errorf("%v: %s has no doc comment", fset.Position(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
						t.Errorf("%v: %s has no doc comment", fset.Position(ts.Pos()), ts.Name.Name)
					}
				}
			}
		})
		if !documented {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// banned words in product or test code, and why.
var banned = []struct {
	re     *regexp.Regexp
	tests  bool // also in tests
	except map[string]string
	why    string
}{
	{regexp.MustCompile(`\bfunc init\(\)`), false, nil, "start-up order is not a feature"},
	{regexp.MustCompile(`\btime\.Sleep\(`), true, nil, "a sleep is a race that mostly wins"},
	{regexp.MustCompile(`\bio\.ReadAll\(`), false, map[string]string{}, "limits before allocation"},
	{regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`), true, nil, "a known fault is a BUG with its consequence, or an issue"},
	{regexp.MustCompile(`= iota`), false, map[string]string{}, "numbers that travel or are stored are written out"},
}

// TestBannedWords reads the Go files as text.
func TestBannedWords(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		for _, b := range banned {
			if strings.HasSuffix(path, "_test.go") && !b.tests || b.except[rel] != "" {
				continue
			}
			if m := b.re.Find(text); m != nil {
				t.Errorf("%s: %q: %s", rel, m, b.why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTopLevel: the client fixed the tree's top.
func TestTopLevel(t *testing.T) {
	allowed := map[string]bool{"daemon": true, "protocol": true, "ledger": true, "peer": true, "cli": true,
		"spec": true, "go.mod": true, "go.sum": true, "README.md": true, "LICENSE": true}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !allowed[e.Name()] && !strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s does not belong at the top", e.Name())
		}
	}
}
