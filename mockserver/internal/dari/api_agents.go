package dari

import (
	"net/http"
	"strconv"
	"time"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// agentView is an agent as the API shows it (clause CFG-019).
type agentView struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	ActiveVersionID string `json:"active_version_id"`
	CreatedAt       string `json:"created_at"`
}

func (a *agent) view() agentView { return agentView{a.ID, a.Name, a.VersionID, a.CreatedAt} }

func (p *Platform) listAgents(_ http.ResponseWriter, _ *http.Request, org string) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []agentView{}
	for _, a := range p.agents.all() {
		if a.Org == org {
			list = append(list, a.view())
		}
	}
	return http.StatusOK, map[string]any{"agents": list}, nil
}

// withAgent answers with what f makes of the agent that the path names.
func (p *Platform) withAgent(r *http.Request, org string, f func(*agent) (int, any, error)) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := p.access(org, r.PathValue("agent"))
	if err != nil {
		return 0, nil, err
	}
	return f(a)
}

func (p *Platform) getAgent(_ http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	return p.withAgent(r, org, func(a *agent) (int, any, error) { return http.StatusOK, a.view(), nil })
}

func (p *Platform) deleteAgent(_ http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	return p.withAgent(r, org, func(a *agent) (int, any, error) {
		p.removeAgent(a.ID)
		return http.StatusOK, map[string]any{"id": a.ID, "deleted": true}, nil
	})
}

func (p *Platform) getWebhook(_ http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	return p.withAgent(r, org, func(a *agent) (int, any, error) { return http.StatusOK, a.Webhook.view(nil), nil })
}

// putWebhook creates or updates. The agent is looked for first, since an unknown one is a 404 whatever the body says.
func (p *Platform) putWebhook(w http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	if status, value, err := p.withAgent(r, org, func(*agent) (int, any, error) { return 0, nil, nil }); err != nil {
		return status, value, err
	}
	var body webhookBody
	if err := httpjson.Read(w, r, &body); err != nil {
		return 0, nil, err
	}
	if err := body.check(r.Context(), p.o.Policy); err != nil {
		return 0, nil, err
	}
	return p.withAgent(r, org, func(a *agent) (int, any, error) { return http.StatusOK, p.setWebhook(a, body), nil })
}

// deleteWebhook removes the webhook and its secret, or leaves things as they are (clauses CFG-004, CFG-005).
func (p *Platform) deleteWebhook(_ http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	return p.withAgent(r, org, func(a *agent) (int, any, error) {
		a.Webhook = nil
		p.saveAgent(a)
		return http.StatusOK, a.Webhook.view(nil), nil
	})
}

// maxOverlap is the longest time for which both secrets sign.
const maxOverlap = 30 * 24 * time.Hour

// rotateSecret replaces the secret. overlap_seconds, in the query or the body, lets the old one sign for a while; it is
// the mock's own, and the vendor's call has no body.
func (p *Platform) rotateSecret(w http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	var body struct {
		OverlapSeconds *int64 `json:"overlap_seconds"`
	}
	if err := httpjson.ReadOptional(w, r, &body); err != nil {
		return 0, nil, err
	}
	where := "body"
	if text := r.URL.Query().Get("overlap_seconds"); text != "" {
		where = "query"
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			seconds = -1
		}
		body.OverlapSeconds = &seconds
	}
	overlap := int64(0)
	if body.OverlapSeconds != nil {
		overlap = *body.OverlapSeconds
	}
	if overlap < 0 || overlap > int64(maxOverlap/time.Second) {
		return 0, nil, httpjson.Invalid("must be a number of seconds from 0 to 30 days", where, "overlap_seconds")
	}
	return p.withAgent(r, org, func(a *agent) (int, any, error) {
		view, err := p.rotate(a, time.Duration(overlap)*time.Second)
		return http.StatusOK, view, err
	})
}
