package daemon

import (
	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/id"
)

// ShowCase is what a fold says of a case in the words of the local API: all of
// api.Case that needs no daemon, nor a clock. The forks are those of its ledger.
func ShowCase(k *protocol.Case, forks []ledger.Fork) *api.Case {
	out := &api.Case{Schema: "cordon.case/1", Case: k.ID(), Claims: []api.CaseClaim{}, Forks: len(forks), Forked: showForks(k, forks, id.Kid{})}
	showCase(out, k, 0)
	return out
}
