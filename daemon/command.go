package daemon

import (
	"strings"

	"cordon/protocol"
)

// inCase puts a case in the place of CASE in commands.
func inCase(commands, name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(plainWord, r) }) {
		name = "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return strings.ReplaceAll(commands, "CASE", name)
}

// plainWord is what a shell takes as it stands.
const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:"

// command is what a person types to write a message; CASE stands for the case, and "" is
// for what no command writes. It is the one place that knows the command of a message.
func command(m protocol.Message) string {
	switch m := m.(type) {
	case *protocol.Status:
		if m.RM != 0 {
			return "cordon rm CASE " + m.RM.Verb()
		}
		return "cordon fix CASE " + m.Fix.String()
	case *protocol.EmbargoPropose:
		return "cordon embargo propose CASE --for 45d"
	case *protocol.EmbargoAccept:
		return "cordon embargo accept CASE " + m.Agr.String()[:short]
	case *protocol.EmbargoReject:
		return "cordon embargo reject CASE " + m.Agr.String()[:short]
	case *protocol.EmbargoEnd:
		return "cordon embargo end CASE --reason TEXT"
	case *protocol.Exit:
		return "cordon embargo leave CASE --reason TEXT"
	case *protocol.Claim:
		return "cordon claim CASE " + m.What.String() + " --evidence TEXT"
	case *protocol.Confirm:
		return "cordon claim CASE confirm " + m.Claim.String()[:short]
	case *protocol.Refute:
		return "cordon claim CASE refute " + m.Claim.String()[:short] + " --reason TEXT"
	case *protocol.Endorse:
		return "cordon steward endorse CASE " + m.Config.String()[:short]
	case *protocol.Remove:
		return "cordon case remove CASE ORG --reason TEXT"
	}
	return ""
}

// short is how many digits of an id a command shows.
const short = 12
