package mockserver_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
)

// caller calls the API and holds every answer against the API's own description.
type caller struct {
	t      *testing.T
	m      *mockserver.Mock
	key    string
	router routers.Router
}

func newCaller(t *testing.T, m *mockserver.Mock) *caller {
	t.Helper()
	resp, err := http.Get(m.URL + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatalf("the description is not valid OpenAPI: %v", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &caller{t, m, m.APIKey, router}
}

// do makes a call and returns the status and the decoded answer.
func (c *caller) do(method, path, body string) (int, map[string]any) {
	c.t.Helper()
	status, raw := c.raw(method, path, body)
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		c.t.Fatalf("%s %s answered no JSON object: %.200q", method, path, raw)
	}
	return status, answer
}

// raw makes a call and returns the status and the answer's bytes. header are further fields, names and values in turn.
func (c *caller) raw(method, path, body string, header ...string) (int, []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.m.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.validate(req, []byte(body), resp, raw)
	return resp.StatusCode, raw
}

// validate holds an answer, and a request that was accepted, against the description.
func (c *caller) validate(req *http.Request, body []byte, resp *http.Response, answer []byte) {
	c.t.Helper()
	route, params, err := c.router.FindRoute(req)
	if err != nil {
		return // 404 and 405 of what the description does not have
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	input := &openapi3filter.RequestValidationInput{Request: req, Route: route, PathParams: params, Options: &openapi3filter.Options{
		IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}}
	if resp.StatusCode < 300 && len(body) > 0 {
		if err := openapi3filter.ValidateRequest(c.t.Context(), input); err != nil {
			c.t.Errorf("%s %s was accepted, and the description forbids it: %v", req.Method, req.URL.Path, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header, Options: input.Options}
	if err := openapi3filter.ValidateResponse(c.t.Context(), out.SetBodyBytes(answer)); err != nil {
		c.t.Errorf("%s %s answered %d, which does not fit the description: %v\n%.500s", req.Method, req.URL.Path, resp.StatusCode, err, answer)
	}
}

// want makes a call and expects a status.
func (c *caller) want(status int, method, path, body string) map[string]any {
	c.t.Helper()
	got, answer := c.do(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s answered %d %v, want %d", method, path, got, answer, status)
	}
	return answer
}

func TestWebhookLife(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t)
	c := newCaller(t, m)
	path := "/v1/agents/" + m.AgentID + "/webhook"
	none := map[string]any{"webhook_url": nil, "signing_enabled": false, "event_types": []any{}, "signing_secret": nil}
	if got := c.want(200, "GET", path, ""); !equal(got, none) {
		t.Errorf("without a webhook GET answers %v", got)
	}
	c.want(409, "POST", path+"/rotate-secret", "")
	created := c.want(200, "PUT", path, `{"webhook_url":"http://127.0.0.1:9/a"}`)
	secret, _ := created["signing_secret"].(string)
	if !strings.HasPrefix(secret, "whsec_") || !equal(created["event_types"], []any{contract.ToolCallRequested}) {
		t.Errorf("the first PUT answers %v", created)
	}
	updated := c.want(200, "PUT", path, `{"webhook_url":"http://127.0.0.1:9/b","event_types":["batch.failed"]}`)
	if updated["signing_secret"] != nil || updated["webhook_url"] != "http://127.0.0.1:9/b" {
		t.Errorf("the second PUT answers %v", updated)
	}
	if got := c.want(200, "GET", path, ""); got["signing_secret"] != nil || got["signing_enabled"] != true {
		t.Errorf("GET answers %v", got)
	}
	rotated := c.want(200, "POST", path+"/rotate-secret", `{"overlap_seconds":60}`)
	if rotated["signing_secret"] == secret || rotated["signing_secret"] == nil {
		t.Errorf("the rotation answers %v", rotated)
	}
	for range 2 {
		if got := c.want(200, "DELETE", path, ""); !equal(got, none) {
			t.Errorf("DELETE answers %v", got)
		}
	}
	again := c.want(200, "PUT", path, `{"webhook_url":"http://127.0.0.1:9/a"}`)
	if again["signing_secret"] == nil || again["signing_secret"] == secret || again["signing_secret"] == rotated["signing_secret"] {
		t.Errorf("after DELETE the first PUT answers %v", again)
	}
}

// equal compares by what JSON says.
func equal(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func TestRotationOverlap(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	m := mockserver.New(t)
	old := m.SetWebhook(t, to.URL)
	rotated := newCaller(t, m).want(200, "POST", "/v1/agents/"+m.AgentID+"/webhook/rotate-secret?overlap_seconds=60", "")
	fresh := rotated["signing_secret"].(string)
	emit(t, m, client.Event{Type: contract.SessionCompleted})
	advance(t, m, time.Minute)
	emit(t, m, client.Event{Type: contract.SessionCompleted})
	idle(t, m)
	got := to.requests()
	if verify(t, old, got[0]) != nil || verify(t, fresh, got[0]) != nil {
		t.Error("during the overlap a delivery does not carry both signatures")
	}
	if verify(t, old, got[1]) == nil || verify(t, fresh, got[1]) != nil {
		t.Error("after the overlap the old secret still signs, or the new one does not")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) {
		o.AllowInsecureURLs, o.OtherAPIKey, o.Resolver = false, "other", publicNames{}
	})
	agent := "/v1/agents/" + m.AgentID
	rows := []struct {
		name, method, path, body string
		status                   int
		loc                      string // of the fault, for 422
	}{
		{"no webhook_url", "PUT", agent + "/webhook", `{}`, 422, "webhook_url"},
		{"unknown field", "PUT", agent + "/webhook", `{"webhook_url":"https://hooks.test/","colour":"red"}`, 422, "colour"},
		{"field in other letters", "PUT", agent + "/webhook", `{"Webhook_URL":"https://hooks.test/"}`, 422, "Webhook_URL"},
		{"repeated field", "PUT", agent + "/webhook", `{"webhook_url":"https://hooks.test/","webhook_url":"https://b.test/"}`, 422, "webhook_url"},
		{"wrong type", "PUT", agent + "/webhook", `{"webhook_url":7}`, 422, "webhook_url"},
		{"null URL", "PUT", agent + "/webhook", `{"webhook_url":null}`, 422, "webhook_url"},
		{"no JSON", "PUT", agent + "/webhook", `{`, 422, ""},
		{"two values", "PUT", agent + "/webhook", `{"webhook_url":"https://hooks.test/"} {}`, 422, ""},
		{"a list", "PUT", agent + "/webhook", `[]`, 422, ""},
		{"plain HTTP", "PUT", agent + "/webhook", `{"webhook_url":"http://hooks.test/"}`, 422, "webhook_url"},
		{"loopback", "PUT", agent + "/webhook", `{"webhook_url":"https://127.0.0.1/"}`, 422, "webhook_url"},
		{"unknown type", "PUT", agent + "/webhook", `{"webhook_url":"https://hooks.test/","event_types":["x"]}`, 422, "0"},
		{"no type", "PUT", agent + "/webhook", `{"webhook_url":"https://hooks.test/","event_types":[]}`, 422, "event_types"},
		{"unknown agent", "PUT", "/v1/agents/agt_nobody/webhook", `{"webhook_url":"https://hooks.test/"}`, 404, ""},
		{"unknown agent and no JSON", "PUT", "/v1/agents/agt_nobody/webhook", `{`, 404, ""},
		{"unknown session", "GET", "/v1/sessions/sess_nobody", "", 404, ""},
		{"unknown batch", "GET", "/v1/session-batches/batch_nobody", "", 404, ""},
		{"unknown path", "GET", "/v1/nothing", "", 404, ""},
		{"final slash", "GET", "/v1/agents/", "", 404, ""},
		{"method", "PATCH", agent + "/webhook", `{}`, 405, ""},
		{"negative overlap", "POST", agent + "/webhook/rotate-secret", `{"overlap_seconds":-1}`, 422, "overlap_seconds"},
		{"overlap in words", "POST", agent + "/webhook/rotate-secret?overlap_seconds=long", "", 422, "overlap_seconds"},
		{"message without content", "POST", agent + "/messages", `{"type":"user.message"}`, 422, "content"},
		{"message of another type", "POST", agent + "/messages", `{"type":"x","content":[{"type":"text","text":"a"}]}`, 422, "type"},
		{"block without type", "POST", agent + "/messages", `{"type":"user.message","content":[{"text":"a"}]}`, 422, "type"},
		{"metadata of numbers", "POST", agent + "/sessions", `{"metadata":{"a":1}}`, 422, "a"},
		{"empty batch", "POST", "/v1/session-batches", `{"items":[]}`, 422, "items"},
		{"item without message", "POST", "/v1/session-batches", `{"items":[{"agent_id":"agt_x"}]}`, 422, "message"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := newCaller(t, m)
			answer := c.want(row.status, row.method, row.path, row.body)
			if row.status != 422 {
				if _, ok := answer["detail"].(string); !ok {
					t.Errorf("detail is %v, want a sentence", answer["detail"])
				}
				return
			}
			faults, _ := answer["detail"].([]any)
			if len(faults) != 1 {
				t.Fatalf("detail is %v, want one fault", answer["detail"])
			}
			if loc := faults[0].(map[string]any)["loc"].([]any); row.loc != "" && last(loc) != row.loc {
				t.Errorf("the fault is at %v, want %s", loc, row.loc)
			}
		})
	}
}

// last returns the end of a place as text.
func last(loc []any) string {
	text, _ := json.Marshal(loc[len(loc)-1])
	return strings.Trim(string(text), `"`)
}

// publicNames resolves every name to a public address.
type publicNames struct{}

func (publicNames) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
}

func TestKeysAndMethods(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.OtherAPIKey = "other" })
	c := newCaller(t, m)
	paths := []string{"/v1/agents/" + m.AgentID, "/v1/agents/" + m.AgentID + "/webhook", "/v1/agents/" + m.AgentID + "/sessions"}
	for key, status := range map[string]int{"": 401, "wrong": 401, m.APIKey + "x": 401, "other": 403, m.APIKey: 200} {
		c.key = key
		for _, path := range paths {
			c.want(status, "GET", path, "")
		}
	}
	c.key = "other"
	if got := c.want(200, "GET", "/v1/agents", ""); !equal(got["agents"], []any{}) {
		t.Errorf("another organization lists %v", got)
	}
	resp, err := http.Head(m.URL + "/v1/agents")
	if err != nil || resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("HEAD without a key answers %v, %v", resp, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", m.URL+"/v1/agents", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST where only GET is answers %v, %v", resp, err)
	}
}

