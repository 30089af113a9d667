package mockserver_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
)

func asTess(o *mockserver.Options) { o.Provider = "tess" }

// tessWebhook is a webhook as Tess's API shows it.
type tessWebhook struct {
	ID           int64   `json:"id"`
	TemplateID   int64   `json:"template_id"`
	UserID       int64   `json:"user_id"`
	URL          string  `json:"url"`
	Method       string  `json:"method"`
	Status       string  `json:"status"`
	CreatedAt    string  `json:"created_at"`
	SuccessCount *int64  `json:"success_count"`
	FailureCount *int64  `json:"failure_count"`
	DeletedAt    *string `json:"deleted_at"`
}

// tessPage is a part of a list as Tess's API shows it.
type tessPage struct {
	CurrentPage int           `json:"current_page"`
	Data        []tessWebhook `json:"data"`
	From        *int          `json:"from"`
	To          *int          `json:"to"`
	LastPage    int           `json:"last_page"`
	PerPage     int           `json:"per_page"`
	Total       int           `json:"total"`
	Next        *string       `json:"next_page_url"`
	Prev        *string       `json:"prev_page_url"`
	First       string        `json:"first_page_url"`
	Last        string        `json:"last_page_url"`
	Path        string        `json:"path"`
	Links       []struct {
		URL    *string `json:"url"`
		Label  string  `json:"label"`
		Active bool    `json:"active"`
	} `json:"links"`
}

// tessHook makes a webhook of the first agent.
func (c *caller) tessHook(url, method string) (w tessWebhook) {
	c.t.Helper()
	c.into(&w, http.StatusCreated, "POST", "/agents/1/webhooks", fmt.Sprintf(`{"url":%q,"method":%q}`, url, method))
	return w
}

// tessList reads a list.
func (c *caller) tessList(path string) (p tessPage) {
	c.t.Helper()
	c.into(&p, http.StatusOK, "GET", path, "")
	return p
}

func TestTessWebhookLife(t *testing.T) {
	t.Parallel()
	c := newCaller(t, mockserver.New(t, asTess))
	for _, base := range []string{"", "/api"} {
		var made tessWebhook
		c.into(&made, 201, "POST", base+"/agents/1/webhooks", `{"url":"http://127.0.0.1:9/a","method":"GET","status":"inactive"}`)
		if made.ID == 0 || made.TemplateID != 1 || made.UserID != 1 || made.Method != "GET" || made.Status != "inactive" || made.SuccessCount != nil {
			t.Fatalf("creation answers %+v", made)
		}
		if second := c.tessHook("http://127.0.0.1:9/b", "POST"); second.ID != made.ID+1 || second.Status != "active" {
			t.Errorf("the second webhook is %+v", second)
		}
		if p := c.tessList(base + "/agents/1/webhooks"); p.Total != 2 || p.Data[0].ID != made.ID || *p.Data[0].SuccessCount != 0 || *p.Data[0].FailureCount != 0 || p.Data[0].DeletedAt != nil {
			t.Errorf("the list is %+v", p)
		}
		for _, w := range c.tessList(base + "/webhooks").Data {
			var gone tessWebhook
			path := fmt.Sprintf("%s/webhooks/%d", base, w.ID)
			c.into(&gone, 200, "DELETE", path, "")
			if gone.ID != w.ID || gone.DeletedAt == nil {
				t.Errorf("DELETE answers %+v", gone)
			}
			if status, raw := c.raw("DELETE", path, ""); status != 404 || !strings.Contains(string(raw), `"error"`) {
				t.Errorf("a second DELETE answers %d %s", status, raw)
			}
		}
		if p := c.tessList(base + "/agents/1/webhooks"); p.Total != 0 || p.From != nil || p.To != nil || p.LastPage != 1 {
			t.Errorf("after DELETE the list is %+v", p)
		}
	}
}

