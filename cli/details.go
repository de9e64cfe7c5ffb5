package cli

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/detail"
)

var vulnFlag = func(f *pflag.FlagSet) {
	f.String("vuln", "", "`ID`, CVE id or name of the vulnerability; may be left out where the case has one")
}

func flagsOf(some ...func(*pflag.FlagSet)) func(*pflag.FlagSet) {
	return func(f *pflag.FlagSet) {
		for _, add := range some {
			add(f)
		}
	}
}

// needs marks flags that must be given.
func needs(names ...string) func(*pflag.FlagSet) {
	return func(f *pflag.FlagSet) {
		for _, n := range names {
			must(cobra.MarkFlagRequired(f, n))
		}
	}
}

// vulnVerbs name the vulnerabilities of a case.
var vulnVerbs = []verb{
	{use: "add CASE", short: "name a vulnerability, or say more of one", more: true, json: true, run: (*call).vulnAdd,
		long: `Name a vulnerability of the case, or with --of say more of one: the CVE id that was
assigned since. What others are told of it is sealed content; --to narrows it.`,
		example: `  cordon vuln add 3f2a9c01 --name 'Heap overflow in parse()' --cwe CWE-787
  cordon vuln add 3f2a9c01 --of 7c11 --cve CVE-2026-12345`,
		flags: flagsOf(toFlag, func(f *pflag.FlagSet) {
			f.String("name", "", "`TEXT` on one line")
			f.StringArray("cve", nil, "`CVE` id, may be repeated")
			f.StringArray("id", nil, "`ID` in another scheme (GHSA-…, VU#…), may be repeated")
			f.StringArray("cwe", nil, "`CWE` number, may be repeated")
			f.String("cvss", "", "CVSS `VECTOR`")
			f.String("of", "", "`ID` of the vulnerability that this says more of")
		})},
	{use: "list CASE", short: "the vulnerabilities, and who could reproduce them", json: true, flags: historyFlag, run: (*call).vulnList},
	{use: "verify CASE RESULT", short: "say what we found: reproduced, not-reproduced, partly", more: true, json: true, run: (*call).vulnVerify,
		flags: flagsOf(toFlag, vulnFlag, func(f *pflag.FlagSet) {
			f.String("product", "", "`PRODUCT` that we tried")
			f.String("version", "", "its `VERSION`")
			f.String("note", "", "`TEXT`")
		})},
}

var historyFlag = func(f *pflag.FlagSet) { f.Bool("history", false, "also what was replaced since") }

// productVerbs say what products are to vulnerabilities.
var productVerbs = []verb{
	{use: "set CASE PRODUCT", short: "say what a product of ours is to a vulnerability", more: true, json: true, run: (*call).productSet,
		long: `Say what a product of ours is to a vulnerability; it takes the place of what we said
of the same product before. Not affected says why: with --justification, in the
words of CSAF and OpenVEX, with the version that has been fixed already, or with a
statement. Branches in different states are products of their own.

Justifications: component_not_present, vulnerable_code_not_present,
vulnerable_code_not_in_execute_path, inline_mitigations_already_exist,
vulnerable_code_cannot_be_controlled_by_adversary.`,
		example: `  cordon product set 3f2a9c01 libfoo --status affected --versions '<2.4.1'
  cordon product set 3f2a9c01 libfoo --status fixed --fixed-in 2.4.1
  cordon product set 3f2a9c01 fooOS --status not-affected --fixed-in 6.1`,
		flags: flagsOf(toFlag, vulnFlag, func(f *pflag.FlagSet) {
			f.String("status", "", "`STATUS`: affected, not-affected, under-investigation, fixed")
			f.String("versions", "", "`RANGE` that it is about, like '<2.4.1'; default all")
			f.String("fixed-in", "", "`VERSION` with the fix")
			f.String("justification", "", "`WHY` it is not affected")
			f.String("statement", "", "`TEXT`")
			f.String("purl", "", "package `URL` of the product")
			f.String("cpe", "", "`CPE` of the product")
		}, needs("status"))},
	{use: "list CASE", short: "who says what of which product, and who is silent", json: true, flags: historyFlag, run: (*call).productList},
}

// mitigationVerbs send mitigations out and bring what comes of them back.
var mitigationVerbs = []verb{
	{use: "add CASE LABEL", short: "announce a patch, an update, a workaround, with its file", more: true, json: true, run: (*call).mitigationAdd,
		long: `Announce something that helps, with its file or the digest of one that comes
another way. --for says whom it is meant for; --to, who may read it at all.`,
		example: `  cordon mitigation add 3f2a9c01 'a fix' --kind patch --file fix.patch --to Beta`,
		flags: flagsOf(toFlag, func(f *pflag.FlagSet) {
			f.String("kind", "", "`KIND`: patch, update, firmware, microcode, workaround, configuration, other")
			f.String("file", "", "`FILE` to attach, for the same readers")
			f.String("attachment", "", "`ID` of a file that the case has already")
			f.String("digest", "", "`SHA-256` of the artefact; of a --file it is worked out")
			f.String("version", "", "`VERSION`")
			f.StringArray("vuln", nil, "`ID` of a vulnerability that it is against, may be repeated; default all")
			f.StringArray("for", nil, "`ROLE` that it is meant for, may be repeated; default everybody")
			f.String("note", "", "`TEXT`")
		}, needs("kind"))},
	{use: "list CASE", short: "the mitigations, their tests, findings and bundles", json: true, flags: historyFlag, run: (*call).mitigationList},
	{use: "test CASE ID RESULT", short: "say what came of one in our product: pass, fail", more: true, json: true, run: (*call).mitigationTest,
		long: `Say what came of a mitigation in a product of ours. It goes to whoever reads the
mitigation, or to those named. A later result for the same product and version takes
its place.`,
		flags: flagsOf(toFlag, everybodyFlag, func(f *pflag.FlagSet) {
			f.String("product", "", "`PRODUCT`")
			f.String("version", "", "its `VERSION`")
			f.String("digest", "", "`SHA-256` of what was tested")
			f.String("note", "", "`TEXT`")
		}, needs("product"))},
	{use: "finding CASE TEXT [ID]", short: "tell the author of a mitigation what we found", json: true, run: (*call).mitigationFinding,
		long: `Tell what we found about a mitigation: its author alone, unless --to or --everybody
widens it. Without ID it is about the case, for everybody in it.`,
		flags: flagsOf(toFlag, everybodyFlag)},
}

