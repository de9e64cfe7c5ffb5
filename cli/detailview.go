package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"cordon/daemon/api"
)

// details prints the structured content of a case: as JSON all of it, else by human.
func (c *call) details(human func(io.Writer, *api.Details)) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	d, err := client.Details(c.ctx, c.args[0], c.flag("history"))
	if err != nil {
		return err
	}
	return c.show(d, func(w io.Writer) {
		human(w, d)
		if d.Awaited > 0 {
			fmt.Fprintf(w, "\n%s whose content has not come yet.\n", count(d.Awaited, "more entry"))
		}
		if d.Unreadable > 0 {
			fmt.Fprintf(w, "\n%s that this version cannot read.\n", count(d.Unreadable, "entry"))
		}
	})
}

// vulnName is the shortest name of a vulnerability: its first foreign id, its name, or its id.
func vulnName(d *api.Details, of string) string {
	name := ""
	for _, r := range d.Vulnerabilities {
		if r.ID.String() != of && r.Says.Of != of {
			continue
		}
		for _, s := range r.Says.IDs {
			if strings.HasPrefix(s, "CVE-") || name == "" {
				return safe(s)
			}
		}
		name = cmp.Or(name, safe(r.Says.Name))
	}
	return cmp.Or(name, shortID(of))
}

func (c *call) vulnList() error {
	return c.details(func(w io.Writer, d *api.Details) {
		if len(d.Vulnerabilities) == 0 {
			fmt.Fprintln(w, "No vulnerability is named yet. See: cordon vuln add --help")
			return
		}
		for _, r := range d.Vulnerabilities {
			if r.Says.Of != "" {
				continue
			}
			fmt.Fprintf(w, "%s  %s\n", shortID(r.ID.String()), clip(vulnName(d, r.ID.String()), width-14))
			for _, more := range d.Vulnerabilities {
				if more.ID == r.ID || more.Says.Of == r.ID.String() {
					vulnWords(w, more)
				}
			}
			for _, v := range d.Verifications {
				if v.Says.Vuln == r.ID.String() {
					field(w, "  "+v.Says.Result, join(tried(v.Says), safe(v.Name)+mark(v.Replaced, v.Comp))+noteText(v.Says.Note))
				}
			}
		}
	})
}

func vulnWords(w io.Writer, r api.Row[api.Vulnerability]) {
	by := safe(r.Name) + mark(r.Replaced, r.Comp)
	if r.Says.Name != "" {
		field(w, "  name", join(safe(r.Says.Name), by))
	}
	if len(r.Says.IDs) > 0 {
		field(w, "  ids", join(safe(strings.Join(r.Says.IDs, ", ")), by))
	}
	for _, n := range r.Says.CWE {
		field(w, "  weakness", join(fmt.Sprintf("CWE-%d", n), by))
	}
	if r.Says.CVSS != "" {
		field(w, "  CVSS", join(safe(r.Says.CVSS), by))
	}
}

// join is what is said, and who says it.
func join(what, by string) string {
	if what == "" {
		return "says " + by
	}
	return what + ", says " + by
}

func tried(v api.Verification) string {
	return strings.TrimSpace(safe(v.Product) + " " + safe(v.Version))
}

func noteText(s string) string {
	if s == "" {
		return ""
	}
	return "\n" + safeText(s)
}

// mark says what is not plain about a row: it was replaced, or not everybody reads it.
func mark(replaced bool, comp string) string {
	s := ""
	if comp != "1" {
		s += " [not for everybody]"
	}
	if replaced {
		s += " [replaced]"
	}
	return s
}

func (c *call) productList() error {
	return c.details(func(w io.Writer, d *api.Details) {
		if len(d.Vulnerabilities) == 0 && len(d.Products) == 0 {
			fmt.Fprintln(w, "No vulnerability is named yet. See: cordon vuln add --help")
			return
		}
		var all []string
		for _, r := range d.Vulnerabilities {
			if r.Says.Of == "" {
				all = append(all, r.ID.String())
			}
		}
		for i, v := range orphans(all, d.Products) {
			if i > 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintln(w, clip(vulnName(d, v), width))
			productsText(w, d, v)
		}
	})
}

// orphans adds the vulnerabilities that only statuses name: the entry that names them
// is not for us, or has not come.
func orphans(vulns []string, rows []api.Row[api.Product]) []string {
	seen := map[string]bool{}
	for _, v := range vulns {
		seen[v] = true
	}
	for _, r := range rows {
		if !seen[r.Says.Vuln] {
			seen[r.Says.Vuln] = true
			vulns = append(vulns, r.Says.Vuln)
		}
	}
	return vulns
}

