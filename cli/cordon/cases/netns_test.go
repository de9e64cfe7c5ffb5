package cases

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cordon/daemon"
	"cordon/daemon/api"
	"cordon/peer"
)

// lan is a network of real namespaces: a host for each organisation, on one of two switches
// that a cable joins. It needs ip of iproute2, and to be root.
type lan struct {
	t      *testing.T
	name   string // of the namespace with the switches, and what the others begin with
	binary string
}

// newLan builds cordon and lays the cable. Where namespaces are not permitted nothing is
// tested, which is said.
func newLan(t *testing.T) *lan {
	l := &lan{t: t, name: fmt.Sprintf("cordon%d", os.Getpid())}
	if out, err := exec.Command("ip", "netns", "add", l.name).CombinedOutput(); err != nil {
		t.Skipf("!! SKIPPED: no network namespaces here (%v: %s): real daemons were NOT parted", err, bytes.TrimSpace(out))
	}
	t.Cleanup(func() { l.ip("netns", "del", l.name) })
	for _, s := range []string{"left", "right"} {
		l.inside("link", "add", s, "type", "bridge")
		l.inside("link", "set", s, "up")
	}
	l.inside("link", "add", "cable", "type", "veth", "peer", "name", "plug")
	l.inside("link", "set", "cable", "master", "left", "up")
	l.inside("link", "set", "plug", "master", "right", "up")
	l.binary = filepath.Join(t.TempDir(), "cordon")
	if out, err := exec.Command("go", "build", "-o", l.binary, "cordon/cli/cordon").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return l
}

func (l *lan) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// inside is ip where the switches are.
func (l *lan) inside(args ...string) { l.t.Helper(); l.ip(append([]string{"-n", l.name}, args...)...) }

// cut parts the two switches, or joins them: what is sent meanwhile is gone, and nobody is told.
func (l *lan) cut(is bool) {
	l.t.Helper()
	l.inside("link", "set", "cable", map[bool]string{true: "down", false: "up"}[is])
}

// host makes the n-th host, on a switch, and says where it is.
func (l *lan) host(n int, on string) (ns, addr string) {
	l.t.Helper()
	ns, port, addr := fmt.Sprint(l.name, "-", n), fmt.Sprint("port", n), fmt.Sprintf("10.77.0.%d", 1+n)
	l.ip("netns", "add", ns)
	l.t.Cleanup(func() { l.ip("netns", "del", ns) })
	l.inside("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", ns)
	l.inside("link", "set", port, "master", on, "up")
	l.ip("-n", ns, "addr", "add", addr+"/24", "dev", "eth0")
	l.ip("-n", ns, "link", "set", "lo", "up")
	l.ip("-n", ns, "link", "set", "eth0", "up")
	return ns, addr
}

// add makes an organisation and runs the built daemon on a host of its own, on the schedule
// of the field.
func (l *lan) add(p *play, key, role, on string) *org {
	l.t.Helper()
	ns, addr := l.host(len(p.order), on)
	o := &org{key: key, name: strings.ToUpper(key) + " Inc", role: role, home: filepath.Join(p.dir, key), got: &tap{}, log: &tap{}}
	made, err := daemon.Init(o.home, daemon.InitOptions{Name: o.name, Role: initRole(role), Unattended: true,
		Listen: []string{"/ip4/" + addr + "/tcp/4500", "/ip4/" + addr + "/udp/4500/quic-v1"}})
	if err != nil {
		l.t.Fatal(err)
	}
	o.id = made.Org
	p.orgs[key], p.order = o, append(p.order, o)
	cmd := exec.Command("ip", "netns", "exec", ns, l.binary, "--home", o.home, "daemon")
	cmd.Stdout, cmd.Stderr = o.log, o.log
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	o.stop = func() {
		o.stop = nil
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			l.t.Errorf("daemon of %s: %v", o.name, err)
		}
		o.Client.Close()
	}
	if o.Client, err = api.New(o.home); err != nil {
		l.t.Fatal(err)
	}
	s, err := o.Wait(l.t.Context())
	if err != nil {
		l.t.Fatalf("daemon of %s: %v\n%s", o.name, err, o.log.bytes)
	}
	o.kid = s.Kid
	if o.card, err = o.Card(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	return o
}