func TestTessRefusals(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, asTess, func(o *mockserver.Options) { o.AllowInsecureURLs, o.Resolver = false, publicNames{} })
	const hooks = "/agents/1/webhooks"
	for _, row := range []struct {
		name, method, path, body string
		status                   int
		field                    string // of the messages, for 400
	}{
		{"no url", "POST", hooks, `{"method":"POST"}`, 400, "url"},
		{"no method", "POST", hooks, `{"url":"https://hooks.test/"}`, 400, "method"},
		{"other method", "POST", hooks, `{"url":"https://hooks.test/","method":"PUT"}`, 400, "method"},
		{"method in small letters", "POST", hooks, `{"url":"https://hooks.test/","method":"post"}`, 400, "method"},
		{"other status", "POST", hooks, `{"url":"https://hooks.test/","method":"POST","status":"paused"}`, 400, "status"},
		{"plain HTTP", "POST", hooks, `{"url":"http://hooks.test/","method":"POST"}`, 400, "url"},
		{"private address", "POST", hooks, `{"url":"https://10.0.0.1/","method":"POST"}`, 400, "url"},
		{"unknown field", "POST", hooks, `{"url":"https://hooks.test/","method":"POST","secret":"x"}`, 400, "secret"},
		{"number for a text", "POST", hooks, `{"url":7,"method":"POST"}`, 400, "url"},
		{"no JSON", "POST", hooks, `{`, 400, "body"},
		{"page 0", "GET", hooks + "?page=0", "", 400, "page"},
		{"page in words", "GET", hooks + "?page=two", "", 400, "page"},
		{"page beyond any", "GET", hooks + "?page=1000001", "", 400, "page"},
		{"a hundred and one", "GET", "/webhooks?per_page=101", "", 400, "per_page"},
		{"unknown agent", "POST", "/agents/2/webhooks", `{`, 404, ""},
		{"agent that is no number", "GET", "/agents/agt_mock/webhooks", "", 404, ""},
		{"agent with a zero before", "GET", "/agents/01/webhooks", "", 404, ""},
		{"unknown webhook", "DELETE", "/webhooks/7", "", 404, ""},
		{"webhook that is no number", "DELETE", "/webhooks/-1", "", 404, ""},
		{"unknown path", "GET", "/agents/1", "", 404, ""},
		{"method", "PUT", hooks, `{}`, 405, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			answer := newCaller(t, m).want(row.status, row.method, row.path, row.body)
			if text, _ := answer["error"].(string); text == "" {
				t.Errorf("the answer is %v", answer)
			}
			messages, _ := answer["messages"].(map[string]any)
			if row.field == "" && answer["messages"] != nil || row.field != "" && (len(messages) != 1 || messages[row.field] == nil) {
				t.Errorf("the messages are %v, want one of %q", messages, row.field)
			}
		})
	}
	if p := newCaller(t, m).tessList("/webhooks"); p.Total != 0 {
		t.Errorf("a refused call has made a webhook: %+v", p)
	}
}

// A bad key is answered with 403, and another user's things as if they did not exist.
func TestTessKeys(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, asTess, func(o *mockserver.Options) { o.OtherAPIKey = "other" })
	c := newCaller(t, m)
	w := c.tessHook("http://127.0.0.1:9/", "POST")
	for key, status := range map[string]int{"": 403, "wrong": 403, m.APIKey + "x": 403, m.APIKey: 200} {
		c.key = key
		if got, raw := c.raw("GET", "/agents/1/webhooks", ""); got != status {
			t.Errorf("with the key %q GET answers %d %s, want %d", key, got, raw, status)
		}
	}
	c.key = "other"
	if p := c.tessList("/webhooks"); p.Total != 0 {
		t.Errorf("another user lists %+v", p)
	}
	c.want(404, "GET", "/agents/1/webhooks", "")
	c.want(404, "DELETE", fmt.Sprintf("/webhooks/%d", w.ID), "")
	c.key = m.APIKey
	for id, status := range map[string]int{"7": 200, "0": 400, "mine": 400, "-3": 400} {
		if got, raw := c.raw("GET", "/webhooks", "", "x-workspace-id", id); got != status {
			t.Errorf("in workspace %q GET answers %d %s, want %d", id, got, raw, status)
		}
	}
}