// productsText is a vulnerability's part of the matrix, then the reasons under it.
func productsText(w io.Writer, d *api.Details, vuln string) {
	var rows [][]string
	for _, r := range d.Products {
		if r.Says.Vuln == vuln {
			p := r.Says
			rows = append(rows, []string{clip(safe(r.Name), 18), clip(safe(p.Product), 18), clip(cmp.Or(safe(p.Versions), "all"), 12),
				statusWords(p), strings.TrimSpace(mark(r.Replaced, r.Comp))})
		}
	}
	for _, s := range d.Silent {
		if s.Vuln.String() == vuln {
			rows = append(rows, []string{clip(safe(s.Name), 18), "-", "-", "no answer", ""})
		}
	}
	table(w, []string{"ORGANISATION", "PRODUCT", "VERSIONS", "STATUS", ""}, rows)
	for _, r := range d.Products {
		if p := r.Says; p.Vuln == vuln && (p.Justification != "" || p.Statement != "" || p.PURL+p.CPE != "") {
			why := strings.ReplaceAll(p.Justification, "_", " ")
			lines := strings.TrimPrefix(strings.Join([]string{safe(why), safeText(p.Statement), safe(p.PURL), safe(p.CPE)}, "\n"), "\n")
			field(w, "", safe(r.Name)+", "+safe(p.Product)+": "+strings.TrimRight(strings.ReplaceAll(lines, "\n\n", "\n"), "\n"))
		}
	}
}

func statusWords(p api.Product) string {
	s := strings.ReplaceAll(p.Status, "-", " ")
	switch {
	case p.FixedIn == "":
	case p.Status == "fixed":
		s += " in " + clip(safe(p.FixedIn), 12)
	case p.Status == "not-affected":
		s += ": fixed since " + clip(safe(p.FixedIn), 12)
	default:
		s += ", fix in " + clip(safe(p.FixedIn), 12)
	}
	return s
}

func (c *call) mitigationList() error {
	return c.details(func(w io.Writer, d *api.Details) {
		if len(d.Mitigations) == 0 {
			fmt.Fprintln(w, "No mitigation yet. See: cordon mitigation add --help")
		}
		for _, r := range d.Mitigations {
			mitigationText(w, d, r)
		}
		for _, f := range d.Findings {
			if f.Says.Mitigation == "" {
				field(w, "finding", join("", safe(f.Name)+mark(f.Replaced, f.Comp))+noteText(f.Says.Text))
			}
		}
		bundlesText(w, d)
	})
}

func mitigationText(w io.Writer, d *api.Details, r api.Row[api.Mitigation]) {
	m, id := r.Says, r.ID.String()
	fmt.Fprintf(w, "%s  %s\n", shortID(id), clip(strings.TrimSpace(m.Kind+": "+safe(m.Label)+" "+safe(m.Version)), width-14))
	field(w, "  by", safe(r.Name)+mark(r.Replaced, r.Comp))
	var against []string
	for _, v := range m.Vulns {
		against = append(against, vulnName(d, v))
	}
	if len(against) > 0 {
		field(w, "  against", strings.Join(against, ", "))
	}
	if len(m.For) > 0 {
		field(w, "  for", strings.Join(m.For, ", "))
	}
	if m.Artefact != "" {
		field(w, "  file", "cordon attachment get CASE "+shortID(m.Artefact))
	}
	if m.Digest != "" {
		field(w, "  SHA-256", m.Digest)
	}
	if m.Note != "" {
		field(w, "  note", safeText(m.Note))
	}
	for _, t := range d.Tests {
		if t.Says.Mitigation == id {
			what := strings.TrimSpace(safe(t.Says.Product) + " " + safe(t.Says.Version))
			field(w, "  "+strings.ToUpper(t.Says.Result), join(what, safe(t.Name)+mark(t.Replaced, t.Comp))+noteText(t.Says.Note))
		}
	}
	for _, f := range d.Findings {
		if f.Says.Mitigation == id {
			field(w, "  finding", join("", safe(f.Name)+mark(f.Replaced, f.Comp))+noteText(f.Says.Text))
		}
	}
}

func (c *call) bundleList() error {
	return c.details(func(w io.Writer, d *api.Details) {
		if len(d.Bundles) == 0 {
			fmt.Fprintln(w, "No bundle yet. See: cordon bundle add --help")
		}
		bundlesText(w, d)
	})
}

func bundlesText(w io.Writer, d *api.Details) {
	for _, r := range d.Bundles {
		fmt.Fprintf(w, "%s  ships together: %s\n", shortID(r.ID.String()), clip(safe(r.Says.Label), width-30))
		field(w, "  by", safe(r.Name)+mark(r.Replaced, r.Comp))
		for _, x := range r.Says.Mitigations {
			label := shortID(x)
			for _, m := range d.Mitigations {
				if m.ID.String() == x {
					label += "  " + m.Says.Kind + ": " + safe(m.Says.Label)
				}
			}
			field(w, "  with", label)
		}
		if r.Says.Note != "" {
			field(w, "  note", safeText(r.Says.Note))
		}
	}
}
