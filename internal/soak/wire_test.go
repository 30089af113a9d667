package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestWire shows that each thing that can be done to a wire is felt, and that nothing is felt of it afterwards.
func TestWire(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	for name, row := range map[string]struct {
		do, undo func(*wire) error
		lets     bool // whether anything comes through
	}{
		"ok/late":     {func(w *wire) error { return w.spoil(late(1)) }, clearWire, true},
		"fail/cut":    {func(w *wire) error { w.cut(); return nil }, (*wire).mend, false},
		"fail/reset":  {func(w *wire) error { return w.spoil(reset) }, clearWire, false},
		"fail/silent": {func(w *wire) error { return w.spoil(silent) }, clearWire, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := newWire(strings.TrimPrefix(server.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(w.cut)
			ask := func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if name == "fail/silent" && !row.lets {
					ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
					defer cancel()
				}
				return get(ctx, w.address)
			}
			if err := get(t.Context(), w.address); err != nil {
				t.Fatal(err)
			}
			if err := row.do(w); err != nil {
				t.Fatal(err)
			}
			if err := ask(); (err == nil) != row.lets {
				t.Errorf("%v, want something through: %t", err, row.lets)
			}
			if err := row.undo(w); err != nil {
				t.Fatal(err)
			}
			if err := get(t.Context(), w.address); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func clearWire(w *wire) error { return w.clear(context.Background()) }

// get asks over a new connection.
func get(ctx context.Context, address string) error {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: new(net.Dialer).DialContext}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, http.NoBody)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
