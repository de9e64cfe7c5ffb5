package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"cordon/daemon/api"
	"cordon/daemon/canary"
	"cordon/protocol/id"
)

// checks prints each promise and whether it holds.
func (p *play) checks(begin time.Time) error {
	p.tell.heading("What was promised, checked")
	held, all := 0, 0
	for _, check := range []func() (bool, string, error){
		p.sameRecord, p.signatures, p.byteForByte, p.twoReaders, p.outsiderBytes, p.control, p.clearText, p.oneAnswer,
	} {
		ok, said, err := check()
		if err != nil {
			ok, said = false, said+" "+err.Error()
		}
		p.tell.verdict(ok, "%s", said)
		all++
		if ok {
			held++
		}
	}
	p.tell.print("\n")
	p.tell.para("Not promised: a member can pass on what it was given; who connects to whom shows on the " +
		"network. What a removed member was sent before, it keeps.")
	p.tell.print("\n")
	p.tell.para("On times: before a daemon in the field serves a new member it waits up to some 3 s, partly at " +
		"random, so that timing tells outsiders little. The demo shortens those waits, and sends no cards on the public topics; nothing else differs.")
	p.tell.print("\n%s\n", p.tell.mark(bold, fmt.Sprintf("%d of %d checks hold. %s in all.", held, all, took(time.Since(begin)))))
	if held < all {
		return ErrBroken
	}
	return nil
}

// settle waits until all members show one digest and miss no content, and no daemon
// is about to write something by itself.
func (p *play) settle() error {
	return until(p.ctx, "all members hold the same", func(ctx context.Context) (bool, error) {
		first, err := p.view(ctx, p.in[0])
		if err != nil {
			return false, err
		}
		for _, a := range p.in {
			k, err := p.view(ctx, a)
			if err != nil || k.Digest != first.Digest || len(k.Authority.Owes) > 0 {
				return false, err
			}
			whole := true
			err = a.api.Log(ctx, p.caseID.String(), false, 0, func(l api.LogLine) bool {
				whole = l.Body != "awaited"
				return whole
			})
			if err != nil || !whole {
				return false, err
			}
		}
		return true, nil
	})
}

func (p *play) sameRecord() (bool, string, error) {
	first, err := p.view(p.ctx, p.in[0])
	if err != nil {
		return false, "", err
	}
	same := true
	for _, a := range p.in {
		k, err := p.view(p.ctx, a)
		if err != nil {
			return false, "", err
		}
		same = same && k.Digest == first.Digest && k.State == "ok" && k.CS == first.CS
	}
	return same, fmt.Sprintf("%d replicas hold the same record: digest %s, and state %s (public; not every vendor has its fix), at each.", len(p.in), short(first.Digest), first.CS), nil
}

func (p *play) signatures() (bool, string, error) {
	entries, bad, forks := 0, 0, 0
	for _, a := range p.in {
		v, err := a.api.Verify(p.ctx, p.caseID.String())
		if err != nil {
			return false, "", err
		}
		entries, bad, forks = entries+v.Entries, bad+v.Bad, forks+v.Forks
	}
	return entries > 0 && bad == 0 && forks == 0,
		fmt.Sprintf("Every hash and signature checked again at every member: %d entries, %d bad, %d forks.", entries, bad, forks), nil
}

// read is the report as an actor's daemon gives it; empty while it is not there.
func (p *play) read(ctx context.Context, a *actor) ([]byte, error) {
	r, err := a.api.Report(ctx, p.caseID.String())
	if e, ok := errors.AsType[*api.Error](err); ok && (e.Kind == api.NotFound || e.Kind == api.Pending) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var b bytes.Buffer
	_, err = io.Copy(&b, io.LimitReader(r, int64(len(report)+1)))
	return b.Bytes(), err
}

func (p *play) byteForByte() (bool, string, error) {
	same := true
	for _, a := range p.in {
		got, err := p.read(p.ctx, a)
		if err != nil {
			return false, "", err
		}
		same = same && bytes.Equal(got, report)
	}
	return same, fmt.Sprintf("The report came out byte for byte at %d of %d members (%d bytes).", len(p.in), len(p.in), len(report)), nil
}

// twoReaders: neither the note between two nor its compartment is anywhere else.
func (p *play) twoReaders() (bool, string, error) {
	at := 0
	for _, a := range p.in {
		has, err := p.has(p.secret)(p.ctx, a)
		if err != nil {
			return false, "", err
		}
		if !has {
			continue
		}
		if a.key != "google" && a.key != "openssl" {
			return false, "The note between two is at " + a.name + ".", nil
		}
		at++
	}
	return at == 2, fmt.Sprintf("The note between two is at its %d readers; the other %d members know of the compartment and hold nothing that is in it, not even sealed.", at, len(p.in)-2), nil
}

