package mutants

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// draft is a delivery that can be spoilt before it is sent.
type draft struct {
	*stage
	id, session string
	body        []byte
	now         int64
	header      http.Header
	method, url string
}

// draft makes a delivery that is right.
func (s *stage) draft(n int, kind string) *draft {
	d := &draft{stage: s, id: fmt.Sprintf("evt_%03d", n), session: fmt.Sprintf("sess_%03d", n), now: time.Now().Unix(),
		method: http.MethodPost, url: s.target.TargetURL}
	d.body = d.event(kind, time.Now())
	return d.signed(d.now, s.target.Secret)
}

// event is the body of an event of the draft's session; its id is the draft's own.
func (d *draft) event(kind string, at time.Time) []byte {
	return fmt.Appendf(nil, `{"id":%q,"type":%q,"created_at":%q,"data":{"submit_url":"%s/v1/sessions/%s/events",`+
		`"session_id":%[5]q,"message_id":"msg_1","tool_call_id":"call_1"}}`,
		d.id, kind, at.UTC().Format(time.RFC3339), d.world.URL, d.session)
}

// digest signs with the stage's scheme.
func (d *draft) digest(stamp string, body []byte, key string) string {
	content := contract.ContentTimestampBody
	if d.target.Scheme == bodyScheme.scheme {
		content = contract.ContentBody
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(fill(content, "", stamp, body))
	return hex.EncodeToString(mac.Sum(nil))
}

// signed signs the draft's present body at a time.
func (d *draft) signed(at int64, key string) *draft {
	return d.stamped(strconv.FormatInt(at, 10), d.digest(strconv.FormatInt(at, 10), d.body, key))
}

// stamped sets the headers.
func (d *draft) stamped(stamp string, signatures ...string) *draft {
	d.header = http.Header{"Content-Type": {"application/json"}}
	d.header.Set(contract.HeaderSignature, "t="+stamp+",v1="+strings.Join(signatures, ",v1="))
	d.header.Set(contract.HeaderTimestamp, stamp)
	return d
}

// right is the stamp and the right signature of the draft's body.
func (d *draft) right() (stamp, signature string) {
	stamp = strconv.FormatInt(d.now, 10)
	return stamp, d.digest(stamp, d.body, d.target.Secret)
}

// set sets the signature header.
func (d *draft) set(format string, args ...any) *draft {
	d.header.Set(contract.HeaderSignature, fmt.Sprintf(format, args...))
	return d
}

// with replaces the body and signs it.
func (d *draft) with(body string) *draft {
	d.body = []byte(body)
	return d.signed(d.now, d.target.Secret)
}

// edited replaces a part of the body and signs it.
func (d *draft) edited(old, replacement string) *draft {
	return d.with(strings.Replace(string(d.body), old, replacement, 1))
}

// send sends the draft and writes down what it was answered and how often it took effect. Which status of 4xx refuses it is a
// matter of the clauses on statuses alone.
func (d *draft) send() string {
	status := d.status()
	if status/100 == 4 {
		return see("refused", d.effects())
	}
	return see(status, d.effects())
}

func (d *draft) status() int {
	status, _, _ := ask(d.method, d.url, d.header, bytes.NewReader(d.body))
	return status
}

func (d *draft) effects() int { return len(d.world.marked(d.session)) }

// later sends the draft on another goroutine.
func (d *draft) later() chan int {
	c := make(chan int, 1)
	go func() { c <- d.status() }()
	return c
}

// soon waits a little for a success that may come later only.
func soon(c chan int) string {
	select {
	case status := <-c:
		if status/100 != 2 {
			return "later"
		}
		return see("at once", status)
	case <-time.After(2 * patience):
		return "later"
	}
}

// scene is one line of the script of a receiver or gate.
type scene struct {
	clause contract.ClauseID
	name   string
	play   func(d *draft) string
}

// takerScript plays every scene of a clause that the role owes.
func takerScript(s *stage) []line {
	var lines []line
	for i, sc := range slices.Concat(signingScenes, claimScenes, receivingScenes, resultScenes, bodyScenes, gateScenes) {
		c, _ := contract.ClauseFor(sc.clause)
		if !slices.Contains(c.Roles, s.mutant.Role) || (s.target.Scheme != "") != (sc.clause == "TIME-007") {
			continue
		}
		lines = append(lines, line{sc.clause, sc.name, sc.play(s.draft(i, contract.ToolCallRequested))})
	}
	return lines
}

var wrong = strings.Repeat("0", 64)

var signingScenes = []scene{
	{"SIG-001", "right", func(d *draft) string { return d.send() }},
	{"SIG-001", "wrong key", func(d *draft) string { return d.signed(d.now, "whsec_wrong").send() }},
	{"SIG-002", "white space", func(d *draft) string { return d.edited("{", "{ \n").send() }},
	{"SIG-002", "line feed", func(d *draft) string { return d.with(string(d.body) + "\n").send() }},
	{"SIG-002", "rewritten", func(d *draft) string {
		d.body = bytes.Replace(d.body, []byte("{"), []byte("{ "), 1)
		stamp, _ := d.right()
		return d.stamped(stamp, d.digest(stamp, compact(d.body), d.target.Secret)).send()
	}},
	{"SIG-003", "no header", func(d *draft) string { d.header.Del(contract.HeaderSignature); return d.send() }},
	{"SIG-003", "v0 alone", func(d *draft) string { t, s := d.right(); return d.set("t=%s,v0=%s", t, s).send() }},
	{"SIG-004", "body alone", func(d *draft) string {
		stamp, _ := d.right()
		mac := hmac.New(sha256.New, []byte(d.target.Secret))
		mac.Write(d.body)
		return d.stamped(stamp, hex.EncodeToString(mac.Sum(nil))).send()
	}},
	{"SIG-005", "second value", func(d *draft) string { t, s := d.right(); return d.stamped(t, wrong, s).send() }},
	{"SIG-005", "second secret", func(d *draft) string { return d.signed(d.now, d.target.SecondSecret).send() }},
	{"SIG-007", "prefix cut off", func(d *draft) string {
		return d.signed(d.now, strings.TrimPrefix(d.target.Secret, contract.SecretPrefix)).send()
	}},
	{"SIG-008", "comma at the end", func(d *draft) string { t, s := d.right(); return d.set("t=%s,v1=%s,", t, s).send() }},
	{"SIG-008", "signature first", func(d *draft) string { t, s := d.right(); return d.set("v1=%s,t=%s", s, t).send() }},
	{"SIG-009", "two headers", func(d *draft) string {
		d.header.Add(contract.HeaderSignature, d.header.Get(contract.HeaderSignature))
		return d.send()
	}},
	{"SIG-009", "two timestamps", func(d *draft) string { t, s := d.right(); return d.set("t=%d,t=%s,v1=%s", d.now-1, t, s).send() }},
	{"SIG-010", "17 signatures", func(d *draft) string {
		t, s := d.right()
		return d.stamped(t, append(slices.Repeat([]string{wrong}, 16), s)...).send()
	}},
	{"SIG-010", "long header", func(d *draft) string {
		t, s := d.right()
		return d.set("t=%s,v1=%s,v9=%s", t, s, strings.Repeat("0", 5000)).send()
	}},
	{"SIG-011", "begins right", func(d *draft) string { t, s := d.right(); return d.stamped(t, s[:32]+wrong[32:]).send() }},
	{"SIG-011", "ends right", func(d *draft) string { t, s := d.right(); return d.stamped(t, wrong[32:]+s[32:]).send() }},
	{"SIG-011", "right and more", func(d *draft) string { t, s := d.right(); return d.stamped(t, s+wrong[:2]).send() }},
	{"SIG-012", "empty secret", func(d *draft) string { return d.signed(d.now, "").send() }},
	{"SIG-013", "mismatch", func(d *draft) string { return see(d.signed(d.now, "whsec_wrong").status()) }},
	{"TIME-001", "undated", func(d *draft) string {
		mac := hmac.New(sha256.New, []byte(d.target.Secret))
		mac.Write(d.body)
		d.set("v1=%s", hex.EncodeToString(mac.Sum(nil))).header.Del(contract.HeaderTimestamp)
		return d.send()
	}},
	{"TIME-008", "four minutes old", func(d *draft) string { return d.signed(d.now-240, d.target.Secret).send() }},
	{"TIME-008", "ten minutes old", func(d *draft) string { return d.signed(d.now-600, d.target.Secret).send() }},
	{"TIME-002", "a day old", func(d *draft) string { return d.signed(d.now-86400, d.target.Secret).send() }},
	{"TIME-003", "ten minutes ahead", func(d *draft) string { return d.signed(d.now+600, d.target.Secret).send() }},
	{"TIME-005", "milliseconds", func(d *draft) string { return d.signed(d.now*1000, d.target.Secret).send() }},
	{"TIME-005", "sign", func(d *draft) string {
		t := "+" + strconv.FormatInt(d.now, 10)
		return d.stamped(t, d.digest(t, d.body, d.target.Secret)).send()
	}},
	{"TIME-006", "header differs", func(d *draft) string {
		d.header.Set(contract.HeaderTimestamp, strconv.FormatInt(d.now-1, 10))
		return d.send()
	}},
	{"TIME-006", "header is fresh", func(d *draft) string {
		d.signed(d.now-600, d.target.Secret).header.Set(contract.HeaderTimestamp, strconv.FormatInt(d.now, 10))
		return d.send()
	}},
	{"TIME-007", "old body", (*draft).anHourOld},
	{"TIME-009", "header alone", func(d *draft) string { _, s := d.right(); return d.set("v1=%s", s).send() }},
	{"TIME-010", "old event", (*draft).anHourOld},
}

// anHourOld sends an event that is an hour old in an attempt of now.
func (d *draft) anHourOld() string {
	return d.with(string(d.event(contract.ToolCallRequested, time.Now().Add(-time.Hour)))).send()
}

var claimScenes = []scene{
	{"ID-003", "id header differs", func(d *draft) string {
		first := d.send()
		d.header.Set(contract.HeaderID, d.id+"x")
		d.status()
		return see(first, d.effects())
	}},
	{"DUP-001", "twice", func(d *draft) string { return see(d.send(), d.send()) }},
	{"DUP-001", "another between", func(d *draft) string {
		first, other := d.send(), *d
		other.id, other.session = d.id+"x", strings.ReplaceAll(d.session, "sess", "other")
		between := other.with(string(other.event(contract.ToolCallRequested, time.Now()))).send()
		return see(first, between, d.send())
	}},
	{"DUP-002", "first fails", func(d *draft) string {
		d.world.plan(d.session, reply{status: http.StatusInternalServerError})
		return see(d.send(), d.send())
	}},
	{"DUP-003", "together", func(d *draft) string {
		hold := make(chan struct{})
		d.world.plan(d.session, reply{status: http.StatusInternalServerError, hold: hold})
		first := d.later()
		d.world.await(d.session, 1, 5*time.Second)
		second := soon(d.later())
		close(hold)
		return see(second, <-first)
	}},
	{"DUP-003", "together, first fails", func(d *draft) string {
		hold := make(chan struct{})
		d.world.plan(d.session, reply{status: http.StatusInternalServerError, hold: hold})
		first := d.later()
		d.world.await(d.session, 1, 5*time.Second)
		second := d.later()
		<-time.After(patience / 4) // time for the copy to be taken up
		close(hold)
		failed, acknowledged := <-first/100 == 5, <-second/100 == 2
		return see(failed, acknowledged && d.effects() < 2)
	}},
	{"DUP-004", "forged first", func(d *draft) string {
		stamp, _ := d.right()
		return see(d.stamped(stamp, wrong).send(), d.signed(d.now, d.target.Secret).send())
	}},
	{"DUP-008", "signed anew", func(d *draft) string {
		return see(d.signed(d.now-9, d.target.Secret).send(), d.signed(d.now, d.target.Secret).send())
	}},
	{"DUP-008", "written anew", func(d *draft) string { return see(d.send(), d.edited("msg_1", "msg_2").send()) }},
}

var receivingScenes = []scene{
	{"DLV-011", "older event", func(d *draft) string {
		later := see(d.with(string(d.event(contract.SessionCompleted, time.Now()))).status())
		d.id += "x"
		return see(later, d.with(string(d.event(contract.ToolCallRequested, time.Now().Add(-time.Minute)))).status())
	}},
	{"DLV-012", "in time", func(d *draft) string {
		for range 20 { // a busy machine may be late as well, but not always
			begin := time.Now()
			if d.status(); time.Since(begin) < lateness {
				return "in time"
			}
			d.id += "x"
			d.with(string(d.event(contract.ToolCallRequested, time.Now())))
		}
		return "late"
	}},
	{"DLV-013", "chunked", func(d *draft) string {
		status, _, _ := ask(d.method, d.url, d.header, io.MultiReader(bytes.NewReader(d.body)))
		return see(status)
	}},
	{"DLV-013", "slow", func(d *draft) string {
		r, w := io.Pipe()
		go func() {
			_, _ = w.Write(d.body[:10])
			<-time.After(patience / 2)
			_, _ = w.Write(d.body[10:])
			_ = w.Close()
		}()
		r2, _ := http.NewRequest(d.method, d.url, r)
		r2.Header, r2.ContentLength = d.header, int64(len(d.body))
		answer, err := outsider.Do(r2)
		if err != nil {
			return "no answer"
		}
		return see(answer.StatusCode, answer.Body.Close())
	}},
	{"DLV-014", "unknown type", func(d *draft) string { return d.with(string(d.event("agent.danced", time.Now()))).send() }},
}

var resultScenes = []scene{
	{"RES-001", "request", func(d *draft) string {
		d.status()
		calls := d.world.marked(d.session)
		if len(calls) != 1 {
			return see(len(calls))
		}
		list := bytes.HasPrefix(calls[0].body, []byte(`{"events"`))
		typed := bytes.Contains(calls[0].body, []byte("tool.result_submitted"))
		return see(calls[0].method, calls[0].header.Get("Authorization"), list, typed)
	}},
	{"RES-002", "ids", func(d *draft) string {
		d.status()
		body := ""
		for _, c := range d.world.marked(d.session) {
			body = string(c.body)
		}
		return see(strings.Contains(body, `"message_id":"msg_1"`), strings.Contains(body, `"call_1"`), strings.Contains(body, `"result":`))
	}},
}

var bodyScenes = []scene{
	{"ID-002", "no id", func(d *draft) string { return d.edited(`"id":"`+d.id+`",`, "").send() }},
	{"ID-002", "empty id", func(d *draft) string { return d.edited(d.id, "").send() }},
	{"ID-002", "number", func(d *draft) string { return d.edited(`"`+d.id+`"`, "7").send() }},
	{"ID-004", "repeated", func(d *draft) string { return d.edited("{", `{"id":"evt_x",`).send() }},
	{"ID-004", "repeated data", func(d *draft) string { return d.edited("{", `{"data":{},`).send() }},
	{"ID-004", "escaped name", func(d *draft) string { return d.edited("{", `{"\u0069d":"evt_x",`).send() }},
	{"ID-004", "trailing", func(d *draft) string { return d.with(string(d.body) + "{}").send() }},
	{"ID-004", "invalid UTF-8", func(d *draft) string { return d.edited("{", "{\"x\":\"\xff\",").send() }},
	{"ID-004", "deep", func(d *draft) string {
		return d.edited("{", `{"x":`+strings.Repeat("[", 600)+strings.Repeat("]", 600)+",").send()
	}},
	{"ID-004", "not so deep", func(d *draft) string {
		return d.edited("{", `{"x":`+strings.Repeat("[", 511)+strings.Repeat("]", 511)+",").send()
	}},
	{"ID-004", "list", func(d *draft) string { return d.with("[" + string(d.body) + "]").send() }},
	{"ID-005", "255 bytes", func(d *draft) string { return d.edited(d.id, strings.Repeat("e", 255)).send() }},
	{"ID-005", "256 bytes", func(d *draft) string { return d.edited(d.id, strings.Repeat("f", 256)).send() }},
}

// address is the host and port of the target.
func (d *draft) address() string {
	address, _, _ := strings.Cut(strings.TrimPrefix(d.target.TargetURL, "http://"), "/")
	return address
}

// head is the head of the draft's request, with any declared length.
func (d *draft) head(declared int) []byte {
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: gate\r\nContent-Length: %d\r\n",
		strings.TrimPrefix(d.target.TargetURL, "http://"+d.address()), declared)
	_ = d.header.Write(&head)
	head.WriteString("\r\n")
	return head.Bytes()
}

// headOnly declares a body and sends none of it, and returns what is answered all the same. It waits until it is stopped,
// or for a little while where nothing stops it.
func (d *draft) headOnly(declared int, stop chan struct{}) string {
	conn, err := net.Dial("tcp", d.address())
	if err != nil {
		return "no connection"
	}
	defer conn.Close()
	_, _ = conn.Write(d.head(declared))
	if stop == nil {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
	} else {
		go func() {
			<-stop
			_ = conn.Close()
		}()
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "no answer"
	}
	_ = answer.Body.Close()
	return see(answer.StatusCode, answer.Header.Get("Retry-After") != "")
}

// truncated sends the body with a declared length that it does not reach, and ends.
func (d *draft) truncated(declared int) {
	conn, err := net.Dial("tcp", d.address())
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write(append(d.head(declared), d.body...))
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}