// holds says whether o shows an entry, and the body that came with it.
func (p *play) holds(k *matter, o *org, entry string) (ok bool) {
	err := o.Log(p.t.Context(), k.id, false, 0, func(l api.LogLine) bool {
		ok = l.ID.String() == entry && l.Body == "here"
		return !ok
	})
	return err == nil && ok
}

// TestPartedDaemons is THREATS F7 with real daemons: four, in network namespaces, of which two
// and two are parted by a cable, both halves write, and all are the same once it is back. A
// short cut the connections outlive, and TCP and QUIC go on by themselves; a long one they do
// not, and daemons dial anew on their schedule, each second or two. The control is the
// time of the cut, in which nothing comes over. The long cut: CORDON_VOLUME=gate.
func TestPartedDaemons(t *testing.T) {
	l := newLan(t)
	p := newPlay(t)
	a, b := l.add(p, "a", "coordinator", "left"), l.add(p, "b", "mitigating-vendor", "left")
	c, d := l.add(p, "c", "mitigating-vendor", "right"), l.add(p, "d", "deployer", "right")
	p.acquaint(a, b, c, d)
	k := p.reported(a)
	p.joins(k, b, c, d)
	p.settled(k)
	s := peer.DefaultSchedule()
	again := 10 * s.Dial // a BEAT, a try of the dialler, and one round of the other's turn
	took := l.parted(p, k, func(o *org) { p.accepted(k, o) }, func() bool { return true })
	t.Logf("a short cut: all the same %v after it", took)
	if took > again {
		t.Errorf("all are the same %v after a short cut, not within %v", took, again)
	}
	if os.Getenv("CORDON_VOLUME") == "" {
		return
	}
	took = l.parted(p, k, func(o *org) { p.fixes(k, o, "ready") }, func() bool { return !p.connected(a, c) && !p.connected(d, b) })
	t.Logf("a long cut: all the same %v after it", took)
	if took > again+10*time.Second { // this machine is slow
		t.Errorf("all are the same %v after a long cut, not within %v", took, again)
	}
}

// connected says whether o shows a session with another.
func (p *play) connected(o, with *org) bool {
	s, err := o.Status(p.t.Context())
	if err != nil {
		return false
	}
	for _, x := range s.Peers {
		if x.Org == with.id {
			return x.Connected
		}
	}
	return false
}

// parted cuts the cable, has both halves write and one vendor of each act, waits until long
// enough has passed, joins the halves and says how long it took until all had all.
func (l *lan) parted(p *play, k *matter, act func(*org), long func() bool) time.Duration {
	l.t.Helper()
	l.cut(true)
	left, right := p.says(k, p.order[0], "said on the left"), p.says(k, p.order[3], "said on the right")
	act(p.order[1])
	act(p.order[2])
	for i, o := range p.order { // within a half it goes on
		p.until(o.name+" has its half's note", func() bool { return p.holds(k, o, []string{left, left, right, right}[i]) })
	}
	p.until("the cut is long enough", long)
	for i, o := range p.order {
		if p.holds(k, o, []string{right, right, left, left}[i]) {
			l.t.Errorf("negative control: over a cut cable a note came to %s", o.name)
		}
	}
	if x, y := p.view(p.order[0], k).Digest, p.view(p.order[3], k).Digest; x == y {
		l.t.Error("negative control: the halves have the same digest")
	}
	l.cut(false)
	begin := time.Now()
	for _, o := range p.order {
		for _, note := range []string{left, right} {
			p.until(o.name+" has both notes", func() bool { return p.holds(k, o, note) })
		}
	}
	p.settled(k)
	return time.Since(begin)
}
