package mockserver

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/delivery"
)

// Mock is a mock platform that belongs to a test.
type Mock struct {
	*Server
}

// New starts a mock platform for a test, and ends it after the test and the cleanups that were registered later. Its clock is manual and it admits insecure URLs,
// unless an option says otherwise. When the test fails, its log shows every delivery with its attempts.
func New(t testing.TB, options ...func(*Options)) *Mock {
	t.Helper()
	o := Options{ManualClock: true, AllowInsecureURLs: true}
	for _, option := range options {
		option(&o)
	}
	// A test's context ends before its cleanups run, and these may still need the mock.
	server, err := Start(context.WithoutCancel(t.Context()), o)
	if err != nil {
		t.Fatalf("starting the mock platform: %v", err)
	}
	m := &Mock{server}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(m.Report())
		}
		if err := server.Close(); err != nil {
			t.Errorf("closing the mock platform: %v", err)
		}
	})
	return m
}

// SetWebhook sets the webhook of the first agent, subscribed to every event type unless some are named, and returns its
// secret.
func (m *Mock) SetWebhook(t testing.TB, url string, eventTypes ...string) (secret string) {
	t.Helper()
	secret, err := m.Client.SetWebhook(t.Context(), m.AgentID, client.WebhookSpec{URL: url, EventTypes: eventTypes})
	if err != nil {
		t.Fatalf("setting the webhook: %v", err)
	}
	return secret
}

// reported is how many deliveries a report tells of.
const reported = 50

// Report tells of the latest deliveries and their attempts, one line each, and of events that no webhook took.
func (m *Mock) Report() string {
	var out strings.Builder
	page := m.engine.List(delivery.Filter{}, reported)
	fmt.Fprintf(&out, "the mock platform made %d deliveries", page.Total)
	if page.Total > len(page.Deliveries) {
		fmt.Fprintf(&out, ", of which the latest %d", len(page.Deliveries))
	}
	for _, d := range page.Deliveries {
		fmt.Fprintf(&out, "\n  %s %s %s to %s: %s", d.EventID, d.Type, d.ID, d.URL, d.Status)
		for _, a := range d.Attempts {
			fmt.Fprintf(&out, "\n    %s", line(a))
		}
	}
	out.WriteString(m.unheard.String())
	return out.String()
}

// line tells of one attempt.
func line(a client.Attempt) string {
	outcome := "no answer"
	switch {
	case a.Error != nil:
		outcome = *a.Error
	case a.Response != nil:
		outcome = fmt.Sprintf("status %d, %.200q", a.Response.Status, a.Response.Body)
	}
	faults := ""
	if len(a.Faults) > 0 {
		faults = " with " + strings.Join(a.Faults, ", ")
	}
	return fmt.Sprintf("attempt %d at %s%s: %s", a.Number, a.At.UTC().Format("15:04:05.000"), faults, outcome)
}
