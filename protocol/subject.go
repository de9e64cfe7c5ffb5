package protocol

import "cordon/protocol/identity"

// subject carries the title and the report.
var subjectKind = kind{typ: Subject, name: "subject", cap: identity.CapWrite, who: byMember, check: checkSubject}

func checkSubject(c *Case, n *node) *Refusal {
	if !n.subjectPlace(c) {
		return refuse("subject-misplaced", "a case has one subject: the first content of the daemon that opened it")
	}
	return checkContent(c, n)
}
