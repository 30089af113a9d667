package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// maxAnswer bounds the answers that a client reads.
const maxAnswer = 256 << 20

// Client drives a mock platform. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// New returns a client for a mock's URL: "http://127.0.0.1:4180", or "unix:" and the path of a socket.
func New(mock string) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	base := strings.TrimRight(mock, "/")
	if path, ok := strings.CutPrefix(mock, "unix:"); ok {
		base = "http://localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	return &Client{base: base, http: &http.Client{Transport: transport}}
}

// Error is an answer that is no success.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Detail is the answer's detail, as text.
	Detail string
}

func (e *Error) Error() string { return fmt.Sprintf("status %d: %s", e.Status, e.Detail) }

// call makes one call and decodes the answer into out, unless it is nil. Errors: [*Error] for a status from 400.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/_mock"+path, body)
	if err != nil {
		return fmt.Errorf("making the request: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("calling the mock: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if resp.StatusCode >= 400 {
		return &Error{resp.StatusCode, detailOf(raw)}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	return nil
}

// detailOf returns what an error's answer says.
func detailOf(raw []byte) string {
	var answer struct {
		Detail json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(raw, &answer) != nil || len(answer.Detail) == 0 {
		return strings.TrimSpace(string(raw[:min(len(raw), 200)]))
	}
	var text string
	if json.Unmarshal(answer.Detail, &text) == nil {
		return text
	}
	var problems httpjson.Problems
	if json.Unmarshal(answer.Detail, &problems) == nil && len(problems) > 0 {
		return problems.Error()
	}
	return string(answer.Detail)
}

// UndeliveredError tells that events were emitted which no webhook takes.
type UndeliveredError struct {
	// Reason in a sentence, such as "no webhook is set".
	Reason string
}

func (e *UndeliveredError) Error() string { return "the events are not delivered: " + e.Reason }

// Emit emits events, and returns them in their order. Errors: an [*UndeliveredError] beside the events when no webhook takes
// them; an [*Error] when the mock refuses to emit them.
func (c *Client) Emit(ctx context.Context, e Event) ([]Emitted, error) {
	var answer Emission
	err := c.call(ctx, http.MethodPost, "/events", e, &answer)
	if err == nil && answer.Undelivered != "" {
		err = &UndeliveredError{answer.Undelivered}
	}
	return answer.Events, err
}

// Query selects deliveries; an empty field selects all.
type Query struct {
	EventID, AgentID, Type, Status string
	// Limit of the page. Default: 100.
	Limit int
	// Cursor is the Next of the page before.
	Cursor string
}

// values is the query as a URL has it.
func (q Query) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"event_id": q.EventID, "agent_id": q.AgentID, "type": q.Type, "status": q.Status, "cursor": q.Cursor,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// Deliveries returns a page of deliveries, the newest first.
func (c *Client) Deliveries(ctx context.Context, q Query) (page Deliveries, err error) {
	err = c.call(ctx, http.MethodGet, "/deliveries?"+q.values().Encode(), nil, &page)
	return page, err
}

// Delivery returns one delivery.
func (c *Client) Delivery(ctx context.Context, id string) (d Delivery, err error) {
	err = c.call(ctx, http.MethodGet, "/deliveries/"+url.PathEscape(id), nil, &d)
	return d, err
}

// Resend delivers the same event once more, with the same id and a fresh signature.
func (c *Client) Resend(ctx context.Context, id string) (d Delivery, err error) {
	err = c.call(ctx, http.MethodPost, "/deliveries/"+url.PathEscape(id)+"/resend", nil, &d)
	return d, err
}

// AddFault switches a fault on, and returns it with its id.
func (c *Client) AddFault(ctx context.Context, f faults.Fault) (added faults.Fault, err error) {
	err = c.call(ctx, http.MethodPost, "/faults", f, &added)
	return added, err
}

// Faults returns the faults that are on.
func (c *Client) Faults(ctx context.Context) ([]faults.Fault, error) {
	var answer struct {
		Faults []faults.Fault `json:"faults"`
	}
	err := c.call(ctx, http.MethodGet, "/faults", nil, &answer)
	return answer.Faults, err
}

// RemoveFault switches a fault off.
func (c *Client) RemoveFault(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/faults/"+url.PathEscape(id), nil, nil)
}

// Results returns the tool results that applications have sent, the oldest first.
func (c *Client) Results(ctx context.Context) ([]Result, error) {
	var answer struct {
		Results []Result `json:"results"`
	}
	err := c.call(ctx, http.MethodGet, "/results", nil, &answer)
	return answer.Results, err
}

// Clock returns the platform's time.
func (c *Client) Clock(ctx context.Context) (now Clock, err error) {
	err = c.call(ctx, http.MethodGet, "/clock", nil, &now)
	return now, err
}

// Advance moves the platform's time forward, and returns when everything that became due has been attempted. 0 waits for
// what is under way.
func (c *Client) Advance(ctx context.Context, d time.Duration) error {
	return c.call(ctx, http.MethodPost, "/clock/advance", map[string]string{"duration": d.String()}, nil)
}

// Assert returns an [*Error] with status 417 that tells the differences when the assertion does not hold. The query is
// what GET /_mock/assert takes.
func (c *Client) Assert(ctx context.Context, assertion url.Values) error {
	return c.call(ctx, http.MethodGet, "/assert?"+assertion.Encode(), nil, nil)
}

// Agents returns the agents and their webhooks.
func (c *Client) Agents(ctx context.Context) ([]Agent, error) {
	var answer struct {
		Agents []Agent `json:"agents"`
	}
	err := c.call(ctx, http.MethodGet, "/agents", nil, &answer)
	return answer.Agents, err
}

// SetAgent makes or changes an agent; with an empty id it makes one and chooses the id.
func (c *Client) SetAgent(ctx context.Context, id string, spec AgentSpec) (a Agent, err error) {
	if id == "" {
		err = c.call(ctx, http.MethodPost, "/agents", spec, &a)
		return a, err
	}
	err = c.call(ctx, http.MethodPut, "/agents/"+url.PathEscape(id), spec, &a)
	return a, err
}

// SetWebhook sets an agent's webhook from the platform's side. It returns the secret where the mock made one.
func (c *Client) SetWebhook(ctx context.Context, agentID string, spec WebhookSpec) (secret string, err error) {
	var answer struct {
		Secret string `json:"signing_secret"`
	}
	err = c.call(ctx, http.MethodPut, "/agents/"+url.PathEscape(agentID)+"/webhook", spec, &answer)
	return answer.Secret, err
}

// Status tells what the mock is doing.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	err = c.call(ctx, http.MethodGet, "/status", nil, &s)
	return s, err
}

// Reset empties the mock. The first agent stays, without a webhook.
func (c *Client) Reset(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/reset", nil, nil)
}
