package mutants

import (
	"slices"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// Mutant is one implementation that can be started and judged.
type Mutant struct {
	// Name is the role, a slash and the fault: "receiver/first-v1-only". Where the role is of another provider's contract
	// than Dari's, that stands before it: "danube-sender/four-attempts".
	Name string
	// Provider is the name of the provider whose contract applies.
	Provider string
	// Role that it plays.
	Role contract.Role
	// Fault says in one sentence what is wrong with it. Empty: it is a reference, and nothing is.
	Fault string
	// Clause is the one that must find the fault. Empty: it is a reference.
	Clause contract.ClauseID
	// Also are other clauses that the same fault cannot help breaking: who does not deduplicate at all does not
	// deduplicate copies that arrive together either. Any clause beyond Clause and Also must hold.
	Also []contract.ClauseID
	// Start starts it on loopback and stops it when the test ends.
	Start func(tb testing.TB, env Env) Target
}

// Env is what a mutant is given by whoever judges it. The zero value works for every role but the gate.
type Env struct {
	// UpstreamURL is where a gate forwards to.
	UpstreamURL string
	// Secret and SecondSecret are the signing secrets of a receiver or gate. Default: two secrets of the package's own.
	Secret, SecondSecret string
	// Timeout is how long the sender waits for an answer; a mutant that is too slow is slower than that. Default: 10
	// seconds.
	Timeout time.Duration
}

// Target is how to reach a mutant that runs, and what its owner would tell the suite about it. Which fields are set
// depends on the role.
type Target struct {
	// TargetURL takes deliveries: receiver and gate.
	TargetURL string
	// AliasURL is the same gate under another path and host name.
	AliasURL string
	// Secret and SecondSecret are the secrets that the target knows: receiver and gate.
	Secret, SecondSecret string
	// UpstreamURL is where the gate forwards to.
	UpstreamURL string
	// Scheme is the name of the signing scheme. Empty: the provider's own.
	Scheme string
	// BodyBudget is the bound in bytes on all bodies in flight in the gate.
	BodyBudget int64
	// UpstreamTimeout is how long the gate waits for its upstream.
	UpstreamTimeout time.Duration
	// StoreFaultURL takes {"available": false} or {"available": true} by POST, and takes the gate's memory of
	// deliveries away or brings it back.
	StoreFaultURL string

	// APIURL is the base of the platform's API, without /v1: sender and config.
	APIURL string
	// APIKey is the bearer key of the API.
	APIKey string
	// AgentID is an agent of the platform, OtherAgentID a second one.
	AgentID, OtherAgentID string
	// TriggerURL makes the sender emit events: POST {"agent_id","type","data"?,"count"?}.
	TriggerURL string
	// AdvanceURL moves the sender's retry clock forward: POST {"duration":"1h"}. The answer comes when every attempt
	// that fell due has ended.
	AdvanceURL string
	// AttemptTimeout is how long the sender waits for an answer.
	AttemptTimeout time.Duration
	// RotationOverlap is how long the sender goes on signing with the old secret as well after a rotation.
	RotationOverlap time.Duration
	// RateLimit is how many calls the API lets a key make in a minute of the retry clock. 0: any number.
	RateLimit int
	// Workspace is the id of the workspace that the key belongs to. Empty: there are none.
	Workspace string
}

// fault names the one thing that a mutant does wrong. The empty fault is the reference.
type fault string

// setup is how an implementation is configured where that matters to a clause. The zero value is the default.
type setup struct {
	// scheme is the name of the signing scheme.
	scheme string
	// overlap is how long a rotated secret stays in use.
	overlap time.Duration
	// limit is how many calls a key may make in a minute.
	limit int
}

// row is one mutant as data.
type row struct {
	fault  fault
	clause contract.ClauseID
	// says is the sentence that becomes Mutant.Fault.
	says string
	also []contract.ClauseID
	setup
}

// also lists clauses that a fault breaks by implication.
func also(ids ...contract.ClauseID) []contract.ClauseID { return ids }

// starter starts one role's implementation with a fault.
type starter func(tb testing.TB, env Env, f fault, s setup) Target

// family is the mutants of one role under one provider's contract.
type family struct {
	// name is what the names of its mutants begin with.
	name     string
	provider contract.Provider
	role     contract.Role
	start    starter
	rows     []row
	// variants are further configurations of the reference, by their names, for the clauses that apply only to those.
	variants map[string]setup
}

// families returns all roles with their mutants.
func families() []family {
	return []family{
		{"receiver", contract.Dari(), contract.Receiver, startReceiver, slices.Concat(verifierFaults, claimFaults, receiverFaults), nil},
		{"gate", contract.Dari(), contract.Gate, startGate, slices.Concat(verifierFaults, claimFaults, gateFaults),
			map[string]setup{"reference-dari-body": bodyScheme}},
		{"sender", contract.Dari(), contract.Sender, startSender, slices.Concat(senderFaults, dariSenderFaults),
			map[string]setup{"reference-overlap": withOverlap}},
		{"config", contract.Dari(), contract.Config, startConfig, configFaults, nil},
		{"danube-sender", contract.Danube(), contract.Sender, startDanubeSender, slices.Concat(senderFaults, danubeSenderFaults), nil},
		{"danube-config", contract.Danube(), contract.Config, startDanubeConfig, danubeConfigFaults, nil},
		{"tess-sender", contract.Tess(), contract.Sender, startTessSender, tessSenderFaults, nil},
		{"tess-config", contract.Tess(), contract.Config, startTessConfig, tessConfigFaults,
			map[string]setup{"reference-limited": withLimit}},
	}
}

// All returns every mutant, grouped by role.
func All() []Mutant {
	var all []Mutant
	for _, f := range families() {
		for _, r := range f.rows {
			all = append(all, f.mutant(r))
		}
	}
	return all
}

// References returns the correct implementations: one for each family, and one more where a clause applies only to another
// configuration.
func References() []Mutant {
	var all []Mutant
	for _, f := range families() {
		all = append(all, f.reference("reference", setup{}))
		for name, s := range f.variants {
			all = append(all, f.reference(name, s))
		}
	}
	return all
}

// mutant makes a row startable.
func (f family) mutant(r row) Mutant {
	return Mutant{
		Name: f.name + "/" + string(r.fault), Provider: f.provider.Name, Role: f.role, Fault: r.says, Clause: r.clause,
		Also:  f.owed(r.also),
		Start: func(tb testing.TB, env Env) Target { return f.start(tb, env.withDefaults(), r.fault, r.setup) },
	}
}

// owed keeps the clauses that the role owes: families share rows, and not all of a row's clauses bind them all.
func (f family) owed(ids []contract.ClauseID) []contract.ClauseID {
	return slices.DeleteFunc(slices.Clone(ids), func(id contract.ClauseID) bool {
		c, _ := f.provider.ClauseFor(id)
		return !slices.Contains(c.Roles, f.role)
	})
}

// reference makes the faultless implementation startable under a name.
func (f family) reference(name string, s setup) Mutant {
	return Mutant{
		Name: f.name + "/" + name, Provider: f.provider.Name, Role: f.role,
		Start: func(tb testing.TB, env Env) Target { return f.start(tb, env.withDefaults(), "", s) },
	}
}

// withDefaults gives an environment that names no secrets some.
func (e Env) withDefaults() Env {
	if e.Secret == "" {
		e.Secret = "whsec_first-secret-of-a-mutant-under-test"
	}
	if e.SecondSecret == "" {
		e.SecondSecret = "whsec_second-secret-of-a-mutant-under-test"
	}
	if e.Timeout == 0 {
		e.Timeout = 10 * time.Second
	}
	return e
}

// Unobservable lists the clauses that bind, with the role, and that no mutant breaks because nobody outside the
// implementation can tell.
func Unobservable() []Exemption {
	const once = "the scheme has one timestamp, so that no two can differ"
	const unknown = "deliveries have no id"
	return []Exemption{{"TIME-006", "danube-sender", once}, {"ID-002", "danube-sender", unknown}, {"ID-002", "tess-sender", unknown}}
}

// Exemption is a clause without a mutant in a family, and why.
type Exemption struct {
	Clause contract.ClauseID
	// Party is what the names of the family's mutants begin with.
	Party  string
	Reason string
}