func TestTessPages(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, asTess)
	c := newCaller(t, m)
	for i := range 32 {
		c.tessHook(fmt.Sprintf("http://127.0.0.1:9/%d", i), "POST")
	}
	path := m.URL + "/agents/1/webhooks"
	p := c.tessList("/agents/1/webhooks")
	if len(p.Data) != 15 || p.PerPage != 15 || p.Total != 32 || p.LastPage != 3 || *p.From != 1 || *p.To != 15 || p.Prev != nil || *p.Next != path+"?page=2" || p.Path != path || p.First != path+"?page=1" || p.Last != path+"?page=3" {
		t.Errorf("the first page is %+v", p)
	}
	p = c.tessList("/agents/1/webhooks?page=3")
	if len(p.Data) != 2 || *p.From != 31 || *p.To != 32 || p.Next != nil || *p.Prev != path+"?page=2" || p.Data[1].ID != 32 {
		t.Errorf("the last page is %+v", p)
	}
	if p = c.tessList("/agents/1/webhooks?page=4"); len(p.Data) != 0 || p.From != nil || p.CurrentPage != 4 || p.Total != 32 {
		t.Errorf("the page after the last is %+v", p)
	}
	seen := map[int64]bool{}
	for next := "/agents/1/webhooks?per_page=10"; next != ""; {
		p := c.tessList(next)
		for _, w := range p.Data {
			seen[w.ID] = true
		}
		next = ""
		if p.Next != nil {
			next = strings.TrimPrefix(*p.Next, m.URL)
		}
	}
	if len(seen) != 32 {
		t.Errorf("following the pages shows %d webhooks, want 32", len(seen))
	}
	for query, want := range map[string]string{
		"?per_page=15&page=2": "&laquo; Previous 1 [2] 3 Next &raquo;",
		"?per_page=1&page=1":  "&laquo; Previous [1] 2 3 4 5 6 7 8 9 10 ... 31 32 Next &raquo;",
		"?per_page=1&page=16": "&laquo; Previous 1 2 ... 13 14 15 [16] 17 18 19 ... 31 32 Next &raquo;",
		"?per_page=1&page=32": "&laquo; Previous 1 2 ... 23 24 25 26 27 28 29 30 31 [32] Next &raquo;",
	} {
		var labels []string
		for _, l := range c.tessList("/webhooks" + query).Links {
			if l.Active {
				l.Label = "[" + l.Label + "]"
			}
			labels = append(labels, l.Label)
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("%s links %s, want %s", query, got, want)
		}
	}
}

// The limit is counted on the platform's clock, for each key by itself.
func TestTessRateLimit(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, asTess, func(o *mockserver.Options) { o.RateLimit, o.OtherAPIKey = 2, "other" })
	c := newCaller(t, m)
	c.want(200, "GET", "/webhooks", "")
	advance(t, m, 20*time.Second)
	c.want(200, "GET", "/webhooks", "")
	if answer := c.want(429, "GET", "/webhooks", ""); answer["retry_after"] != 40.0 || answer["error"] == nil {
		t.Errorf("beyond the limit the answer is %v", answer)
	}
	c.key = "other"
	c.want(200, "GET", "/webhooks", "")
	c.key = m.APIKey
	advance(t, m, 39*time.Second)
	c.want(429, "GET", "/webhooks", "")
	advance(t, m, time.Second)
	c.want(200, "GET", "/webhooks", "")
	if _, err := mockserver.Start(t.Context(), mockserver.Options{Provider: "tess", RateLimit: -1}); err == nil {
		t.Error("a negative limit is taken")
	}
}

