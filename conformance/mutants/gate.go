package mutants

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// What the reference gate is configured with.
const (
	// gateBudget bounds all bodies in flight, in bytes: three of the largest.
	gateBudget = 3*contract.MaxBody + contract.MaxBody/2
	// upstreamTimeout is how long the receiver behind the gate may take.
	upstreamTimeout = 1500 * time.Millisecond
	// copyPatience is how long a copy waits for the one that is being processed.
	copyPatience = 8 * time.Second
)

// bodyScheme makes a gate verify deliveries whose timestamp is not signed.
var bodyScheme = setup{scheme: "dari-body"}

// gate is a correct gate: a reverse proxy that lets through what is authentic, fresh and new.
type gate struct {
	verifier
	claims   *claims
	upstream string
	client   *http.Client
	// seen and late are for faulty gates only: the order of events, and how long an answer takes.
	seen receiver
	late time.Duration

	mu     sync.Mutex
	budget int64
}

// admission is a delivery that may pass.
type admission struct {
	evidence
	envelope
	body []byte
}

// startGate serves a gate in front of the environment's upstream.
func startGate(tb testing.TB, env Env, f fault, s setup) Target {
	scheme := contract.Dari().Scheme
	if named, ok := contract.Dari().SchemeFor(s.scheme); ok {
		scheme = named
	}
	g := &gate{
		verifier: verifier{scheme, []string{env.Secret, env.SecondSecret}, f},
		claims:   newClaims(f),
		upstream: strings.TrimSuffix(env.UpstreamURL, "/"),
		client:   &http.Client{Timeout: upstreamTimeout, CheckRedirect: passRedirect},
		budget:   gateBudget,
		late:     env.Timeout + env.Timeout/4,
		seen:     receiver{latest: map[string]time.Time{}},
	}
	readTimeout := time.Duration(0)
	if f == slowUploadCut {
		readTimeout = 100 * time.Millisecond
	}
	url := serve(tb, g, readTimeout)
	return Target{
		TargetURL:       url + "/hooks/dari",
		AliasURL:        strings.Replace(url, "127.0.0.1", "localhost", 1) + "/elsewhere",
		Secret:          env.Secret,
		SecondSecret:    env.SecondSecret,
		UpstreamURL:     env.UpstreamURL,
		Scheme:          s.scheme,
		BodyBudget:      gateBudget,
		UpstreamTimeout: upstreamTimeout,
		StoreFaultURL:   serve(tb, http.HandlerFunc(g.switchStore), 0),
	}
}

// passRedirect hands a redirect of the receiver to the sender, as a proxy does.
func passRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// switchStore takes the memory of deliveries away or brings it back.
func (g *gate) switchStore(w http.ResponseWriter, r *http.Request) {
	var wanted struct {
		Available *bool `json:"available"`
	}
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil || wanted.Available == nil {
		http.Error(w, "want available: true or false", http.StatusBadRequest)
		return
	}
	g.claims.setDown(!*wanted.Available)
	w.WriteHeader(http.StatusNoContent)
}

// ServeHTTP admits a delivery, or says why not.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reserved, code := g.screen(r)
	if code != "" {
		g.refuse(w, code)
		return
	}
	defer g.release(reserved)
	a, code := g.admit(w, r)
	if code != "" {
		if g.fault == burnedUnverified {
			g.claims.burn(g.key(r, a))
		}
		g.tell(w.Header(), a)
		g.refuse(w, code)
		return
	}
	if g.fault == answersLate {
		defer linger(r.Context(), g.late)
	}
	g.once(w, r, a)
}

// screen refuses what can be refused before the body is read, and reserves memory for the body.
func (g *gate) screen(r *http.Request) (reserved int64, code contract.Code) {
	if r.Method != http.MethodPost && g.fault != anyMethod {
		return 0, contract.CodeMethodNotAllowed
	}
	if _, code := g.read(r.Header, time.Now()); code != "" {
		if g.fault == burnedUnverified {
			return 0, "" // refused all the same by admit, once the id was read
		}
		return 0, code
	}
	if r.ContentLength > contract.MaxBody && !g.unlimited(r) {
		return 0, contract.CodeBodyTooLarge
	}
	if g.fault == chunkedRefused && r.ContentLength < 0 {
		return 0, contract.CodeBodyUnreadable
	}
	return g.reserve(r.ContentLength)
}

// unlimited reports whether a fault lets the body be longer than the limit.
func (g *gate) unlimited(r *http.Request) bool {
	switch g.fault {
	case limitMissing, overlongForwardedCut, overlongCutAndRefused:
		return true
	case undeclaredUnlimited:
		return r.ContentLength < 0
	}
	return false
}

