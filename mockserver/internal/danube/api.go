package danube

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// HeaderKey is the header in which Danube's own client sends its key.
const HeaderKey = "danube-api-key"

// Routes adds the API's paths to a mux.
func (p *Platform) Routes(mux *http.ServeMux) {
	for path, methods := range p.paths() {
		handlers := map[string]httpjson.Handler{}
		for method, h := range methods {
			handlers[method] = p.authorized(h)
		}
		mux.Handle(path, httpjson.Form(fail).Methods(handlers))
	}
	mux.HandleFunc("/v1/", httpjson.Form(fail).NotFound)
}

// handler answers a call of the account that the key belongs to.
type handler func(w http.ResponseWriter, r *http.Request, account string) (status int, value any, err error)

// paths is the whole API.
func (p *Platform) paths() map[string]map[string]handler {
	return map[string]map[string]handler{
		"/v1/webhooks":                      {"GET": p.list, "POST": p.create},
		"/v1/webhooks/{webhook}":            {"PATCH": p.change, "DELETE": p.drop},
		"/v1/webhooks/{webhook}/deliveries": {"GET": p.deliveries},
	}
}

// authorized lets calls with a known key through, and answers a change only when it is on disk.
func (p *Platform) authorized(h handler) httpjson.Handler {
	return func(w http.ResponseWriter, r *http.Request) (int, any, error) {
		account, ok := p.accountOf(r.Header)
		if !ok {
			return 0, nil, httpjson.Refuse(http.StatusUnauthorized, "Missing or invalid credentials")
		}
		status, value, err := h(w, r, account)
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := p.o.Store.Sync(r.Context()); err != nil {
				return 0, nil, httpjson.Refuse(http.StatusServiceUnavailable, "The state could not be stored")
			}
		}
		return status, value, err
	}
}

// accountOf returns the account of the request's credentials: a bearer token (RFC 6750 section 2.1) or the client's own
// header. Where both are there, both must be good for the same account.
func (p *Platform) accountOf(h http.Header) (account string, ok bool) {
	var given []string
	if len(h.Values("Authorization")) > 0 {
		scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", false
		}
		given = append(given, strings.TrimSpace(token))
	}
	if len(h.Values(HeaderKey)) > 0 {
		given = append(given, h.Get(HeaderKey))
	}
	for i, key := range given {
		of, known := p.owner(key)
		if !known || i > 0 && of != account {
			return "", false
		}
		account, ok = of, true
	}
	return account, ok
}

// owner returns the account of a key.
func (p *Platform) owner(key string) (account string, ok bool) {
	for known, of := range p.o.Keys {
		if subtle.ConstantTimeCompare([]byte(known), []byte(key)) == 1 {
			account, ok = of, true
		}
	}
	return account, ok
}

// failure is what went wrong, as the API says it.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// Details lists the places that are wrong; null where there is no place to name.
	Details httpjson.Problems `json:"details"`
}

// codes names the statuses; only validation_error is verified, and the others are a choice.
var codes = map[int]string{
	http.StatusBadRequest:            "validation_error",
	http.StatusUnauthorized:          "unauthorized",
	http.StatusNotFound:              "not_found",
	http.StatusMethodNotAllowed:      "method_not_allowed",
	http.StatusRequestEntityTooLarge: "payload_too_large",
	http.StatusUnsupportedMediaType:  "unsupported_media_type",
	http.StatusTooManyRequests:       "limit_exceeded",
	http.StatusServiceUnavailable:    "unavailable",
}

// fail answers with an error in Danube's form.
func fail(w http.ResponseWriter, err error) {
	status, said := http.StatusInternalServerError, failure{Code: "internal_error", Message: "Internal error"}
	if problems, ok := errors.AsType[httpjson.Problems](err); ok {
		status, said = http.StatusBadRequest, failure{Message: problems[0].Msg, Details: problems}
	} else if refusal, ok := errors.AsType[*httpjson.Error](err); ok {
		status, said.Message = refusal.Status, refusal.Detail
	}
	if code, ok := codes[status]; ok {
		said.Code = code
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	httpjson.Write(w, status, map[string]failure{"error": said})
}

func (p *Platform) list(_ http.ResponseWriter, _ *http.Request, account string) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	views := []view{}
	for _, w := range p.of(account) {
		views = append(views, w.view())
	}
	return http.StatusOK, views, nil
}

// read decodes and checks a body.
func (p *Platform) read(w http.ResponseWriter, r *http.Request, whole bool) (b body, err error) {
	if err := httpjson.Read(w, r, &b); err != nil {
		return b, err
	}
	return b, b.check(r.Context(), p.o.Policy, whole)
}

// create makes a webhook, and is the only call that tells its secret. A webhook begins active, whatever the body says.
func (p *Platform) create(w http.ResponseWriter, r *http.Request, account string) (int, any, error) {
	b, err := p.read(w, r, true)
	if err != nil {
		return 0, nil, err
	}
	if b.IsActive != nil {
		return 0, nil, httpjson.Problems{{Loc: []any{"body", "is_active"}, Msg: "Extra inputs are not permitted", Type: "extra_forbidden"}}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	made, err := p.add(account, b, "")
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, created{made.view(), made.Secret}, nil
}

// withWebhook answers with what f makes of the webhook that the path names. Another account's is as unknown as none.
func (p *Platform) withWebhook(r *http.Request, account string, f func(*webhook) (int, any, error)) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.find(r.PathValue("webhook"))
	if w == nil || w.Account != account {
		return 0, nil, httpjson.NotFound("Webhook")
	}
	return f(w)
}

// change applies what the body names. The webhook is looked for first, since an unknown one is a 404 whatever the body says.
func (p *Platform) change(w http.ResponseWriter, r *http.Request, account string) (int, any, error) {
	if status, value, err := p.withWebhook(r, account, func(*webhook) (int, any, error) { return 0, nil, nil }); err != nil {
		return status, value, err
	}
	b, err := p.read(w, r, false)
	if err != nil {
		return 0, nil, err
	}
	return p.withWebhook(r, account, func(w *webhook) (int, any, error) {
		w.apply(b)
		p.save(w)
		return http.StatusOK, w.view(), nil
	})
}

// drop forgets a webhook and its secret. That the answer is empty is a choice.
func (p *Platform) drop(_ http.ResponseWriter, r *http.Request, account string) (int, any, error) {
	return p.withWebhook(r, account, func(w *webhook) (int, any, error) {
		p.remove(w)
		return http.StatusNoContent, nil, nil
	})
}

// The bounds of a list of deliveries.
const (
	defaultLimit = 20
	maxLimit     = 100
)

// deliveries lists what was delivered to a webhook, the newest first.
func (p *Platform) deliveries(_ http.ResponseWriter, r *http.Request, account string) (int, any, error) {
	limit := defaultLimit
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return 0, nil, httpjson.Invalid("limit must be a number from 1 to 100", "query", "limit")
		}
		limit = n
	}
	return p.withWebhook(r, account, func(w *webhook) (int, any, error) {
		return http.StatusOK, p.delivered(w, limit), nil
	})
}
