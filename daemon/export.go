package daemon

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/ledger/body"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// exportRow is one handing out of a body to somebody at this machine, as the daemon
// notes it before the first byte goes (spec/identity.md §7.2).
type exportRow struct {
	Case     id.CaseID  `json:"case"`
	Entry    id.EntryID `json:"entry"`
	Label    uint8      `json:"label"`
	Size     uint64     `json:"size"`
	Operator string     `json:"operator,omitempty"`
	At       uint64     `json:"at"` // Unix milliseconds
}

// export notes that the bytes of a body are handed out, and returns the stamp that
// goes with them. Its id is the time and 8 random bytes.
func (s *service) export(r *http.Request, c id.CaseID, e ledger.Entry, h body.Head) (api.Export, error) {
	label := h.Label // never freer than the terms, whatever the author wrote
	err := s.cases.With(c, func(k *protocol.Case) error {
		if _, record, ok := k.Agreement(h.Agr); ok {
			label = max(label, record.Terms.TLP)
		}
		return nil
	})
	if err != nil {
		return api.Export{}, err
	}
	row := exportRow{Case: c, Entry: e.ID, Label: label, Size: h.Size, Operator: operator(r), At: s.ms()}
	key := binary.BigEndian.AppendUint64(nil, row.At)
	key = append(key, make([]byte, 8)...)
	_, _ = rand.Read(key[8:]) // never fails (crypto/rand)
	return s.stamp(key, row), s.exports.put(key, row)
}

// operator is who asks, as the caller says: one line of plain text, or nothing.
func operator(r *http.Request) string {
	name := strings.TrimSpace(r.Header.Get(api.OperatorHeader))
	if name == "" || identity.PlainText(name, identity.MaxName) != nil {
		return ""
	}
	return name
}

func (s *service) stamp(key []byte, row exportRow) api.Export {
	return api.Export{
		ID: hex.EncodeToString(key[8:]), Case: row.Case, Entry: row.Entry, TLP: tlpName(row.Label), Size: row.Size,
		Recipient: s.org.Name, Operator: row.Operator, At: api.Instant(row.At),
	}
}

// tlpName is the name of a label, "" of none that there is.
func tlpName(label uint8) string {
	if int(label) >= len(tlpNames) {
		return ""
	}
	return tlpNames[label]
}

// stampHeader carries a stamp beside the bytes.
func stampHeader(w http.ResponseWriter, x api.Export) error {
	b, err := json.Marshal(x)
	w.Header().Set(api.ExportHeader, hex.EncodeToString(b)) // a name may be no header text
	return err
}

// getExports answers GET /cases/{case}/exports: what was handed out here, oldest first.
func (s *service) getExports(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	out := &api.Exports{Schema: "cordon.exports/1", Exports: []api.Export{}}
	err = s.exports.all(func(key []byte, row exportRow) error {
		if row.Case == c && len(key) == 16 {
			out.Exports = append(out.Exports, s.stamp(key, row))
		}
		return nil
	})
	slices.SortStableFunc(out.Exports, func(a, b api.Export) int { return a.At.Compare(b.At) })
	return out, err
}

// label is the TLP label that a request names for its content; 0: that of the terms.
func label(name string) (uint8, error) {
	if name == "" {
		return 0, nil
	}
	if at := slices.Index(tlpNames, strings.ToLower(name)); at > 0 {
		return uint8(at), nil
	}
	return 0, invalid("%q is no TLP label: one of %s", name, strings.Join(tlpNames[1:], ", "))
}

// errLooser says that content cannot be freer than the terms under which it is written.
func errLooser(terms uint8) error {
	return &api.Error{Kind: api.Refused, Rule: "tlp-looser", Text: "the terms of the case say TLP:" + strings.ToUpper(tlpName(terms)) + "; what is written under them is no freer",
		Try: "a stricter label, or other terms: cordon embargo propose CASE --tlp LABEL"}
}
