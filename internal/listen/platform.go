package listen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/darihook/darihook/internal/excerpt"
)

// The bounds of what is read of the platform's answers, other than streams, and how long their headers may take.
const (
	maxAnswer     = 1 << 20
	answerTimeout = 30 * time.Second
)

// ErrInsecure refuses a URL to which the key would go in the clear.
var ErrInsecure = errors.New("the platform's URL must use https, except on the loopback interface")

// ErrUnreachable ends a run when the platform has been out of reach for too long.
var ErrUnreachable = errors.New("the platform is out of reach")

// Refusal is an answer of the platform that asking again will not change, such as to a bad key or an unknown session.
type Refusal struct {
	// Status of the answer.
	Status int
	// Detail is the beginning of what the answer says, on one line.
	Detail string
}

// Error returns the status and the detail.
func (r *Refusal) Error() string {
	return fmt.Sprintf("the platform answered with status %d: %s", r.Status, r.Detail)
}

// platform asks for a session and its stream. It follows no redirect: the key is for the platform alone.
type platform struct {
	base    *url.URL
	key     string
	session string
	carrier http.RoundTripper
}

func newPlatform(o Options) (*platform, error) {
	base, err := parseURL(o.API)
	if err != nil {
		return nil, err
	}
	if base.Scheme != "https" && !local(base) {
		return nil, ErrInsecure
	}
	p := &platform{base: base, key: o.Key, session: o.Session, carrier: o.Platform}
	if p.carrier == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.ResponseHeaderTimeout = answerTimeout
		o.Trust.Apply(transport)
		p.carrier = transport
	}
	return p, nil
}

// url returns the URL of the session or of something below it.
func (p *platform) url(below ...string) *url.URL {
	return p.base.JoinPath(append([]string{"v1", "sessions", p.session}, below...)...)
}

// session is what a webhook's payload needs to know of a session.
type session struct {
	AgentID  string            `json:"agent_id"`
	Metadata map[string]string `json:"metadata"`
}

// lookup asks for the session.
func (p *platform) lookup(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	resp, err := p.get(ctx, p.url(), "application/json", "")
	if err != nil {
		return nil, fmt.Errorf("asking for the session: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("asking for the session: %w", err)
	}
	s := &session{}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("asking for the session: decoding the answer: %w", err)
	}
	if s.Metadata == nil {
		s.Metadata = map[string]string{}
	}
	return s, nil
}

// stream opens the session's stream behind an event.
func (p *platform) stream(ctx context.Context, after string) (io.ReadCloser, error) {
	resp, err := p.get(ctx, p.url("stream"), "text/event-stream", after)
	if err != nil {
		return nil, fmt.Errorf("opening the stream: %w", err)
	}
	if form, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || form != "text/event-stream" {
		resp.Body.Close()
		return nil, errors.New("opening the stream: the answer is no text/event-stream")
	}
	return resp.Body, nil
}

// get asks for a resource, behind an event where there is one.
func (p *platform) get(ctx context.Context, u *url.URL, accept, after string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	req.Header.Set("Accept", accept)
	req.Header.Set("Cache-Control", "no-store")
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	resp, err := p.carrier.RoundTrip(req)
	if err != nil {
		return nil, excerpt.Error(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, complaint(resp)
	}
	return resp, nil
}

// complaint is the error of an answer that is no success: a [*Refusal] unless the platform may well think otherwise later.
func complaint(resp *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer with status %d: %w", resp.StatusCode, err)
	}
	refusal := &Refusal{resp.StatusCode, detailOf(raw)}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return errors.New(refusal.Error())
	}
	if resp.StatusCode >= 500 {
		return errors.New(refusal.Error())
	}
	return refusal
}

// detailOf returns the "detail" of the platform's error, or the beginning of whatever came instead.
func detailOf(raw []byte) string {
	var answer struct {
		Detail json.RawMessage `json:"detail"`
	}
	text := string(raw)
	if json.Unmarshal(raw, &answer) == nil && answer.Detail != nil {
		text = string(answer.Detail)
		_ = json.Unmarshal(answer.Detail, &text) // a list of problems stays as it is written
	}
	return excerpt.Of(text)
}