func TestContentTypeAndSize(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t)
	url := m.URL + "/v1/agents/" + m.AgentID + "/webhook"
	for _, row := range []struct {
		media  string
		body   io.Reader
		status int
	}{
		{"text/plain", strings.NewReader(`{"webhook_url":"http://127.0.0.1/"}`), 415},
		{"", strings.NewReader(`{"webhook_url":"http://127.0.0.1/"}`), 415},
		{"application/json; charset=utf-8", strings.NewReader(`{"webhook_url":"http://127.0.0.1/"}`), 200},
		{"application/json", strings.NewReader(`"` + strings.Repeat("x", 9<<20) + `"`), 413},
		{"application/json", strings.NewReader(""), 422},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "PUT", url, row.body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+m.APIKey)
		if row.media != "" {
			req.Header.Set("Content-Type", row.media)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != row.status {
			t.Errorf("a body of %q answers %d, want %d", row.media, resp.StatusCode, row.status)
		}
	}
}

// message starts a session and returns its id.
func (c *caller) message(text string) (session string) {
	c.t.Helper()
	answer := c.want(202, "POST", "/v1/agents/"+c.m.AgentID+"/messages",
		`{"type":"user.message","content":[{"type":"text","text":"`+text+`"}],"session":{"metadata":{"k":"v"}}}`)
	return answer["session"].(map[string]any)["id"].(string)
}

