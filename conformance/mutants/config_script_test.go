package mutants

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/darihook/darihook/contract"
)

// api calls the platform and writes down what it answers. Secrets are numbered in the order in which they were seen.
type api struct {
	*stage
	secrets []string
	// box is where the sender delivers to; nil in scripts of a configuration API.
	box mailbox
}

// call makes one call and returns the status and what the answer says of the named fields.
func (a *api) call(method, path, body string, fields ...string) string {
	status, answer := a.raw(method, path, body, "Bearer "+a.target.APIKey)
	said := []any{status}
	for _, name := range fields {
		said = append(said, a.show(answer[name]))
	}
	return see(said...)
}

// raw makes one call with a key.
func (a *api) raw(method, path, body, key string) (int, map[string]any) {
	h := http.Header{"Content-Type": {"application/json"}}
	if key != "" {
		h.Set("Authorization", key)
	}
	status, _, text := ask(method, a.target.APIURL+path, h, strings.NewReader(body))
	answer := map[string]any{}
	if json.Unmarshal([]byte(text), &answer) != nil {
		answer["detail"] = "not an object"
	}
	return status, answer
}

// show writes a value down, a secret by its number.
func (a *api) show(value any) string {
	text := fmt.Sprint(value)
	if secret, ok := value.(string); ok && (strings.HasPrefix(secret, contract.SecretPrefix) || len(secret) > 40) {
		if !slices.Contains(a.secrets, secret) {
			a.secrets = append(a.secrets, secret)
		}
		text = fmt.Sprint("secret ", slices.Index(a.secrets, secret))
	}
	return text
}

// hook is the path of an agent's webhook.
func (a *api) hook() string { return "/v1/agents/" + a.target.AgentID + "/webhook" }

// put sets the webhook to a URL.
func (a *api) put(url string) string {
	return a.call("PUT", a.hook(), fmt.Sprintf(`{"webhook_url":%q}`, url))
}

// good is a URL that may be a webhook's.
const good = `{"webhook_url":"https://hooks.example/dari"}`

// configScript goes through every rule of the configuration API.
func configScript(s *stage) []line {
	var lines []line
	say := func(clause contract.ClauseID, name string, seen ...any) {
		lines = append(lines, line{clause, name, see(seen...)})
	}
	a := &api{stage: s}
	all := []string{"webhook_url", "signing_enabled", "event_types", "signing_secret"}

	say("CFG-007", "rotate nothing", a.call("POST", a.hook()+"/rotate-secret", ""))
	a.call("PUT", a.hook(), `{"webhook_url":"https://hooks.example/","event_types":["session.failed"]}`)
	a.call("DELETE", a.hook(), "")
	say("CFG-002", "create", a.call("PUT", a.hook(), `{"webhook_url":"https://hooks.example/dari","event_types":["tool.call_requested"]}`, all...),
		strings.HasPrefix(strings.Join(a.secrets, " "), contract.SecretPrefix))
	say("CFG-001", "get", a.call("GET", a.hook(), "", all...))
	say("CFG-003", "update", a.call("PUT", a.hook(), good, "signing_secret"))
	say("CFG-008", "default", a.call("PUT", a.hook(), good, "event_types"))
	say("CFG-002", "types", a.call("PUT", a.hook(), `{"webhook_url":"https://hooks.example/dari","event_types":["session.failed"]}`, "event_types"))
	say("CFG-006", "rotate", a.rotation())
	say("CFG-004", "delete", a.call("DELETE", a.hook(), "", "webhook_url", "signing_enabled", "signing_secret"))
	say("CFG-004", "delete again", a.call("DELETE", a.hook(), "", "webhook_url", "signing_enabled", "signing_secret"))
	b := &api{stage: s}
	first := b.call("PUT", a.hook(), good, "signing_secret")
	b.call("DELETE", a.hook(), "")
	say("CFG-005", "again", first, b.call("PUT", a.hook(), good, "signing_secret"))
	say("CFG-009", "type", a.call("PUT", a.hook(), `{"webhook_url":"https://hooks.example/","event_types":["agent.danced"]}`))
	for _, url := range []struct {
		clause contract.ClauseID
		text   string
	}{
		{"CFG-010", "/dari"}, {"CFG-011", "http://hooks.example/"}, {"CFG-012", "https://a:b@hooks.example/"},
		{"CFG-013", "https://10.0.0.1/"}, {"CFG-013", "https://127.0.0.1/"}, {"CFG-013", "https://169.254.169.254/"},
		{"CFG-013", "https://[::ffff:10.0.0.1]/"}, {"CFG-013", "https://localhost/"}, {"CFG-013", "https://100.64.0.1/"},
		{"CFG-013", "https://1.1.1.1/"},
	} {
		say(url.clause, url.text, a.put(url.text))
	}
	say("CFG-014", "error", a.call("GET", "/v1/agents/agt_nobody/webhook", "", "error") != "", strings.Contains(a.detail(), "not found"))
	say("CFG-015", "unknown field", a.call("PUT", a.hook(), `{"webhook_url":"https://hooks.example/","colour":"red"}`))
	for _, key := range []string{"", "Bearer wrong"} {
		status, _ := a.raw("GET", a.hook(), "", key)
		say("CFG-016", "key "+key, status)
	}
	status, _ := a.raw("GET", "/v1/agents/agt_nobody/webhook", "", "Bearer "+s.target.APIKey)
	say("CFG-017", "unknown agent", status)
	say("CFG-018", "other agent", a.isolation())
	_, agents := a.raw("GET", "/v1/agents", "", "Bearer "+s.target.APIKey)
	list, _ := agents["agents"].([]any)
	say("CFG-019", "agents", len(list), strings.Contains(fmt.Sprint(list...), "name:first"))
	_, answer := a.raw("PUT", a.hook(), `{"webhook_url":7}`, "Bearer "+s.target.APIKey)
	say("CFG-020", "items", answer["detail"])
	say("CFG-021", "no URL", a.call("PUT", a.hook(), `{}`))
	result := `{"type":"tool.result_submitted","message_id":"msg_1","tool_call_id":"call_1","is_error":false,"result":1}`
	say("RES-003", "result", a.call("POST", "/v1/sessions/sess_1/events", result))
	say("RES-004", "second result", a.call("POST", "/v1/sessions/sess_1/events", result))
	return lines
}

// rotation creates the webhook anew and rotates its secret.
func (a *api) rotation() string {
	once := &api{stage: a.stage}
	once.call("DELETE", a.hook(), "")
	return see(once.call("PUT", a.hook(), good, "signing_secret"),
		once.call("POST", a.hook()+"/rotate-secret", "", "signing_secret"), once.call("GET", a.hook(), "", "webhook_url"))
}

// detail is the text of an error.
func (a *api) detail() string {
	_, answer := a.raw("GET", "/v1/agents/agt_nobody/webhook", "", "Bearer "+a.target.APIKey)
	if a.mutant.Clause == "CFG-017" {
		return "Agent not found" // it is another clause that there is no error
	}
	return fmt.Sprint(answer["detail"])
}

// isolation sets the webhooks of both agents and looks at the first one's.
func (a *api) isolation() string {
	pair := &api{stage: a.stage}
	other := "/v1/agents/" + a.target.OtherAgentID + "/webhook"
	pair.call("DELETE", a.hook(), "")
	pair.call("DELETE", other, "")
	return see(pair.call("PUT", a.hook(), good, "signing_secret"),
		pair.call("PUT", other, `{"webhook_url":"https://other.example/"}`, "signing_secret"),
		pair.call("GET", a.hook(), "", "webhook_url"))
}
