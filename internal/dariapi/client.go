// Package dariapi speaks the part of Dari's API by which an agent's webhook is set up.
package dariapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/darihook/darihook/internal/excerpt"
	"github.com/darihook/darihook/internal/trust"
)

const (
	// DefaultURL is where the API is unless something else is said.
	DefaultURL = "https://api.dari.dev"
	// timeout bounds one call.
	timeout = 30 * time.Second
	// maxAnswer is the longest answer in bytes that is read.
	maxAnswer = 1 << 20
)

// ErrInsecure refuses a URL to which the key would go in the clear.
var ErrInsecure = errors.New("the API's URL must use https, except on the loopback interface")

// Options say how the API is reached.
type Options struct {
	// URL of the API without /v1. Default: DefaultURL.
	URL string
	// Key of the organization. Required.
	Key string
	// Trust says which certificates of the API are accepted.
	Trust trust.Options
}

// Client makes calls. It is safe for concurrent use.
type Client struct {
	base, key string
	http      *http.Client
}

// New returns a client. Errors: no key, an unusable URL, or ErrInsecure.
func New(o Options) (*Client, error) {
	if o.Key == "" {
		return nil, errors.New("there is no API key")
	}
	if o.URL == "" {
		o.URL = DefaultURL
	}
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" || base.RawQuery != "" || base.User != nil {
		return nil, fmt.Errorf("%q is not the URL of an API", o.URL)
	}
	if base.Scheme != "https" && (base.Scheme != "http" || !isLoopback(base.Hostname())) {
		return nil, ErrInsecure
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	o.Trust.Apply(transport)
	client := &http.Client{Timeout: timeout, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // the key is for this host alone
	}}
	return &Client{strings.TrimRight(o.URL, "/"), o.Key, client}, nil
}

// isLoopback reports a host of this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Webhook is an agent's webhook as the API shows it (clause CFG-001).
type Webhook struct {
	WebhookURL     *string  `json:"webhook_url"`
	SigningEnabled bool     `json:"signing_enabled"`
	EventTypes     []string `json:"event_types"`
	// SigningSecret is shown once, when it is new.
	SigningSecret *string `json:"signing_secret"`
}

// Error is an answer that is no success.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Detail is the beginning of what the answer says of it.
	Detail string
}

// Error returns the status and what the answer says.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("the API answered with status %d", e.Status)
	}
	return fmt.Sprintf("the API answered with status %d: %s", e.Status, e.Detail)
}

// Get returns the webhook of an agent; its WebhookURL is nil when there is none.
func (c *Client) Get(ctx context.Context, agent string) (Webhook, error) {
	return c.call(ctx, http.MethodGet, agent, "", nil)
}

// Set sets the webhook of an agent. Without event types the API subscribes it to what it usually does.
func (c *Client) Set(ctx context.Context, agent, webhookURL string, eventTypes []string) (Webhook, error) {
	return c.call(ctx, http.MethodPut, agent, "", struct {
		WebhookURL string   `json:"webhook_url"`
		EventTypes []string `json:"event_types,omitempty"`
	}{webhookURL, eventTypes})
}

// Clear removes the webhook of an agent together with its secret.
func (c *Client) Clear(ctx context.Context, agent string) (Webhook, error) {
	return c.call(ctx, http.MethodDelete, agent, "", nil)
}

// Rotate replaces the secret of an agent's webhook and returns the new one.
func (c *Client) Rotate(ctx context.Context, agent string) (Webhook, error) {
	return c.call(ctx, http.MethodPost, agent, "/rotate-secret", nil)
}

// call makes one call. Errors: [*Error] for every status but 2xx.
func (c *Client) call(ctx context.Context, method, agent, below string, in any) (Webhook, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return Webhook{}, fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/v1/agents/"+url.PathEscape(agent)+"/webhook"+below, body)
	if err != nil {
		return Webhook{}, fmt.Errorf("making the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Webhook{}, fmt.Errorf("calling the API: %w", excerpt.Error(err))
	}
	defer resp.Body.Close()
	return read(resp)
}

// read reads an answer.
func read(resp *http.Response) (Webhook, error) {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Webhook{}, fmt.Errorf("reading the answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return Webhook{}, &Error{resp.StatusCode, excerpt.Of(detail(raw))}
	}
	var w Webhook
	if err := json.Unmarshal(raw, &w); err != nil {
		return Webhook{}, fmt.Errorf("decoding the answer: %w", err)
	}
	return w, nil
}

// detail returns what an error's answer says: a text, or a list of faults each with its place (clauses CFG-014, CFG-020).
func detail(raw []byte) string {
	var answer struct {
		Detail json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(raw, &answer) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(answer.Detail, &text) == nil {
		return text
	}
	var faults []struct {
		Loc []any  `json:"loc"`
		Msg string `json:"msg"`
	}
	if json.Unmarshal(answer.Detail, &faults) != nil {
		return string(answer.Detail)
	}
	var all []string
	for _, f := range faults {
		all = append(all, strings.Trim(strings.ReplaceAll(fmt.Sprint(f.Loc), " ", "."), "[]")+": "+f.Msg)
	}
	return strings.Join(all, "; ")
}
