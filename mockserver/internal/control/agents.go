package control

import (
	"net/http"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

func (a *API) listAgents(http.ResponseWriter, *http.Request) (int, any, error) {
	return http.StatusOK, map[string]any{"agents": a.Platform.Agents()}, nil
}

func (a *API) addAgent(w http.ResponseWriter, r *http.Request) (int, any, error) {
	return a.writeAgent(w, r, "", http.StatusCreated)
}

func (a *API) setAgent(w http.ResponseWriter, r *http.Request) (int, any, error) {
	return a.writeAgent(w, r, r.PathValue("agent_id"), http.StatusOK)
}

// maxName is how many bytes the name of an agent may have.
const maxName = 200

func (a *API) writeAgent(w http.ResponseWriter, r *http.Request, id string, status int) (int, any, error) {
	var spec client.AgentSpec
	if err := httpjson.Read(w, r, &spec); err != nil {
		return 0, nil, err
	}
	if len(spec.Name) > maxName {
		return 0, nil, httpjson.Invalid("must be at most 200 bytes", "body", "name")
	}
	agent, err := a.Platform.SetAgent(id, spec)
	return status, agent, err
}

// setWebhook sets a webhook with a secret of the caller's choice; a secret that was made is shown this once.
func (a *API) setWebhook(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var spec client.WebhookSpec
	if err := httpjson.Read(w, r, &spec); err != nil {
		return 0, nil, err
	}
	secret, err := a.Platform.SetWebhook(r.Context(), r.PathValue("agent_id"), spec)
	if err != nil {
		return 0, nil, err
	}
	answer := map[string]any{"webhook_url": spec.URL, "signing_secret": nil}
	if secret != "" {
		answer["signing_secret"] = secret
	}
	return http.StatusOK, answer, nil
}
