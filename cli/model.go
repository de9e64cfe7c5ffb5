package cli

import (
	"io"
	"slices"
	"strings"

	"cordon/protocol"
	"cordon/protocol/model"
)

// modelVerbs show what the build was made from, without a daemon.
var modelVerbs = []verb{
	{use: "model [PART]", short: "the state machines and their figures; needs no daemon", json: true, run: (*call).model,
		long: `Show the formal model as this build has it: the machines of reports, embargo,
case state and consent, and the figures that follow from them by exact arithmetic.

PART is one of rm, em, cs, consent, embargo, rules, messages, figures; without it,
an overview. --json prints all of it, whatever the part. spec/model.md explains it.`,
		example: `  cordon model cs
  cordon model --json | jq '.histories[] | select(.rank == 61)'`},
}

// modelPart is what people see of the model at a time.
type modelPart struct {
	name  string
	print func(io.Writer, *modelView)
}

// modelParts are the parts by name.
var modelParts = []modelPart{
	{"rm", modelRM},
	{"em", modelEM},
	{"cs", modelCases},
	{"consent", modelConsent},
	{"embargo", modelHosts},
	{"rules", modelRules},
	{"messages", modelMessages},
	{"figures", modelFigures},
}

// modelView is the whole model.
type modelView struct {
	Schema       string                                      `json:"schema"` // cordon.model/1
	RM           modelMachine                                `json:"rm"`
	EM           modelMachine                                `json:"em"`
	CS           modelMachine                                `json:"cs"`
	Consent      modelMachine                                `json:"consent"`
	Histories    []model.History                             `json:"histories"` // the most skilled first
	Desiderata   []model.Desideratum                         `json:"desiderata"`
	Order        map[model.Event]map[model.Event]model.Ratio `json:"order"`    // how often row precedes column
	Prefixes     []int                                       `json:"prefixes"` // ways a case can begin, by events
	Participants modelSpaces                                 `json:"participants"`
	Embargo      []modelHost                                 `json:"embargo"` // a row a case state
	Rules        []model.Rule                                `json:"rules"`
	Messages     []modelMessage                              `json:"messages"`
	SSVC         modelSSVC                                   `json:"ssvc"`
}

// modelMachine is a machine; transitions are [from, event, to].
type modelMachine struct {
	States      []model.State          `json:"states"` // the first is the start
	Transitions [][3]string            `json:"transitions"`
	Means       map[model.State]string `json:"means,omitempty"`
}

// modelSpaces counts the states that a participant can have.
type modelSpaces struct {
	Raw    int           `json:"raw"`
	Spaces []model.Space `json:"by_role"`
}

// modelHost is what a case state makes of an embargo.
type modelHost struct {
	State  model.State `json:"state"`
	Forced model.Event `json:"forced,omitempty"`
	model.Host
}

// modelMessage is a type of message, and whether this build has its kind of entry.
type modelMessage struct {
	model.Message
	Built bool `json:"built"`
}

// modelSSVC is what SSVC asks and the model answers.
type modelSSVC struct {
	Points []model.Crossing `json:"points"`
	Trees  []model.Triage   `json:"trees"`
}

func (c *call) model() error {
	human := modelOverview
	if len(c.args) == 1 {
		i := slices.IndexFunc(modelParts, func(p modelPart) bool { return p.name == c.args[0] })
		if i < 0 {
			return usage("cordon model --help", "%q is no part of the model: one of %s", c.args[0], partNames(", "))
		}
		human = modelParts[i].print
	}
	v := newModelView()
	return c.show(v, func(w io.Writer) { human(w, v) })
}

func partNames(sep string) string {
	var names []string
	for _, p := range modelParts {
		names = append(names, p.name)
	}
	return strings.Join(names, sep)
}

func newModelView() *modelView {
	v := &modelView{
		Schema: "cordon.model/1",
		RM:     newModelMachine(model.RM), EM: newModelMachine(model.EM), CS: newModelMachine(model.CS), Consent: newModelMachine(model.Consent),
		Histories: model.Histories(), Desiderata: model.Desiderata(), Order: model.Order(), Prefixes: model.Prefixes(),
		Participants: modelSpaces{model.RawStates(), model.Spaces()},
		Rules:        model.Rules(),
		SSVC:         modelSSVC{model.Crossings(), model.Triages()},
	}
	for _, s := range model.CS.States() {
		v.Embargo = append(v.Embargo, modelHost{s, model.Forced(s), model.HostOf(s)})
	}
	kinds := protocol.Kinds()
	for _, m := range model.Messages() {
		v.Messages = append(v.Messages, modelMessage{m, m.Entry == "" || slices.Contains(kinds, m.Entry)})
	}
	return v
}

func newModelMachine(m *model.Machine) modelMachine {
	v := modelMachine{States: m.States()}
	for _, s := range v.States {
		if words := m.Means(s); words != "" {
			if v.Means == nil {
				v.Means = map[model.State]string{}
			}
			v.Means[s] = words
		}
	}
	for _, r := range m.Transitions() {
		v.Transitions = append(v.Transitions, [3]string{string(r.From), string(r.Event), string(r.To)})
	}
	return v
}
