package httpjson

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// MaxBody is the longest request body in bytes.
const MaxBody = 8 << 20

// Read decodes a request's body strictly. Errors: an [Error] with 415 for another content type than JSON and 413 for a
// body longer than [MaxBody], else a [Problems].
func Read(w http.ResponseWriter, r *http.Request, into any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return Refuse(http.StatusUnsupportedMediaType, "Content-Type must be application/json")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return Refuse(http.StatusRequestEntityTooLarge, "body is longer than %d bytes", MaxBody)
		}
		return Refuse(http.StatusBadRequest, "body could not be read")
	}
	if len(raw) == 0 {
		return Problems{{[]any{"body"}, "Field required", "missing"}}
	}
	return Unmarshal(raw, into)
}

// ReadOptional is [Read] for a body that may be absent, which leaves into as it is.
func ReadOptional(w http.ResponseWriter, r *http.Request, into any) error {
	if r.ContentLength == 0 {
		return nil
	}
	return Read(w, r, into)
}

// Write answers with a status and a JSON value.
func Write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"detail":"the answer could not be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a caller that has gone cannot be told
}

// Fail answers with an error: its own status when it has one, else 500.
func Fail(w http.ResponseWriter, err error) {
	if problems, ok := errors.AsType[Problems](err); ok {
		Write(w, http.StatusUnprocessableEntity, map[string]any{"detail": problems})
		return
	}
	status, detail := http.StatusInternalServerError, "internal error"
	if refusal, ok := errors.AsType[*Error](err); ok {
		status, detail = refusal.Status, refusal.Detail
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	Write(w, status, map[string]any{"detail": detail})
}

// ErrAnswered is what a [Handler] returns when it has written the answer itself.
var ErrAnswered = errors.New("answered already")

// Handler is a handler that answers with a status and a value, or with an error.
type Handler func(w http.ResponseWriter, r *http.Request) (status int, value any, err error)

// ServeHTTP implements [http.Handler].
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, value, err := h(w, r)
	if errors.Is(err, ErrAnswered) {
		return
	}
	if err != nil {
		Fail(w, err)
		return
	}
	Write(w, status, value)
}

// Methods serves one path: it calls the handler of the request's method, treats HEAD as GET, and answers 405 with Allow
// to every other method.
type Methods map[string]http.Handler

// ServeHTTP implements [http.Handler].
func (m Methods) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.serve(w, r, Fail) }

func (m Methods) serve(w http.ResponseWriter, r *http.Request, fail Form) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h, ok := m[method]; ok {
		h.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Allow", m.allow())
	fail(w, Refuse(http.StatusMethodNotAllowed, "Method Not Allowed"))
}

// Form answers with an error in the way of one platform. [Fail] is Dari's, and that of the control API.
type Form func(w http.ResponseWriter, err error)

// Handler makes a handler of h whose errors have this form.
func (f Form) Handler(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch status, value, err := h(w, r); {
		case err != nil:
			f(w, err)
		case status == http.StatusNoContent:
			w.WriteHeader(status)
		default:
			Write(w, status, value)
		}
	})
}

// Methods serves one path as [Methods] does, and refuses in this form.
func (f Form) Methods(handlers map[string]Handler) http.Handler {
	m := Methods{}
	for method, h := range handlers {
		m[method] = f.Handler(h)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(w, r, f) })
}

// NotFound refuses every path, in this form.
func (f Form) NotFound(w http.ResponseWriter, _ *http.Request) { f(w, NotFound("Path")) }

func (m Methods) allow() string {
	var methods []string
	for method := range m {
		methods = append(methods, method)
		if method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}
