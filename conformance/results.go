package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/darihook/darihook/contract"
)

// resultSpecs test clauses RES-001 and RES-002 on a receiver.
var resultSpecs = []Spec{
	{Clause: "RES-001", Name: "posts the result of a tool call to submit_url", Roles: receiver, needs: both(toolCalls, held), run: postsResult},
	{Clause: "RES-002", Name: "echoes the ids of the tool call", Roles: receiver, needs: both(toolCalls, held), run: echoesIDs},
}

func toolCalls(s *session) skip {
	return applies(s.callsBack(), "deliveries of %s ask for no result", s.provider.Title)
}

// result is what a receiver posts to submit_url.
type result struct {
	Type       string          `json:"type"`
	MessageID  string          `json:"message_id"`
	ToolCallID string          `json:"tool_call_id"`
	IsError    bool            `json:"is_error"`
	Result     json.RawMessage `json:"result"`
}

// result sends a tool call and waits for what comes back.
func (p *probe) result(ctx context.Context) (*delivery, *arrival) {
	d := p.delivery(contract.ToolCallRequested)
	p.accepts(ctx, p.signed(d), "the delivery is right")
	wait, cancel := context.WithTimeoutCause(ctx, p.cfg.Patience, errPatience)
	defer cancel()
	if d.effect.await(wait, 1) != nil {
		p.fail("a result at submit_url", "nothing came there within %s", p.cfg.Patience)
	}
	a := d.effect.seen()[0]
	p.received(a, p.sink.usual)
	return d, a
}

// received adds a request of the target to the transcript.
func (p *probe) received(a *arrival, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, Exchange{
		From: "target", Method: a.method, URL: p.redact.clean(a.path), Headers: headerLines(p.redact, a.header),
		Body: showBody(p.redact, a.body), Status: status,
	})
}

func postsResult(ctx context.Context, p *probe) {
	d, a := p.result(ctx)
	p.same("method", http.MethodPost, a.method)
	p.same("path", p.submitPath(a, d), a.path)
	if key, ok := strings.CutPrefix(a.header.Get("Authorization"), "Bearer "); !ok || key == "" {
		p.fail("Authorization: Bearer <key>", "no bearer key in the request")
	}
	var r result
	if err := json.Unmarshal(a.body, &r); err != nil {
		p.fail("one JSON object", "%s", showBody(p.redact, a.body))
	}
	p.same("type", "tool.result_submitted", r.Type)
}

// submitPath is the path of the delivery's submit_url, as it is due in a request: what stands in front of the suite may have
// taken the path of --public-url away.
func (p *probe) submitPath(a *arrival, d *delivery) string {
	path := "/v1/sessions/" + d.session + "/events"
	if base, err := url.Parse(p.base); err == nil && a.path == base.Path+path {
		return a.path
	}
	return path
}

func echoesIDs(ctx context.Context, p *probe) {
	d, a := p.result(ctx)
	var r result
	if err := json.Unmarshal(a.body, &r); err != nil || r.Type == "" {
		p.cannotTell("the result is not one JSON object, which clause RES-001 asks for")
	}
	p.same("message_id", d.message, r.MessageID)
	p.same("tool_call_id", d.call, r.ToolCallID)
	if !r.IsError && len(r.Result) == 0 {
		p.fail("result, since is_error is not true", "no result in %s", showBody(p.redact, a.body))
	}
}
