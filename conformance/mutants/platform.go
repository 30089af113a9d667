package mutants

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// platform is a correct platform: the configuration API, the sender, and as much of sessions as both need.
type platform struct {
	fault fault
	key   string
	// loopback lets webhook URLs be plain HTTP and point anywhere: the switch of a test server.
	loopback bool
	// overlap is how long a rotated secret stays in use, on the retry clock.
	overlap time.Duration
	url     string
	engine  *engine

	mu     sync.Mutex
	agents []*agent
	// submitted holds the tool calls that have a result.
	submitted map[string]bool
	// ledger is what happened in each session.
	ledger map[string][]ledgerEvent
}

// agent is one agent and its webhook.
type agent struct {
	id, name string
	hook     *webhook
}

// webhook is where an agent's events go. A configured one is never changed, only replaced, so that a delivery can hold on
// to it.
type webhook struct {
	url    string
	types  []string
	secret string
	// former is the secret before the last rotation, in use until formerUntil.
	former      string
	formerUntil time.Time
}

// ledgerEvent is one entry of a session's ledger.
type ledgerEvent struct {
	ID        string    `json:"id"`
	SessionID string    `json:"session_id"`
	MessageID *string   `json:"message_id"`
	Type      string    `json:"type"`
	Data      any       `json:"data"`
	CreatedAt time.Time `json:"created_at"`
}

// withOverlap makes a rotation keep the old secret for an hour.
var withOverlap = setup{overlap: time.Hour}

// startSender serves a platform that delivers to loopback.
func startSender(tb testing.TB, _ Env, f fault, s setup) Target { return startPlatform(tb, f, s, true) }

// startConfig serves a platform that enforces every rule on webhook URLs.
func startConfig(tb testing.TB, _ Env, f fault, s setup) Target {
	return startPlatform(tb, f, s, false)
}

// startPlatform serves a platform with two agents.
func startPlatform(tb testing.TB, f fault, s setup, loopback bool) Target {
	p := &platform{
		fault: f, key: "key_" + rand.Text(), loopback: loopback, overlap: s.overlap,
		submitted: map[string]bool{}, ledger: map[string][]ledgerEvent{},
		agents: []*agent{{id: newID("agt"), name: "first"}, {id: newID("agt"), name: "second"}},
	}
	p.engine = newEngine(tb, p.fault, contract.Dari())
	p.url = serve(tb, p.routes(), 0)
	return Target{
		APIURL: p.url, APIKey: p.key, AgentID: p.agents[0].id, OtherAgentID: p.agents[1].id,
		TriggerURL: p.url + "/_mock/events", AdvanceURL: p.url + "/_mock/clock/advance",
		AttemptTimeout: attemptTimeout, RotationOverlap: s.overlap,
	}
}

// newID makes an id up.
func newID(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()) }

// routes returns the API and the control calls.
func (p *platform) routes() http.Handler {
	mux := http.NewServeMux()
	api := func(path string, methods map[string]http.HandlerFunc) {
		mux.Handle(path, p.authorized(byMethod(methods)))
	}
	api("/v1/agents", map[string]http.HandlerFunc{"GET": p.listAgents})
	api("/v1/agents/{agent}/webhook", map[string]http.HandlerFunc{
		"GET": p.onAgent(p.getWebhook), "PUT": p.onAgent(p.putWebhook), "DELETE": p.onAgent(p.deleteWebhook),
	})
	api("/v1/agents/{agent}/webhook/rotate-secret", map[string]http.HandlerFunc{"POST": p.onAgent(p.rotateSecret)})
	api("/v1/sessions/{session}/events", map[string]http.HandlerFunc{"GET": p.listEvents, "POST": p.submitEvent})
	mux.HandleFunc("POST /_mock/events", p.trigger)
	mux.HandleFunc("POST /_mock/clock/advance", p.engine.serveAdvance)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { p.fail(w, http.StatusNotFound, "Not Found") })
	return mux
}

// byMethod picks the handler of a request's method.
func byMethod(methods map[string]http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler := methods[r.Method]; handler != nil {
			handler(w, r)
			return
		}
		writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"detail": "Method Not Allowed"})
	})
}

