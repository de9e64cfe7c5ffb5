package cases

import (
	"encoding/json"
	"os"
	"testing"
	"time"
)

// record is the public record of a finished case, as data: facts with their sources.
type record struct {
	Title         string     `json:"title"`
	Organisations []listed   `json:"organisations"`
	Embargo       []settled  `json:"embargo"`
	Events        []event    `json:"events"`
	times         []listedAt // filled in by load
}

// listed is an organisation of a record.
type listed struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Role      string `json:"role"`
	Status    string `json:"status"`
	Notified  string `json:"notified"` // "": nobody has published a day, or nobody told them
	Uncertain bool   `json:"uncertain"`
}

// listedAt is an organisation that was told on a day, by an act that is no event.
type listedAt struct {
	at  time.Time
	org string
}

// settled is one act about the end of the embargo; one of the three is given.
type settled struct {
	Proposed string `json:"proposed"`
	Revised  string `json:"revised"`
	Ended    string `json:"ended"`
	Date     string `json:"date"` // of the act; "": not published
	By       string `json:"by"`
}

// event is one thing that happened.
type event struct {
	T         string   `json:"t"`
	Org       string   `json:"org"`
	Kind      string   `json:"kind"`
	To        []string `json:"to"`
	Note      string   `json:"note"`
	Partial   bool     `json:"partial"`   // a hint, not the flaw
	Uncertain bool     `json:"uncertain"` // the fact is sound; day, minute or a detail is not
}

func load(t *testing.T, path string) *record {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := new(record)
	if err := json.Unmarshal(b, r); err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, e := range r.Events {
		if e.Kind == "invite" || e.Kind == "report" {
			for _, o := range e.To {
				told[o] = true
			}
		}
	}
	for _, o := range r.Organisations {
		if o.Notified != "" && !told[o.ID] && !o.Uncertain {
			r.times = append(r.times, listedAt{day(t, o.Notified), o.ID})
		}
	}
	return r
}

// day reads a time, midnight UTC where only the day is known.
func day(t *testing.T, s string) time.Time {
	t.Helper()
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(form, s); err == nil {
			return at
		}
	}
	t.Fatalf("no time: %q", s)
	return time.Time{}
}