// events returns the types in a session's ledger and the data of the last event of one type.
func (c *caller) events(session, ofType string) (types []string, data map[string]any) {
	c.t.Helper()
	for _, e := range c.want(200, "GET", "/v1/sessions/"+session+"/events", "")["events"].([]any) {
		event := e.(map[string]any)
		types = append(types, event["type"].(string))
		if event["type"] == ofType {
			data = event["data"].(map[string]any)
		}
	}
	return types, data
}

// result is the body that answers a tool call.
func result(call map[string]any, more string) string {
	return `{"type":"tool.result_submitted","message_id":"` + call["message_id"].(string) + `","tool_call_id":"` +
		call["tool_call_id"].(string) + `"` + more + `}`
}

func TestToolResults(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.Scenario = "typed_result" })
	c := newCaller(t, m)
	session := c.message("Berlin")
	path := "/v1/sessions/" + session + "/events"
	_, call := c.events(session, contract.ToolCallRequested)
	if got := c.want(200, "GET", "/v1/sessions/"+session, "")["last_message_status"]; got != "waiting_for_tool" {
		t.Fatalf("the message is %v, want waiting_for_tool", got)
	}
	c.want(422, "POST", path, result(call, ""))
	c.want(422, "POST", path, result(call, `,"result":{"celsius":"warm"}`))
	c.want(422, "POST", path, result(call, `,"result":{"celsius":20},"colour":"red"`))
	c.want(404, "POST", path, `{"type":"tool.result_submitted","message_id":"msg_x","tool_call_id":"call_x","result":1}`)
	c.want(422, "POST", path, `{"type":"tool.result_submitted","result":1}`)
	c.want(202, "POST", path, result(call, `,"is_error":false,"result":{"celsius":20.5}`))
	c.want(409, "POST", path, result(call, `,"is_error":false,"result":{"celsius":20.5}`))
	if got := c.want(200, "GET", "/v1/sessions/"+session, "")["status"]; got != "completed" {
		t.Errorf("the session is %v, want completed", got)
	}
	types, reply := c.events(session, "assistant.message_completed")
	for _, want := range []string{"user.message", "tool.call_requested", "tool.result_submitted", "tool.call_completed", "session.status_changed"} {
		if !slices.Contains(types, want) {
			t.Errorf("the ledger has no %s: %q", want, types)
		}
	}
	if !equal(reply["content"], []any{map[string]any{"type": "text", "text": `The weather is {"celsius":20.5}`}}) {
		t.Errorf("the agent said %v", reply)
	}
	c.want(200, "GET", "/v1/sessions/"+session+"/transcript", "")
	results, err := m.Client.Results(t.Context())
	var statuses []int
	for _, r := range results {
		statuses = append(statuses, r.Status)
	}
	if err != nil || !slices.Equal(statuses, []int{422, 404, 202, 409}) {
		t.Errorf("the results were answered %v, %v", statuses, err)
	}
}

