// Package control is the API under /_mock/ by which tests and people drive the mock platform: events, deliveries,
// faults, the clock, assertions. It knows platforms by an interface alone.
package control

import (
	"context"
	"net/http"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/clock"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/storage"
)

// Platform is a provider's side of the mock.
type Platform interface {
	Provider() contract.Provider
	Emit(client.Event) (client.Emission, error)
	CheckFault(faults.Fault) error
	Agents() []client.Agent
	SetAgent(id string, spec client.AgentSpec) (client.Agent, error)
	SetWebhook(ctx context.Context, id string, spec client.WebhookSpec) (secret string, err error)
	Results() []client.Result
	Counts() (agents, sessions int)
}

// API serves the control calls.
type API struct {
	Platform Platform
	Engine   *delivery.Engine
	Faults   *faults.Set
	Clock    *clock.Clock
	Store    *storage.File
	// Scenarios are the names that agents can be given.
	Scenarios []string
	// Reset empties the whole mock.
	Reset func()
	// Undelivered is told of events that no webhook takes.
	Undelivered func(events int, reason string)
	// Advanced is told that the clock was moved.
	Advanced func()
	// Status fills in what the server alone knows.
	Status func(*client.Status)
	// Started is when the server started.
	Started time.Time
}

// Routes adds the calls to a mux.
func (a *API) Routes(mux *http.ServeMux) {
	for path, methods := range a.paths() {
		handlers := httpjson.Methods{}
		for method, h := range methods {
			handlers[method] = a.durable(h)
		}
		mux.Handle("/_mock"+path, handlers)
	}
}

// paths is the whole control API.
func (a *API) paths() map[string]map[string]httpjson.Handler {
	return map[string]map[string]httpjson.Handler{
		"/events":                    {"POST": a.emit},
		"/deliveries":                {"GET": a.listDeliveries},
		"/deliveries/stream":         {"GET": a.stream},
		"/deliveries/summaries":      {"GET": a.listSummaries},
		"/deliveries/{id}":           {"GET": a.getDelivery},
		"/deliveries/{id}/resend":    {"POST": a.resend},
		"/faults":                    {"GET": a.listFaults, "POST": a.addFault, "DELETE": a.clearFaults},
		"/faults/kinds":              {"GET": a.listKinds},
		"/faults/{id}":               {"GET": a.getFault, "DELETE": a.removeFault},
		"/results":                   {"GET": a.listResults},
		"/clock":                     {"GET": a.getClock},
		"/clock/advance":             {"POST": a.advance},
		"/assert":                    {"GET": a.assert},
		"/reset":                     {"POST": a.reset},
		"/status":                    {"GET": a.status},
		"/scenarios":                 {"GET": a.listScenarios},
		"/agents":                    {"GET": a.listAgents, "POST": a.addAgent},
		"/agents/{agent_id}":         {"PUT": a.setAgent},
		"/agents/{agent_id}/webhook": {"PUT": a.setWebhook},
	}
}

// durable answers a change only when it is on disk.
func (a *API) durable(h httpjson.Handler) http.Handler {
	return httpjson.Handler(func(w http.ResponseWriter, r *http.Request) (int, any, error) {
		status, value, err := h(w, r)
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := a.Store.Sync(r.Context()); err != nil {
				return 0, nil, httpjson.Refuse(http.StatusServiceUnavailable, "the state could not be stored")
			}
		}
		return status, value, err
	})
}

func (a *API) emit(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var spec client.Event
	if err := httpjson.Read(w, r, &spec); err != nil {
		return 0, nil, err
	}
	emission, err := a.Platform.Emit(spec)
	if emission.Undelivered != "" {
		a.Undelivered(len(emission.Events), emission.Undelivered)
	}
	return http.StatusAccepted, emission, err
}

func (a *API) listResults(http.ResponseWriter, *http.Request) (int, any, error) {
	return http.StatusOK, map[string]any{"results": a.Platform.Results()}, nil
}

func (a *API) listScenarios(http.ResponseWriter, *http.Request) (int, any, error) {
	return http.StatusOK, map[string]any{"scenarios": a.Scenarios}, nil
}

func (a *API) reset(http.ResponseWriter, *http.Request) (int, any, error) {
	a.Reset()
	return http.StatusOK, map[string]any{"reset": true}, nil
}

func (a *API) status(http.ResponseWriter, *http.Request) (int, any, error) {
	counts := a.Engine.Counts()
	agents, sessions := a.Platform.Counts()
	s := client.Status{
		Provider: a.Platform.Provider().Name, StartedAt: a.Started, Clock: a.clock(),
		Deliveries: map[string]int{
			client.Pending: counts.Pending, client.Succeeded: counts.Succeeded, client.Failed: counts.Failed,
		},
		Dropped: counts.Dropped, Memory: counts.Memory, MaxMemory: counts.MaxMemory, InFlight: counts.InFlight, Agents: agents, Sessions: sessions, Faults: len(a.Faults.List()),
	}
	a.Status(&s)
	return http.StatusOK, s, nil
}
