package mutants

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/darihook/darihook/contract"
)

// list is the path of the agent's webhooks.
func (a *api) list() string { return "/agents/" + a.target.AgentID + "/webhooks" }

// register makes a webhook of Tess and returns the status and what is said of it.
func (a *api) register(body string) (int, map[string]any) {
	return a.raw("POST", a.list(), body, "Bearer "+a.target.APIKey)
}

// page reads a page of webhooks.
func (a *api) page(path string) (page map[string]any, items []map[string]any) {
	h := http.Header{"Authorization": {"Bearer " + a.target.APIKey}}
	_, _, text := ask("GET", a.target.APIURL+path, h, nil)
	var read struct {
		Data []map[string]any `json:"data"`
	}
	_ = json.Unmarshal([]byte(text), &read) // what is no page has no items
	_ = json.Unmarshal([]byte(text), &page)
	if read.Data == nil {
		_ = json.Unmarshal([]byte(text), &read.Data) // a bare list
	}
	return page, read.Data
}

const httpsPost = `{"url":"https://hooks.example/","method":"POST"}`

// tessConfigScript goes through every rule of Tess's configuration API.
func tessConfigScript(s *stage) []line {
	a := &api{stage: s}
	if s.target.RateLimit > 0 {
		return limitLines(a) // beyond the limit there is nothing else to see
	}
	return slices.Concat(registeringLines(a), pageLines(a), deletingLines(a), refusalLines(a), workspaceLines(a))
}

func registeringLines(a *api) []line {
	status, made := a.register(`{"url":"https://hooks.example/","method":"POST","status":"inactive"}`)
	_, get := a.register(`{"url":"https://hooks.example/","method":"GET"}`)
	refused := func(body string) bool {
		status, _ := a.register(body)
		return status >= 400 && status < 500
	}
	return []line{
		{"CFG-037", "made", see(status, made["url"], made["method"], made["updated_at"] != nil, made["created_at"] != nil)},
		{"CFG-038", "numbers", see(fmt.Sprintf("%T %v", made["user_id"], made["user_id"]), made["template_id"])},
		{"CFG-039", "secret", see(made["secret"] != nil)},
		{"CFG-040", "methods", see(get["method"], refused(`{"url":"https://hooks.example/","method":"PUT"}`))},
		{"CFG-041", "statuses", see(made["status"], refused(`{"url":"https://hooks.example/","method":"POST","status":"paused"}`))},
		{"CFG-042", "default", a.usualStatus()},
		{"CFG-043", "plain HTTP", see(refused(`{"url":"http://hooks.example/","method":"POST"}`))},
		{"CFG-044", "required", see(refused(`{"method":"POST"}`), refused(`{"url":"https://hooks.example/"}`))},
	}
}

// usualStatus is that of a webhook that is made without one.
func (a *api) usualStatus() string {
	_, made := a.register(httpsPost)
	return fmt.Sprint(made["status"])
}

func pageLines(a *api) []line {
	for range 20 {
		a.register(httpsPost)
	}
	_, elsewhere := a.raw("POST", "/agents/"+a.target.OtherAgentID+"/webhooks", httpsPost, "Bearer "+a.target.APIKey)
	page, items := a.page(a.list())
	_, few := a.page(a.list() + "?per_page=2")
	_, second := a.page(a.list() + "?per_page=2&page=2")
	_, all := a.page("/webhooks?per_page=100")
	numbers := []any{len(items), len(few)}
	if len(second) > 0 && len(few) > 0 {
		numbers = append(numbers, second[0]["id"] == few[0]["id"])
	}
	if a.mutant.Clause == "CFG-045" {
		numbers = []any{15, 2, false} // it is another clause that there are no pages
	}
	shown := map[string]any{}
	if len(items) > 0 {
		shown = items[0]
	}
	_, deleted := shown["deleted_at"]
	found := slices.ContainsFunc(all, func(w map[string]any) bool { return w["id"] == elsewhere["id"] })
	if a.mutant.Clause == "CFG-046" {
		found = true // it may be on a page that is not seen
	}
	return []line{
		{"CFG-045", "page", see(page["current_page"], page["links"] != nil)},
		{"CFG-046", "pages", see(numbers...)},
		{"CFG-047", "items", see(shown["success_count"], shown["failure_count"], deleted)},
		{"CFG-048", "all", see(found)},
	}
}

func deletingLines(a *api) []line {
	_, made := a.register(httpsPost)
	path := fmt.Sprint("/webhooks/", made["id"])
	a.call("DELETE", path, "")
	last := ""
	for n := 1; n <= 9; n++ {
		_, items := a.page(fmt.Sprint(a.list(), "?page=", n))
		for _, w := range items {
			if w["id"] == made["id"] {
				last = see(w["deleted_at"])
			}
		}
	}
	unknown, _ := a.raw("GET", "/agents/99/webhooks", "", "Bearer "+a.target.APIKey)
	return []line{
		{"CFG-049", "deleted", last},
		{"CFG-054", "unknown", see(unknown, a.call("DELETE", "/webhooks/999999", ""))},
	}
}

