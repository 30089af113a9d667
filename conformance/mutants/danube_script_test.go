package mutants

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/darihook/darihook/contract"
)

// account is the API of Danube's platform as a script calls it.
type account struct{ *api }

// body makes a webhook's body.
func (account) body(url string, events ...string) string {
	text, _ := json.Marshal(map[string]any{"url": url, "events": append([]string{}, events...), "description": "of a script"})
	return string(text)
}

// make makes a webhook and returns its path and what is said of it.
func (a account) make(url string, events ...string) (path string, said map[string]any) {
	_, said = a.raw("POST", "/v1/webhooks", a.body(url, events...), "Bearer "+a.target.APIKey)
	return fmt.Sprint("/v1/webhooks/", said["id"]), said
}

// get reads an array, as text and as what it holds.
func (a account) get(path string) (status int, text string, all []map[string]any) {
	h := http.Header{"Authorization": {"Bearer " + a.target.APIKey}}
	status, _, text = ask("GET", a.target.APIURL+path, h, nil)
	_ = json.Unmarshal([]byte(text), &all) // what is no array holds nothing
	return status, text, all
}

// keys is what an answer says to the key in several headers.
func (a account) keys(headers ...http.Header) string {
	var statuses []any
	for _, h := range headers {
		status, _, _ := ask("GET", a.target.APIURL+"/v1/webhooks", h, nil)
		statuses = append(statuses, status)
	}
	return see(statuses...)
}

// danubeConfigScript goes through every rule of Danube's configuration API.
func danubeConfigScript(s *stage) []line {
	a := account{&api{stage: s}}
	return slices.Concat(makingLines(a), listingLines(a), misfitLines(a), credentialLines(a))
}

func makingLines(a account) []line {
	const kind = contract.WorkflowFailed
	_, first := a.make("https://hooks.example/a", kind)
	_, second := a.make("https://hooks.example/b", kind)
	one, _ := first["secret"].(string)
	two, _ := second["secret"].(string)
	form := regexp.MustCompile(`^whsec_[0-9a-f]{48}$`)
	return []line{
		{"CFG-022", "made", see(uuid.Validate(fmt.Sprint(first["id"])), first["url"], first["events"], first["is_active"], first["description"], one != "")},
		{"CFG-023", "secrets", see(form.MatchString(one), one == two)},
	}
}

func listingLines(a account) []line {
	path, made := a.make("https://hooks.example/listed", contract.WorkflowFailed)
	secret, _ := made["secret"].(string)
	status, text, all := a.get("/v1/webhooks")
	described := strings.Contains(text, "of a script")
	_, changed := a.raw("PATCH", path, `{"is_active":false}`, "Bearer "+a.target.APIKey)
	shown := secret != "" && (strings.Contains(text, secret) || changed["secret"] != nil)
	none, deliveries, _ := a.get(path + "/deliveries")
	kept := see(changed["url"], changed["events"], changed["is_active"], changed["description"])
	a.call("DELETE", path, "")
	_, _, left := a.get("/v1/webhooks")
	gone := !slices.ContainsFunc(left, func(w map[string]any) bool { return w["id"] == made["id"] })
	return []line{
		{"CFG-024", "secret", see(shown)},
		{"CFG-025", "list", see(status, strings.HasPrefix(text, "["), described)},
		{"CFG-026", "changed", kept},
		{"CFG-027", "deleted", see(gone || len(all) == 0)},
		{"CFG-028", "deliveries", see(none, strings.TrimSpace(deliveries) == "[]")},
	}
}

