package daemon

import (
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/admission"
)

// describe says in two words what a control entry says: its code, and whom or
// what it is about. For people; nothing is decided by it.
func describe(k *protocol.Case, e ledger.Entry) (what, about string) {
	if !e.Control() {
		return "", ""
	}
	m, err := protocol.Read(e.Sealed)
	if err != nil {
		return "", ""
	}
	switch m := m.(type) {
	case *protocol.Status:
		if m.RM != 0 {
			return m.RM.String(), ""
		}
		return m.Fix.String(), ""
	case *protocol.Claim:
		return m.What.String(), ""
	case *protocol.Confirm:
		return "", m.Claim.String()
	case *protocol.Remove:
		return "", m.Org.String()
	case *protocol.Admit:
		return describeAdmit(k, m)
	case *protocol.Propose:
		if m.Config.Parent == nil {
			return "", ""
		}
		return kindOfChange(configOf(k, *m.Config.Parent), m.Config), ""
	case *protocol.Endorse:
		return "", m.Config.String()
	case *protocol.Fork:
		if o, ok := k.AuthorOf(m.A); ok {
			return "", o.String()
		}
	}
	return "", ""
}

func describeAdmit(k *protocol.Case, m *protocol.Admit) (what, about string) {
	inviter, err := admission.ParseInviter(m.Invite)
	if err != nil {
		return "", ""
	}
	org, ok := k.Org(inviter)
	if !ok {
		return "", ""
	}
	i, err := admission.OpenInvite(m.Invite, org)
	if err != nil {
		return "", ""
	}
	return protocol.Role(i.Role).String(), i.Invitee.String()
}
