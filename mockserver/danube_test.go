package mockserver_test

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/signature"
)

func asDanube(o *mockserver.Options) { o.Provider = "danube" }

// danubeWebhook is a webhook as Danube's API shows it.
type danubeWebhook struct {
	ID          string   `json:"id"`
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	IsActive    bool     `json:"is_active"`
	Description *string  `json:"description"`
	Secret      string   `json:"secret"`
}

// danubeDelivery is a delivery as Danube's API shows it.
type danubeDelivery struct {
	ID             string          `json:"id"`
	EventType      string          `json:"event_type"`
	Payload        json.RawMessage `json:"payload"`
	Status         string          `json:"status"`
	ResponseStatus *int            `json:"response_status"`
	ResponseBody   *string         `json:"response_body"`
	Attempts       int             `json:"attempts"`
	DeliveredAt    *string         `json:"delivered_at"`
	CreatedAt      string          `json:"created_at"`
}

// into makes a call, expects a status and decodes the answer.
func (c *caller) into(out any, status int, method, path, body string, header ...string) {
	c.t.Helper()
	got, raw := c.raw(method, path, body, header...)
	if got != status {
		c.t.Fatalf("%s %s answered %d %.300s, want %d", method, path, got, raw, status)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		c.t.Fatalf("%s %s answered %.300q: %v", method, path, raw, err)
	}
}

// danubeHook makes a webhook for every event type.
func (c *caller) danubeHook(url string) (w danubeWebhook) {
	c.t.Helper()
	var types []string
	for _, e := range contract.Danube().Events {
		types = append(types, e.Type)
	}
	body, err := json.Marshal(map[string]any{"url": url, "events": types})
	if err != nil {
		c.t.Fatal(err)
	}
	c.into(&w, http.StatusCreated, "POST", "/v1/webhooks", string(body))
	return w
}

