package mutants

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// post is one webhook of the sender under test, and what comes to it.
type post struct {
	*api
	mark, secret string
}

// attempt is one request of the sender, read.
type attempt struct {
	call
	stamp  string
	values []string
	event  map[string]any
}

// senderScript lets the sender deliver under all circumstances that the contract speaks of.
func senderScript(s *stage) []line {
	a := &api{stage: s, box: dariBox{}}
	return slices.Concat(
		wireLines(a), eventLines(a), retryLines(a), pauseLines(a), endLines(a), exhaustionLines(a), rotationLines(a),
	)
}

// mailbox is the one webhook of a sender under test, by the API of its provider.
type mailbox interface {
	// provider is the contract, and kind the event type that is used where any will do.
	provider() contract.Provider
	kind() string
	// clear removes the webhook; set makes it or moves it, and returns the secret where it is shown.
	clear(a *api)
	set(a *api, url string, types ...string) (secret string)
	// pauses are the times after which the first attempts are counted.
	pauses() []string
}

// dariBox is the webhook of an agent of Dari.
type dariBox struct{}

func (dariBox) provider() contract.Provider { return contract.Dari() }
func (dariBox) kind() string                { return contract.ToolCallRequested }
func (dariBox) pauses() []string            { return []string{"3s", "7s", "60s", "3m"} } // 3 s, 10 s, 70 s, 250 s
func (dariBox) clear(a *api)                { a.call("DELETE", a.hook(), "") }

func (dariBox) set(a *api, url string, types ...string) string {
	body := map[string]any{"webhook_url": url}
	if len(types) > 0 {
		body["event_types"] = types
	}
	text, _ := json.Marshal(body)
	_, answer := a.raw("PUT", a.hook(), string(text), "Bearer "+a.target.APIKey)
	secret, _ := answer["signing_secret"].(string)
	return secret
}

// post subscribes to types at a mark of its own. No types: the default.
func (a *api) post(mark string, types ...string) *post {
	a.box.clear(a)
	p := &post{a, "/" + mark + "/", ""}
	p.advance("1000h") // what is still due finds no webhook, and ends
	p.secret = a.box.set(a, a.world.URL+p.mark, types...)
	return p
}

// trigger emits an event.
func (p *post) trigger(kind, data string) {
	ask(http.MethodPost, p.target.TriggerURL, nil,
		strings.NewReader(fmt.Sprintf(`{"agent_id":%q,"type":%q,"data":%s}`, p.target.AgentID, kind, data)))
}

// advance moves the retry clock, and returns when nothing is under way.
func (p *post) advance(by string) {
	ask(http.MethodPost, p.target.AdvanceURL, nil, strings.NewReader(fmt.Sprintf(`{"duration":%q}`, by)))
}

// settled is how many attempts have come when nothing is under way.
func (p *post) settled() int {
	p.advance("0s")
	return len(p.world.marked(p.mark))
}

// attempts reads what has come.
func (p *post) attempts() []attempt {
	p.advance("0s")
	var all []attempt
	for _, c := range p.world.marked(p.mark) {
		at := attempt{call: c, event: map[string]any{}}
		_ = json.Unmarshal(c.body, &at.event) // a list leaves the event empty
		scheme := p.box.provider().Scheme
		for item := range strings.SplitSeq(c.header.Get(scheme.Header), scheme.ItemSeparator) {
			tag, value, _ := strings.Cut(item, scheme.TagSeparator)
			switch tag {
			case scheme.TimestampTag:
				at.stamp = value
			case scheme.Tag:
				at.values = append(at.values, value)
			}
		}
		all = append(all, at)
	}
	return all
}

// holds reports whether a value of the attempt is the signature of the content.
func (at attempt) signs(secret string, content string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(content))
	return slices.Contains(at.values, hex.EncodeToString(mac.Sum(nil)))
}

// one lets an event be delivered and returns its only attempt.
func (p *post) one() attempt {
	p.trigger(p.box.kind(), "{}")
	return append(p.attempts(), attempt{event: map[string]any{}})[0]
}

var (
	lowerHex = regexp.MustCompile(`^[0-9a-f]{64}$`)
	seconds  = regexp.MustCompile(`^[1-9][0-9]{9}$`)
)

