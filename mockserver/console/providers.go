package console

import (
	"encoding/json"

	"github.com/darihook/darihook/contract"
)

// provider is what the page knows of a platform: enough to explain its signatures and to offer its event types.
type provider struct {
	Name    string            `json:"name"`
	Title   string            `json:"title"`
	Schemes []contract.Scheme `json:"schemes"`
	Events  []event           `json:"events"`
}

type event struct {
	Type    string `json:"type"`
	Summary string `json:"summary"`
	// Default tells whether a subscription that names no types includes this one.
	Default bool `json:"default"`
}

// facts are the parts of the contract that the page explains.
type facts struct {
	Providers []provider `json:"providers"`
	// PastSeconds and FutureSeconds are the usual bounds of a timestamp's age (clauses TIME-002 and TIME-003).
	PastSeconds   float64 `json:"past_seconds"`
	FutureSeconds float64 `json:"future_seconds"`
}

// providersJSON returns the contract's facts for the page.
func providersJSON() []byte {
	all := facts{PastSeconds: contract.DefaultPast.Seconds(), FutureSeconds: contract.DefaultFuture.Seconds()}
	for _, p := range contract.Providers() {
		one := provider{Name: p.Name, Title: p.Title, Schemes: append([]contract.Scheme{}, p.Schemes()...), Events: []event{}}
		for _, e := range p.Events {
			one.Events = append(one.Events, event{e.Type, e.Summary, e.Default})
		}
		all.Providers = append(all.Providers, one)
	}
	body, err := json.Marshal(all)
	if err != nil {
		panic("console: encoding the contract: " + err.Error()) // the contract is plain data
	}
	return body
}
