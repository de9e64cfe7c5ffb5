package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const purpose = `Cordon lets organisations that share an unpublished vulnerability work on it
together, with no server in the middle: every organisation runs this daemon, and
a case's bytes go only to those who signed its embargo agreement.`

// near is how many letters a word may differ from the verb that is suggested.
const near = 2

// tree is the whole command line.
func (a *app) tree() *cobra.Command {
	root := &cobra.Command{
		Use: "cordon", Short: "coordinate a vulnerability among many organisations, without a hub", Long: purpose,
		SuggestionsMinimumDistance: near, SilenceUsage: true, SilenceErrors: true, Args: cobra.ArbitraryArgs, RunE: wantVerb,
	}
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages ", fmt.Sprintf("Flags.FlagUsagesWrapped %d ", width)))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(cmd.CommandPath()+" --help", "%v", err)
	})
	root.PersistentFlags().StringVar(&a.home, "home", defaultHome(), "`DIR` with all state of one daemon; else CORDON_HOME, else XDG")
	root.PersistentFlags().Lookup("home").DefValue = "" // too long to print, and the same words for everybody
	root.AddGroup(&cobra.Group{ID: onCases, Title: "Cases:"}, &cobra.Group{ID: onDaemon, Title: "This daemon:"})
	root.AddCommand(inGroup(onDaemon, a.commands(daemonVerbs))...)
	root.AddCommand(inGroup(onDaemon, a.commands(policyVerbs))...)
	root.AddCommand(inGroup(onCases, a.commands(caseWords))...)
	root.AddCommand(inGroup(onCases, a.commands(foldVerbs))...)
	root.AddCommand(inGroup(onCases, a.commands(statsVerbs))...)
	root.AddCommand(inGroup(onCases, a.commands(modelVerbs))...)
	for _, f := range families {
		group := &cobra.Command{Use: f.name, GroupID: f.group, Short: f.short, Args: cobra.ArbitraryArgs, RunE: wantVerb, SuggestionsMinimumDistance: near}
		group.AddCommand(a.commands(f.verbs)...)
		if f.itself != nil {
			own := a.command(*f.itself)
			group.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return wantVerb(cmd, args)
				}
				return own.RunE(cmd, args)
			}
			group.Flags().AddFlagSet(own.Flags())
		}
		root.AddCommand(group)
	}
	return root
}

// family is a group of verbs under one word; itself is what the word alone does.
type family struct {
	group       string // of the help
	name, short string
	verbs       []verb
	itself      *verb
}

// The groups that the help shows.
const (
	onCases  = "cases"
	onDaemon = "daemon"
)

func inGroup(id string, cmds []*cobra.Command) []*cobra.Command {
	for _, c := range cmds {
		c.GroupID = id
	}
	return cmds
}

// families is the table of tables.
var families = []family{
	{group: onDaemon, name: "daemon", short: "run the daemon in the foreground; several of one organisation", verbs: siblingVerbs, itself: &runDaemon},
	{group: onDaemon, name: "peer", short: "the organisations you know", verbs: peerVerbs},
	{group: onDaemon, name: "key", short: "your organisation's keys: lost, stolen, restored", verbs: keyVerbs},
	{group: onCases, name: "case", short: "open, read and steer cases", verbs: caseVerbs},
	{group: onCases, name: "steward", short: "who decides in a case", verbs: stewardVerbs},
	{group: onCases, name: "inbox", short: "what waits for your answer", verbs: inboxVerbs, itself: &inboxList},
	{group: onCases, name: "report", short: "the report of a case", verbs: reportVerbs},
	{group: onCases, name: "attachment", short: "files of a case", verbs: attachmentVerbs},
	{group: onCases, name: "vuln", short: "the vulnerabilities of a case", verbs: vulnVerbs},
	{group: onCases, name: "product", short: "which products are affected, and who is silent", verbs: productVerbs},
	{group: onCases, name: "mitigation", short: "what helps, and what came of it", verbs: mitigationVerbs},
	{group: onCases, name: "bundle", short: "what ships together", verbs: bundleVerbs},
	{group: onCases, name: "embargo", short: "the embargo of a case", verbs: embargoVerbs},
	{group: onCases, name: "clock", short: "the legal clocks of a case that is exploited", verbs: clockVerbs},
	{group: onCases, name: "release", short: "publish together: the plan, and who is ready", verbs: releaseVerbs},
	{group: onCases, name: "entry", short: "single entries: the evidence itself", verbs: entryVerbs},
}

