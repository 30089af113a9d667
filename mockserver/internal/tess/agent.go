package tess

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// agent is an agent, which the API also calls a template, as it is stored.
type agent struct {
	ID   int64  `json:"id"`
	User int64  `json:"user"`
	Name string `json:"name"`
}

// numberForm is a positive number as the API writes its ids.
var numberForm = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

// numberOf reads an id and returns 0 where it is none.
func numberOf(text string) int64 {
	if !numberForm.MatchString(text) {
		return 0
	}
	n, _ := strconv.ParseInt(text, 10, 64) // 18 digits always fit
	return n
}

// maxAgents bounds the agents that can be made.
const maxAgents = 10_000

// SetAgent makes or changes an agent; an empty id makes one with the next number. Errors: an [httpjson.Error], or
// [httpjson.Problems].
func (p *Platform) SetAgent(id string, spec client.AgentSpec) (client.Agent, error) {
	if spec.Scenario != "" || len(spec.Script) > 0 {
		return client.Agent{}, httpjson.Invalid("Tess's agents run no scenarios here", "body", "scenario")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := numberOf(id)
	if id == "" {
		n = p.nextAgent()
	}
	if n == 0 {
		return client.Agent{}, httpjson.Invalid("must be a positive number of at most 18 digits", "path", "agent_id")
	}
	a, err := p.agentOrNew(n, DefaultUser)
	if err != nil {
		return client.Agent{}, err
	}
	if spec.Name != "" {
		a.Name = spec.Name
		p.saveAgent(a)
	}
	return p.show(a), nil
}

func (p *Platform) nextAgent() int64 {
	if len(p.agents) == 0 {
		return 1
	}
	return p.agents[len(p.agents)-1].ID + 1
}

// agent returns an agent, or nil.
func (p *Platform) agent(id int64) *agent {
	i, found := p.place(id)
	if !found {
		return nil
	}
	return p.agents[i]
}

func (p *Platform) place(id int64) (int, bool) {
	return slices.BinarySearchFunc(p.agents, id, func(a *agent, id int64) int { return cmp.Compare(a.ID, id) })
}

// agentOrNew returns an agent, made if it does not exist.
func (p *Platform) agentOrNew(id, user int64) (*agent, error) {
	i, found := p.place(id)
	if found {
		return p.agents[i], nil
	}
	if len(p.agents) >= maxAgents {
		return nil, httpjson.Refuse(http.StatusConflict, "too many agents")
	}
	a := &agent{ID: id, User: user, Name: strconv.FormatInt(id, 10)}
	p.agents = slices.Insert(p.agents, i, a)
	p.saveAgent(a)
	return a, nil
}

func (p *Platform) saveAgent(a *agent) { p.o.Store.Put(tableAgents, strconv.FormatInt(a.ID, 10), a) }

// show is the agent as the control API tells of it, with the webhook that the control API would change.
func (p *Platform) show(a *agent) client.Agent {
	shown := client.Agent{ID: strconv.FormatInt(a.ID, 10), Name: a.Name}
	if own := p.of(a); len(own) > 0 {
		shown.WebhookURL = own[0].URL
	}
	return shown
}

// Agents returns every agent of every user.
func (p *Platform) Agents() []client.Agent {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]client.Agent, len(p.agents))
	for i, a := range p.agents {
		list[i] = p.show(a)
	}
	return list
}

// access finds an agent for a user. Another user's is as unknown as none.
func (p *Platform) access(user int64, id string) (*agent, error) {
	n := numberOf(id)
	if a := p.agent(n); a != nil && a.User == user {
		return a, nil
	}
	if p.o.AutoCreate && n > 0 && p.agent(n) == nil {
		return p.agentOrNew(n, user)
	}
	return nil, httpjson.NotFound("Agent")
}
