package tess

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// HeaderWorkspace names a workspace. A number is taken, and has no effect here: what it changes is not public.
const HeaderWorkspace = "x-workspace-id"

// bases are the paths under which the API was served at its two addresses.
var bases = []string{"", "/api"}

// Routes adds the API's paths to a mux.
func (p *Platform) Routes(mux *http.ServeMux) {
	for path, methods := range p.paths() {
		handlers := map[string]httpjson.Handler{}
		for method, h := range methods {
			handlers[method] = p.authorized(h)
		}
		for _, base := range bases {
			mux.Handle(base+path, httpjson.Form(fail).Methods(handlers))
		}
	}
	for _, under := range []string{"/api/", "/agents/", "/webhooks/"} {
		mux.HandleFunc(under, httpjson.Form(fail).NotFound)
	}
}

// handler answers a call of the user that the key belongs to.
type handler func(w http.ResponseWriter, r *http.Request, user int64) (status int, value any, err error)

// paths is the whole API.
func (p *Platform) paths() map[string]map[string]handler {
	return map[string]map[string]handler{
		"/agents/{agent}/webhooks": {"GET": p.listOfAgent, "POST": p.create},
		"/webhooks":                {"GET": p.list},
		"/webhooks/{webhook}":      {"DELETE": p.drop},
	}
}

// authorized lets calls with a known key through, and answers a change only when it is on disk. A bad key is answered with
// 403 and not with 401.
func (p *Platform) authorized(h handler) httpjson.Handler {
	return func(w http.ResponseWriter, r *http.Request) (int, any, error) {
		user, ok := p.userOf(r.Header.Get("Authorization"))
		if !ok {
			return 0, nil, httpjson.Refuse(http.StatusForbidden, "Unauthorized")
		}
		if err := p.take(user); err != nil {
			return 0, nil, err
		}
		if err := checkWorkspace(r.Header); err != nil {
			return 0, nil, err
		}
		status, value, err := h(w, r, user)
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := p.o.Store.Sync(r.Context()); err != nil {
				return 0, nil, httpjson.Refuse(http.StatusServiceUnavailable, "The state could not be stored")
			}
		}
		return status, value, err
	}
}

// userOf returns the user of a bearer key (RFC 6750 section 2.1).
func (p *Platform) userOf(authorization string) (user int64, ok bool) {
	scheme, key, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return 0, false
	}
	for known, of := range p.o.Keys {
		if subtle.ConstantTimeCompare([]byte(known), []byte(strings.TrimSpace(key))) == 1 {
			user, ok = of, true
		}
	}
	return user, ok
}

// checkWorkspace refuses what is no workspace's id.
func checkWorkspace(h http.Header) error {
	for _, id := range h.Values(HeaderWorkspace) {
		if numberOf(id) == 0 {
			return httpjson.Invalid("must be a positive number", "header", HeaderWorkspace)
		}
	}
	return nil
}

// failure is what went wrong, as the API says it.
type failure struct {
	Error string `json:"error"`
	// Messages are the faults by field, in an answer of 400.
	Messages map[string][]string `json:"messages,omitempty"`
	// RetryAfter is a number of seconds, in an answer of 429.
	RetryAfter int `json:"retry_after,omitempty"`
}

// fail answers with an error in Tess's form.
func fail(w http.ResponseWriter, err error) {
	if problems, ok := errors.AsType[httpjson.Problems](err); ok {
		httpjson.Write(w, http.StatusBadRequest, failure{Error: "Validation failed", Messages: messages(problems)})
		return
	}
	if over, ok := errors.AsType[*limited](err); ok {
		w.Header().Set("Retry-After", strconv.Itoa(over.seconds()))
		httpjson.Write(w, http.StatusTooManyRequests, failure{Error: "Too many requests", RetryAfter: over.seconds()})
		return
	}
	status, said := http.StatusInternalServerError, "Internal error"
	if refusal, ok := errors.AsType[*httpjson.Error](err); ok {
		status, said = refusal.Status, refusal.Detail
	}
	httpjson.Write(w, status, failure{Error: said})
}

// messages sorts faults by field. What is wrong with the body as a whole stands under "body".
func messages(problems httpjson.Problems) map[string][]string {
	sorted := map[string][]string{}
	for _, p := range problems {
		field := "body"
		if len(p.Loc) > 1 {
			if name, ok := p.Loc[1].(string); ok {
				field = name
			}
		}
		sorted[field] = append(sorted[field], p.Msg)
	}
	return sorted
}

// create makes a webhook. The agent is looked for first, since an unknown one is a 404 whatever the body says.
func (p *Platform) create(w http.ResponseWriter, r *http.Request, user int64) (int, any, error) {
	p.mu.Lock()
	_, err := p.access(user, r.PathValue("agent"))
	p.mu.Unlock()
	if err != nil {
		return 0, nil, err
	}
	var b body
	if err := httpjson.Read(w, r, &b); err != nil {
		return 0, nil, err
	}
	if err := b.check(r.Context(), p.o.Policy, p.provider.Methods); err != nil {
		return 0, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := p.access(user, r.PathValue("agent"))
	if err != nil {
		return 0, nil, err
	}
	made, err := p.add(a, b)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, made.created(), nil
}

// listOfAgent answers a page of an agent's webhooks.
func (p *Platform) listOfAgent(_ http.ResponseWriter, r *http.Request, user int64) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := p.access(user, r.PathValue("agent"))
	if err != nil {
		return 0, nil, err
	}
	return p.page(r, p.of(a))
}

// list answers a page of the user's webhooks, whichever agent has them.
func (p *Platform) list(_ http.ResponseWriter, r *http.Request, user int64) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.page(r, p.living(func(w *webhook) bool { return w.UserID == user }))
}

func (p *Platform) page(r *http.Request, all []*webhook) (int, any, error) {
	want, err := wantedOf(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, paged(all, want, p.o.BaseURL()+r.URL.Path), nil
}

// drop deletes a webhook, and shows it with deleted_at for the last time; that it does is a choice.
func (p *Platform) drop(_ http.ResponseWriter, r *http.Request, user int64) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.find(numberOf(r.PathValue("webhook")))
	if w == nil || w.DeletedAt != nil || w.UserID != user {
		return 0, nil, httpjson.NotFound("Webhook")
	}
	p.remove(w)
	shown := *w
	return http.StatusOK, shown, nil
}