var everybodyFlag = func(f *pflag.FlagSet) { f.Bool("everybody", false, "for everybody in the case") }

// bundleVerbs say what ships together.
var bundleVerbs = []verb{
	{use: "add CASE LABEL ID", short: "say which mitigations ship together; more IDs may follow", more: true, json: true, run: (*call).bundleAdd,
		flags: flagsOf(toFlag, func(f *pflag.FlagSet) { f.String("note", "", "`TEXT`") })},
	{use: "list CASE", short: "what ships together", json: true, flags: historyFlag, run: (*call).bundleList},
}

// tell writes a structured entry and prints its id.
func (c *call) tell(d api.Detail) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	w, err := client.Detail(c.ctx, c.args[0], d)
	if err != nil {
		return err
	}
	if c.flag("json") {
		return emit(c.out, w)
	}
	return c.written(client, w)
}

func (c *call) vulnAdd() error {
	to, err := c.to(1)
	if err != nil {
		return err
	}
	v := &api.Vulnerability{Of: c.text("of"), Name: c.text("name"), IDs: append(c.list("cve"), c.list("id")...), CVSS: c.text("cvss")}
	for _, s := range c.list("cwe") {
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(s), "CWE-"), 10, 32)
		if err != nil {
			return usage("--cwe CWE-787", "%q is no CWE", s)
		}
		v.CWE = append(v.CWE, uint32(n))
	}
	return c.tell(api.Detail{To: to, Vulnerability: v})
}

func (c *call) vulnVerify() error {
	to, err := c.to(2)
	if err != nil {
		return err
	}
	return c.tell(api.Detail{To: to, Verification: &api.Verification{Vuln: c.text("vuln"), Result: c.args[1],
		Product: c.text("product"), Version: c.text("version"), Note: c.text("note")}})
}

func (c *call) productSet() error {
	to, err := c.to(2)
	if err != nil {
		return err
	}
	return c.tell(api.Detail{To: to, Product: &api.Product{Vuln: c.text("vuln"), Product: c.args[1], PURL: c.text("purl"), CPE: c.text("cpe"),
		Versions: c.text("versions"), Status: c.text("status"), Justification: c.text("justification"), FixedIn: c.text("fixed-in"), Statement: c.text("statement")}})
}

func (c *call) mitigationAdd() error {
	to, err := c.to(2)
	if err != nil {
		return err
	}
	m := &api.Mitigation{Label: c.args[1], Kind: c.text("kind"), Version: c.text("version"), Vulns: c.list("vuln"), For: c.list("for"),
		Artefact: c.text("attachment"), Digest: c.text("digest"), Note: c.text("note")}
	if name := c.text("file"); name != "" {
		if m.Artefact != "" {
			return usage("--file FILE", "give one of --file, --attachment")
		}
		if err := soundMitigation(m); err != nil {
			return err // before the file is attached
		}
		if m.Artefact, m.Digest, err = c.attachFile(name, to); err != nil {
			return err
		}
	}
	return c.tell(api.Detail{To: to, Mitigation: m})
}

// soundMitigation finds what the daemon would refuse of the words.
func soundMitigation(m *api.Mitigation) error {
	_, err := detail.ParseRemedy(m.Kind)
	for _, r := range m.For {
		_, wrong := protocol.ParseRole(r)
		err = cmp.Or(err, wrong)
	}
	if err != nil {
		return usage("cordon mitigation add --help", "%v", err)
	}
	return nil
}

// attachFile attaches a file, and says under which id and with what digest.
func (c *call) attachFile(name string, to []string) (entry, digest string, err error) {
	f, err := openFile(name)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	client, err := c.client()
	if err != nil {
		return "", "", err
	}
	h := sha256.New()
	w, err := client.Attach(c.ctx, c.args[0], api.Attach{File: filepath.Base(name), Media: media(name), To: to}, io.TeeReader(f, h))
	if err != nil {
		return "", "", err
	}
	return w.ID, hex.EncodeToString(h.Sum(nil)), nil
}

func (c *call) mitigationTest() error {
	to, err := c.to(3)
	if err != nil {
		return err
	}
	return c.tell(api.Detail{To: to, Everybody: c.flag("everybody"), Test: &api.Test{Mitigation: c.args[1], Result: c.args[2],
		Product: c.text("product"), Version: c.text("version"), Digest: c.text("digest"), Note: c.text("note")}})
}

func (c *call) mitigationFinding() error {
	f := &api.Finding{Text: c.args[1]}
	if len(c.args) > 2 {
		f.Mitigation = c.args[2]
	}
	return c.tell(api.Detail{To: c.list("to"), Everybody: c.flag("everybody"), Finding: f})
}

func (c *call) bundleAdd() error {
	return c.tell(api.Detail{To: c.list("to"), Bundle: &api.Bundle{Label: c.args[1], Mitigations: c.args[2:], Note: c.text("note")}})
}
