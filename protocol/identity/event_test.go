package identity

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// What a root may sign and no reader takes.
func TestEventForm(t *testing.T) {
	o := acme(t)
	d := daemonOf("d2", CapWrite)
	holds, carries := agreed(o, d, ownKeys("d2"))
	add := added(d, holds, carries)
	ints := make([]uint64, 32)
	for i, b := range d.Sig {
		ints[i] = uint64(b)
	}
	for name, c := range map[string]struct {
		k    uint64
		v    any
		want error
	}{
		"control":              {4, uint64(2), nil},
		"version 2":            {1, uint64(2), ErrField},
		"no version":           {1, nil, ErrFields},
		"index again":          {2, uint64(1), ErrChain},
		"index ahead":          {2, uint64(3), ErrChain},
		"index 64":             {2, uint64(64), ErrField},
		"prev of another":      {3, make([]byte, 32), ErrChain},
		"no prev":              {3, nil, ErrFields},
		"unknown kind":         {4, uint64(6), ErrField},
		"kind as text":         {4, "2", ErrField},
		"key of another kind":  {14, make([]byte, 32), ErrFields},
		"unknown key":          {18, uint64(1), ErrFields},
		"key 64":               {64, uint64(1), ErrFields},
		"no kem":               {11, nil, ErrFields},
		"no possession":        {16, nil, ErrFields},
		"short possession":     {16, holds[:63], ErrField},
		"no transport key's":   {17, nil, ErrFields},
		"long transport key's": {17, append(bytes.Clone(carries), 0), ErrField},
		"key as ints":          {9, ints, ErrField},
		"short key":            {9, []byte(d.Sig[:31]), ErrField},
		"long key":             {9, append(bytes.Clone(d.Sig), 0), ErrField},
		"no caps":              {12, []uint64{}, ErrField},
		"cap 0":                {12, []uint64{0, 1}, ErrField},
		"cap 5":                {12, []uint64{1, 5}, ErrField},
		"caps not sorted":      {12, []uint64{2, 1}, ErrField},
		"cap twice":            {12, []uint64{1, 1}, ErrField},
		"caps as bytes":        {12, []byte{1}, ErrField},
		"not_after too large":  {13, uint64(MaxTime + 1), ErrField},
		"not_after negative":   {13, int64(-1), ErrField},
	} {
		m := map[uint64]any{}
		for k, v := range add {
			m[k] = v
		}
		m[c.k] = c.v
		if _, err := o.Extend(signed(o, "root", m)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := o.Extend(signed(o, "d1", add)); !errors.Is(err, ErrRoot) {
		t.Errorf("signed by a daemon: %v", err)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]error{
		"Acme":                   nil,
		"Größe & Söhne 株式会社":     nil,
		strings.Repeat("n", 128): nil,
		"":                       ErrText,
		" Acme":                  ErrText,
		"Acme ":                  ErrText,
		strings.Repeat("n", 129): ErrSize,
		"Acme\n":                 ErrText,
		"a\x1b[31mred":           ErrText,
		"a\u009b31m":             ErrText, // C1 form of the same
		"a\x7f":                  ErrText,
		"Acme\u202egnp.exe":      ErrText, // right-to-left override
		"Acme\u2066x\u2069":      ErrText, // isolates
		"Ac\u200bme":             ErrText, // zero width
		"Acme\ufeff":             ErrText,
		"Acme\u2028":             ErrText,
		"Acme\U000e0041":         ErrText, // tag
		"Ac\u00adme":             ErrText,
	} {
		if _, err := Create(keyOf("root"), pub("root2"), name, nil); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if PlainText("a\xff", 9) == nil {
		t.Error("no UTF-8")
	}
}

func TestDomains(t *testing.T) {
	many := make([]string, 17)
	for i := range many {
		many[i] = fmt.Sprintf("d%d.example", i)
	}
	for _, c := range []struct {
		domains []string
		want    error
	}{
		{nil, nil}, {many[:16], nil}, {[]string{"xn--bcher-kva.example", "a-1.b.c"}, nil},
		{many, ErrSize},
		{[]string{"a.example", "a.example"}, ErrField},
		{[]string{"localhost"}, ErrDomain},
		{[]string{"Acme.example"}, ErrDomain},
		{[]string{"acme.example."}, ErrDomain},
		{[]string{".example"}, ErrDomain},
		{[]string{"a..example"}, ErrDomain},
		{[]string{"-a.example"}, ErrDomain},
		{[]string{"a-.example"}, ErrDomain},
		{[]string{"a_b.example"}, ErrDomain},
		{[]string{"bücher.example"}, ErrDomain},
		{[]string{"a.example/x"}, ErrDomain},
		{[]string{""}, ErrDomain},
		{[]string{strings.Repeat("a", 64) + ".example"}, ErrDomain},
		{[]string{strings.Repeat("a.", 126) + "ab"}, ErrDomain},
	} {
		if _, err := Create(keyOf("root"), pub("root2"), "A", c.domains); !errors.Is(err, c.want) {
			t.Errorf("%q: %v", c.domains, err)
		}
	}
}