func misfitLines(a account) []line {
	path, _ := a.make("https://hooks.example/kept", contract.WorkflowFailed)
	refused := func(method, path, body string) string {
		status, _ := a.raw(method, path, body, "Bearer "+a.target.APIKey)
		return see(status >= 400 && status < 500)
	}
	status, said := a.raw("POST", "/v1/webhooks", "[]", "Bearer "+a.target.APIKey)
	_, unknown := a.raw("DELETE", "/v1/webhooks/nobody", "", "Bearer wrong")
	problem, _ := said["error"].(map[string]any)
	code := fmt.Sprint(problem["code"])
	if a.mutant.Clause == "CFG-032" {
		code = "validation_error" // it is another clause that there is no code
	}
	_, details := problem["details"]
	_, object := unknown["error"].(map[string]any)
	return []line{
		{"CFG-029", "plain HTTP", see(refused("POST", "/v1/webhooks", a.body("http://hooks.example/", contract.WorkflowFailed)),
			refused("PATCH", path, `{"url":"http://hooks.example/"}`))},
		{"CFG-030", "required", see(refused("POST", "/v1/webhooks", `{"events":["workflow.failed"]}`),
			refused("POST", "/v1/webhooks", `{"url":"https://hooks.example/"}`), refused("POST", "/v1/webhooks", a.body("https://hooks.example/")))},
		{"CFG-031", "unknown type", refused("POST", "/v1/webhooks", a.body("https://hooks.example/", "no.such_type"))},
		{"CFG-032", "error", see(details, object || a.mutant.Clause == "CFG-035")},
		{"CFG-033", "misfit", see(status, code)},
		{"CFG-036", "unknown webhook", a.call("DELETE", "/v1/webhooks/"+uuid.NewString(), "")},
	}
}

func credentialLines(a account) []line {
	client := func(key string) http.Header {
		h := http.Header{}
		h.Set(danubeKey, key)
		return h
	}
	return []line{
		{"CFG-034", "keys", a.keys(http.Header{"Authorization": {"Bearer " + a.target.APIKey}}, client(a.target.APIKey))},
		{"CFG-035", "wrong keys", a.keys(http.Header{}, client("wrong"), http.Header{"Authorization": {"Bearer wrong"}})},
	}
}

// danubeBox is a webhook of Danube.
type danubeBox struct{ path string }

func (*danubeBox) provider() contract.Provider { return contract.Danube() }
func (*danubeBox) kind() string                { return contract.ToolExecutionCompleted }
func (*danubeBox) pauses() []string            { return []string{"3s", "7s", "35s"} } // 3 s, 10 s, 45 s

func (b *danubeBox) clear(a *api) {
	if b.path != "" {
		a.call("DELETE", b.path, "")
	}
	b.path = ""
}

func (b *danubeBox) set(a *api, url string, types ...string) string {
	if len(types) == 0 {
		types = []string{b.kind()}
	}
	if b.path != "" {
		a.call("PATCH", b.path, account{a}.body(url, types...))
		return ""
	}
	path, made := account{a}.make(url, types...)
	b.path = path
	secret, _ := made["secret"].(string)
	return secret
}

// danubeSenderScript lets the sender deliver under all circumstances that Danube's contract speaks of.
func danubeSenderScript(s *stage) []line {
	box := &danubeBox{}
	a := &api{stage: s, box: box}
	lines := slices.Concat(wireLines(a), retryLines(a), pauseLines(a), endLines(a), runLines(a), attemptLines(a), recordLines(a, box), switchLines(a, box))
	provider := box.provider()
	return slices.DeleteFunc(lines, func(l line) bool {
		_, owed := provider.ClauseFor(l.clause)
		return !owed
	})
}

func runLines(a *api) []line {
	p := a.post("run", contract.ToolExecutionCompleted, contract.WorkflowCompleted)
	p.trigger(contract.ToolExecutionCompleted, "{}")
	at := append(p.attempts(), attempt{event: map[string]any{}})[0]
	data, isObject := at.event["data"].(map[string]any)
	_, said := data["error"]
	if !isObject {
		data, said = map[string]any{"tool_name": "another clause's matter"}, true
	}
	stamp, dated := at.event["timestamp"].(string)
	kind := strings.TrimPrefix(fmt.Sprint(at.event["event"]), "<nil>")
	return []line{
		{"EVT-007", "envelope", see(isObject, at.event["id"] == nil, at.event["event"] != nil, dated)},
		{"EVT-008", "time", see(!dated || strings.Contains(stamp, "."))},
		{"EVT-009", "type", see(kind == "" || kind == contract.ToolExecutionCompleted)},
		{"EVT-010", "data", see(data["tool_name"] != nil, said)},
	}
}

