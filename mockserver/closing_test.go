package mockserver_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
)

// TestCleanupsStillHaveTheMock wants the mock to outlive the cleanups of its test, whose context has ended by then.
func TestCleanupsStillHaveTheMock(t *testing.T) {
	t.Parallel()
	t.Run("a test", func(t *testing.T) {
		m := mockserver.New(t)
		t.Cleanup(func() {
			if _, err := m.Client.Status(t.Context()); err == nil {
				t.Error("the test's context has not ended")
			}
			resp, err := http.Get(m.URL + "/_mock/status")
			if err != nil {
				t.Fatalf("the mock has ended before the test's cleanups: %v", err)
			}
			resp.Body.Close()
		})
	})
}

// TestCloseEndsAttemptsAtOnce closes a mock while a receiver hangs, whose time-out is far away.
func TestCloseEndsAttemptsAtOnce(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	to := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // a hang-up is noticed behind the body
		close(began)
		<-r.Context().Done()
	}))
	t.Cleanup(to.Close)
	ended := make(chan struct{})
	t.Run("a test", func(t *testing.T) {
		m := mockserver.New(t, func(o *mockserver.Options) { o.ForwardTo, o.Timeout = to.URL, 24*time.Hour })
		emit(t, m, client.Event{Type: contract.SessionFailed})
		<-began
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		close(ended)
	})
	<-ended
}