func TestToolTimeout(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	m := mockserver.New(t, func(o *mockserver.Options) { o.Scenario = "impatient" })
	m.SetWebhook(t, to.URL)
	c := newCaller(t, m)
	session := c.message("hello")
	_, call := c.events(session, contract.ToolCallRequested)
	advance(t, m, 4*time.Second)
	if got := c.want(200, "GET", "/v1/sessions/"+session, "")["status"]; got != "active" {
		t.Fatalf("before the time is over the session is %v", got)
	}
	advance(t, m, time.Second)
	if got := c.want(200, "GET", "/v1/sessions/"+session, "")["status"]; got != "failed" {
		t.Errorf("after the time is over the session is %v, want failed", got)
	}
	c.want(409, "POST", "/v1/sessions/"+session+"/events", result(call, `,"result":1`))
	c.want(409, "POST", "/v1/sessions/"+session+"/events", `{"type":"user.message","content":[{"type":"text","text":"more"}]}`)
	got := to.requests()
	if end := got[len(got)-1].envelope(t); end.Type != contract.SessionFailed || !equal(end.Data["metadata"], map[string]any{"k": "v"}) {
		t.Errorf("the last webhook is %+v, want session.failed with the metadata", end)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	m := mockserver.New(t, func(o *mockserver.Options) { o.Scenario = "complete" })
	m.SetWebhook(t, to.URL)
	c := newCaller(t, m)
	item := `{"agent_id":"` + m.AgentID + `","metadata":{"n":"1"},"message":{"content":[{"type":"text","text":"hi"}]}}`
	unknown := strings.Replace(item, m.AgentID, "agt_nobody", 1)
	for _, row := range []struct{ items, status, event string }{
		{item + "," + item, "completed", contract.BatchCompleted},
		{item + "," + unknown, "partial_failed", contract.BatchPartialFailed},
	} {
		body := `{"idempotency_key":"` + row.status + `","items":[` + row.items + `]}`
		made := c.want(201, "POST", "/v1/session-batches", body)
		if made["status"] != row.status || len(made["sessions"].([]any)) != 2 {
			t.Errorf("the batch is %v, want %s", made, row.status)
		}
		if again := c.want(200, "POST", "/v1/session-batches", body); again["batch_id"] != made["batch_id"] {
			t.Error("the same idempotency_key made another batch")
		}
		if read := c.want(200, "GET", "/v1/session-batches/"+made["batch_id"].(string), ""); !equal(read, made) {
			t.Errorf("GET answers %v, want %v", read, made)
		}
		idle(t, m)
		got := to.requests()
		if e := got[len(got)-1].envelope(t); !hasType(t, got, row.event) {
			t.Errorf("no %s came, the last is %+v", row.event, e)
		}
	}
}

func hasType(t *testing.T, got []request, eventType string) bool {
	t.Helper()
	return slices.ContainsFunc(got, func(r request) bool { return r.envelope(t).Type == eventType })
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.Scenario = "reply" })
	say := func(path, key string) string {
		req, err := http.NewRequestWithContext(t.Context(), "POST", m.URL+path, strings.NewReader(`{"type":"user.message","content":[{"type":"text","text":"a"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Authorization": {"Bearer " + m.APIKey}, "Content-Type": {"application/json"}, "Idempotency-Key": {key}}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var answer struct {
			Message struct{ ID string } `json:"message"`
			Session struct{ ID string } `json:"session"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != 202 {
			t.Fatalf("answered %d, %v", resp.StatusCode, err)
		}
		return answer.Session.ID + answer.Message.ID
	}
	path := "/v1/agents/" + m.AgentID + "/messages"
	first, again, other := say(path, "one"), say(path, "one"), say(path, "two")
	if first != again || first == other {
		t.Error("a key does not make exactly one message")
	}
}

// A stream resumes behind the event that the client saw last.
func TestStreamResumes(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.Scenario = "reply" })
	c := newCaller(t, m)
	session := c.message("one")
	types, _ := c.events(session, "")
	first := streamed(t, m, session, "", len(types))
	if got := slices.Collect(maps.Values(map[int]string{0: first[0].Type})); got[0] != types[0] {
		t.Errorf("the stream begins with %v, want %s", got, types[0])
	}
	rest := streamed(t, m, session, first[1].ID, len(types)-2)
	if rest[0].ID != first[2].ID {
		t.Errorf("resumed with %s, want %s", rest[0].ID, first[2].ID)
	}
}