func refusalLines(a *api) []line {
	var statuses []any
	for _, key := range []string{"", "Bearer wrong"} {
		status, _ := a.raw("GET", a.list(), "", key)
		statuses = append(statuses, status)
	}
	status, said := a.register(`{"url":"http://hooks.example/","method":7,"status":7}`)
	messages, _ := said["messages"].(map[string]any)
	return []line{
		{"CFG-050", "keys", see(statuses...)},
		{"CFG-051", "error", see(said["error"] != nil)},
		{"CFG-052", "misfit", see(status, len(messages) > 0)},
	}
}

// workspaceLines reads the lists with a workspace and without.
func workspaceLines(a *api) []line {
	h := http.Header{"Authorization": {"Bearer " + a.target.APIKey}, "X-Workspace-Id": {a.target.Workspace}}
	var statuses []any
	for _, path := range []string{a.list(), "/webhooks"} {
		named, _, _ := ask("GET", a.target.APIURL+path, h, nil)
		unnamed, _ := a.raw("GET", path, "", "Bearer "+a.target.APIKey)
		statuses = append(statuses, named, unnamed)
	}
	return []line{{"CFG-055", "workspace", see(statuses...)}}
}

// limitLines calls more often than the limit allows.
func limitLines(a *api) []line {
	seen := "none"
	for range a.target.RateLimit + 1 {
		status, said := a.raw("GET", a.list(), "", "Bearer "+a.target.APIKey)
		if status == http.StatusTooManyRequests {
			seen = see(status, said["retry_after"])
			break
		}
	}
	return []line{{"CFG-053", "limit", seen}}
}

// tessBox is a webhook of Tess.
type tessBox struct{ path string }

func (*tessBox) provider() contract.Provider { return contract.Tess() }
func (*tessBox) kind() string                { return "" }
func (*tessBox) pauses() []string            { return nil }

func (b *tessBox) clear(a *api) {
	if b.path != "" {
		a.call("DELETE", b.path, "")
	}
	b.path = ""
}

func (b *tessBox) set(a *api, url string, _ ...string) string {
	b.clear(a)
	_, made := a.register(fmt.Sprintf(`{"url":%q,"method":"POST"}`, url))
	b.path = fmt.Sprint("/webhooks/", made["id"])
	return ""
}

// tessSenderScript lets the sender deliver under all circumstances that Tess's contract speaks of.
func tessSenderScript(s *stage) []line {
	box := &tessBox{}
	a := &api{stage: s, box: box}
	lines := slices.Concat(endLines(a), methodLines(a), sparedLines(a, box))
	provider := box.provider()
	return slices.DeleteFunc(lines, func(l line) bool {
		_, owed := provider.ClauseFor(l.clause)
		return !owed
	})
}

// methodLines sees a delivery by GET, and a body.
func methodLines(a *api) []line {
	p := a.post("usual")
	at := p.one()
	a.register(fmt.Sprintf(`{"url":"%s/got/?key=1","method":"GET"}`, a.world.URL))
	p.one()
	got := ""
	for _, c := range a.world.marked("/got/") {
		got = see(c.method, strings.HasSuffix(c.path, "?key=1"))
	}
	return []line{
		{"DLV-023", "GET", got},
		{"DLV-024", "signature", see(at.header.Get("X-Tess-Signature") != "")},
		{"EVT-011", "body", see(at.event["id"] != nil, at.event["output"] != nil)},
	}
}

// sparedLines sees what comes to webhooks that are inactive or deleted, and what is counted.
func sparedLines(a *api, box *tessBox) []line {
	p := a.post("active")
	a.register(fmt.Sprintf(`{"url":"%s/inactive/","method":"POST","status":"inactive"}`, a.world.URL))
	_, made := a.register(fmt.Sprintf(`{"url":"%s/deleted/","method":"POST"}`, a.world.URL))
	a.call("DELETE", fmt.Sprint("/webhooks/", made["id"]), "")
	p.one()
	count := any(nil)
	_, items := a.page("/webhooks?per_page=100")
	for _, w := range items {
		if fmt.Sprint("/webhooks/", w["id"]) == box.path {
			count = w["success_count"]
		}
	}
	return []line{
		{"DLV-025", "inactive", see(len(p.world.marked("/inactive/")))},
		{"DLV-026", "deleted", see(len(p.world.marked("/deleted/")))},
		{"DLV-027", "counted", see(count)},
	}
}
