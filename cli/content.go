package cli

import (
	"fmt"
	"io"
	"mime"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"cordon/daemon/api"
)

var (
	toFlag = func(f *pflag.FlagSet) {
		f.StringArray("to", nil, "`ORG` that may read it, may be repeated; with you, nobody else")
	}
	// noteFlags are those of what is written into a case.
	noteFlags = func(f *pflag.FlagSet) {
		toFlag(f)
		f.String("tlp", "", "`LABEL` stricter than that of the terms: green, amber, amber+strict, red")
	}
	outFlag = func(f *pflag.FlagSet) {
		f.String("out", "", "write to `FILE` instead of standard output")
		f.Bool("stamp", false, "put the stamp before the bytes, as two lines of text")
	}
)

const readLong = `What is handed out is noted at the daemon (cordon case exports): the TLP label,
you, the time. The same stamp is printed beside it; with --stamp it stands in it.`

// reportVerbs read the report of a case.
var reportVerbs = []verb{
	{use: "read CASE", short: "print the report, byte for byte", flags: outFlag, run: (*call).reportRead, long: readLong},
}

// attachmentVerbs read attached files.
var attachmentVerbs = []verb{
	{use: "get CASE ID", short: "print an attached file, byte for byte", flags: outFlag, run: (*call).attachmentGet, long: readLong},
}

func (c *call) reportRead() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	r, err := client.Report(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	return c.pour(r)
}

func (c *call) attachmentGet() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	r, err := client.Attachment(c.ctx, c.args[0], c.args[1])
	if err != nil {
		return err
	}
	return c.pour(r)
}

// maxShown is how much of a file a terminal shows.
const maxShown = 1 << 20

// pour writes somebody's bytes out: as they are to a file or pipe, escaped to a
// terminal, which they could steer otherwise. The stamp goes to standard error, or
// before them.
func (c *call) pour(h *api.Handed) error {
	defer h.Close()
	r, stamp := io.Reader(h), stampText(h.Export)
	if c.flag("stamp") {
		r = io.MultiReader(strings.NewReader(stamp+"\n"), h)
	} else {
		c.note("%s", stamp)
	}
	if name := c.text("out"); name != "" {
		return writeFile(name, func(w io.Writer) error { _, err := io.Copy(w, r); return err })
	}
	if !isTerminal(c.out) {
		_, err := io.Copy(c.out, r)
		return err
	}
	text, err := readAtMost(r, "it", maxShown)
	if err != nil {
		return err
	}
	if !utf8.Valid(text) {
		return usage("--out FILE", "%s that are no text: not shown on a terminal", size(int64(len(text))))
	}
	shown := safeText(string(text))
	if _, err := io.WriteString(c.out, shown); err != nil {
		return err
	}
	if shown != string(text) {
		c.note("cordon: control characters were escaped; --out FILE gives the bytes")
	}
	return nil
}

// stampText is a stamp as two lines of plain text.
func stampText(x api.Export) string {
	by := ""
	if x.Operator != "" {
		by = ", " + safe(x.Operator)
	}
	return fmt.Sprintf("TLP:%s for %s%s\ncase %s, %s, export %s", strings.ToUpper(x.TLP), safe(x.Recipient), by,
		shortID(x.Case.String()), x.At.UTC().Format("2006-01-02 15:04 UTC"), x.ID)
}

// caseExports lists what was handed out of a case here.
func (c *call) caseExports() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	list, err := client.Exports(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	return c.show(list, func(w io.Writer) {
		var rows [][]string
		for _, x := range list.Exports {
			rows = append(rows, []string{x.At.UTC().Format("2006-01-02 15:04"), x.ID, x.TLP, shortID(x.Entry.String()), size(int64(x.Size)), safe(x.Operator)})
		}
		table(w, []string{"WHEN (UTC)", "EXPORT", "TLP", "ENTRY", "BYTES", "BY"}, rows)
	})
}

// to is who a note or file is for; words after the named arguments belong to
// --to, so that "--to A B" means what it looks like.
func (c *call) to(named int) ([]string, error) {
	to := c.list("to")
	if len(c.args) > named && len(to) == 0 {
		return nil, usage("put the text in quotes", "%q is one argument too many", c.args[named])
	}
	return slices.Concat(to, c.args[named:]), nil
}

func (c *call) sayNote() error {
	to, err := c.to(2)
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	w, err := client.Say(c.ctx, c.args[0], api.Say{Text: c.args[1], To: to, TLP: c.text("tlp")})
	if err != nil {
		return err
	}
	return c.written(client, w)
}

func (c *call) attach() error {
	to, err := c.to(2)
	if err != nil {
		return err
	}
	f, err := openFile(c.args[1])
	if err != nil {
		return err
	}
	defer f.Close()
	client, err := c.client()
	if err != nil {
		return err
	}
	w, err := client.Attach(c.ctx, c.args[0], api.Attach{File: filepath.Base(f.Name()), Media: media(f.Name()), To: to, TLP: c.text("tlp")}, f)
	if err != nil {
		return err
	}
	return c.written(client, w)
}

// media guesses a media type from a file's name.
func media(name string) string {
	if strings.EqualFold(filepath.Ext(name), ".md") {
		return "text/markdown"
	}
	return mime.TypeByExtension(filepath.Ext(name))
}

// written prints the id of what was written on standard output, for scripts, and
// who may read it beside it.
func (c *call) written(client *api.Client, w *api.Written) error {
	c.say("%s", w.ID)
	if len(w.To) == 0 {
		return nil
	}
	k, err := client.Case(c.ctx, c.args[0])
	if err != nil {
		k = &api.Case{} // it is written all the same: ids will do
	}
	c.note("Only these may read it: %s", names(k, w.To))
	return nil
}