// verifyDanube checks a request as Danube's documents say.
func verifyDanube(t testing.TB, secret string, r request) error {
	t.Helper()
	key, err := signature.NewSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	v, err := signature.NewVerifier(signature.Options{Scheme: contract.Danube().Scheme, Secrets: []signature.Secret{key}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(r.header, r.body, time.Now())
	return err
}

func TestDanubeWebhookLife(t *testing.T) {
	t.Parallel()
	c := newCaller(t, mockserver.New(t, asDanube))
	var made danubeWebhook
	c.into(&made, 201, "POST", "/v1/webhooks", `{"url":"http://127.0.0.1:9/a","events":["workflow.failed"],"description":"mine"}`)
	if !regexp.MustCompile(`^whsec_[0-9a-f]{48}$`).MatchString(made.Secret) || !made.IsActive || *made.Description != "mine" {
		t.Fatalf("creation answers %+v", made)
	}
	status, raw := c.raw("GET", "/v1/webhooks", "")
	if status != 200 || strings.Contains(string(raw), "secret") || !strings.Contains(string(raw), made.ID) {
		t.Errorf("the list answers %d %s", status, raw)
	}
	var changed danubeWebhook
	c.into(&changed, 200, "PATCH", "/v1/webhooks/"+made.ID, `{"is_active":false}`)
	if changed.IsActive || changed.Secret != "" || changed.URL != made.URL || *changed.Description != "mine" || !equal(changed.Events, made.Events) {
		t.Errorf("switching off answers %+v", changed)
	}
	c.into(&changed, 200, "PATCH", "/v1/webhooks/"+made.ID, `{"url":"http://127.0.0.1:9/b","events":["workflow.completed"],"description":"yours"}`)
	if changed.URL != "http://127.0.0.1:9/b" || !equal(changed.Events, []string{"workflow.completed"}) || *changed.Description != "yours" || changed.IsActive {
		t.Errorf("the change answers %+v", changed)
	}
	if status, raw := c.raw("DELETE", "/v1/webhooks/"+made.ID, ""); status != 204 || len(raw) != 0 {
		t.Errorf("DELETE answers %d %q", status, raw)
	}
	for _, call := range [][2]string{{"DELETE", ""}, {"PATCH", "{}"}, {"GET", "/deliveries"}} {
		path, body := "/v1/webhooks/"+made.ID, call[1]
		if call[0] == "GET" {
			path, body = path+call[1], ""
		}
		if status, raw := c.raw(call[0], path, body); status != 404 || !strings.Contains(string(raw), `"not_found"`) {
			t.Errorf("%s of a webhook that is gone answers %d %s", call[0], status, raw)
		}
	}
	var list []danubeWebhook
	if c.into(&list, 200, "GET", "/v1/webhooks", ""); len(list) != 0 {
		t.Errorf("after DELETE the list is %+v", list)
	}
}

func TestDanubeRefusals(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, asDanube, func(o *mockserver.Options) { o.AllowInsecureURLs, o.Resolver = false, publicNames{} })
	c := newCaller(t, m)
	var w danubeWebhook
	c.into(&w, 201, "POST", "/v1/webhooks", `{"url":"https://hooks.test/","events":["workflow.failed"]}`)
	const hooks = "/v1/webhooks"
	for _, row := range []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"nothing", "POST", hooks, `{}`, 400, "validation_error"},
		{"no url", "POST", hooks, `{"events":["workflow.failed"]}`, 400, "validation_error"},
		{"no events", "POST", hooks, `{"url":"https://hooks.test/"}`, 400, "validation_error"},
		{"empty events", "POST", hooks, `{"url":"https://hooks.test/","events":[]}`, 400, "validation_error"},
		{"unknown event", "POST", hooks, `{"url":"https://hooks.test/","events":["x"]}`, 400, "validation_error"},
		{"event twice", "POST", hooks, `{"url":"https://hooks.test/","events":["workflow.failed","workflow.failed"]}`, 400, "validation_error"},
		{"event of Dari", "POST", hooks, `{"url":"https://hooks.test/","events":["session.failed"]}`, 400, "validation_error"},
		{"plain HTTP", "POST", hooks, `{"url":"http://hooks.test/","events":["workflow.failed"]}`, 400, "validation_error"},
		{"private address", "POST", hooks, `{"url":"https://10.0.0.1/","events":["workflow.failed"]}`, 400, "validation_error"},
		{"long description", "POST", hooks, `{"url":"https://hooks.test/","events":["workflow.failed"],"description":"` + strings.Repeat("x", 1001) + `"}`, 400, "validation_error"},
		{"switched off at birth", "POST", hooks, `{"url":"https://hooks.test/","events":["workflow.failed"],"is_active":false}`, 400, "validation_error"},
		{"unknown field", "POST", hooks, `{"url":"https://hooks.test/","events":["workflow.failed"],"secret":"mine"}`, 400, "validation_error"},
		{"no JSON", "POST", hooks, `{`, 400, "validation_error"},
		{"change to plain HTTP", "PATCH", hooks + "/" + w.ID, `{"url":"http://hooks.test/"}`, 400, "validation_error"},
		{"change to no events", "PATCH", hooks + "/" + w.ID, `{"events":[]}`, 400, "validation_error"},
		{"change of the type", "PATCH", hooks + "/" + w.ID, `{"is_active":"no"}`, 400, "validation_error"},
		{"unknown webhook and no JSON", "PATCH", hooks + "/nobody", `{`, 404, "not_found"},
		{"no limit", "GET", hooks + "/" + w.ID + "/deliveries?limit=0", "", 400, "validation_error"},
		{"limit beyond", "GET", hooks + "/" + w.ID + "/deliveries?limit=101", "", 400, "validation_error"},
		{"unknown path", "GET", "/v1/agents", "", 404, "not_found"},
		{"method", "PUT", hooks, `{}`, 405, "method_not_allowed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			answer := newCaller(t, m).want(row.status, row.method, row.path, row.body)
			said, _ := answer["error"].(map[string]any)
			if said["code"] != row.code || said["message"] == "" || (said["details"] == nil) == (row.status == 400) {
				t.Errorf("the answer is %v", answer)
			}
		})
	}
	var list []danubeWebhook
	if c.into(&list, 200, "GET", hooks, ""); len(list) != 1 || list[0].URL != "https://hooks.test/" {
		t.Errorf("a refused call has left its mark: %+v", list)
	}
}

