package dari

import (
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// Routes adds the API's paths to a mux.
func (p *Platform) Routes(mux *http.ServeMux) {
	for path, methods := range p.paths() {
		handlers := httpjson.Methods{}
		for method, h := range methods {
			handlers[method] = p.authorized(h)
		}
		mux.Handle(path, handlers)
	}
}

// handler answers a call of the organization that the key belongs to.
type handler func(w http.ResponseWriter, r *http.Request, org string) (status int, value any, err error)

// paths is the whole API.
func (p *Platform) paths() map[string]map[string]handler {
	return map[string]map[string]handler{
		"/v1/agents": {"GET": p.listAgents},
		"/v1/agents/{agent}": {
			"GET": p.getAgent, "DELETE": p.deleteAgent,
		},
		"/v1/agents/{agent}/webhook": {
			"GET": p.getWebhook, "PUT": p.putWebhook, "DELETE": p.deleteWebhook,
		},
		"/v1/agents/{agent}/webhook/rotate-secret": {"POST": p.rotateSecret},
		"/v1/agents/{agent}/sessions":              {"GET": p.listSessions, "POST": p.createSession},
		"/v1/agents/{agent}/messages":              {"POST": p.createMessage},
		"/v1/sessions/{session}":                   {"GET": p.getSession},
		"/v1/sessions/{session}/events":            {"GET": p.listEvents, "POST": p.postEvent},
		"/v1/sessions/{session}/stream":            {"GET": p.stream},
		"/v1/sessions/{session}/transcript":        {"GET": p.getTranscript},
		"/v1/session-batches":                      {"POST": p.createBatch},
		"/v1/session-batches/{batch}":              {"GET": p.getBatch},
	}
}

// authorized lets calls with a known key through (clause CFG-016), and answers a change only when it is on disk.
func (p *Platform) authorized(h handler) http.Handler {
	return httpjson.Handler(func(w http.ResponseWriter, r *http.Request) (int, any, error) {
		org, ok := p.orgOf(r.Header.Get("Authorization"))
		if !ok {
			return 0, nil, httpjson.Refuse(http.StatusUnauthorized, "Missing or invalid API key")
		}
		if len(r.Header.Get("Idempotency-Key")) > maxRepeatKey {
			return 0, nil, httpjson.Invalid(longRepeatKey, "header", "Idempotency-Key")
		}
		status, value, err := h(w, r, org)
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := p.o.Store.Sync(r.Context()); err != nil {
				return 0, nil, httpjson.Refuse(http.StatusServiceUnavailable, "the state could not be stored")
			}
		}
		return status, value, err
	})
}

// orgOf returns the organization of a bearer key (RFC 6750 section 2.1).
func (p *Platform) orgOf(authorization string) (org string, ok bool) {
	scheme, key, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	key = strings.TrimSpace(key)
	for known, of := range p.o.Keys {
		if subtle.ConstantTimeCompare([]byte(known), []byte(key)) == 1 {
			org, ok = of, true
		}
	}
	return org, ok
}
