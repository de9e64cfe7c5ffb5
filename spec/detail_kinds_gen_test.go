package spec_test

import (
	"bytes"
	"strings"
)

// detailKinds are the kinds 36 to 42.
func detailKinds() []detailOf {
	return []detailOf{vulnerabilities(), productStatuses(), verifications(), mitigations(), testResults(), findings(), bundles()}
}

func vulnerabilities() detailOf {
	least := payload{{2, txt("Overflow")}}
	ids := func(s string) payload { return payload{{3, arr(txt(s))}} }
	cvss := func(s string) payload { return payload{{5, txt(s)}} }
	return detailOf{kind: 36, name: "vulnerability", least: least,
		full: payload{{1, hash("entry")}, {2, txt("Überlauf")}, {3, arr(txt("CVE-2026-0001"), txt("GHSA-xxxx"))}, {4, arr(num(787), num(122))}, {5, txt("CVSS:3.1/AV:N/AC:L")}},
		keys: []detailKey{{1, "of", hashEdges()}, {2, "name", lineEdges("")}, {3, "ids", idsEdges()}, {4, "cwe", cweEdges()}, {5, "cvss", lineEdges("CVSS:3.1/AV:N/")}},
		rules: []detailRule{
			{"id-alone", "valid", "an id and no name", ids("VU#1")},
			{"cwe-alone", "valid", "a CWE and no name", payload{{4, arr(num(787))}}},
			{"cvss-alone", "valid", "a CVSS vector and no name", cvss("CVSS:4.0/AV:N")},
			{"of-alone", "bad-detail", "which one, and nothing of it", payload{{1, hash("entry")}}},
			{"ext-alone", "bad-detail", "an extension is none of 2 to 5", payload{{64, num(1)}}},
			{"cve-1-digit", "valid", "a CVE id with one digit", ids("CVE-1999-1")},
			{"cve-19-digits", "valid", "a CVE id with 19 digits", ids("CVE-2026-1234567890123456789")},
			{"cve-20-digits", "bad-detail", "a CVE id with 20 digits", ids("CVE-2026-12345678901234567890")},
			{"cve-no-digit", "bad-detail", "a CVE id that ends with the year", ids("CVE-2026-")},
			{"cve-year", "bad-detail", "a CVE id with a year of two digits", ids("CVE-26-0001")},
			{"cve-letter", "bad-detail", "a CVE id with a letter in the number", ids("CVE-2026-000l")},
			{"cve-digits", "bad-detail", "a CVE id with digits of another script", ids("CVE-2026-٠٠٠١")},
			{"cve-space", "bad-detail", "a CVE id with a space behind", ids("CVE-2026-0001 ")},
			{"cve-second", "bad-detail", "the second id is a CVE id of another form", payload{{3, arr(txt("CVE-2026-0001"), txt("CVE-1"))}}},
			{"cve-lower", "valid", "an id that begins with cve-, not with CVE-", ids("cve-1")},
			{"cvss-2", "valid", "a vector of CVSS 2", cvss("AV:N/AC:L/Au:N/C:P/I:P/A:P")},
			{"cvss-letters", "valid", "the first and the last of the letters and digits, and all else that it may have", cvss("AZaz09.:/AV:")},
			{"cvss-score", "bad-detail", "a score for the CVSS vector", cvss("9.8")},
			{"cvss-no-av", "bad-detail", "a CVSS vector without AV:", cvss("CVSS:3.1/AC:L")},
			{"cvss-space", "bad-detail", "a CVSS vector with a space", cvss("CVSS:3.1/AV:N /AC:L")},
			{"cvss-letter", "bad-detail", "a CVSS vector with a letter beyond ASCII", cvss("CVSS:3.1/AV:N/ÄC:L")},
		}}
}

func idsEdges() []edge {
	of := func(n int) []byte { return cat(head(4, uint64(n)), bytes.Repeat(txt("VU#1"), n)) }
	return []edge{
		{"64", "valid", "64 of them", of(64)},
		{"65", "bad-detail", "65 of them", of(65)},
		{"none", "bad-detail", "an empty list", arr()},
		{"256", "valid", "an id of 256 bytes", arr(txt(strings.Repeat("l", 256)))},
		{"257", "bad-detail", "an id of 257 bytes", arr(txt(strings.Repeat("l", 257)))},
		{"empty", "bad-detail", "an empty id", arr(txt(""))},
		{"two-lines", "bad-detail", "an id of two lines", arr(txt("VU#1\nVU#2"))},
		{"text", "bad-detail", "an id that is in no list", txt("VU#1")},
		{"claims", "bad-detail", "claims 2^32 - 1 ids", hx("9a ff ff ff ff")},
	}
}