func TestDanubeCredentials(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, asDanube, func(o *mockserver.Options) { o.OtherAPIKey = "other" })
	c := newCaller(t, m)
	w := c.danubeHook("http://127.0.0.1:9/")
	c.key = ""
	for _, row := range []struct {
		name   string
		header []string
		status int
	}{
		{"none", nil, 401},
		{"bearer", []string{"Authorization", "Bearer " + m.APIKey}, 200},
		{"wrong bearer", []string{"Authorization", "Bearer x"}, 401},
		{"other word", []string{"Authorization", "Basic " + m.APIKey}, 401},
		{"the client's header", []string{"danube-api-key", m.APIKey}, 200},
		{"wrong header", []string{"danube-api-key", "x"}, 401},
		{"empty header", []string{"danube-api-key", ""}, 401},
		{"both", []string{"Authorization", "Bearer " + m.APIKey, "danube-api-key", m.APIKey}, 200},
		{"both and different", []string{"Authorization", "Bearer " + m.APIKey, "danube-api-key", "other"}, 401},
		{"a good one and a bad one", []string{"Authorization", "Bearer x", "danube-api-key", m.APIKey}, 401},
	} {
		if status, raw := c.raw("GET", "/v1/webhooks", "", row.header...); status != row.status {
			t.Errorf("%s: answered %d %s, want %d", row.name, status, raw, row.status)
		}
	}
	c.key = "other"
	var list []danubeWebhook
	if c.into(&list, 200, "GET", "/v1/webhooks", ""); len(list) != 0 {
		t.Errorf("another account sees %+v", list)
	}
	for method, path := range map[string]string{"PATCH": "", "DELETE": "", "GET": "/deliveries"} {
		body := ""
		if method == "PATCH" {
			body = `{"is_active":false}`
		}
		if status, _ := c.raw(method, "/v1/webhooks/"+w.ID+path, body); status != 404 {
			t.Errorf("%s of another account's webhook answers %d", method, status)
		}
	}
}