// canaries are what may not be where the case is not.
func (p *play) canaries() ([]canary.Canary, error) {
	k, err := p.view(p.ctx, p.in[0])
	if err != nil {
		return nil, err
	}
	c := append(p.texts(), canary.Canary{What: "the case's id", Bytes: p.caseID[:]}, canary.Canary{What: "the case's digest", Bytes: []byte(k.Digest)})
	if k.Embargo.Agreement != nil {
		c = append(c, canary.Canary{What: "the agreement's id", Bytes: k.Embargo.Agreement[:]})
	}
	for _, a := range p.in {
		if strangers[a.key] {
			c = append(c, canary.Canary{What: "the name " + a.name, Bytes: []byte(a.name)}, canary.Canary{What: "the id of " + a.name, Bytes: a.org[:]})
		}
	}
	return c, p.in[0].api.Log(p.ctx, p.caseID.String(), false, 0, func(l api.LogLine) bool {
		if l.Seq == 0 { // the first entry of each feed
			c = append(c, canary.Canary{What: "an entry's id", Bytes: l.ID[:]})
		}
		return true
	})
}

// texts are the words of the case.
func (p *play) texts() []canary.Canary {
	c := []canary.Canary{{What: "the title", Bytes: []byte(title)}}
	for _, t := range p.said {
		c = append(c, canary.Canary{What: "a note", Bytes: []byte(t)})
	}
	for _, file := range [][]byte{report, secondReport, patch} {
		for line := range strings.SplitSeq(string(file), "\n") {
			if len(line) > 60 {
				c = append(c, canary.Canary{What: "a line of a file", Bytes: []byte(line)})
				break
			}
		}
	}
	return c
}

func (p *play) outsiderBytes() (bool, string, error) {
	canaries, err := p.canaries()
	if err != nil {
		return false, "", err
	}
	s := canary.New(canaries)
	got, cut := p.out.tap.read()
	found := append(s.Bytes(got), s.Bytes(p.out.log.read())...)
	inStore, read, err := s.Dir(filepath.Join(p.out.home))
	if err != nil {
		return false, "", err
	}
	found = append(found, inStore...)
	said := fmt.Sprintf("%s's daemon was sent %s (read after decryption, where TLS hides nothing), and its home and log hold %s: "+
		"none of %d canaries is in there, plain, in hex or in base64 (ids, title, texts, names of members it does not know). "+
		"A store is sealed; what it was sent is the stronger evidence.",
		p.out.name, size(int64(len(got))), size(read), len(canaries))
	if len(found) > 0 {
		said += " FOUND: " + strings.Join(found, "; ")
	}
	return len(found) == 0 && len(got) > 0 && !cut, said, nil
}

// control shows that the scan of outsiderBytes can find something.
func (p *play) control() (bool, string, error) {
	canaries, err := p.canaries()
	if err != nil {
		return false, "", err
	}
	a := p.who("suse")
	got, _ := a.tap.read()
	found := map[string]bool{}
	for _, what := range canary.New(canaries).Bytes(got) {
		found[what] = true
	}
	return found["the case's id"] && !found["the title"],
		fmt.Sprintf("The control: the same scan of what %s, a member, was sent (%s) finds the case's id, and not its title, which travels sealed.", a.name, size(int64(len(got)))), nil
}

// clearText: at rest even a member's disk shows nothing, and no log does.
func (p *play) clearText() (bool, string, error) {
	texts := p.texts()
	s := canary.New(append(texts, canary.Canary{What: "the case's id", Bytes: p.caseID[:]}))
	words := canary.New(texts)
	var found []string
	var total int64
	for _, a := range p.in {
		in, read, err := s.Dir(filepath.Join(a.home, "store"))
		if err != nil {
			return false, "", err
		}
		total += read
		for _, f := range append(in, words.Bytes(a.log.read())...) {
			found = append(found, a.name+": "+f)
		}
	}
	said := fmt.Sprintf("The members' stores (%s in all) are sealed: no text and no id of the case in the clear on disk, no text in a log.", size(total))
	if len(found) > 0 {
		said += " FOUND: " + strings.Join(found, "; ")
	}
	return len(found) == 0 && total > 0, said, nil
}

// oneAnswer: to an organisation outside, the real case and a random id are the same.
func (p *play) oneAnswer() (bool, string, error) {
	var random id.CaseID
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	ask := func(c id.CaseID) *api.Error {
		_, err := p.out.api.Case(p.ctx, c.String())
		e, _ := errors.AsType[*api.Error](err)
		return e
	}
	a, b := ask(p.caseID), ask(random)
	same := a != nil && b != nil && *a == *b && a.Kind == api.NotFound
	return same, fmt.Sprintf("%s's own daemon, asked for the real case and for a random id, gives one and the same answer.", p.out.name), nil
}

// size is a number of bytes for people.
func size(n int64) string {
	if n < 10<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
