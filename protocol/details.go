package protocol

import (
	"cordon/protocol/entry"
	"cordon/protocol/identity"
)

// The kinds whose bodies are structured: package detail reads and writes them. To the
// fold of a case they are content like a note.
const (
	Vulnerability entry.Type = 36
	ProductStatus entry.Type = 37
	Verification  entry.Type = 38
	Mitigation    entry.Type = 39
	TestResult    entry.Type = 40
	Finding       entry.Type = 41
	Bundle        entry.Type = 42
)

var (
	vulnerabilityKind = detailKind(Vulnerability, "vulnerability")
	productStatusKind = detailKind(ProductStatus, "product-status")
	verificationKind  = detailKind(Verification, "verification")
	mitigationKind    = detailKind(Mitigation, "mitigation")
	testResultKind    = detailKind(TestResult, "test-result")
	findingKind       = detailKind(Finding, "finding")
	bundleKind        = detailKind(Bundle, "bundle")
)

func detailKind(t entry.Type, name string) kind {
	return kind{typ: t, name: name, cap: identity.CapWrite, who: byMember, check: checkLater}
}