// attemptLines sees how often, with what and for how long the sender tries.
func attemptLines(a *api) []line {
	p := a.post("refused4xx")
	p.world.plan(p.mark, reply{status: http.StatusNotFound})
	p.trigger(p.box.kind(), "{}")
	p.advance("40h")
	again := p.settled() > 1
	all := p.attempts()

	q := a.post("never")
	q.world.plan(q.mark, slices.Repeat([]reply{{status: 500}}, 100)...)
	q.trigger(q.box.kind(), "{}")
	q.advance("1000h")
	count := q.settled()
	if a.mutant.Clause == "DLV-002" || a.mutant.Clause == "DLV-003" {
		count = 3 // it is another clause that attempts end too early
	}

	r, hold := a.post("held"), make(chan struct{})
	r.world.plan(r.mark, reply{hold: hold})
	began := time.Now()
	r.trigger(r.box.kind(), "{}")
	r.advance("0s")
	close(hold)
	return []line{
		{"DLV-016", "404", see(again)},
		{"DLV-016", "patience", see(time.Since(began) > attemptTimeout*3/4)},
		{"DLV-017", "attempts", see(count)},
		{"DLV-018", "bodies", see(string(all[0].body) == string(all[len(all)-1].body))},
	}
}

// recordLines sees what is recorded of deliveries.
func recordLines(a *api, box *danubeBox) []line {
	p := a.post("recorded")
	p.world.plan(p.mark, reply{body: strings.Repeat("x", 3000)}, reply{status: 500}, reply{status: 500}, reply{status: 500}, reply{status: 500})
	p.trigger(box.kind(), `{"n":1}`)
	p.settled()
	p.trigger(box.kind(), `{"n":2}`)
	p.advance("1000h")
	_, _, all := account{a}.get(box.path + "/deliveries?limit=20")
	_, _, few := account{a}.get(box.path + "/deliveries?limit=1")
	slices.SortFunc(all, func(a, b map[string]any) int {
		return strings.Compare(fmt.Sprint(a["response_status"]), fmt.Sprint(b["response_status"]))
	})
	var said []any
	for _, d := range all {
		said = append(said, d["status"], d["response_status"], d["attempts"], d["payload"] != nil)
	}
	records, newest, kept := see(said...), "", 0
	if len(few) > 0 && len(all) > 0 {
		newest = fmt.Sprint(few[0]["response_status"])
		kept = len(fmt.Sprint(all[0]["response_body"]))
	}
	if a.mutant.Clause == "DLV-003" || a.mutant.Clause == "DLV-017" {
		records, newest, kept = "success 200 1 true failed 500 3 true", "500", 2000 // how often is another clause's matter
	}
	return []line{
		{"DLV-019", "records", records},
		{"DLV-020", "newest", see(newest, len(few))},
		{"DLV-021", "answer", see(kept)},
	}
}

// switchLines sees what a webhook gets that is switched off, or not subscribed.
func switchLines(a *api, box *danubeBox) []line {
	p := a.post("off")
	a.call("PATCH", box.path, `{"is_active":false}`)
	p.trigger(box.kind(), "{}")
	q := a.post("unsubscribed", contract.WorkflowFailed)
	q.trigger(contract.WorkflowCompleted, "{}")
	return []line{
		{"DLV-022", "switched off", see(len(p.world.marked(p.mark)))},
		{"DLV-008", "not subscribed", see(q.settled())},
	}
}