func cweEdges() []edge {
	return []edge{
		{"64", "valid", "64 of them", cat(head(4, 64), bytes.Repeat(num(787), 64))},
		{"65", "bad-detail", "65 of them", cat(head(4, 65), bytes.Repeat(num(787), 65))},
		{"none", "bad-detail", "an empty list", arr()},
		{"least-and-most", "valid", "1 and 1048576", arr(num(1), num(1<<20))},
		{"0", "bad-detail", "0", arr(num(0))},
		{"over", "bad-detail", "1048577", arr(num(1<<20 + 1))},
		{"33-bits", "bad-detail", "2^32 + 787, which is 787 to who keeps 32 bits", arr(num(1<<32 + 787))},
		{"text", "bad-detail", "a text", arr(txt("CWE-787"))},
		{"one", "bad-detail", "a number that is in no list", num(787)},
	}
}

func productStatuses() detailOf {
	least := payload{{1, hash("entry")}, {2, txt("libfoo")}, {6, num(1)}}
	not := least.with(6, num(2))
	return detailOf{kind: 37, name: "product-status", least: least,
		full: payload{{1, hash("entry")}, {2, txt("libfoo")}, {3, txt("pkg:generic/libfoo")}, {4, txt("cpe:2.3:a:x:y")}, {5, txt("<2")},
			{6, num(2)}, {7, num(1)}, {8, txt("2.4.1")}, {9, txt("two\nlines")}},
		must: []uint64{1, 2, 6},
		keys: []detailKey{{1, "vulnerability", hashEdges()}, {2, "product", lineEdges("")}, {3, "purl", lineEdges("pkg:")}, {4, "cpe", lineEdges("cpe:")},
			{5, "versions", lineEdges("")}, {6, "status", wordEdges(4)}, {8, "fixed-in", lineEdges("")}, {9, "statement", textEdges()}},
		rules: []detailRule{
			{"under-investigation", "valid", "under investigation", least.with(6, num(3))},
			{"not-affected", "bad-detail", "not affected, and no word why", not},
			{"not-affected-justified", "valid", "not affected with a justification, the last", not.with(7, num(5))},
			{"not-affected-since", "valid", "not affected with a version", not.with(8, txt("2.4.1"))},
			{"not-affected-stated", "valid", "not affected with a statement", not.with(9, txt("t"))},
			{"not-affected-named", "bad-detail", "not affected with PURL, CPE and versions, which say nothing why",
				not.with(3, txt("pkg:generic/libfoo")).with(4, txt("cpe:2.3:a:x:y")).with(5, txt("<2"))},
			{"justification-0", "bad-detail", "justification 0", not.with(7, num(0))},
			{"justification-6", "bad-detail", "justification 6", not.with(7, num(6))},
			{"justification-257", "bad-detail", "justification 257, which is 1 to who keeps eight bits", not.with(7, num(257))},
			{"affected-justified", "bad-detail", "affected, and justified", least.with(7, num(1))},
			{"investigation-justified", "bad-detail", "under investigation, and justified", least.with(6, num(3)).with(7, num(1))},
			{"fixed-justified", "bad-detail", "fixed, and justified", least.with(6, num(4)).with(7, num(1))},
			{"purl-other", "bad-detail", "a PURL that does not begin with pkg:", least.with(3, txt("generic/libfoo"))},
			{"purl-upper", "bad-detail", "a PURL that begins with PKG:", least.with(3, txt("PKG:generic/libfoo"))},
			{"cpe-other", "bad-detail", "a CPE that does not begin with cpe:", least.with(4, txt("2.3:a:x:y"))},
			{"cpe-upper", "bad-detail", "a CPE that begins with CPE:", least.with(4, txt("CPE:2.3:a:x:y"))},
		}}
}