func wireLines(a *api) []line {
	p := a.post("wire")
	at := p.one()
	raw, sorted := string(at.body), []byte(nil)
	if parsed := any(nil); json.Unmarshal(at.body, &parsed) == nil {
		sorted, _ = json.Marshal(parsed)
	}
	id, _ := at.event["id"].(string)
	header := at.header.Get(contract.HeaderTimestamp)
	form := false
	for _, value := range at.values {
		form = form || lowerHex.MatchString(value)
	}
	return []line{
		{"SIG-001", "verifies", see(at.signs(p.secret, at.stamp+"."+raw))},
		{"SIG-002", "rewritten", see(at.signs(p.secret, at.stamp+"."+string(compact(at.body))), at.signs(p.secret, at.stamp+"."+string(sorted)))},
		{"SIG-003", "v1", see(len(at.values))},
		{"SIG-004", "content", see(at.signs(p.secret, raw), at.signs(p.secret, id+"."+at.stamp+"."+raw))},
		{"SIG-006", "form", see(form)},
		{"TIME-001", "dated", see(at.stamp != "" || header != "")},
		{"TIME-005", "seconds", see(at.stamp == "" || seconds.MatchString(at.stamp))},
		{"TIME-006", "agree", see(header == "" || at.stamp == header)},
		{"ID-002", "id", see(id != "")},
		{"DLV-001", "request", see(at.method, at.header.Get("Content-Type"))},
	}
}

func eventLines(a *api) []line {
	all := []string{contract.ToolCallRequested, contract.SessionCompleted, contract.BatchCompleted}
	p := a.post("event", all...)
	said := map[string]map[string]any{}
	var kinds, ids []string
	for _, kind := range all {
		p.trigger(kind, "{}")
		last := p.attempts()
		if len(last) == 0 {
			continue
		}
		at := last[len(last)-1]
		data, _ := at.event["data"].(map[string]any)
		said[kind] = data
		kinds = append(kinds, fmt.Sprint(at.event["type"]))
		ids = append(ids, identity(at))
	}
	has := func(kind string, names ...string) string {
		var found []any
		for _, name := range names {
			found = append(found, said[kind][name] != nil)
		}
		return see(found...)
	}
	at := append(p.attempts(), attempt{event: map[string]any{}})[0]
	created, _ := at.event["created_at"].(string)
	_, err := time.Parse(time.RFC3339, created)
	slices.Sort(ids)
	return []line{
		{"EVT-001", "envelope", see(at.event["id"] != nil, at.event["type"] != nil, at.event["created_at"] != nil, at.event["data"] != nil)},
		{"EVT-002", "types", see(kinds)},
		{"EVT-003", "tool call", has(contract.ToolCallRequested, "submit_url", "session_id", "message_id", "tool_call_id")},
		{"EVT-004", "session", has(contract.SessionCompleted, "session_id", "metadata")},
		{"EVT-005", "batch", has(contract.BatchCompleted, "batch_id", "status")},
		{"EVT-006", "time", see(err)},
		{"ID-001", "different events", see(len(slices.Compact(ids)))},
	}
}

// identity is the id of an event, which is in the header where the body has none.
func identity(at attempt) string {
	if id, ok := at.event["id"]; ok {
		return fmt.Sprint(id)
	}
	return at.header.Get(contract.HeaderID)
}

func retryLines(a *api) []line {
	p := a.post("retry")
	p.world.plan(p.mark, reply{status: http.StatusInternalServerError})
	first := p.one()
	if at, err := strconv.ParseInt(first.stamp, 10, 64); err == nil {
		<-time.After(min(time.Until(time.Unix(at+1, 0)), 2*time.Second)) // the next attempt is in another second
	}
	p.advance("40h")
	all := p.attempts()
	second := all[len(all)-1]
	lines := []line{
		{"DLV-002", "500", see(len(all) > 1)},
		{"TIME-004", "timestamps", see(first.stamp != second.stamp)},
		{"ID-001", "attempts", see(first.event["id"] == second.event["id"])},
		{"EVT-006", "attempts", see(first.event["created_at"] == second.event["created_at"])},
	}
	failures := map[string]reply{"reset": {reset: true}, "time-out": {hold: make(chan struct{})}}
	for _, name := range []string{"reset", "time-out"} {
		p := a.post(name)
		p.world.plan(p.mark, failures[name])
		p.trigger(p.box.kind(), "{}")
		p.settled()
		p.advance("40h")
		lines = append(lines, line{"DLV-002", name, see(p.settled() > 1)})
	}
	close(failures["time-out"].hold)
	return append(lines, line{"DLV-002", "refused", refusedLine(a)})
}

