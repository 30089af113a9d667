package conformance

import (
	"context"
	"slices"

	"github.com/darihook/darihook/contract"
)

// Spec is one test of one clause, for the roles that owe it.
type Spec struct {
	// Clause is the rule that the spec tests.
	Clause contract.ClauseID
	// Name says what is expected, as the end of a sentence that begins with the role.
	Name string
	// Roles are the sides that the spec can judge.
	Roles []contract.Role

	// fits tells whether the spec belongs to a session at all; one that does not leaves no trace in its report. Nil: it
	// belongs to every session of its roles.
	fits func(*session) bool
	// alone tells that no other spec may run at the same time.
	alone bool
	// needs says why the spec cannot run in a session; nil when it always can.
	needs func(*session) skip
	// run carries the spec out. It returns when what it asks for holds, and else ends through a method of the probe.
	run func(context.Context, *probe)
}

// Specs returns every spec that the suite has for a role of a provider's contract, in the order of the clauses.
func Specs(p contract.Provider, role contract.Role) []Spec {
	var specs []Spec
	for _, c := range p.Owed(role) {
		for _, s := range catalogue() {
			if s.Clause == c.ID && slices.Contains(s.Roles, role) {
				specs = append(specs, s)
			}
		}
	}
	return specs
}

// Unobservable returns the clauses, or parts of clauses, that the suite cannot see from outside, with the reason.
func Unobservable() map[contract.ClauseID]string {
	return map[contract.ClauseID]string{
		"SIG-011": "how long a comparison takes cannot be told apart from the noise of a network; only that the whole value is compared is tested",
	}
}

// catalogue lists every spec, section by section.
func catalogue() []Spec {
	return slices.Concat(
		signingSpecs, freshnessSpecs, identitySpecs, deduplicationSpecs, receivingSpecs, resultSpecs, gateSpecs,
		sendingSpecs, attemptSpecs, eventSpecs, rotationSpecs, configurationSpecs, urlSpecs, vectors(),
		danubeConfigurationSpecs, danubeSendingSpecs, tessConfigurationSpecs, tessSendingSpecs,
	)
}

// Who can be judged by a spec.
var (
	takers   = []contract.Role{contract.Receiver, contract.Gate}
	receiver = []contract.Role{contract.Receiver}
	gates    = []contract.Role{contract.Gate}
	senders  = []contract.Role{contract.Sender}
	configs  = []contract.Role{contract.Config}
)
