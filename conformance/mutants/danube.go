package mutants

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/darihook/darihook/contract"
)

// danubeKey is the header in which Danube's client library sends the key.
const danubeKey = "danube-api-key"

// danube is a correct platform of Danube with one account.
type danube struct {
	fault fault
	key   string
	// loopback lets webhook URLs be plain HTTP: the switch of a test server.
	loopback bool
	engine   *engine

	mu    sync.Mutex
	hooks []*danubeHook
	log   []*danubeDelivery // the oldest first
}

// danubeHook is a webhook, as the API shows it.
type danubeHook struct {
	ID          string   `json:"id"`
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	IsActive    bool     `json:"is_active"`
	Description *string  `json:"description"`
	secret      string
	deleted     bool
}

func startDanubeSender(tb testing.TB, _ Env, f fault, _ setup) Target {
	return startDanube(tb, f, true)
}
func startDanubeConfig(tb testing.TB, _ Env, f fault, _ setup) Target {
	return startDanube(tb, f, false)
}

// startDanube serves a platform of Danube.
func startDanube(tb testing.TB, f fault, loopback bool) Target {
	p := &danube{fault: f, key: "key_" + rand.Text(), loopback: loopback, engine: newEngine(tb, f, contract.Danube())}
	url := serve(tb, p.routes(), 0)
	return Target{
		APIURL: url, APIKey: p.key, TriggerURL: url + "/_mock/events", AdvanceURL: url + "/_mock/clock/advance",
		AttemptTimeout: attemptTimeout,
	}
}

// routes returns the API and the control calls.
func (p *danube) routes() http.Handler {
	mux := http.NewServeMux()
	for path, handler := range map[string]http.HandlerFunc{
		"GET /v1/webhooks": p.list, "POST /v1/webhooks": p.create,
		"PATCH /v1/webhooks/{id}": p.onHook(p.change), "DELETE /v1/webhooks/{id}": p.onHook(p.drop),
		"GET /v1/webhooks/{id}/deliveries": p.onHook(p.deliveries),
	} {
		mux.Handle(path, p.authorized(handler))
	}
	serveControls(mux, p.engine, p)
	return mux
}

// authorized lets through who knows the key (clauses CFG-034 and CFG-035), and holds the lock.
func (p *danube) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, client := r.Header.Get("Authorization"), r.Header.Get(danubeKey)
		none := given == "" && client == ""
		known := given == "Bearer "+p.key || client == p.key && p.fault != clientKeyRefused
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case known, none && p.fault == keyOptional, !none && p.fault == anyKey:
			next.ServeHTTP(w, r)
		case p.fault == keyForbidden:
			p.fail(w, http.StatusForbidden, "forbidden", "Not allowed")
		default:
			p.fail(w, http.StatusUnauthorized, "unauthorized", "Missing or invalid credentials")
		}
	})
}

// onHook finds the webhook that the path names (clause CFG-036).
func (p *danube) onHook(next func(http.ResponseWriter, *http.Request, *danubeHook)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		i := slices.IndexFunc(p.hooks, func(h *danubeHook) bool { return h.ID == r.PathValue("id") && !h.deleted })
		switch {
		case i >= 0:
			next(w, r, p.hooks[i])
		case p.fault == unknownWebhookDeleted && r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			p.fail(w, http.StatusNotFound, "not_found", "Webhook not found")
		}
	}
}

// fail answers with an error (clause CFG-032).
func (p *danube) fail(w http.ResponseWriter, status int, code, message string) {
	said := map[string]any{"code": code, "message": message, "details": nil}
	switch p.fault {
	case errorInPlainText:
		http.Error(w, message, status)
		return
	case errorAsText:
		writeJSON(w, status, map[string]string{"error": message})
		return
	case errorWithoutDetails:
		delete(said, "details")
	}
	writeJSON(w, status, map[string]any{"error": said})
}

// misfit answers that a body does not fit (clause CFG-033).
func (p *danube) misfit(w http.ResponseWriter, message string) {
	status, code := http.StatusBadRequest, "validation_error"
	switch p.fault {
	case misfitUnprocessable:
		status = http.StatusUnprocessableEntity
	case misfitOtherCode:
		code = "bad_request"
	}
	p.fail(w, status, code, message)
}

