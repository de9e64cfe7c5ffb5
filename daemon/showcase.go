package daemon

import (
	"cordon/daemon/api"
	"cordon/protocol"
)

// ShowCase is what a fold says of a case in the words of the local API: all of
// api.Case that needs no daemon, nor a clock.
func ShowCase(k *protocol.Case) *api.Case {
	out := &api.Case{Schema: "cordon.case/1", Case: k.ID(), Claims: []api.CaseClaim{}}
	showCase(out, k, 0)
	return out
}
