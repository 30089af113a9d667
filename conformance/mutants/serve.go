package mutants

import (
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"time"
)

// serve answers with a handler on a free port of loopback until the test ends and returns the base URL.
func serve(tb testing.TB, handler http.Handler, readTimeout time.Duration) string {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listening for a mutant: %v", err)
	}
	server := &http.Server{Handler: handler, ReadTimeout: readTimeout, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with ErrServerClosed, which says nothing
	}()
	tb.Cleanup(func() {
		_ = server.Close() // closes connections in use: a faulty handler may never end
		<-done
	})
	return "http://" + listener.Addr().String()
}

// writeJSON answers with a status and a JSON body.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone; nobody is left to tell
}
