package api

import (
	"context"
	"net/url"
	"time"

	"cordon/protocol/id"
)

// Detail asks for one structured entry: exactly one of the kinds below is given.
type Detail struct {
	To            []string       `json:"to,omitempty"`        // who may read it beside us; none: see Everybody
	Everybody     bool           `json:"everybody,omitempty"` // in the case. Without To it is so too, but for tests and findings: who reads the mitigation; its author
	Vulnerability *Vulnerability `json:"vulnerability,omitempty"`
	Product       *Product       `json:"product,omitempty"`
	Verification  *Verification  `json:"verification,omitempty"`
	Mitigation    *Mitigation    `json:"mitigation,omitempty"`
	Test          *Test          `json:"test,omitempty"`
	Finding       *Finding       `json:"finding,omitempty"`
	Bundle        *Bundle        `json:"bundle,omitempty"`
}

// Details is all structured content of a case that this daemon can read. In each list
// later ones come later. cordon.details/1
type Details struct {
	Schema          string               `json:"schema"`
	Case            id.CaseID            `json:"case"`
	Vulnerabilities []Row[Vulnerability] `json:"vulnerabilities"`
	Products        []Row[Product]       `json:"products"`
	Silent          []Silence            `json:"silent"` // vendors that have said nothing of a vulnerability
	Verifications   []Row[Verification]  `json:"verifications"`
	Mitigations     []Row[Mitigation]    `json:"mitigations"`
	Tests           []Row[Test]          `json:"tests"`
	Findings        []Row[Finding]       `json:"findings"`
	Bundles         []Row[Bundle]        `json:"bundles"`
	Awaited         int                  `json:"awaited"`    // entries whose content has not come
	Unreadable      int                  `json:"unreadable"` // of a newer version, or malformed
}

// Row is what an organisation says, and where it stands.
type Row[T any] struct {
	ID       id.EntryID `json:"id"`
	By       id.OrgID   `json:"by"`
	Name     string     `json:"name"`
	T        time.Time  `json:"t"`
	Comp     string     `json:"comp"`               // 1, or the compartment
	Replaced bool       `json:"replaced,omitempty"` // by a later word of the same organisation
	Says     T          `json:"says"`
}

// Silence is an organisation that has not answered about a vulnerability.
type Silence struct {
	Org  id.OrgID   `json:"org"`
	Name string     `json:"name"`
	Vuln id.EntryID `json:"vuln"`
}

// Vulnerability names a vulnerability of the case, or says more of one.
type Vulnerability struct {
	Of   string   `json:"of,omitempty"` // the one that it says more of
	Name string   `json:"name,omitempty"`
	IDs  []string `json:"ids,omitempty"`  // CVE-2026-0001, GHSA-…
	CWE  []uint32 `json:"cwe,omitempty"`  // 787
	CVSS string   `json:"cvss,omitempty"` // a vector
}

// Product is the status of a product. In a request Vuln is an id, a prefix, a foreign
// id like a CVE, or a name; "" where the case has one vulnerability.
type Product struct {
	Vuln          string `json:"vuln,omitempty"`
	Product       string `json:"product"`
	PURL          string `json:"purl,omitempty"`
	CPE           string `json:"cpe,omitempty"`
	Versions      string `json:"versions,omitempty"`
	Status        string `json:"status"`                  // affected, not-affected, under-investigation, fixed
	Justification string `json:"justification,omitempty"` // of not-affected, as in VEX
	FixedIn       string `json:"fixed_in,omitempty"`      // the version
	Statement     string `json:"statement,omitempty"`
}

// Verification says whether a vulnerability could be reproduced. Vuln as in Product.
type Verification struct {
	Vuln    string `json:"vuln,omitempty"`
	Result  string `json:"result"` // reproduced, not-reproduced, partly
	Product string `json:"product,omitempty"`
	Version string `json:"version,omitempty"`
	Note    string `json:"note,omitempty"`
}

// Mitigation is something that helps.
type Mitigation struct {
	Label    string   `json:"label"`
	Kind     string   `json:"kind"` // patch, update, firmware, microcode, workaround, configuration, other
	Version  string   `json:"version,omitempty"`
	Vulns    []string `json:"vulns,omitempty"`    // none: all of the case
	For      []string `json:"for,omitempty"`      // roles; none: everybody who reads it
	Artefact string   `json:"artefact,omitempty"` // id of the attachment
	Digest   string   `json:"digest,omitempty"`   // SHA-256, hex
	Note     string   `json:"note,omitempty"`
}

// Test is what came of a mitigation in a product.
type Test struct {
	Mitigation string `json:"mitigation"`
	Result     string `json:"result"` // pass, fail
	Product    string `json:"product"`
	Version    string `json:"version,omitempty"`
	Digest     string `json:"digest,omitempty"`
	Note       string `json:"note,omitempty"`
}

// Finding is what was found out about a mitigation, or without one about the case.
type Finding struct {
	Mitigation string `json:"mitigation,omitempty"`
	Text       string `json:"text"`
}

// Bundle lists mitigations that ship together.
type Bundle struct {
	Label       string   `json:"label"`
	Mitigations []string `json:"mitigations"`
	Note        string   `json:"note,omitempty"`
}

// Details are the structured content of a case; with history also what was replaced.
func (c *Client) Details(ctx context.Context, name string, history bool) (*Details, error) {
	q := ""
	if history {
		q = "?" + url.Values{"history": {"1"}}.Encode()
	}
	return get[Details](ctx, c, caseAt(name, "/details"+q))
}

// Detail writes a structured entry.
func (c *Client) Detail(ctx context.Context, name string, d Detail) (*Written, error) {
	return send(ctx, c, caseAt(name, "/details"), d)
}
