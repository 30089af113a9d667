package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/console"
	"github.com/darihook/darihook/signature"
)

const (
	// patience bounds the wait for anything that the demo expects.
	patience = 30 * time.Second
	// glance is the pause between two looks.
	glance = 5 * time.Millisecond
)

// stage is everything that runs during the demo.
type stage struct {
	platform *client.Client
	console  string
	agent    string
	gate     string
	receiver string
	signer   *signature.Signer
	// lastID is the delivery that a scenario made without the platform.
	lastID string
}

// startPlatform runs the mock platform, whose agent delivers to the gate, signed with the gate's secret. Its time stands
// still unless a scenario lets it pass.
func (s *stage) startPlatform(ctx context.Context, secret string) (stop func(), err error) {
	server, err := mockserver.Start(ctx, mockserver.Options{
		ManualClock: true, AllowInsecureURLs: true, Console: console.Handler(),
	})
	if err != nil {
		return nil, err
	}
	s.platform, s.agent, s.console = server.Client, server.AgentID, server.URL+"/_mock/console"
	if _, err := s.platform.SetWebhook(ctx, s.agent, client.WebhookSpec{URL: s.gate, Secret: secret}); err != nil {
		return nil, errors.Join(fmt.Errorf("setting the webhook: %w", err), server.Close())
	}
	return func() { _ = server.Close() }, nil // its state was never kept
}

// play runs one scenario and tells what came of it.
func (s *stage) play(ctx context.Context, sc scenario) (row, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d, err := s.emit(ctx, sc)
	if err != nil {
		return row{}, err
	}
	var answers []answer
	for _, a := range d.Attempts {
		answers = append(answers, answerTo(a))
	}
	if sc.then != nil {
		more, err := sc.then(ctx, s, d)
		if err != nil {
			return row{}, err
		}
		answers = append(answers, more...)
	}
	id := d.EventID
	if id == "" {
		id = s.lastID
	}
	runs, err := s.runs(ctx, id)
	if err != nil {
		return row{}, err
	}
	return sc.judge(answers, runs), nil
}

// emit makes the platform deliver a scenario's event, and waits for its first attempts.
func (s *stage) emit(ctx context.Context, sc scenario) (client.Delivery, error) {
	if sc.own {
		return client.Delivery{}, nil
	}
	event, err := sc.event(s.agent)
	if err != nil {
		return client.Delivery{}, err
	}
	emitted, err := s.platform.Emit(ctx, event)
	if err != nil {
		return client.Delivery{}, fmt.Errorf("emitting: %w", err)
	}
	return s.settle(ctx, emitted[0].DeliveryID, 0)
}

// settle lets some of the platform's time pass, and returns a delivery once all attempts that became due have ended.
func (s *stage) settle(ctx context.Context, id string, pass time.Duration) (client.Delivery, error) {
	if err := s.platform.Advance(ctx, pass); err != nil {
		return client.Delivery{}, fmt.Errorf("letting %v pass: %w", pass, err)
	}
	return s.platform.Delivery(ctx, id)
}

// answerTo reads the gate's answer from an attempt.
func answerTo(a client.Attempt) answer {
	if a.Response == nil {
		return answer{err: *a.Error}
	}
	return answerOf(a.Response.Status, a.Response.Headers)
}

// sign makes a delivery without the platform and sends it to the gate.
func (s *stage) sign(ctx context.Context, id string, ask order) (answer, error) {
	body, err := json.Marshal(map[string]any{
		"id": id, "type": contract.SessionCompleted, "created_at": time.Now().UTC().Format(time.RFC3339),
		"data": map[string]any{"session_id": "sess_demo", "demo": ask},
	})
	if err != nil {
		return answer{}, err
	}
	fields, err := s.signer.Sign(signature.Message{ID: id, Time: time.Now(), Body: body})
	if err != nil {
		return answer{}, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	for _, f := range fields {
		header.Set(f.Name, f.Value)
	}
	return s.post(ctx, header, body)
}

// post sends a request to the gate as it stands.
func (s *stage) post(ctx context.Context, header http.Header, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.gate, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header = header.Clone()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	return answerOf(response.StatusCode, response.Header), nil
}

// runs asks the receiver how often it was handed a delivery.
func (s *stage) runs(ctx context.Context, id string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.receiver+"/runs/"+id, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("asking the receiver: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64))
	if err != nil {
		return 0, fmt.Errorf("asking the receiver: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// untilRun waits until the receiver has begun to work on a delivery.
func (s *stage) untilRun(ctx context.Context, id string) error {
	return until(ctx, func() (bool, error) {
		n, err := s.runs(ctx, id)
		return n > 0, err
	})
}

// until looks again and again until it sees what it waits for, or ctx is done.
func until(ctx context.Context, look func() (bool, error)) error {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		done, err := look()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(errWaited, ctx.Err())
		case <-tick.C:
		}
	}
}

var errWaited = errors.New("what was expected did not happen")