// refusedLine delivers to where nobody listens, and lets the next attempt go to where somebody does.
func refusedLine(a *api) string {
	p := a.post("refused")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err.Error()
	}
	_ = listener.Close()
	a.box.set(a, "http://"+listener.Addr().String()+"/")
	p.trigger(p.box.kind(), "{}")
	p.settled()
	a.box.set(a, a.world.URL+p.mark)
	p.advance("40h")
	return see(p.settled() > 0)
}

func pauseLines(a *api) []line {
	p := a.post("pause")
	p.world.plan(p.mark, slices.Repeat([]reply{{status: 500}}, 20)...)
	p.trigger(p.box.kind(), "{}")
	var counts []int
	for _, by := range p.box.pauses() {
		p.advance(by)
		counts = append(counts, p.settled())
	}
	after := a.post("after")
	after.world.plan(after.mark, reply{status: http.StatusServiceUnavailable, header: "Retry-After: 3600"})
	after.trigger(p.box.kind(), "{}")
	after.advance("30m")
	early := after.settled()
	after.advance("40h")
	return []line{
		{"DLV-004", "pauses", see(counts)},
		{"DLV-005", "Retry-After", see(early, after.settled())},
	}
}

func endLines(a *api) []line {
	var lines []line
	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		p := a.post("end" + strconv.Itoa(status))
		p.world.plan(p.mark, reply{status: status})
		p.trigger(p.box.kind(), "{}")
		p.advance("100h")
		lines = append(lines, line{"DLV-003", strconv.Itoa(status), see(p.settled())})
	}
	p := a.post("redirect")
	p.world.plan(p.mark, reply{status: http.StatusTemporaryRedirect, header: "Location: " + p.world.URL + "/target-of-it/"})
	p.trigger(p.box.kind(), "{}")
	p.advance("100h")
	return append(lines, line{"DLV-006", "redirect", see(p.settled() > 1, len(p.world.marked("/target-of-it/")))})
}

// exhaustionLines sees what becomes of a delivery that fails for good, and of an event that nobody subscribed to.
func exhaustionLines(a *api) []line {
	p := a.post("exhausted", contract.SessionCompleted)
	p.world.plan(p.mark, slices.Repeat([]reply{{status: 500}}, 100)...)
	p.trigger(contract.SessionCompleted, `{"session_id":"sess_exhausted"}`)
	p.advance("1000h")
	_, answer := p.raw("GET", "/v1/sessions/sess_exhausted/events", "", "Bearer "+p.target.APIKey)
	recorded := strings.Contains(fmt.Sprint(answer["events"]), "webhook.delivery_failed")

	q := a.post("unsubscribed")
	q.trigger(contract.SessionFailed, "{}")
	return []line{
		{"DLV-007", "recorded", see(recorded)},
		{"DLV-015", "stops", see(len(p.world.marked(p.mark)) > len(contract.Dari().Delivery.Schedule))},
		{"DLV-008", "not subscribed", see(q.settled())},
	}
}

func rotationLines(a *api) []line {
	p := a.post("rotation")
	_, answer := p.raw("POST", p.hook()+"/rotate-secret", "", "Bearer "+p.target.APIKey)
	renewed, _ := answer["signing_secret"].(string)
	at := p.one()
	values := bytes.Count([]byte(at.header.Get(contract.HeaderSignature)), []byte("="))
	former := at.signs(p.secret, at.stamp+"."+string(at.body))
	clause := contract.ClauseID("DLV-010")
	if p.target.RotationOverlap > 0 {
		clause = "DLV-009"
	}
	if p.mutant.Clause != clause && p.mutant.Clause != "" {
		// How it signs at all is shown before; here only what a rotation changes.
		return []line{{clause, "rotation", see(2, false, true)}}
	}
	return []line{{clause, "rotation", see(values, former, at.signs(renewed, at.stamp+"."+string(at.body)))}}
}