// Deliveries go to every active webhook by its own method, unsigned, and are counted when they have ended.
func TestTessDelivery(t *testing.T) {
	t.Parallel()
	methods := make(chan string, 100)
	good := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body["output"] != "mine" || body["template_id"] != 1.0 {
			w.WriteHeader(http.StatusBadRequest)
		}
		methods <- r.Method
	})
	bad, off := newReceiver(t, 500), newReceiver(t)
	m := mockserver.New(t, asTess)
	c := newCaller(t, m)
	c.tessHook(good, "POST")
	c.tessHook(good, "GET")
	c.tessHook(bad.URL, "POST")
	var inactive tessWebhook
	c.into(&inactive, 201, "POST", "/agents/1/webhooks", fmt.Sprintf(`{"url":%q,"method":"POST","status":"inactive"}`, off.URL))
	emitted := emit(t, m, client.Event{Data: map[string]json.RawMessage{"output": json.RawMessage(`"mine"`)}, Count: 2})
	if len(emitted) != 2 || len(emitted[1].Others) != 2 {
		t.Fatalf("emitted %+v", emitted)
	}
	idle(t, m)
	if w := c.tessList("/webhooks").Data[2]; *w.FailureCount != 0 {
		t.Errorf("a delivery that is still tried counts as failed: %+v", w)
	}
	advance(t, m, 48*time.Hour)
	got := map[string]int{}
	for range 4 {
		got[<-methods]++
	}
	if got["POST"] != 2 || got["GET"] != 2 || len(off.requests()) != 0 {
		t.Errorf("requests came as %v, and %d to an inactive webhook", got, len(off.requests()))
	}
	for i, want := range [][2]int64{{2, 0}, {2, 0}, {0, 2}, {0, 0}} {
		if w := c.tessList("/webhooks").Data[i]; *w.SuccessCount != want[0] || *w.FailureCount != want[1] {
			t.Errorf("webhook %d counts %d and %d, want %v", i, *w.SuccessCount, *w.FailureCount, want)
		}
	}
	first := bad.requests()[0]
	for name := range first.header {
		if strings.Contains(strings.ToLower(name), "signature") || strings.Contains(strings.ToLower(name), "webhook") {
			t.Errorf("an unsigned delivery has %s", name)
		}
	}
	bodies := map[string]bool{}
	for _, r := range bad.requests() {
		bodies[string(r.body)] = true
	}
	if len(bodies) != 2 {
		t.Errorf("two events have %d bodies; a receiver knows them by nothing else", len(bodies))
	}
	if d := deliveryOf(t, m, emitted[0].DeliveryID); d.AgentID != "1" || d.Attempts[0].Scheme != "" || d.Attempts[0].Request.Method != "" {
		t.Errorf("the delivery is %+v", d)
	}
	if d := deliveryOf(t, m, emitted[0].Others[0]); d.Attempts[0].Request.Method != "GET" {
		t.Errorf("the delivery by GET is %+v", d)
	}
}

// What breaks the connection keeps the webhook's method.
func TestTessBrokenGet(t *testing.T) {
	t.Parallel()
	methods := make(chan string, 10)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest) // half a request is no delivery
		}
		methods <- fmt.Sprint(r.Method, " ", err != nil)
	})
	m := mockserver.New(t, asTess)
	newCaller(t, m).tessHook(url, "GET")
	emit(t, m, client.Event{Faults: []client.FaultRef{{Fault: faults.Fault{Kind: "truncated_body", Next: new(1)}}}})
	advance(t, m, time.Minute)
	if n := len(methods); n != 2 {
		t.Fatalf("%d requests came, want the broken one and its repetition", n)
	}
	if first, second := <-methods, <-methods; first != "GET true" || second != "GET false" {
		t.Errorf("the requests came as %q and %q", first, second)
	}
}

// A webhook that was deleted gets no further attempt.
func TestTessDeletedUnderWay(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 500)
	m := mockserver.New(t, asTess)
	c := newCaller(t, m)
	w := c.tessHook(to.URL, "POST")
	id := emit(t, m, client.Event{})[0].DeliveryID
	idle(t, m)
	c.want(200, "DELETE", fmt.Sprintf("/webhooks/%d", w.ID), "")
	advance(t, m, 48*time.Hour)
	if d := deliveryOf(t, m, id); d.Status != client.Failed || len(to.requests()) != 1 {
		t.Errorf("the delivery is %s after %d requests, want failed after 1", d.Status, len(to.requests()))
	}
	emitUnheard(t, m, client.Event{}, "no webhook is set")
}

