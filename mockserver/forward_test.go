package mockserver_test

import (
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
)

// TestForwardTo wants every event of a platform at the URL from the start, and after a reset, signed with one secret.
func TestForwardTo(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"", "whsec_the_one_that_the_application_has"} {
		to := newReceiver(t)
		m := mockserver.New(t, func(o *mockserver.Options) { o.ForwardTo, o.Secret = to.URL, given })
		secret := m.Secret
		if secret == "" || given != "" && secret != given {
			t.Fatalf("the secret is %q, want %q", secret, given)
		}
		for _, kind := range contract.Dari().EventTypes() {
			emit(t, m, client.Event{Type: kind})
		}
		if err := m.Client.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		emit(t, m, client.Event{Type: contract.SessionFailed})
		idle(t, m)
		if m.Secret != secret {
			t.Errorf("after a reset the secret is %q, want %q", m.Secret, secret)
		}
		if got := to.requests(); len(got) == 0 {
			t.Error("nothing was delivered")
		} else if err := verify(t, secret, got[len(got)-1]); err != nil {
			t.Errorf("the delivery after the reset: %v", err)
		}
	}
}

func TestSubscribedToEverythingUnlessTold(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	m := mockserver.New(t)
	emitUnheard(t, m, client.Event{Type: contract.BatchFailed, Count: 2}, "no webhook is set")
	if _, err := m.Client.SetWebhook(t.Context(), m.AgentID, client.WebhookSpec{URL: to.URL}); err != nil {
		t.Fatal(err)
	}
	emit(t, m, client.Event{Type: contract.BatchFailed})
	m.SetWebhook(t, to.URL, contract.SessionFailed, contract.ToolCallRequested)
	emitUnheard(t, m, client.Event{Type: contract.BatchFailed}, "the webhook is subscribed to session.failed, tool.call_requested alone")
}
