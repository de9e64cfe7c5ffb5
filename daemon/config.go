package daemon

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"cordon/daemon/api"
	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/identity"
)

// config is config.toml: what a person may change. Everything that the daemon
// changes by itself lies in the ledger's shelves.
type config struct {
	Name   string   `toml:"name"`   // the organisation's, as on its card
	Role   string   `toml:"role"`   // vendor, coordinator or reporter: ours in the cases that we open
	Listen []string `toml:"listen"` // multiaddrs; port 0: any free one, kept over restarts
	// Relays are where others reach us, and our card names no other address: multiaddrs
	// of relays with their peer ids, as cordon relay prints them. None: they dial us.
	Relays []string `toml:"relays,omitempty"`
	// Contact is the level of contact that we ask of whom we invite, where the case
	// says nothing else: tofu (also ""), domain, vouched or verified.
	Contact string `toml:"contact,omitempty"`
	// Room is how many MiB another organisation may fill with what it writes into one
	// case here; more of its content is not taken. None: defaultRoom.
	Room   uint32 `toml:"room,omitzero"`
	Policy policy `toml:"policy,omitempty"` // what our card tells others in advance
}

// defaultRoom is Config.Room where nothing else is said: four attachments of the largest
// kind, or a million notes.
const defaultRoom = 1024

// room is Config.Room in bytes.
func (c config) room() uint64 { return uint64(cmp.Or(c.Room, defaultRoom)) << 20 }

// defaultListen are the addresses of a daemon that was told none: TCP first.
func defaultListen() []string {
	return []string{"/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"}
}

// caseRole is the case role that a configured role stands for.
func caseRole(name string) (protocol.Role, bool) {
	switch name {
	case "vendor":
		return protocol.MitigatingVendor, true
	case "coordinator":
		return protocol.Coordinator, true
	case "reporter":
		return protocol.Reporter, true
	}
	return 0, false
}

// loadConfig reads and checks a config file. A key that it does not know is an
// error that names the line: a typing mistake must not silently mean "default".
func loadConfig(path string) (config, error) {
	var c config
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	md, err := toml.Decode(string(text), &c)
	if err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return c, invalid("%s line %d: %s", path, parse.Position.Line, parse.Message)
		}
		return c, invalid("%s: %v", path, err)
	}
	if unknown := md.Undecoded(); len(unknown) > 0 {
		key := unknown[0]
		return c, invalid("%s line %d: no such key: %s", path, lineWith(text, key[len(key)-1]), key)
	}
	return c, c.check()
}

func (c config) check() error {
	if strings.TrimSpace(c.Name) != c.Name || c.Name == "" || identity.PlainText(c.Name, identity.MaxName) != nil {
		return invalid("name: plain text on one line, 1 to %d bytes", identity.MaxName)
	}
	if _, ok := caseRole(c.Role); !ok {
		return invalid("role %q: vendor, coordinator or reporter", c.Role)
	}
	if c.Contact != "" {
		if _, err := parseContact(c.Contact); err != nil {
			return err
		}
	}
	if _, err := c.Policy.onCard(); err != nil {
		return err
	}
	for _, a := range c.Listen {
		if !listens(a) {
			return invalid("listen %q: like /ip4/192.0.2.7/tcp/4500 or /ip4/192.0.2.7/udp/4500/quic-v1; port 0 takes a free one", a)
		}
	}
	if len(c.Listen) == 0 || len(c.Listen) > 16 {
		return invalid("listen: 1 to 16 addresses, these are %d", len(c.Listen))
	}
	for _, a := range c.Relays {
		if peer.CheckRelay(a) != nil || identity.CheckAddrs([]string{a + "/p2p-circuit"}) != nil {
			return invalid("relays %q: as cordon relay prints it, like /ip4/192.0.2.7/tcp/4500/p2p/12D3KooW…", a)
		}
	}
	if len(c.Relays) > 4 {
		return invalid("relays: at most 4, these are %d", len(c.Relays))
	}
	return nil
}

// listens says whether a multiaddr is one that a daemon listens at: TCP or QUIC
// at an address of IP version 4 or 6.
func listens(multiaddr string) bool {
	part := strings.Split(multiaddr, "/") // "", ip4, ADDRESS, tcp, PORT
	if len(part) < 5 || part[0] != "" {
		return false
	}
	ip, err := netip.ParseAddr(part[2])
	if err != nil || ip.Zone() != "" || part[1] == "ip4" != ip.Is4() || part[1] != "ip4" && part[1] != "ip6" {
		return false
	}
	if _, err := strconv.ParseUint(part[4], 10, 16); err != nil {
		return false
	}
	switch strings.Join(part[5:], "/") {
	case "":
		return part[3] == "tcp"
	case "quic-v1":
		return part[3] == "udp"
	}
	return false
}

// text writes the config as init leaves it.
func (c config) text() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# cordon daemon. Unknown keys are errors. Restart the daemon after a change.\n\n")
	if err := toml.NewEncoder(&b).Encode(c); err != nil {
		return nil, fmt.Errorf("write config: %w", err)
	}
	return b.Bytes(), nil
}

// lineWith finds the line that sets a key, from 1; a table's name counts too.
func lineWith(text []byte, key string) int {
	for i, line := range strings.Split(string(text), "\n") {
		name, _, _ := strings.Cut(line, "=")
		if strings.Trim(name, " \t[]\"'") == key {
			return i + 1
		}
	}
	return 1
}

func invalid(format string, args ...any) *api.Error {
	return &api.Error{Kind: api.Invalid, Text: fmt.Sprintf(format, args...)}
}