// The control API drives Tess as it drives Dari, but for what Tess does not have.
func TestTessControl(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	m := mockserver.New(t, asTess)
	if secret := m.SetWebhook(t, to.URL); secret != "" {
		t.Errorf("a webhook that nothing signs has the secret %q", secret)
	}
	emit(t, m, client.Event{Faults: []client.FaultRef{{Fault: faults.Fault{Kind: "tampered_body", Next: new(1)}}, {Fault: faults.Fault{Kind: "duplicate_sequential", Next: new(1)}}}})
	idle(t, m)
	if got := len(to.requests()); got != 2 {
		t.Errorf("%d requests came, want the delivery and its copy", got)
	}
	for _, kind := range faults.Kinds() {
		f := faults.Fault{Kind: kind.Name}
		fits := false
		for _, k := range faults.KindsFor(contract.Tess()) {
			fits = fits || k.Name == kind.Name
		}
		if _, err := m.Client.AddFault(t.Context(), f); (err == nil) != fits {
			t.Errorf("the fault %s is answered with %v", kind.Name, err)
		}
	}
	for name, e := range map[string]client.Event{"a type": {Type: contract.SessionFailed}, "unknown agent": {AgentID: "2"}, "no agent's id": {AgentID: "agt_mock"}} {
		if _, err := m.Client.Emit(t.Context(), e); err == nil {
			t.Errorf("%s: the event is emitted", name)
		}
	}
	for _, spec := range []client.WebhookSpec{{URL: to.URL, Secret: "whsec_x"}, {URL: to.URL, EventTypes: []string{"x"}}, {URL: "nowhere"}} {
		if _, err := m.Client.SetWebhook(t.Context(), m.AgentID, spec); err == nil {
			t.Errorf("the webhook %+v is set", spec)
		}
	}
	if a, err := m.Client.SetAgent(t.Context(), "", client.AgentSpec{Name: "second"}); err != nil || a.ID != "2" || a.Name != "second" {
		t.Errorf("a new agent is %+v, %v", a, err)
	}
	if _, err := m.Client.SetAgent(t.Context(), "agt_x", client.AgentSpec{}); err == nil {
		t.Error("an agent has a name for its id")
	}
	if _, err := m.Client.Emit(t.Context(), client.Event{}); err == nil {
		t.Error("of two agents one is chosen")
	}
	if err := m.Client.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w := newCaller(t, m).tessHook(to.URL, "POST"); w.ID != 1 {
		t.Errorf("after a reset the first webhook is %+v", w)
	}
}

// Agents, webhooks, counts and pending deliveries outlive the process, and no id is given twice.
func TestTessOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 200, 500, 200)
	o := mockserver.Options{
		Provider: "tess", Data: filepath.Join(t.TempDir(), "state"), ManualClock: true, AllowInsecureURLs: true, AutoCreate: true,
	}
	server, err := mockserver.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	m := &mockserver.Mock{Server: server}
	c := newCaller(t, m)
	gone := c.tessHook(to.URL, "POST")
	c.into(&tessWebhook{}, 201, "POST", "/agents/77/webhooks", fmt.Sprintf(`{"url":%q,"method":"GET"}`, to.URL))
	for range 2 {
		emit(t, m, client.Event{AgentID: "77"})
		idle(t, m)
	}
	c.want(200, "DELETE", fmt.Sprintf("/webhooks/%d", gone.ID), "")
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	m = mockserver.New(t, func(again *mockserver.Options) { *again = o })
	advance(t, m, time.Hour)
	c = newCaller(t, m)
	p := c.tessList("/webhooks")
	if p.Total != 1 || p.Data[0].ID != 2 || p.Data[0].TemplateID != 77 || *p.Data[0].SuccessCount != 2 || *p.Data[0].FailureCount != 0 {
		t.Fatalf("after the restart the webhooks are %+v", p)
	}
	if w := c.tessHook(to.URL, "POST"); w.ID != 3 {
		t.Errorf("after the restart a webhook gets the id %d, want 3", w.ID)
	}
	emit(t, m, client.Event{AgentID: "77"})
	idle(t, m)
	bodies := map[string]int{}
	for _, r := range to.requests() {
		bodies[string(r.body)]++
	}
	if len(bodies) != 3 {
		t.Errorf("three events came in %d different bodies", len(bodies))
	}
}