func verifications() detailOf {
	return detailOf{kind: 38, name: "verification",
		least: payload{{1, hash("entry")}, {2, num(1)}},
		full:  payload{{1, hash("entry")}, {2, num(2)}, {3, txt("libfoo")}, {4, txt("2.4")}, {5, txt("two\nlines")}},
		must:  []uint64{1, 2},
		keys: []detailKey{{1, "vulnerability", hashEdges()}, {2, "result", wordEdges(3)}, {3, "product", lineEdges("")},
			{4, "version", lineEdges("")}, {5, "note", textEdges()}}}
}

func mitigations() detailOf {
	least := payload{{1, txt("fix")}, {2, num(1)}}
	return detailOf{kind: 39, name: "mitigation", least: least,
		full: payload{{1, txt("fix")}, {2, num(2)}, {3, txt("2.4.1")}, {4, arr(hash("one"), hash("entry"))}, {5, arr(num(3), num(5))},
			{6, hash("attachment")}, {7, hash("digest")}, {8, txt("two\nlines")}},
		must: []uint64{1, 2},
		keys: []detailKey{{1, "label", lineEdges("")}, {2, "remedy", wordEdges(7)}, {3, "version", lineEdges("")}, {4, "vulnerabilities", hashesEdges()},
			{5, "for", rolesEdges()}, {6, "attachment", hashEdges()}, {7, "digest", hashEdges()}, {8, "note", textEdges()}},
		rules: []detailRule{
			{"attachment-alone", "valid", "an attachment without its digest", least.with(6, hash("attachment"))},
			{"digest-alone", "valid", "the digest of an artefact that comes another way", least.with(7, hash("digest"))},
			{"vulnerability-twice", "valid", "a vulnerability twice", least.with(4, arr(hash("entry"), hash("entry")))},
		}}
}

func rolesEdges() []edge {
	return []edge{
		{"single", "valid", "one role, the last", arr(num(6))},
		{"all", "valid", "all six roles", arr(num(1), num(2), num(3), num(4), num(5), num(6))},
		{"none", "bad-detail", "an empty list", arr()},
		{"0", "bad-detail", "role 0", arr(num(0), num(1))},
		{"7", "bad-detail", "role 7", arr(num(6), num(7))},
		{"257", "bad-detail", "257, which is 1 to who keeps eight bits", arr(num(257))},
		{"unsorted", "bad-detail", "roles out of order", arr(num(2), num(1))},
		{"twice", "bad-detail", "a role twice", arr(num(2), num(2))},
		{"one", "bad-detail", "a role that is in no list", num(1)},
	}
}

func testResults() detailOf {
	return detailOf{kind: 40, name: "test-result",
		least: payload{{1, hash("entry")}, {2, num(1)}, {3, txt("libfoo")}},
		full:  payload{{1, hash("entry")}, {2, num(2)}, {3, txt("libfoo")}, {4, txt("2.4.1")}, {5, hash("digest")}, {6, txt("two\nlines")}},
		must:  []uint64{1, 2, 3},
		keys: []detailKey{{1, "mitigation", hashEdges()}, {2, "result", wordEdges(2)}, {3, "product", lineEdges("")}, {4, "version", lineEdges("")},
			{5, "digest", hashEdges()}, {6, "note", textEdges()}}}
}

func findings() detailOf {
	return detailOf{kind: 41, name: "finding",
		least: payload{{2, txt("t")}},
		full:  payload{{1, hash("entry")}, {2, txt("two\nlines")}},
		must:  []uint64{2},
		keys:  []detailKey{{1, "mitigation", hashEdges()}, {2, "text", textEdges()}}}
}

func bundles() detailOf {
	least := payload{{1, txt("2.4.1")}, {2, arr(hash("entry"))}}
	return detailOf{kind: 42, name: "bundle", least: least,
		full: payload{{1, txt("2.4.1")}, {2, arr(hash("one"), hash("entry"))}, {3, txt("two\nlines")}},
		must: []uint64{1, 2},
		keys: []detailKey{{1, "label", lineEdges("")}, {2, "mitigations", hashesEdges()}, {3, "note", textEdges()}},
		rules: []detailRule{
			{"mitigation-twice", "bad-detail", "the first mitigation again as the third", least.with(2, arr(hash("one"), hash("entry"), hash("one")))},
		}}
}
