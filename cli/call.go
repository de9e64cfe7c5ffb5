package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cordon/daemon/api"
)

// verb is one row of a family's table.
type verb struct {
	use     string // "show CASE": its words stand for exactly as many arguments
	short   string
	long    string
	example string
	more    bool // further arguments may follow
	json    bool // a reading verb: --json prints the API's object
	confirm bool // shows what follows and asks, on a terminal; --yes does not
	flags   func(*pflag.FlagSet)
	oneOf   []string // of these flags exactly one is given
	run     func(*call) error
}

// call is one run of one verb.
type call struct {
	*app
	ctx  context.Context
	cmd  *cobra.Command
	args []string
}

// first is the first argument, "" where none is given.
func (c *call) first() string {
	if len(c.args) == 0 {
		return ""
	}
	return c.args[0]
}

// text, list and flag read the call's flags; the table has declared them.
func (c *call) text(name string) string {
	s, err := c.cmd.Flags().GetString(name)
	must(err)
	return s
}

func (c *call) list(name string) []string {
	s, err := c.cmd.Flags().GetStringArray(name)
	must(err)
	return s
}

func (c *call) flag(name string) bool {
	b, err := c.cmd.Flags().GetBool(name)
	must(err)
	return b
}

// must stops a build whose table and code name different flags.
func must(err error) {
	if err != nil {
		panic("cli: " + err.Error()) // cannot depend on what the user typed
	}
}

// client speaks to the daemon of this home.
func (c *call) client() (*api.Client, error) {
	client, err := api.New(c.home)
	if err == nil {
		client.Operator = operator()
	}
	return client, err
}

// operator is who types: behind sudo too, where a service has a user of its own.
func operator() string {
	if name := cmp.Or(os.Getenv("CORDON_OPERATOR"), os.Getenv("SUDO_USER")); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// show prints v: as JSON where asked for, else by human.
func (c *call) show(v any, human func(io.Writer)) error {
	if c.flag("json") {
		return emit(c.out, v)
	}
	w := bufio.NewWriter(c.out)
	human(w)
	return w.Flush()
}

// say prints one line of a result.
func (c *call) say(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }

// note prints a line for people beside the result, to standard error.
func (c *call) note(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }

// confirmed shows what an act does and, when a person sits there, wants the
// word typed. A script has meant what it wrote.
func (c *call) confirmed(word, format string, args ...any) error {
	if c.flag("yes") || !isTerminal(c.in) {
		return nil
	}
	c.note("%s", strings.Join(wrap(fmt.Sprintf(format, args...), width), "\n"))
	fmt.Fprintf(c.err, "Type %s to go on: ", word)
	answer, err := c.line(bufio.NewReader(c.in))
	if err == nil && answer == word {
		return nil
	}
	return &failure{code: exitFailed, text: "nothing was done"}
}

// ask wants one line from a person.
func (c *call) ask(in *bufio.Reader, question string) (string, error) {
	fmt.Fprintf(c.err, "%s: ", question)
	s, err := c.line(in)
	if err != nil {
		return "", &failure{code: exitFailed, text: "no answer: nothing was done"}
	}
	return s, nil
}

// line reads what a person types, until Ctrl-C.
func (c *call) line(in *bufio.Reader) (string, error) {
	typed := make(chan string, 1) // "" where nothing came
	go func() {                   // after Ctrl-C it ends with the process
		s, _ := in.ReadString('\n')
		typed <- s
	}()
	select {
	case s := <-typed:
		if s == "" {
			return "", io.EOF
		}
		return strings.TrimSpace(s), nil
	case <-c.ctx.Done():
		fmt.Fprintln(c.err)
		return "", c.ctx.Err()
	}
}
