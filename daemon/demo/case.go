package demo

import (
	_ "embed" // the case and the two reports
	"encoding/json"
	"fmt"
	"time"
)

// The public record of a finished case, as data: facts with their sources.
//
//go:embed heartbleed-2014.json
var caseFile []byte

//go:embed report.md
var report []byte

//go:embed second-report.md
var secondReport []byte

// record is what the demo reads of the case file.
type record struct {
	Title         string   `json:"title"`
	CVE           []string `json:"cve"`
	Organisations []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Role string `json:"role"`
	} `json:"organisations"`
	Embargo []struct {
		Proposed string `json:"proposed"`
	} `json:"embargo"`
	Events []event `json:"events"`
}

// event is one thing that happened.
type event struct {
	T    string   `json:"t"` // RFC 3339 time, or a date where only the day is known
	Org  string   `json:"org"`
	Kind string   `json:"kind"`
	To   []string `json:"to"`
	Note string   `json:"note"`
}

func loadRecord() (*record, error) {
	r := new(record)
	if err := json.Unmarshal(caseFile, r); err != nil {
		return nil, fmt.Errorf("case file: %w", err)
	}
	return r, nil
}

// name is an organisation's name by its key in the file.
func (r *record) name(key string) (name, role string, err error) {
	for _, o := range r.Organisations {
		if o.ID == key {
			return o.Name, o.Role, nil
		}
	}
	return "", "", fmt.Errorf("case file: no organisation %q", key)
}

// event is the first event of a kind by an organisation.
func (r *record) event(org, kind string) (event, error) {
	for _, e := range r.Events {
		if e.Org == org && e.Kind == kind {
			return e, nil
		}
	}
	return event{}, fmt.Errorf("case file: no event %q of %q", kind, org)
}

// at is an event's time; midnight UTC where only the day is known.
func (e event) at() (time.Time, error) { return parseDay(e.T) }

func parseDay(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Parse(time.DateOnly, s)
}

// day is an event's day, and hour where it is known, as the story prints it.
func (e event) day() string {
	if t, err := time.Parse(time.RFC3339, e.T); err == nil {
		return t.Format("2 Jan 15:04")
	}
	t, err := time.Parse(time.DateOnly, e.T)
	if err != nil {
		return e.T
	}
	return t.Format("2 Jan")
}

// planned is the end of the embargo as the file has it.
func (r *record) planned() (time.Time, error) {
	for _, e := range r.Embargo {
		if e.Proposed != "" {
			return parseDay(e.Proposed)
		}
	}
	return time.Time{}, fmt.Errorf("case file: no planned end of the embargo")
}
