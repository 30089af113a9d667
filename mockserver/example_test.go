package mockserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/signature"
)

// application is what a developer writes: it verifies deliveries, answers tool calls, and hears of the end of sessions.
type application struct {
	verifier *signature.Verifier
	apiKey   string
	said     chan string // what the example prints
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	if _, err := a.verifier.Verify(r.Header, body, time.Now()); err != nil {
		http.Error(w, "unsigned", http.StatusUnauthorized)
		return
	}
	var event struct {
		Type string `json:"type"`
		Data struct {
			SubmitURL  string            `json:"submit_url"`
			MessageID  string            `json:"message_id"`
			ToolCallID string            `json:"tool_call_id"`
			ToolName   string            `json:"tool_name"`
			Arguments  map[string]string `json:"arguments"`
			Status     string            `json:"status"`
			Metadata   map[string]string `json:"metadata"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		http.Error(w, "no event", http.StatusBadRequest)
		return
	}
	switch event.Type {
	case contract.ToolCallRequested:
		a.said <- fmt.Sprintf("webhook: %s %s(%s)", event.Type, event.Data.ToolName, event.Data.Arguments["query"])
		a.submit(event.Data.SubmitURL, map[string]any{
			"type": "tool.result_submitted", "message_id": event.Data.MessageID, "tool_call_id": event.Data.ToolCallID,
			"is_error": false, "result": map[string]string{"status": "shipped"},
		})
	case contract.SessionCompleted:
		a.said <- fmt.Sprintf("webhook: %s for customer %s", event.Type, event.Data.Metadata["customer"])
		close(a.said)
	}
}

// submit sends a tool's result back.
func (a *application) submit(url string, result any) {
	if _, err := post(url, a.apiKey, result); err != nil {
		a.said <- "result:  " + err.Error()
	}
}

// post sends JSON and returns the answer's status.
func post(url, key string, body any) (string, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	return resp.Status, nil
}

// A whole application against the mock: a message goes in, the tool is called by webhook, its result goes back, and the
// session's end is announced. The first delivery is refused on purpose, to show that the retry carries it.
func ExampleStart() {
	ctx := context.Background()
	mock, err := mockserver.Start(ctx, mockserver.Options{AllowInsecureURLs: true, ManualClock: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mock.Close()

	app := &application{apiKey: mock.APIKey, said: make(chan string, 10)}
	server := httptest.NewServer(app)
	defer server.Close()
	text, err := mock.Client.SetWebhook(ctx, mock.AgentID, client.WebhookSpec{
		URL: server.URL, EventTypes: []string{contract.ToolCallRequested, contract.SessionCompleted},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	secret, err := signature.NewSecret(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	app.verifier, err = signature.NewVerifier(signature.Options{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{secret}})
	if err != nil {
		fmt.Println(err)
		return
	}
	once := 1
	if _, err := mock.Client.AddFault(ctx, wrongSecret(&once)); err != nil {
		fmt.Println(err)
		return
	}

	status, err := post(mock.URL+"/v1/agents/"+mock.AgentID+"/messages", mock.APIKey, map[string]any{
		"type":    "user.message",
		"content": []map[string]string{{"type": "text", "text": "Where is order 42?"}},
		"session": map[string]any{"metadata": map[string]string{"customer": "7"}},
	})
	fmt.Println("message:", status, err)
	mock.Client.Advance(ctx, time.Hour) // the retry, in no time
	for line := range app.said {
		fmt.Println(line)
	}
	mock.Client.Advance(ctx, 0)
	page, err := mock.Client.Deliveries(ctx, client.Query{Type: contract.ToolCallRequested})
	if err != nil {
		fmt.Println(err)
		return
	}
	results, err := mock.Client.Results(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		fmt.Println("result:", r.Status, string(r.Result))
	}
	for _, a := range page.Deliveries[0].Attempts {
		fmt.Println("attempt:", a.Number, a.Response.Status, strings.Join(a.Faults, " "))
	}
	// Output:
	// message: 202 Accepted <nil>
	// webhook: tool.call_requested lookup(Where is order 42?)
	// webhook: session.completed for customer 7
	// result: 202 {"status":"shipped"}
	// attempt: 1 401 wrong_secret
	// attempt: 2 200
}

// wrongSecret is a fault that strikes the next attempts.
func wrongSecret(next *int) faults.Fault { return faults.Fault{Kind: "wrong_secret", Next: next} }
