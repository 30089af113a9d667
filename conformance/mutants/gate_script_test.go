package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// refused sends the draft with a wrong signature and returns the answer, and the code that belongs to it.
func (d *draft) refused() (want contract.Code, h http.Header, body string) {
	stamp, right := d.right()
	status, h, body := ask(d.method, d.url, d.stamped(stamp, wrong).header, bytes.NewReader(d.body))
	if status/100 != 2 {
		return contract.CodeSignatureMismatch, h, body
	}
	// A gate that lets this through is another clause's matter.
	_, h, body = ask(d.method, d.url, d.set("v9=%s", right).header, bytes.NewReader(d.body))
	return contract.CodeSignatureMissing, h, body
}

// large makes the draft's body longer than the limit.
func (d *draft) large() *draft {
	return d.edited("{", `{"x":"`+strings.Repeat("x", contract.MaxBody)+`",`)
}

// available switches the gate's store.
func (d *draft) available(yes bool) {
	ask(http.MethodPost, d.target.StoreFaultURL, nil, strings.NewReader(fmt.Sprintf(`{"available":%t}`, yes)))
}

// elsewhere sends a delivery twice, the second time to another address of the same gate.
func (d *draft) elsewhere(change func()) string {
	d.status()
	change()
	d.status()
	return see(d.effects())
}

// failsFirst lets the receiver fail once and sends two copies.
func (d *draft) failsFirst(failure reply) string {
	d.world.plan(d.session, failure)
	return see(d.status()/100, d.send())
}

var gateScenes = []scene{
	{"DUP-005", "recorded", func(d *draft) string {
		d.world.plan(d.session, reply{status: http.StatusNoContent})
		first := d.send()
		status, h, _ := ask(d.method, d.url, d.header, bytes.NewReader(d.body))
		return see(first, status, h.Get(contract.HeaderDuplicate), d.effects())
	}},
	{"DUP-006", "store away", func(d *draft) string {
		d.available(false)
		defer d.available(true)
		status, h, _ := ask(d.method, d.url, d.header, bytes.NewReader(d.body))
		return see(status, h.Get("Retry-After"), d.effects())
	}},
	{"DUP-007", "path", func(d *draft) string { return d.elsewhere(func() { d.url += "/other" }) }},
	{"DUP-007", "query", func(d *draft) string { return d.elsewhere(func() { d.url += "?other=1" }) }},
	{"DUP-007", "host", func(d *draft) string { return d.elsewhere(func() { d.header.Set("Host", "other.example") }) }},
	{"GATE-001", "GET", func(d *draft) string {
		status, h, _ := ask(http.MethodGet, d.url, d.header, bytes.NewReader(d.body))
		return see(status, h.Get("Allow"), d.effects())
	}},
	{"GATE-002", "bytes", func(d *draft) string {
		d.edited("{", "{ ").send()
		for _, c := range d.world.marked(d.session) {
			return see(bytes.Equal(c.body, d.body))
		}
		return see(true) // nothing came that was not signed
	}},
	{"GATE-003", "spoofed", func(d *draft) string {
		for _, name := range []string{contract.HeaderVerified, contract.HeaderEvent} {
			d.header.Set(name, "spoofed")
		}
		d.status()
		for _, c := range d.world.marked(d.session) {
			return see(c.header[contract.HeaderVerified], c.header[contract.HeaderEvent], c.header[contract.HeaderID])
		}
		return "nothing"
	}},
	{"GATE-004", "declared", func(d *draft) string { return d.headOnly(contract.MaxBody+1, nil) }},
	{"GATE-004", "undeclared", func(d *draft) string {
		status, _, _ := ask(d.method, d.url, d.large().header, io.MultiReader(bytes.NewReader(d.body)))
		return see(status/100 == 2, d.effects())
	}},
	{"GATE-005", "budget", func(d *draft) string { return d.fillBudget() }},
	{"GATE-006", "truncated", func(d *draft) string {
		d.truncated(len(d.body) + 10)
		came := d.world.await(d.session, 1, patience/4)
		return see(came)
	}},
	{"GATE-007", "500", func(d *draft) string { return d.failsFirst(reply{status: 500}) }},
	{"GATE-007", "404", func(d *draft) string { return d.failsFirst(reply{status: 404}) }},
	{"GATE-007", "302", func(d *draft) string { return d.failsFirst(reply{status: 302}) }},
	{"GATE-007", "reset", func(d *draft) string { return d.failsFirst(reply{reset: true}) }},
	{"GATE-007", "time-out", func(d *draft) string {
		hold := make(chan struct{})
		defer close(hold)
		return d.failsFirst(reply{hold: hold})
	}},
	{"GATE-008", "hang-up", func(d *draft) string { return d.hangUp() }},
	{"GATE-009", "together", func(d *draft) string {
		hold := make(chan struct{})
		d.world.plan(d.session, reply{status: http.StatusCreated, hold: hold})
		first := d.later()
		d.world.await(d.session, 1, 5*time.Second)
		second := d.later()
		<-time.After(patience / 4) // time for the copy to be taken up
		close(hold)
		return see(<-first, <-second, d.effects())
	}},
	{"GATE-010", "refusal", func(d *draft) string {
		want, h, _ := d.refused()
		return see(h.Get(contract.HeaderError) == string(want), h.Get("WWW-Authenticate") != "")
	}},
	{"GATE-011", "problem", func(d *draft) string {
		_, h, body := d.refused()
		var problem struct{ Code string }
		err := json.Unmarshal([]byte(body), &problem)
		return see(h.Get("Content-Type"), err == nil, problem.Code == h.Get(contract.HeaderError))
	}},
	{"GATE-012", "told", func(d *draft) string {
		_, h, body := d.refused()
		told := fmt.Sprint(h) + body
		_, right := d.right()
		return see(strings.Contains(told, right), strings.Contains(told, d.target.Secret))
	}},
}

// fillBudget begins one delivery more than the gate has memory for, and says whether one of them was refused.
func (d *draft) fillBudget() string {
	answers := make(chan string, 10)
	stop := make(chan struct{})
	defer close(stop)
	for range gateBudget/contract.MaxBody + 1 {
		go func() { answers <- d.headOnly(contract.MaxBody, stop) }()
	}
	for end := time.After(5 * patience); ; {
		select {
		case answer := <-answers:
			if strings.HasPrefix(answer, "503") {
				return answer
			}
		case <-end:
			return "no refusal"
		}
	}
}

// hangUp sends a delivery, gives up while the receiver works, and tries again after it is done.
func (d *draft) hangUp() string {
	hold := make(chan struct{})
	d.world.plan(d.session, reply{status: http.StatusAccepted, hold: hold})
	ctx, stop := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, d.method, d.url, bytes.NewReader(d.body))
	request.Header = d.header
	ended := make(chan struct{})
	go func() {
		_, _ = outsider.Do(request) // given up below
		close(ended)
	}()
	d.world.await(d.session, 1, 5*time.Second)
	stop()
	<-ended
	<-time.After(patience / 4) // time for the gate to give up, if it does
	close(hold)
	status := d.status()
	for range 100 {
		if status != http.StatusConflict {
			break // the outcome is recorded
		}
		status = d.status()
	}
	return see(status, d.effects())
}
