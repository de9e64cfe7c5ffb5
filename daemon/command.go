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

// ways are the commands that lead on from a refusal which nothing else that could be
// written cures.
var ways = map[string]string{
	"rm-step":              "cordon case next CASE",
	"fix-step":             "cordon case next CASE",
	"fix-role":             "cordon case show CASE: it has our roles",
	"no-change":            "cordon case next CASE",
	"claim-unknown":        "cordon case show CASE: it has the claims",
	"claim-confirmed":      "cordon case next CASE",
	"report-closed":        "cordon embargo leave CASE --reason TEXT",
	"embargo-exited":       "cordon case next CASE",
	"exit-pending":         "cordon case next CASE",
	"agreement-unknown":    "cordon embargo show CASE",
	"agreement-superseded": "cordon embargo show CASE",
	"end-in-past":          "cordon embargo propose CASE --for 45d",
	"no-embargo":           "cordon embargo propose CASE --for 45d",
	"not-a-steward":        "cordon steward list CASE: it has who decides",
	"quorum-left":          "cordon steward propose CASE without --succession, by a steward that stays",
	"already-endorsed":     "cordon steward list CASE",
	"steward-was-heard":    "cordon steward list CASE: it says what remains",
	"not-an-elector":       "cordon steward list CASE: it has whose voice counts",
	"merged-away":          "cordon case show CASE: it says where it goes on, if that is here",
	"too-many-links":       "cordon case show CASE: it has the linked cases; another steward can link more",
	"role-already":         "cordon case show CASE: it has the roles of everybody",
}

// way is what to type after a refusal, so that what was refused can be done.
func way(r *protocol.Refusal) string {
	var commands []string
	for _, m := range r.Lead {
		if word := command(m); word != "" {
			commands = append(commands, word)
		}
	}
	if commands == nil {
		return ways[r.Rule]
	}
	return strings.Join(commands, "; or: ")
}

// short is how many digits of an id a command shows.
const short = 12