func (a *app) commands(verbs []verb) []*cobra.Command {
	var out []*cobra.Command
	for _, v := range verbs {
		out = append(out, a.command(v))
	}
	return out
}

// command makes cobra's form of a row.
func (a *app) command(v verb) *cobra.Command {
	want := strings.Fields(v.use)[1:]
	cmd := &cobra.Command{
		Use: v.use, Short: v.short, Long: flow(v.long), Example: v.example,
		Args: func(cmd *cobra.Command, args []string) error { return arguments(cmd, v, want, args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			a.ran = true
			return v.run(&call{app: a, ctx: cmd.Context(), cmd: cmd, args: args})
		},
	}
	if len(want) > 0 && want[0] == "CASE" {
		cmd.ValidArgsFunction = a.completeCase
	}
	if v.json {
		cmd.Flags().Bool("json", false, "print one JSON object")
	}
	if v.confirm {
		cmd.Flags().Bool("yes", false, "do not ask, even on a terminal")
	}
	if v.flags != nil {
		v.flags(cmd.Flags())
	}
	return cmd
}

// arguments judges the number of arguments, then which flags are given, and says
// what is missing.
func arguments(cmd *cobra.Command, v verb, want, args []string) error {
	least := len(want)
	for least > 0 && strings.HasPrefix(want[least-1], "[") {
		least--
	}
	switch {
	case len(args) < least:
		return usage(cmd.CommandPath()+" --help", "%s is missing: cordon %s", want[len(args)], path(cmd, v))
	case len(args) > len(want) && !v.more:
		return usage(cmd.CommandPath()+" --help", "%q is one argument too many: cordon %s", args[len(want)], path(cmd, v))
	}
	return flagsGiven(cmd, v)
}

// flagsGiven says which flag is missing, or one too many.
func flagsGiven(cmd *cobra.Command, v verb) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if _, required := f.Annotations[cobra.BashCompOneRequiredFlag]; required && !f.Changed && err == nil {
			what, _ := pflag.UnquoteUsage(f)
			err = usage(cmd.CommandPath()+" --help", "--%s %s is missing", f.Name, what)
		}
	})
	given := 0
	for _, name := range v.oneOf {
		if cmd.Flags().Changed(name) {
			given++
		}
	}
	if err == nil && v.oneOf != nil && given != 1 {
		err = usage(cmd.CommandPath()+" --help", "give one of --%s", strings.Join(v.oneOf, ", --"))
	}
	return err
}

// path is a verb as it is typed.
func path(cmd *cobra.Command, v verb) string {
	name := strings.Fields(v.use)[0]
	above := strings.TrimPrefix(strings.TrimSuffix(cmd.CommandPath(), name), "cordon ")
	return above + v.use
}

// wantVerb is what a word does that only groups verbs.
func wantVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	text := fmt.Sprintf("%q is no verb of %s", args[0], cmd.CommandPath())
	if verbs := cmd.SuggestionsFor(args[0]); len(verbs) > 0 {
		best := max(0, slices.IndexFunc(verbs, func(v string) bool { return letters(v) == letters(args[0]) }))
		return usage(cmd.CommandPath()+" "+verbs[best], "%s", text)
	}
	return usage(cmd.CommandPath()+" --help", "%s", text)
}

// letters are a word's, sorted: two words with the same were typed in a hurry.
func letters(word string) string {
	r := []rune(word)
	slices.Sort(r)
	return string(r)
}

// completeCase offers the ids of the cases, with their titles beside them.
func (a *app) completeCase(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	c := &call{app: a, ctx: cmd.Context(), cmd: cmd}
	client, err := c.client()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	cases, err := client.Cases(c.ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, k := range cases.Cases {
		names = append(names, shortID(k.Case.String())+"\t"+titleOf(k.Heading))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
