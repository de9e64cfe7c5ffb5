package peer_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestOneWayOut: frames of ledger bytes are made only where release asks for them,
// and bytes are written to a stream, or to a public topic, only by the functions named here.
func TestOneWayOut(t *testing.T) {
	made := map[string]string{ // structure -> the one function that fills it
		"Entries": "entriesFrame", "Keys": "sealKeys", "Body": "sendChunk", "Proof": "sendProofs", "Packet": "letIn",
	}
	writers := map[string]bool{"release": true, // the gate
		"Write": true,                                                                                         // of pieces, which stands between the gate or put and the stream
		"put":   true, "greet": true, "leaveHello": true, "answer": true, "request": true, "writeFrame": true} // what carries no ledger bytes
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CompositeLit:
					if typ, ok := n.Type.(*ast.SelectorExpr); ok && made[typ.Sel.Name] != "" {
						seen[typ.Sel.Name] = true
						if made[typ.Sel.Name] != fn.Name.Name {
							t.Errorf("%s: %s makes a %s: only %s does", name, fn.Name.Name, typ.Sel.Name, made[typ.Sel.Name])
						}
					}
				case *ast.CallExpr:
					sel, ok := n.Fun.(*ast.SelectorExpr)
					if ok && sel.Sel.Name == "Publish" && fn.Name.Name != "publish" || ok && sel.Sel.Name == "publish" && fn.Name.Name != "tell" {
						t.Errorf("%s: %s writes to a public topic", name, fn.Name.Name)
					}
					if x, isSum := receiver(sel); ok && sel.Sel.Name == "Write" && !(isSum && (x == "sum" || x == "h")) && !writers[fn.Name.Name] {
						t.Errorf("%s: %s writes to a stream", name, fn.Name.Name)
					}
				}
				return true
			})
		}
	}
	if len(seen) != len(made) {
		t.Errorf("only %v were found: the test looks at nothing", seen)
	}
}

// receiver is the plain name before a selector.
func receiver(s *ast.SelectorExpr) (string, bool) {
	if s == nil {
		return "", false
	}
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return "", false
	}
	return x.Name, true
}
