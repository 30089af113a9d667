package mutants

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// tess is a correct platform of Tess with one user and two agents.
type tess struct {
	fault fault
	key   string
	url   string
	// loopback lets webhook URLs be plain HTTP: the switch of a test server.
	loopback bool
	// limit is how many calls the key may make in a minute of the retry clock; 0: any number.
	limit  int
	engine *engine

	mu    sync.Mutex
	hooks []*tessHook
	// since is when the minute began in which so many calls were made.
	since time.Time
	calls int
}

// tessHook is a webhook.
type tessHook struct {
	id, agent           int64
	url, method, status string
	made                time.Time
	successes, failures int
	deleted             bool
}

// The agents of the platform, its user, and the user's workspace.
const (
	tessAgent, tessOtherAgent = 7, 8
	tessUser                  = 3
	tessWorkspace             = "5"
)

// withLimit makes the API limit calls.
var withLimit = setup{limit: 40}

func startTessSender(tb testing.TB, _ Env, f fault, s setup) Target { return startTess(tb, f, s, true) }
func startTessConfig(tb testing.TB, _ Env, f fault, s setup) Target {
	return startTess(tb, f, s, false)
}

// startTess serves a platform of Tess.
func startTess(tb testing.TB, f fault, s setup, loopback bool) Target {
	p := &tess{fault: f, key: "key_" + rand.Text(), loopback: loopback, limit: s.limit, engine: newEngine(tb, f, contract.Tess())}
	p.url = serve(tb, p.routes(), 0)
	return Target{
		APIURL: p.url, APIKey: p.key, AgentID: strconv.Itoa(tessAgent), OtherAgentID: strconv.Itoa(tessOtherAgent),
		TriggerURL: p.url + "/_mock/events", AdvanceURL: p.url + "/_mock/clock/advance", RateLimit: s.limit,
		Workspace: tessWorkspace,
	}
}

// routes returns the API and the control calls.
func (p *tess) routes() http.Handler {
	mux := http.NewServeMux()
	for path, handler := range map[string]http.HandlerFunc{
		"GET /agents/{agent}/webhooks": p.onAgent(p.listOfAgent), "POST /agents/{agent}/webhooks": p.onAgent(p.create),
		"GET /webhooks": p.list, "DELETE /webhooks/{id}": p.drop,
	} {
		mux.Handle(path, p.authorized(handler))
	}
	serveControls(mux, p.engine, p)
	return mux
}

// authorized lets through who knows the key and has not called too often (clauses CFG-050 and CFG-053), and holds the lock.
func (p *tess) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Get("Authorization")
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case given == "Bearer "+p.key, given == "" && p.fault == keyOptional, given != "" && p.fault == anyKey:
		case p.fault == keyUnauthorized:
			p.fail(w, http.StatusUnauthorized, "Unauthorized", nil)
			return
		default:
			p.fail(w, http.StatusForbidden, "Unauthorized", nil)
			return
		}
		if !p.takesWorkspace(r) {
			p.fail(w, http.StatusBadRequest, "x-workspace-id", nil)
			return
		}
		if p.calls++; p.exceeded() {
			said := map[string]any{"retry_after": 60}
			if p.fault == limitSilent {
				said = nil
			}
			p.fail(w, http.StatusTooManyRequests, "Too many requests", said)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// takesWorkspace reports whether a call may go on with the workspace that it names, or without one (clause CFG-055).
func (p *tess) takesWorkspace(r *http.Request) bool {
	named := r.Header.Get("x-workspace-id")
	return named == "" || named == tessWorkspace && p.fault != workspaceRefused
}

// exceeded reports whether the call that was counted last is one too many.
func (p *tess) exceeded() bool {
	if now := p.engine.now(); now.Sub(p.since) >= time.Minute {
		p.since, p.calls = now, 1
	}
	return p.limit > 0 && p.calls > p.limit && p.fault != limitUnenforced
}

// onAgent finds the agent that the path names (clause CFG-054).
func (p *tess) onAgent(next func(http.ResponseWriter, *http.Request, int64)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		agent, err := strconv.ParseInt(r.PathValue("agent"), 10, 64)
		known := err == nil && (agent == tessAgent || agent == tessOtherAgent)
		if !known && p.fault != unknownAgentCreated {
			p.fail(w, http.StatusNotFound, "Agent not found", nil)
			return
		}
		next(w, r, agent)
	}
}