type streamedEvent struct{ ID, Type string }

// streamed reads some events of a stream.
func streamed(t *testing.T, m *mockserver.Mock, session, lastID string, n int) (events []streamedEvent) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", m.URL+"/v1/sessions/"+session+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + m.APIKey}, "Last-Event-Id": {lastID}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	var e streamedEvent
	for len(events) < n && lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			e.ID = id
		}
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			e.Type = name
		}
		if lines.Text() == "" && e.ID != "" {
			events = append(events, e)
			e = streamedEvent{}
		}
	}
	if len(events) < n {
		t.Fatalf("the stream ended after %d events, want %d", len(events), n)
	}
	return events
}

func TestControlKeepsOtherOriginsOut(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.AllowHosts = []string{"mock.internal"} })
	for _, row := range []struct {
		host, origin, site string
		status             int
	}{
		{"", "", "", 200},
		{"localhost:4180", "", "", 200},
		{"mock.internal", "", "", 200},
		{"evil.example", "", "", 403},
		{"", "http://evil.example", "cross-site", 403},
		{"", "http://evil.example", "", 403},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", m.URL+"/_mock/reset", nil)
		if err != nil {
			t.Fatal(err)
		}
		if row.host != "" {
			req.Host = row.host
		}
		if row.origin != "" {
			req.Header.Set("Origin", row.origin)
		}
		if row.site != "" {
			req.Header.Set("Sec-Fetch-Site", row.site)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != row.status {
			t.Errorf("%+v answers %d", row, resp.StatusCode)
		}
	}
}

// A script of the agent's own: it waits on the platform's clock, goes on after a failed tool, and leaves the session open.
func TestOwnScript(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t)
	script := `{"name":"mine","tools":[{"name":"find"}],"steps":[{"wait":"1m"},{"call_tool":{"name":"find","on_error":"continue"}},{"reply":"{result}"}]}`
	if _, err := m.Client.SetAgent(t.Context(), m.AgentID, client.AgentSpec{Script: json.RawMessage(script)}); err != nil {
		t.Fatal(err)
	}
	c := newCaller(t, m)
	session := c.message("hello")
	if types, _ := c.events(session, ""); slices.Contains(types, contract.ToolCallRequested) {
		t.Fatal("the tool was called before the minute was over")
	}
	advance(t, m, time.Minute)
	_, call := c.events(session, contract.ToolCallRequested)
	c.want(202, "POST", "/v1/sessions/"+session+"/events", result(call, `,"is_error":true`))
	if got := c.want(200, "GET", "/v1/sessions/"+session, ""); got["status"] != "idle" || got["last_message_status"] != "completed" {
		t.Errorf("at the end of the script the session is %v", got)
	}
	types, reply := c.events(session, "assistant.message_completed")
	if !slices.Contains(types, "tool.call_failed") || !equal(reply["content"], []any{map[string]any{"type": "text", "text": `{"error":"the tool answered with an error"}`}}) {
		t.Errorf("the agent said %v after %q", reply, types)
	}
	c.want(202, "POST", "/v1/sessions/"+session+"/events", `{"type":"user.message","content":[{"type":"text","text":"more"}]}`)
}
