package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// receiver is a correct receiver: it verifies a delivery, processes it once, and answers 2xx only when it was processed.
type receiver struct {
	verifier
	claims *claims
	api    *http.Client
	// late is how long a faulty receiver takes to answer.
	late time.Duration
	// latest is the time of the newest event of each session; only a faulty receiver looks at it.
	mu     sync.Mutex
	latest map[string]time.Time
}

// event is what a receiver reads of a delivery's body.
type event struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	CreatedAt time.Time `json:"created_at"`
	Data      struct {
		SubmitURL  string `json:"submit_url"`
		SessionID  string `json:"session_id"`
		MessageID  string `json:"message_id"`
		ToolCallID string `json:"tool_call_id"`
	} `json:"data"`
}

// errUnacceptable is what a faulty receiver says of an event that it should have accepted.
var errUnacceptable = errors.New("event not accepted")

// startReceiver serves a receiver with both secrets of the environment.
func startReceiver(tb testing.TB, env Env, f fault, _ setup) Target {
	rc := &receiver{
		verifier: verifier{contract.Dari().Scheme, []string{env.Secret, env.SecondSecret}, f},
		claims:   newClaims(f),
		api:      &http.Client{Timeout: 3 * time.Second},
		late:     env.Timeout + env.Timeout/4,
		latest:   map[string]time.Time{},
	}
	if f == slowUploadCut {
		return rc.target(serve(tb, rc, 100*time.Millisecond), env)
	}
	return rc.target(serve(tb, rc, 0), env)
}

// target describes the receiver.
func (rc *receiver) target(url string, env Env) Target {
	return Target{TargetURL: url + "/hooks/dari", Secret: env.Secret, SecondSecret: env.SecondSecret}
}

// ServeHTTP judges a request in the order of the contract's codes and processes what passes.
func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "deliveries are sent with POST", http.StatusMethodNotAllowed)
		return
	}
	body, code := rc.readBody(w, r)
	if code != "" {
		refuse(w, code)
		return
	}
	e, code := rc.read(r.Header, time.Now())
	if code == "" && !rc.authentic(e, body) {
		code = contract.CodeSignatureMismatch
	}
	var ev event
	unreadable := json.Unmarshal(body, &ev) != nil || ev.ID == ""
	if code == "" && rc.fault == bodyAgeJudged && !ev.CreatedAt.IsZero() {
		code = rc.judgeAge(time.Now().Unix() - ev.CreatedAt.Unix())
	}
	switch {
	case code == contract.CodeSignatureMismatch && rc.fault == refusedAndProcessed:
		refuse(w, code)
		go rc.afterwards(r, ev)
	case code == contract.CodeSignatureMismatch && rc.fault == mismatchAnswered400:
		http.Error(w, string(code), http.StatusBadRequest)
	case code != "":
		if rc.fault == burnedUnverified {
			rc.claims.burn(ev.ID)
		}
		refuse(w, code)
	case unreadable:
		refuse(w, contract.CodeBodyInvalid)
	case e.id != "" && e.id != ev.ID && rc.fault != keyedByHeader:
		refuse(w, contract.CodeIDMismatch)
	default:
		w.WriteHeader(rc.once(r, rc.key(e, body, ev.ID), ev))
	}
}

// refuse answers with the status of a code and says no more than the code.
func refuse(w http.ResponseWriter, code contract.Code) {
	refusal, _ := contract.RefusalFor(code)
	http.Error(w, string(code), refusal.Status)
}

// readBody reads the whole body, however it is sent.
func (rc *receiver) readBody(w http.ResponseWriter, r *http.Request) ([]byte, contract.Code) {
	if rc.fault == chunkedRefused && r.ContentLength < 0 {
		return nil, contract.CodeBodyUnreadable
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, contract.MaxBody))
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooLarge):
		return nil, contract.CodeBodyTooLarge
	case err != nil:
		return nil, contract.CodeBodyUnreadable
	}
	return body, ""
}

// key is what makes two requests the same delivery: the signed id.
func (rc *receiver) key(e evidence, body []byte, id string) string {
	switch {
	case rc.fault == keyedBySignature:
		return e.header
	case rc.fault == keyedByBody:
		return digest(body)
	case rc.fault == keyedByHeader && e.id != "":
		return e.id
	}
	return id
}

// once processes a delivery unless a copy was processed before, and returns the status to answer with.
func (rc *receiver) once(r *http.Request, key string, ev event) int {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	own, recorded, err := rc.claims.take(ctx, key)
	switch {
	case err != nil:
		return http.StatusConflict
	case own == nil && rc.fault == duplicateRefused:
		return http.StatusConflict
	case own == nil:
		return recorded
	}
	status := http.StatusOK
	// The work outlives a sender that hangs up, since its outcome decides what the retry is answered.
	switch err := rc.process(context.WithoutCancel(r.Context()), ev); {
	case errors.Is(err, errUnacceptable):
		status = http.StatusUnprocessableEntity
	case err != nil:
		status = http.StatusBadGateway
	}
	rc.claims.end(key, own, status, status == http.StatusOK)
	if rc.fault == answersLate {
		linger(r.Context(), rc.late)
	}
	return status
}

// afterwards processes a delivery when its sender has got an answer.
func (rc *receiver) afterwards(r *http.Request, ev event) {
	<-r.Context().Done()
	_ = rc.process(context.WithoutCancel(r.Context()), ev) // whoever does this does not look at what comes of it
}

// linger waits, unless nobody waits for the answer any more.
func linger(ctx context.Context, wait time.Duration) {
	late := time.NewTimer(wait)
	defer late.Stop()
	select {
	case <-late.C:
	case <-ctx.Done():
	}
}

// process does what a delivery asks for: it answers tool calls and takes note of everything else.
func (rc *receiver) process(ctx context.Context, ev event) error {
	known := contract.Dari().Events
	switch {
	case rc.fault == unknownTypeRefused && !slices.ContainsFunc(known, func(e contract.Event) bool { return e.Type == ev.Type }):
		return errUnacceptable
	case rc.fault == orderExpected && rc.olderThanSeen(ev):
		return errUnacceptable
	case ev.Type == contract.ToolCallRequested:
		return rc.submit(ctx, ev)
	}
	return nil
}

// olderThanSeen reports whether an event is older than another of its session that was seen before.
func (rc *receiver) olderThanSeen(ev event) bool {
	if ev.Data.SessionID == "" {
		return false
	}
	rc.mu.Lock()
	defer rc.mu.Unlock()
	seen := rc.latest[ev.Data.SessionID]
	if ev.CreatedAt.After(seen) {
		rc.latest[ev.Data.SessionID] = ev.CreatedAt
	}
	return ev.CreatedAt.Before(seen)
}