// authorized lets through who knows the key (clause CFG-016).
func (p *platform) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Get("Authorization")
		switch {
		case given == "Bearer "+p.key, given == "" && p.fault == keyOptional, given != "" && p.fault == anyKey:
			next.ServeHTTP(w, r)
		case p.fault == keyForbidden:
			p.fail(w, http.StatusForbidden, "Not allowed")
		default:
			p.fail(w, http.StatusUnauthorized, "Invalid or missing API key")
		}
	})
}

// onAgent finds the agent that the path names, and holds the lock while its webhook is looked at or changed.
func (p *platform) onAgent(next func(http.ResponseWriter, *http.Request, *agent)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		a := p.agent(r.PathValue("agent"))
		switch {
		case a == nil && p.fault == unknownAgentCreated:
			a = &agent{id: r.PathValue("agent")}
		case a == nil && p.fault == unknownAgentBreaks:
			p.fail(w, http.StatusInternalServerError, "Internal Server Error")
			return
		case a == nil:
			p.fail(w, http.StatusNotFound, "Agent not found")
			return
		case p.fault == oneWebhookForAll:
			a = p.agents[0]
		}
		next(w, r, a)
	}
}

// agent finds an agent by its id. The lock is held.
func (p *platform) agent(id string) *agent {
	if i := slices.IndexFunc(p.agents, func(a *agent) bool { return a.id == id }); i >= 0 {
		return p.agents[i]
	}
	return nil
}

// listAgents answers with all agents (clause CFG-019).
func (p *platform) listAgents(w http.ResponseWriter, _ *http.Request) {
	agents := []map[string]any{}
	for _, a := range p.agents {
		agents = append(agents, map[string]any{"id": a.id, "name": a.name})
		if p.fault == agentsUnnamed {
			delete(agents[len(agents)-1], "name")
		}
	}
	if p.fault == agentsBare {
		writeJSON(w, http.StatusOK, agents)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"agents": agents})
}

// problem is one item of a 422 answer (clause CFG-020).
type problem struct {
	Loc  []string `json:"loc"`
	Msg  string   `json:"msg"`
	Type string   `json:"type"`
}

// fail answers with an error whose detail is a text (clause CFG-014).
func (p *platform) fail(w http.ResponseWriter, status int, detail string) {
	switch p.fault {
	case errorInPlainText:
		http.Error(w, detail, status)
	case errorUnderOtherName:
		writeJSON(w, status, map[string]string{"error": detail})
	default:
		writeJSON(w, status, map[string]string{"detail": detail})
	}
}

// invalid answers that a body does not fit, and where.
func (p *platform) invalid(w http.ResponseWriter, problems ...problem) {
	switch p.fault {
	case errorInPlainText, errorUnderOtherName:
		p.fail(w, http.StatusUnprocessableEntity, problems[0].Msg)
	case problemsWithoutPlace:
		writeJSON(w, http.StatusUnprocessableEntity, map[string]any{"detail": []map[string]string{{"msg": problems[0].Msg}}})
	default:
		writeJSON(w, http.StatusUnprocessableEntity, map[string]any{"detail": problems})
	}
}

// readObject reads a JSON object that has no other fields than those named, or answers what is wrong with it.
func (p *platform) readObject(w http.ResponseWriter, r *http.Request, known ...string) (map[string]json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&fields); err != nil || fields == nil {
		p.invalid(w, problem{[]string{"body"}, "Input should be a valid object", "model_attributes_type"})
		return nil, false
	}
	for name := range fields {
		if !slices.Contains(known, name) && !p.tolerates(w, name) {
			return nil, false
		}
	}
	return fields, true
}

// tolerates refuses an unknown field (clause CFG-015), unless a fault lets it pass.
func (p *platform) tolerates(w http.ResponseWriter, name string) bool {
	switch p.fault {
	case unknownFieldsIgnored:
		return true
	case unknownFieldsBreak:
		p.fail(w, http.StatusInternalServerError, "Internal Server Error")
	case unknownFieldsBadRequest:
		p.fail(w, http.StatusBadRequest, "Unknown field "+name)
	default:
		p.invalid(w, problem{[]string{"body", name}, "Extra inputs are not permitted", "extra_forbidden"})
	}
	return false
}

// isEventType reports whether an event type can be subscribed to.
func isEventType(name string) bool {
	_, ok := contract.Dari().EventFor(name)
	return ok
}