// fail answers with an error (clause CFG-051) and what else there is to say.
func (p *tess) fail(w http.ResponseWriter, status int, text string, more map[string]any) {
	said := map[string]any{"error": text}
	switch p.fault {
	case errorInPlainText:
		http.Error(w, text, status)
		return
	case errorUnderOtherName:
		said = map[string]any{"message": text}
	}
	maps.Copy(said, more)
	writeJSON(w, status, said)
}

// misfit answers that a body does not fit, by field (clause CFG-052).
func (p *tess) misfit(w http.ResponseWriter, messages map[string][]string) {
	status, more := http.StatusBadRequest, map[string]any{"messages": messages}
	switch p.fault {
	case misfitUnprocessable:
		status = http.StatusUnprocessableEntity
	case messagesMissing:
		more = nil
	case messagesInList:
		more["messages"] = slices.Concat(slices.Collect(maps.Values(messages))...)
	}
	p.fail(w, status, "Validation failed", more)
}

// create makes a webhook (clauses CFG-037 to CFG-044).
func (p *tess) create(w http.ResponseWriter, r *http.Request, agent int64) {
	var b map[string]any
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&b) != nil {
		p.misfit(w, map[string][]string{"body": {"must be an object"}})
		return
	}
	if messages := p.wrong(b); len(messages) > 0 {
		p.misfit(w, messages)
		return
	}
	h := &tessHook{id: int64(len(p.hooks) + 1), agent: agent, made: time.Now()}
	h.url, _ = b["url"].(string)
	h.method, _ = b["method"].(string)
	h.status = p.statusOf(b["status"])
	p.hooks = append(p.hooks, h)
	view := h.view()
	switch p.fault {
	case updatedAtMissing:
		delete(view, "updated_at")
	case userIDAsText:
		view["user_id"] = strconv.Itoa(tessUser)
	case templateIDOther:
		view["template_id"] = tessUser
	case secretMadeUp:
		view["secret"] = contract.SecretPrefix + rand.Text()
	}
	status := http.StatusCreated
	if p.fault == madeAnsweredOK {
		status = http.StatusOK
	}
	writeJSON(w, status, view)
}

// statusOf is the status of a webhook for which one was asked, or none (clauses CFG-041 and CFG-042).
func (p *tess) statusOf(asked any) string {
	status, given := asked.(string)
	switch {
	case given && p.fault != statusIgnored:
		return status
	case !given && p.fault == madeInactive:
		return "inactive"
	}
	return "active"
}

// view is a webhook as the API shows it when it is made.
func (h *tessHook) view() map[string]any {
	made := h.made.UTC().Format("2006-01-02T15:04:05.000000Z")
	return map[string]any{
		"template_id": h.agent, "user_id": tessUser, "url": h.url, "method": h.method, "status": h.status,
		"updated_at": made, "created_at": made, "id": h.id,
	}
}

// wrong lists what does not fit by field (clauses CFG-040, CFG-041, CFG-043 and CFG-044).
func (p *tess) wrong(b map[string]any) map[string][]string {
	messages := map[string][]string{}
	url, _ := b["url"].(string)
	plain := (p.loopback || p.fault == plainHTTPAccepted) && strings.HasPrefix(url, "http://")
	if !strings.HasPrefix(url, "https://") && !plain && !(b["url"] == nil && p.fault == urlOptional) {
		messages["url"] = []string{"must be an HTTPS URL"}
	}
	if !p.takesMethod(b["method"]) {
		messages["method"] = []string{"must be POST or GET"}
	}
	if s := b["status"]; s != nil && s != "active" && s != "inactive" && p.fault != anyStatus {
		messages["status"] = []string{"must be active or inactive"}
	}
	return messages
}

// takesMethod reports whether a webhook may have a method (clause CFG-040).
func (p *tess) takesMethod(method any) bool {
	switch p.fault {
	case otherMethods:
		return method != nil
	case methodOptional:
		return method == nil || method == "POST" || method == "GET"
	case getRefused:
		return method == "POST"
	}
	return method == "POST" || method == "GET"
}

// drop deletes a webhook (clauses CFG-049 and CFG-054).
func (p *tess) drop(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(p.hooks, func(h *tessHook) bool { return strconv.FormatInt(h.id, 10) == r.PathValue("id") && !h.deleted })
	switch {
	case i >= 0:
		p.hooks[i].deleted = true
		writeJSON(w, http.StatusOK, p.item(p.hooks[i]))
	case p.fault == unknownWebhookBreaks:
		p.fail(w, http.StatusInternalServerError, "Server Error", nil)
	default:
		p.fail(w, http.StatusNotFound, "Webhook not found", nil)
	}
}
