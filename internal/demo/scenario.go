package demo

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
)

// scenario is one thing that a platform, the wire or an attacker does, and what is promised of it.
type scenario struct {
	sent   string
	faults []string
	order  order
	// own scenarios send their deliveries themselves, in then.
	own bool
	// then does what comes after the platform's first attempts.
	then func(ctx context.Context, s *stage, d client.Delivery) ([]answer, error)
	// answers and runs are what is promised: the gate's answers in order, and how often the receiver works.
	answers []string
	runs    int
}

// scenarios lists what the demo shows. The one that lets time pass comes first, so that no retry of a later one is due.
func scenarios() []scenario {
	return []scenario{
		{sent: "a delivery that the receiver first answers with 500", order: order{Fail: 1}, then: retry,
			answers: []string{"500", "200"}, runs: 2},
		{sent: "a good delivery", answers: []string{"200"}, runs: 1},
		{sent: "the same delivery again, with a new signature", faults: []string{"duplicate_after_success"},
			answers: []string{"200", "200 duplicate"}, runs: 1},
		{sent: "a good delivery, replayed byte for byte", then: replay,
			answers: []string{"200", "200 duplicate"}, runs: 1},
		{sent: "two copies at the same instant", faults: []string{"duplicate_concurrent"}, order: order{Hold: 200},
			answers: []string{"200", "200 duplicate"}, runs: 1},
		{sent: "a delivery whose sender hangs up, and its retry", order: order{Hold: 300}, own: true, then: hangUp,
			answers: []string{"hung up", "200 duplicate"}, runs: 1},
		{sent: "a forged delivery", faults: []string{"wrong_secret"},
			answers: []string{"401 " + string(contract.CodeSignatureMismatch)}},
		{sent: "a tampered body", faults: []string{"tampered_body"},
			answers: []string{"401 " + string(contract.CodeSignatureMismatch)}},
		{sent: "no signature at all", faults: []string{"no_signature"},
			answers: []string{"401 " + string(contract.CodeSignatureMissing)}},
		{sent: "a delivery signed ten minutes ago", faults: []string{"stale"},
			answers: []string{"401 " + string(contract.CodeTimestampStale)}},
		{sent: "a delivery dated ten minutes ahead", faults: []string{"future"},
			answers: []string{"401 " + string(contract.CodeTimestampFuture)}},
		{sent: "a signed body of 6 MiB", faults: []string{"oversized_body"},
			answers: []string{"413 " + string(contract.CodeBodyTooLarge)}},
	}
}

// event is what the platform is told to emit for a scenario.
func (s scenario) event(agent string) (client.Event, error) {
	ask, err := json.Marshal(s.order)
	if err != nil {
		return client.Event{}, err
	}
	event := client.Event{AgentID: agent, Type: contract.ToolCallRequested, Data: map[string]json.RawMessage{"demo": ask}}
	for _, kind := range s.faults {
		once := 1
		event.Faults = append(event.Faults, client.FaultRef{Fault: faults.Fault{Kind: kind, Next: &once}})
	}
	return event, nil
}

// retry lets enough time pass for the platform's next attempt.
func retry(ctx context.Context, s *stage, d client.Delivery) ([]answer, error) {
	before := len(d.Attempts)
	d, err := s.settle(ctx, d.ID, time.Minute)
	if err != nil {
		return nil, err
	}
	var answers []answer
	for _, a := range d.Attempts[before:] {
		answers = append(answers, answerTo(a))
	}
	return answers, nil
}

// replay sends the bytes of the first attempt again, as somebody who has recorded them would.
func replay(ctx context.Context, s *stage, d client.Delivery) ([]answer, error) {
	request := d.Attempts[0].Request
	a, err := s.post(ctx, request.Headers, request.Body)
	return []answer{a}, err
}

// hangUp begins a delivery and closes the connection while the receiver works, then sends it again as a retry.
func hangUp(ctx context.Context, s *stage, _ client.Delivery) ([]answer, error) {
	id := "evt_hangup"
	send := func(ctx context.Context) (answer, error) { return s.sign(ctx, id, order{Hold: 300}) }

	impatient, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = send(impatient) // cut short on purpose: how it fails tells nothing
	}()
	if err := s.untilRun(ctx, id); err != nil {
		return nil, err
	}
	cancel()
	<-ended
	s.lastID = id
	a, err := send(ctx)
	return []answer{{err: "hung up"}, a}, err
}

// judge holds what happened against what is promised. Of answers to copies the recorded one is named last, whichever
// copy came first.
func (s scenario) judge(answers []answer, runs int) row {
	slices.SortStableFunc(answers, func(a, b answer) int {
		switch {
		case a.duplicate == b.duplicate:
			return 0
		case b.duplicate:
			return -1
		}
		return 1
	})
	r := row{sent: s.sent, runs: runs}
	for _, a := range answers {
		r.answers = append(r.answers, a.String())
	}
	r.kept = runs == s.runs && slices.Equal(r.answers, s.answers)
	return r
}
