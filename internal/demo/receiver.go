package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
)

// maxHold is the longest that a delivery may ask the receiver to take.
const maxHold = 10 * time.Second

// receiver is an application behind the gate: it trusts what the gate has verified and counts what it is handed.
type receiver struct {
	mu   sync.Mutex
	runs map[string]int
}

// order is what a delivery of the demo asks of the receiver, in its data.
type order struct {
	// Fail is how many times the receiver answers 500 before it succeeds.
	Fail int `json:"fail"`
	// Hold is how long it takes for its answer, in milliseconds.
	Hold int `json:"hold_ms"`
}

// ServeReceiver runs the receiver until ctx is done. It prints its URL first, as one line.
func ServeReceiver(ctx context.Context, out io.Writer) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	r := &receiver{runs: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", r.receive)
	mux.HandleFunc("GET /runs/{id}", r.count)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })

	fmt.Fprintf(out, "http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// receive does a delivery's work once more, and counts it.
func (r *receiver) receive(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get(contract.HeaderVerified) != "true" {
		http.Error(w, "this did not come through the gate", http.StatusForbidden)
		return
	}
	var delivery struct {
		Data struct {
			Demo order `json:"demo"`
		} `json:"data"`
	}
	if err := json.NewDecoder(req.Body).Decode(&delivery); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	id := req.Header.Get(contract.HeaderID)
	r.runs[id]++
	fails := r.runs[id] <= delivery.Data.Demo.Fail
	r.mu.Unlock()

	time.Sleep(min(time.Duration(delivery.Data.Demo.Hold)*time.Millisecond, maxHold))
	if fails {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// count tells how often the receiver was handed a delivery.
func (r *receiver) count(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintln(w, r.runs[req.PathValue("id")])
}