// reserve takes memory for a body from the budget: its declared length, or the limit where none is declared.
func (g *gate) reserve(length int64) (int64, contract.Code) {
	if length < 0 {
		length = contract.MaxBody
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if length > g.budget && g.fault != budgetMissing {
		return 0, contract.CodeOverloaded
	}
	g.budget -= length
	return length, ""
}

// release gives reserved memory back.
func (g *gate) release(reserved int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.budget += reserved
}

// admit reads the body and judges it.
func (g *gate) admit(w http.ResponseWriter, r *http.Request) (admission, contract.Code) {
	var (
		a    admission
		code contract.Code
	)
	if a.body, code = g.readBody(w, r); code != "" {
		return a, code
	}
	var shape contract.Code
	a.envelope, shape = g.parse(a.body)
	if a.evidence, code = g.read(r.Header, time.Now()); code != "" {
		return a, code
	}
	switch {
	case !g.authentic(a.evidence, a.body):
		return a, contract.CodeSignatureMismatch
	case shape != "":
		return a, shape
	case a.evidence.id != "" && a.evidence.id != a.envelope.id && g.fault != keyedByHeader:
		return a, contract.CodeIDMismatch
	case g.fault == unknownTypeRefused && !isKnown(a.kind):
		return a, contract.CodeBodyInvalid
	case g.fault == orderExpected && g.seen.olderThanSeen(a.asEvent()):
		return a, contract.CodeBodyInvalid
	}
	return a, g.judgeSignedTime(a)
}

// isKnown reports whether an event type is in the contract.
func isKnown(kind string) bool {
	_, ok := contract.Dari().EventFor(kind)
	return ok
}

// judgeSignedTime judges the age by the body where the timestamp is not signed (clause TIME-007).
func (g *gate) judgeSignedTime(a admission) contract.Code {
	signed := g.scheme.Content.Signs("timestamp") && g.fault != bodyAgeJudged
	if signed || a.createdAt == "" || g.fault == createdAtIgnored {
		return ""
	}
	at, err := time.Parse(time.RFC3339, a.createdAt)
	if err != nil {
		return contract.CodeTimestampMalformed
	}
	return g.judgeAge(time.Now().Unix() - at.Unix())
}

// readBody reads the body to its end and within the limit.
func (g *gate) readBody(w http.ResponseWriter, r *http.Request) ([]byte, contract.Code) {
	limit := int64(contract.MaxBody)
	if g.unlimited(r) {
		limit *= 4
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooLarge):
		return nil, contract.CodeBodyTooLarge
	case err != nil && g.fault != truncatedForwarded:
		return nil, contract.CodeBodyUnreadable
	case g.fault == overlongCutAndRefused:
		return body[:min(len(body), contract.MaxBody)], ""
	}
	return body, ""
}

// key is what makes two requests the same delivery. Nothing of it comes from outside the signature.
func (g *gate) key(r *http.Request, a admission) string {
	switch g.fault {
	case keyedBySignature:
		return a.header
	case keyedByBody:
		return digest(a.body)
	case keyedByHeader:
		if a.evidence.id != "" {
			return a.evidence.id
		}
	case keyedByPath:
		return a.envelope.id + " " + r.URL.Path
	case keyedByQuery:
		return a.envelope.id + " " + r.URL.RawQuery
	case keyedByHost:
		return a.envelope.id + " " + r.Host
	}
	return a.envelope.id
}

// once forwards a delivery unless a copy of it has passed, and answers with what the receiver said to the first.
func (g *gate) once(w http.ResponseWriter, r *http.Request, a admission) {
	if g.claims.isDown() {
		g.withoutStore(w, r, a)
		return
	}
	patience := copyPatience
	if g.fault == copiesTurnedAway {
		patience = time.Millisecond
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	key := g.key(r, a)
	own, recorded, err := g.claims.take(ctx, key)
	switch {
	case err != nil:
		g.refuse(w, contract.CodeInFlight)
	case own == nil:
		g.repeat(w, recorded)
	default:
		g.settle(w, r, a, key, own)
	}
}

// repeat answers a copy with the recorded status.
func (g *gate) repeat(w http.ResponseWriter, status int) {
	if g.fault == duplicateRefused {
		g.refuse(w, contract.CodeInFlight)
		return
	}
	if g.fault != duplicateUnmarked {
		w.Header().Set(contract.HeaderDuplicate, "true")
	}
	if g.fault == duplicateAlways200 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
}

// withoutStore refuses a delivery of which nobody can tell whether it is new.
func (g *gate) withoutStore(w http.ResponseWriter, r *http.Request, a admission) {
	switch g.fault {
	case storeFaultForwards:
		g.forward(r, a).write(w)
	case storeFaultFails:
		w.WriteHeader(http.StatusInternalServerError)
	default:
		g.refuse(w, contract.CodeStoreUnavailable)
	}
}

// tell lets a faulty gate say what no answer may hold.
func (g *gate) tell(h http.Header, a admission) {
	switch g.fault {
	case expectedTold:
		mac := hmac.New(sha256.New, []byte(g.secrets[0]))
		mac.Write(fill(g.scheme.Content, a.evidence.id, a.timestamp, a.body))
		h.Set("Dari-Webhook-Expected", hex.EncodeToString(mac.Sum(nil)))
	case secretTold:
		h.Set("Dari-Webhook-Debug", "key "+g.secrets[0])
	}
}