// list shows every webhook (clause CFG-025).
func (p *danube) list(w http.ResponseWriter, _ *http.Request) {
	views := []map[string]any{}
	for _, h := range p.hooks {
		if h.deleted && p.fault != deleteKeepsWebhook {
			continue
		}
		view := h.view()
		switch p.fault {
		case secretInList:
			view["secret"] = h.secret
		case descriptionUnlisted:
			delete(view, "description")
		}
		views = append(views, view)
	}
	if p.fault == listInObject {
		writeJSON(w, http.StatusOK, map[string]any{"webhooks": views})
		return
	}
	writeJSON(w, http.StatusOK, views)
}

// view is a webhook as the API shows it.
func (h *danubeHook) view() map[string]any {
	return map[string]any{"id": h.ID, "url": h.URL, "events": h.Events, "is_active": h.IsActive, "description": h.Description}
}

// newSecret makes a signing secret up (clause CFG-023).
func (p *danube) newSecret() string {
	var random [24]byte
	rand.Read(random[:])
	digits := hex.EncodeToString(random[:])
	switch p.fault {
	case secretTooShort:
		digits = digits[:32]
	case secretWithoutPrefix:
		return digits
	case oneSecret:
		digits = strings.Repeat("a1", 24)
	}
	return contract.SecretPrefix + digits
}

// create makes a webhook and shows its secret (clauses CFG-022 and CFG-024).
func (p *danube) create(w http.ResponseWriter, r *http.Request) {
	h := &danubeHook{ID: uuid.NewString(), IsActive: p.fault != madeInactive}
	if p.fault == idsNoUUIDs {
		h.ID = newID("hook")
	}
	if !p.apply(w, r, h, true) {
		return
	}
	h.secret = p.newSecret()
	p.hooks = append(p.hooks, h)
	view := h.view()
	if view["secret"] = h.secret; p.fault == secretNeverShown {
		delete(view, "secret")
	}
	writeJSON(w, http.StatusCreated, view)
}

// change changes what the body names (clause CFG-026).
func (p *danube) change(w http.ResponseWriter, r *http.Request, h *danubeHook) {
	if !p.apply(w, r, h, false) {
		return
	}
	view := h.view()
	if p.fault == secretInChange {
		view["secret"] = h.secret
	}
	writeJSON(w, http.StatusOK, view)
}

// apply reads and checks a body, and changes a webhook accordingly; nothing where it does not fit.
func (p *danube) apply(w http.ResponseWriter, r *http.Request, h *danubeHook, whole bool) bool {
	var b struct {
		URL         *string   `json:"url"`
		Events      *[]string `json:"events"`
		IsActive    *bool     `json:"is_active"`
		Description *string   `json:"description"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&b) != nil {
		p.misfit(w, "The body is no such object")
		return false
	}
	changed := *h
	if p.fault == changeForgetsRest && !whole {
		changed.Description = nil
	}
	set(&changed.URL, b.URL)
	set(&changed.Events, b.Events)
	if p.fault != activeUnchanged {
		set(&changed.IsActive, b.IsActive)
	}
	if b.Description != nil {
		changed.Description = b.Description
	}
	if wrong := p.wrong(changed, b.Events != nil, whole); wrong != "" {
		p.misfit(w, wrong)
		return false
	}
	*h = changed
	return true
}

// set changes a value to the one that was given.
func set[T any](value, given *T) {
	if given != nil {
		*value = *given
	}
}

// wrong says what does not fit in a webhook, or nothing (clauses CFG-029 to CFG-031).
func (p *danube) wrong(h danubeHook, events, whole bool) string {
	plain := p.loopback || whole && p.fault == plainHTTPAccepted || !whole && p.fault == plainHTTPOnChange
	switch {
	case h.URL == "" && p.fault == urlOptional:
	case !strings.HasPrefix(h.URL, "https://") && !(plain && strings.HasPrefix(h.URL, "http://")):
		return "url must begin with https://"
	}
	optional := p.fault == eventsOptional && !events || p.fault == noEventsAccepted && events
	if len(h.Events) == 0 && !optional {
		return "events must name at least one type"
	}
	for _, e := range h.Events {
		if _, known := contract.Danube().EventFor(e); !known && p.fault != unknownTypesKept {
			return "unknown event type"
		}
	}
	return ""
}

// drop forgets a webhook (clause CFG-027).
func (p *danube) drop(w http.ResponseWriter, _ *http.Request, h *danubeHook) {
	h.deleted = true
	w.WriteHeader(http.StatusNoContent)
}
