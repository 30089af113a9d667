package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// TestStoppedWhileAReceiverWorks asks the process to end, as an operator does: the delivery under way is answered and
// recorded before it does.
func TestStoppedWhileAReceiverWorks(t *testing.T) {
	t.Parallel()
	calls, proceed := make(chan struct{}, 10), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(proceed) })
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls <- struct{}{}
		<-proceed
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(receiver.Close)
	t.Cleanup(letGo)

	g := newGateway(t, receiver.URL)
	g.start()
	answered := make(chan error, 1)
	go func() {
		resp, err := g.deliver("evt_under_way")
		if err == nil && (resp.StatusCode != http.StatusAccepted || resp.Header.Get(contract.HeaderDuplicate) != "") {
			err = errors.New(resp.Status)
		}
		answered <- err
	}()
	<-calls
	if err := g.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for { // until it takes nothing new
		resp, err := g.client.Get("http://gate/")
		if err != nil {
			break
		}
		_ = resp.Body.Close()
		if time.Now().After(deadline) {
			t.Fatal("it still takes requests")
		}
		time.Sleep(5 * time.Millisecond)
	}
	letGo()
	if err := <-answered; err != nil {
		t.Errorf("the delivery under way: %v", err)
	}
	if err := g.process.Wait(); err != nil {
		t.Errorf("%v\n%s", err, g.log)
	}
	g.process = nil

	g.start()
	g.expect("evt_under_way", http.StatusAccepted, true)
	if n := len(calls); n != 0 {
		t.Errorf("the receiver was called %d times more", n)
	}
}
