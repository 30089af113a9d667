package dari

import (
	"encoding/json"
	"regexp"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
	"github.com/darihook/darihook/mockserver/internal/scenario"
)

// agent is an agent and its webhook, as it is stored.
type agent struct {
	ID        string          `json:"id"`
	Org       string          `json:"org"`
	Name      string          `json:"name"`
	VersionID string          `json:"version_id"`
	CreatedAt string          `json:"created_at"`
	Scenario  string          `json:"scenario"`
	Script    json.RawMessage `json:"script,omitempty"`
	Webhook   *webhook        `json:"webhook,omitempty"`

	script *scenario.Scenario // the agent's own, parsed from Script
}

// scenarioOf returns what the agent's messages run.
func (p *Platform) scenarioOf(a *agent) *scenario.Scenario {
	if a.script != nil {
		return a.script
	}
	if s := p.o.Scenarios[a.Scenario]; s != nil {
		return s
	}
	return p.o.Scenarios[scenario.Default]
}

var agentForm = regexp.MustCompile(`^agt_[A-Za-z0-9_-]{1,100}$`)

// maxAgents bounds the agents that can be made, and maxScript the bytes of a script.
const (
	maxAgents = 10_000
	maxScript = 64 << 10
)

// DefaultOrg is the organization of the first key and of agents made through the control API.
const DefaultOrg = "org_default"

// SetAgent makes or changes an agent; an empty id makes one with a new id. Errors: an [httpjson.Error], or
// [httpjson.Problems].
func (p *Platform) SetAgent(id string, spec client.AgentSpec) (client.Agent, error) {
	if len(spec.Script) > maxScript {
		return client.Agent{}, httpjson.Invalid("must be at most 65536 bytes", "body", "script")
	}
	var own *scenario.Scenario
	if len(spec.Script) > 0 {
		parsed, err := scenario.Parse(spec.Script)
		if err != nil {
			return client.Agent{}, err
		}
		own = parsed
	}
	if _, known := p.o.Scenarios[spec.Scenario]; spec.Scenario != "" && !known {
		return client.Agent{}, httpjson.Invalid("unknown scenario", "body", "scenario")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := p.agentOrNew(id, DefaultOrg)
	if err != nil {
		return client.Agent{}, err
	}
	if spec.Name != "" {
		a.Name = spec.Name
	}
	if spec.Scenario != "" {
		a.Scenario, a.Script, a.script = spec.Scenario, nil, nil
	}
	if own != nil {
		a.Scenario, a.Script, a.script = own.Name, spec.Script, own
	}
	p.saveAgent(a)
	return a.show(), nil
}

// agentOrNew returns an agent, made if it does not exist.
func (p *Platform) agentOrNew(id, org string) (*agent, error) {
	if id == "" {
		id = ident.New("agt")
	}
	if a, ok := p.agents.get(id); ok {
		return a, nil
	}
	if !agentForm.MatchString(id) {
		return nil, httpjson.Invalid("must be agt_ and up to 100 letters, digits, hyphens or underscores", "path", "agent_id")
	}
	if p.agents.len() >= maxAgents {
		return nil, httpjson.Refuse(429, "too many agents")
	}
	a := &agent{
		ID: id, Org: org, Name: id, VersionID: ident.New("ver"), CreatedAt: p.now(), Scenario: scenario.Default,
	}
	p.agents.put(id, a)
	p.saveAgent(a)
	return a, nil
}

// show is the agent as the control API tells of it.
func (a *agent) show() client.Agent {
	shown := client.Agent{ID: a.ID, Name: a.Name, Scenario: a.Scenario}
	if w := a.Webhook; w != nil {
		shown.WebhookURL, shown.EventTypes, shown.Rotating = w.URL, w.EventTypes, w.Previous != ""
	}
	return shown
}

// Agents returns every agent of every organization.
func (p *Platform) Agents() []client.Agent {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []client.Agent{}
	for _, a := range p.agents.all() {
		list = append(list, a.show())
	}
	return list
}

// access finds an agent for the organization of a key (clauses CFG-016, CFG-017).
func (p *Platform) access(org, id string) (*agent, error) {
	a, ok := p.agents.get(id)
	if !ok && p.o.AutoCreate && agentForm.MatchString(id) {
		return p.agentOrNew(id, org)
	}
	if !ok {
		return nil, httpjson.NotFound("Agent")
	}
	if a.Org != org {
		return nil, httpjson.Refuse(403, "This API key belongs to another organization")
	}
	return a, nil
}

// removeAgent forgets an agent and its webhook. Deliveries that are under way to it fail.
func (p *Platform) removeAgent(id string) {
	p.agents.remove(id)
	p.o.Store.Delete(tableAgents, id)
}
