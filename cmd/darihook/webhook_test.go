package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/darihook/darihook/mockserver"
)

// TestWebhook runs the webhook commands against the mock platform.
func TestWebhook(t *testing.T) {
	t.Parallel()
	mock := mockserver.New(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/webhook",
		Setup: func(e *testscript.Env) error {
			e.Setenv("DARI_API_URL", mock.URL)
			e.Setenv("DARI_API_KEY", mock.APIKey)
			e.Setenv("AGENT", mock.AgentID)
			e.Setenv("HOOK", "http://127.0.0.1:9/hook")
			return nil
		},
	})
}
