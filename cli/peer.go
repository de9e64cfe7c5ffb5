package cli

import (
	"fmt"
	"io"
	"strings"

	"cordon/daemon/api"
)

// peerVerbs are about the organisations that we know.
var peerVerbs = []verb{
	{use: "add FILE", short: "pin an organisation by its card; - reads standard input", run: (*call).peerAdd},
	{use: "list", short: "list the organisations you know", json: true, run: (*call).peerList},
}

// maxCardFile is above every armoured card; the daemon judges it.
const maxCardFile = 256 << 10

func (c *call) peerAdd() error {
	card, err := c.readFile(c.args[0], maxCardFile)
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	p, err := client.AddPeer(c.ctx, card)
	if err != nil {
		return err
	}
	field(c.out, "pinned", safe(p.Name))
	field(c.out, "id", p.Org.String())
	field(c.out, "fingerprint", sixes(p.Fingerprint))
	c.note("Compare the twelve words with %s over the telephone before you trust them.", safe(p.Name))
	return nil
}

func (c *call) peerList() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	p, err := client.Peers(c.ctx)
	if err != nil {
		return err
	}
	return c.show(p, func(w io.Writer) { peerTable(w, p.Peers) })
}

func peerTable(w io.Writer, peers []api.PeerRow) {
	if len(peers) == 0 {
		fmt.Fprintln(w, "No other organisation yet: cordon peer add FILE")
		return
	}
	rows := make([][]string, len(peers))
	for i, p := range peers {
		state := "not connected"
		if p.Connected {
			state = "connected"
		}
		rows[i] = []string{clip(safe(p.Name), 30), shortID(p.Org.String()), p.Level, state}
	}
	table(w, []string{"ORGANISATION", "ID", "LEVEL", "STATE"}, rows)
}

// sixes sets twelve words in two lines, to be read aloud.
func sixes(fingerprint string) string {
	words := strings.Fields(fingerprint)
	if len(words) != 12 {
		return safe(fingerprint)
	}
	return strings.Join(words[:6], " ") + "\n" + strings.Join(words[6:], " ")
}

// count is a number with its noun.
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun[len(noun)-1] == 'y':
		return fmt.Sprintf("%d %sies", n, noun[:len(noun)-1])
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