// Every attempt has the same body, without an id, and a signature and time of its own; the third is the last.
func TestDanubeDelivery(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 500)
	m := mockserver.New(t, asDanube)
	c := newCaller(t, m)
	w := c.danubeHook(to.URL)
	emitted := emit(t, m, client.Event{Type: contract.ToolExecutionFailed, Data: map[string]json.RawMessage{"tool_name": json.RawMessage(`"mine"`)}})[0]
	idle(t, m)
	path := "/v1/webhooks/" + w.ID + "/deliveries"
	var list []danubeDelivery
	if c.into(&list, 200, "GET", path, ""); len(list) != 1 || list[0].Status != "pending" || list[0].Attempts != 1 || *list[0].ResponseStatus != 500 || list[0].DeliveredAt != nil {
		t.Fatalf("after the first attempt the deliveries are %+v", list)
	}
	advance(t, m, 24*time.Hour)
	c.into(&list, 200, "GET", path, "")
	if list[0].Status != "failed" || list[0].Attempts != 3 || list[0].ID != emitted.DeliveryID || list[0].DeliveredAt != nil {
		t.Errorf("after a day the delivery is %+v", list[0])
	}
	got := to.requests()
	if len(got) != 3 {
		t.Fatalf("%d attempts came, want 3", len(got))
	}
	for i, r := range got {
		if err := verifyDanube(t, w.Secret, r); err != nil || string(r.body) != string(got[0].body) {
			t.Errorf("attempt %d: %v, %s", i+1, err, r.body)
		}
	}
	var body struct {
		Event, Timestamp string
		Data             map[string]any
		ID               *string
	}
	if err := json.Unmarshal(got[0].body, &body); err != nil || body.ID != nil || body.Event != contract.ToolExecutionFailed || body.Data["tool_name"] != "mine" {
		t.Errorf("the body is %s, %v", got[0].body, err)
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`).MatchString(body.Timestamp) || !equal(list[0].Payload, json.RawMessage(got[0].body)) {
		t.Errorf("timestamp %q, payload %s", body.Timestamp, list[0].Payload)
	}
	to.answer(200)
	for _, e := range contract.Danube().Events {
		emit(t, m, client.Event{Type: e.Type})
		idle(t, m)
		all := to.requests()
		if err := json.Unmarshal(all[len(all)-1].body, &body); err != nil || body.Event != e.Type {
			t.Fatalf("%s came as %s", e.Type, all[len(all)-1].body)
		}
		for _, name := range e.Required {
			if _, ok := body.Data[name]; !ok {
				t.Errorf("the data of %s has no %s", e.Type, name)
			}
		}
	}
	if c.into(&list, 200, "GET", path+"?limit=2", ""); len(list) != 2 || list[0].EventType != contract.AgentSpendLimitApproaching || list[0].Status != "success" || list[0].DeliveredAt == nil {
		t.Errorf("the newest two are %+v", list)
	}
}

func TestDanubeCutsAnswers(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ sent, shown string }{
		"short":   {"ok", "ok"},
		"exact":   {strings.Repeat("a", 2000), strings.Repeat("a", 2000)},
		"long":    {strings.Repeat("a", 2001), strings.Repeat("a", 2000)},
		"wide":    {strings.Repeat("\U0001F30A", 2001), strings.Repeat("\U0001F30A", 2000)},
		"no text": {"\xff\xfe", "\uFFFD"},
		"endless": {strings.Repeat("b", 1<<20), strings.Repeat("b", 2000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mockserver.New(t, asDanube)
			c := newCaller(t, m)
			w := c.danubeHook(serve(t, func(out http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				io.WriteString(out, row.sent)
			}))
			emit(t, m, client.Event{Type: contract.WorkflowCompleted})
			idle(t, m)
			var list []danubeDelivery
			c.into(&list, 200, "GET", "/v1/webhooks/"+w.ID+"/deliveries", "")
			if got := *list[0].ResponseBody; got != row.shown {
				t.Errorf("%d characters of the answer are shown, want %d", len([]rune(got)), len([]rune(row.shown)))
			}
		})
	}
}

// An event goes to each webhook that is subscribed and active, and to each of them by itself.
func TestDanubeSeveralWebhooks(t *testing.T) {
	t.Parallel()
	good, bad, off := newReceiver(t), newReceiver(t, 500), newReceiver(t)
	m := mockserver.New(t, asDanube)
	c := newCaller(t, m)
	first, second, third := c.danubeHook(good.URL), c.danubeHook(bad.URL), c.danubeHook(off.URL)
	c.raw("PATCH", "/v1/webhooks/"+third.ID, `{"is_active":false}`)
	emitted := emit(t, m, client.Event{Type: contract.WorkflowCompleted, Count: 2})
	if len(emitted) != 2 || emitted[0].DeliveryID == "" || len(emitted[0].Others) != 1 || emitted[0].Others[0] == emitted[0].DeliveryID {
		t.Fatalf("emitted %+v", emitted)
	}
	advance(t, m, time.Hour)
	if g, b, o := len(good.requests()), len(bad.requests()), len(off.requests()); g != 2 || b != 6 || o != 0 {
		t.Errorf("the webhooks got %d, %d and %d requests, want 2, 6 and 0", g, b, o)
	}
	for _, r := range good.requests() {
		if verifyDanube(t, first.Secret, r) != nil || verifyDanube(t, second.Secret, r) == nil {
			t.Error("a delivery is not signed by its own webhook's secret alone")
		}
	}
	c.raw("PATCH", "/v1/webhooks/"+first.ID, `{"events":["workflow.failed"]}`)
	if got := emit(t, m, client.Event{Type: contract.WorkflowCompleted}); len(got[0].Others) != 0 {
		t.Errorf("an event goes to %+v, want the subscribed webhook alone", got)
	}
	c.raw("DELETE", "/v1/webhooks/"+second.ID, "")
	emitUnheard(t, m, client.Event{Type: contract.WorkflowCompleted}, "the webhook is subscribed to workflow.failed alone")
	c.raw("PATCH", "/v1/webhooks/"+first.ID, `{"is_active":false}`)
	emitUnheard(t, m, client.Event{Type: contract.WorkflowFailed}, "the webhook is inactive")
}

// The control API drives Danube as it drives Dari.
func TestDanubeControl(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	m := mockserver.New(t, asDanube)
	secret := m.SetWebhook(t, to.URL)
	if status, err := m.Client.Status(t.Context()); err != nil || status.Provider != "danube" || len(status.Schedule) != 3 {
		t.Errorf("the status is %+v, %v", status, err)
	}
	if agents, err := m.Client.Agents(t.Context()); err != nil || len(agents) != 1 || agents[0].ID != m.AgentID || agents[0].WebhookURL != to.URL {
		t.Errorf("the accounts are %+v, %v", agents, err)
	}
	id := emit(t, m, client.Event{Type: contract.WorkflowFailed, Faults: []client.FaultRef{{Fault: faults.Fault{Kind: "tampered_body", Next: new(1)}}}})[0].DeliveryID
	emit(t, m, client.Event{Type: contract.WorkflowFailed})
	idle(t, m)
	if d := deliveryOf(t, m, id); d.AgentID != m.AgentID || d.Attempts[0].Scheme != "danube" {
		t.Errorf("the delivery is %+v", d)
	}
	if _, err := m.Client.Resend(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	idle(t, m)
	failures := 0
	for _, r := range to.requests() {
		if verifyDanube(t, secret, r) != nil {
			failures++
		}
	}
	if failures != 1 || len(to.requests()) != 3 {
		t.Errorf("%d of %d requests are refused, want 1 of 3", failures, len(to.requests()))
	}
	for _, kind := range []string{"no_id", "id_header_differs", "other_scheme"} {
		if _, err := m.Client.AddFault(t.Context(), faults.Fault{Kind: kind, Scheme: map[string]string{"other_scheme": "danube"}[kind]}); err == nil {
			t.Errorf("the fault %s is taken, and can never happen", kind)
		}
	}
	if secret, err := m.Client.SetWebhook(t.Context(), m.AgentID, client.WebhookSpec{URL: to.URL, Secret: "whsec_mine"}); err != nil || secret != "" {
		t.Errorf("setting a secret answers %q, %v", secret, err)
	}
	emit(t, m, client.Event{Type: contract.WorkflowFailed})
	idle(t, m)
	all := to.requests()
	if err := verifyDanube(t, "whsec_mine", all[len(all)-1]); err != nil {
		t.Errorf("the chosen secret does not sign: %v", err)
	}
	if err := m.Client.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	emitUnheard(t, m, client.Event{Type: contract.WorkflowFailed}, "no webhook is set")
}

func TestDanubeControlRefuses(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, asDanube, func(o *mockserver.Options) { o.OtherAPIKey = "other" })
	c := newCaller(t, m)
	for range 3 {
		c.danubeHook("http://127.0.0.1:9/")
	}
	for name, e := range map[string]client.Event{
		"no type":         {AgentID: m.AgentID},
		"too many":        {AgentID: m.AgentID, Type: contract.WorkflowFailed, Count: 100_000},
		"type of Dari":    {AgentID: m.AgentID, Type: contract.SessionFailed},
		"unknown account": {AgentID: "nobody", Type: contract.WorkflowFailed},
		"which account":   {Type: contract.WorkflowFailed},
	} {
		if _, err := m.Client.Emit(t.Context(), e); err == nil {
			t.Errorf("%s: the event is emitted", name)
		}
	}
	if _, err := m.Client.SetAgent(t.Context(), m.AgentID, client.AgentSpec{Scenario: "tool_call"}); err == nil {
		t.Error("an account takes a scenario")
	}
	if _, err := m.Client.SetAgent(t.Context(), "", client.AgentSpec{}); err == nil {
		t.Error("an account is made that no key belongs to")
	}
	if _, err := m.Client.SetWebhook(t.Context(), m.AgentID, client.WebhookSpec{URL: "http://127.0.0.1/", EventTypes: []string{contract.SessionFailed}}); err == nil {
		t.Error("a webhook is subscribed to what Danube does not have")
	}
	if _, err := mockserver.Start(t.Context(), mockserver.Options{Provider: "dnube"}); err == nil || !strings.Contains(err.Error(), "did you mean danube?") {
		t.Errorf("an unknown provider answers %v", err)
	}
	if _, err := mockserver.Start(t.Context(), mockserver.Options{Provider: "stripe"}); err == nil || !strings.Contains(err.Error(), "the mock cannot be Stripe; it can be dari") {
		t.Errorf("a provider that the mock cannot be answers %v", err)
	}
	if _, err := mockserver.Start(t.Context(), mockserver.Options{Provider: "danube", Scheme: "dari"}); err == nil {
		t.Error("Danube takes a scheme of Dari's")
	}
}

// Webhooks, secrets and pending deliveries outlive the process.
func TestDanubeOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 500, 200)
	data := func(path string) func(*mockserver.Options) {
		return func(o *mockserver.Options) {
			asDanube(o)
			o.Data, o.ManualClock, o.AllowInsecureURLs = path, true, true
		}
	}
	o := mockserver.Options{}
	data(filepath.Join(t.TempDir(), "state"))(&o)
	first, err := mockserver.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	m := &mockserver.Mock{Server: first}
	w := newCaller(t, m).danubeHook(to.URL)
	id := emit(t, m, client.Event{Type: contract.WorkflowCompleted})[0].DeliveryID
	idle(t, m)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	m = mockserver.New(t, func(again *mockserver.Options) { *again = o })
	c := newCaller(t, m)
	advance(t, m, time.Hour)
	var list []danubeDelivery
	c.into(&list, 200, "GET", "/v1/webhooks/"+w.ID+"/deliveries", "")
	if len(list) != 1 || list[0].ID != id || list[0].Status != "success" || list[0].Attempts != 2 {
		t.Fatalf("after the restart the deliveries are %+v", list)
	}
	if all := to.requests(); len(all) != 2 || verifyDanube(t, w.Secret, all[1]) != nil {
		t.Errorf("after the restart %d requests came, want 2 with the secret of before", len(all))
	}
}
