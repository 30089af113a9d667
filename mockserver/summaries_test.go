package mockserver_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
)

// summaries asks for the list without bytes.
func summaries(t *testing.T, m *mockserver.Mock, query url.Values) (page client.Summaries) {
	t.Helper()
	resp, err := http.Get(m.URL + "/_mock/deliveries/summaries?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the list is answered with %d", resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	return page
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t)
	m.SetWebhook(t, newReceiver(t).URL+"/Hooks")
	for _, eventType := range []string{contract.SessionCompleted, contract.SessionFailed, contract.SessionCompleted} {
		if _, err := m.Client.Emit(t.Context(), client.Event{Type: eventType}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Client.Advance(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	whole, err := m.Client.Deliveries(t.Context(), client.Query{})
	if err != nil {
		t.Fatal(err)
	}
	all := summaries(t, m, nil)
	if all.Total != 3 || len(all.Deliveries) != 3 {
		t.Fatalf("there are %d summaries of %d deliveries", len(all.Deliveries), all.Total)
	}
	for i, s := range all.Deliveries {
		if s != whole.Deliveries[i].Summarize() || s.AttemptCount != 1 || s.LastStatus != 200 {
			t.Errorf("summary %d is %+v", i, s)
		}
	}
	rows := []struct {
		name  string
		query url.Values
		want  int
	}{
		{"ok/type in part", url.Values{"text": {"FAILED"}}, 1},
		{"ok/url", url.Values{"text": {"/hooks"}}, 3},
		{"ok/id", url.Values{"text": {strings.ToUpper(all.Deliveries[0].ID)}}, 1},
		{"ok/with a status", url.Values{"text": {"session"}, "status": {client.Pending}}, 0},
		{"ok/nothing", url.Values{"text": {"no such thing"}}, 0},
	}
	for _, row := range rows {
		if got := summaries(t, m, row.query); got.Total != row.want {
			t.Errorf("%s: %d deliveries, want %d", row.name, got.Total, row.want)
		}
	}
	first := summaries(t, m, url.Values{"limit": {"2"}})
	rest := summaries(t, m, url.Values{"limit": {"2"}, "cursor": {first.Next}})
	if len(first.Deliveries) != 2 || len(rest.Deliveries) != 1 || rest.Next != "" || rest.Deliveries[0].ID != all.Deliveries[2].ID {
		t.Errorf("the pages are %+v and %+v", first, rest)
	}
}

func TestAWebhookCanKeepItsSecret(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t)
	first, second := newReceiver(t), newReceiver(t)
	secret := m.SetWebhook(t, first.URL)
	made, err := m.Client.SetWebhook(t.Context(), m.AgentID, client.WebhookSpec{URL: second.URL, EventTypes: []string{contract.SessionFailed}, KeepSecret: true})
	if err != nil || made != "" {
		t.Fatalf("keeping the secret has made another: %v", err)
	}
	if _, err := m.Client.Emit(t.Context(), client.Event{Type: contract.SessionFailed}); err != nil {
		t.Fatal(err)
	}
	if err := verify(t, secret, <-second.arrived); err != nil {
		t.Errorf("the secret was not kept: %v", err)
	}

	fresh := mockserver.New(t)
	if made, err := fresh.Client.SetWebhook(t.Context(), fresh.AgentID, client.WebhookSpec{URL: first.URL, KeepSecret: true}); err != nil || made == "" {
		t.Errorf("without a secret to keep none was made: %v", err)
	}
}
