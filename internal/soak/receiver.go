package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/soak/account"
)

// receiver is the application behind the gates. What it has done is in its ledger before it answers, so that a kill at any
// moment leaves at worst a run whose sender does not know of it: that is a run, since its work is done.
type receiver struct {
	clock
	life   int
	ledger *records
}

// ledgerPath names the ledger of one of the receiver's processes.
func ledgerPath(dir string, life int) string {
	return filepath.Join(dir, fmt.Sprintf("ledger-%d.jsonl", life))
}

// serveReceiver is the receiver until ctx is done.
func serveReceiver(ctx context.Context, address, dir string, life int, clock clock) error {
	ledger, err := newLedger(ledgerPath(dir, life))
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return errors.Join(err, ledger.close())
	}
	server := &http.Server{Handler: &receiver{clock, life, ledger}, ReadHeaderTimeout: patience}
	ended := make(chan error, 1)
	context.AfterFunc(ctx, func() { ended <- server.Shutdown(context.Background()) })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(err, ledger.close())
	}
	return errors.Join(<-ended, ledger.close())
}

// ServeHTTP does what a delivery asks for.
func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	entry := account.Entry{Receiver: s.life, Begin: s.now()}
	o, err := s.read(r, &entry)
	switch {
	case errors.Is(err, errCut):
		panic(http.ErrAbortHandler) // nobody is there to be answered, and nothing came that could be judged
	case err != nil || o.Forged:
		s.note(account.Forged, entry)
		w.WriteHeader(http.StatusOK)
	case entry.Attempt <= o.Fail:
		s.note(account.Failed, entry)
		fail(w, o.Status)
	default:
		time.Sleep(o.Hold)
		s.note(account.Ran, entry)
		time.Sleep(o.Hold / 4) // some kills are to find it between its work and its answer
		if answer(w) {
			s.note(account.Answered, entry)
		}
	}
}

// read takes a request apart. One that the gate has not vouched for is an error.
func (s *receiver) read(r *http.Request, entry *account.Entry) (order, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return order{}, fmt.Errorf("%w: %w", errCut, err)
	}
	var e envelope
	err = json.Unmarshal(body, &e)
	o := e.Data.Soak
	entry.Number = o.Number
	for name, value := range map[string]*int{attemptHeader: &entry.Attempt, gateHeader: &entry.Gate, lifeHeader: &entry.Life} {
		n, errNumber := strconv.Atoi(r.Header.Get(name))
		*value, err = n, errors.Join(err, errNumber)
	}
	if r.Header.Get(contract.HeaderVerified) != "true" || r.Header.Get(contract.HeaderID) != idOf(o.Number) {
		err = errors.Join(err, errUnvouched)
	}
	return o, err
}

var (
	errCut       = errors.New("the connection ended within the body")
	errUnvouched = errors.New("the gate does not vouch for this")
)

// note writes to the ledger. A receiver that cannot does not answer either.
func (s *receiver) note(kind string, entry account.Entry) {
	entry.Kind, entry.At = kind, s.now()
	if err := s.ledger.add(entry); err != nil {
		panic(fmt.Errorf("writing the ledger: %w", err))
	}
}

// fail answers a failure, or ends the connection.
func fail(w http.ResponseWriter, status int) {
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
}

// answer sends a success and reports whether it has left.
func answer(w http.ResponseWriter) bool {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return http.NewResponseController(w).Flush() == nil
}
