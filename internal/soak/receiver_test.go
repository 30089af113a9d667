package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/soak/account"
)

// TestReceiver shows what the receiver answers, and what its ledger says by then.
func TestReceiver(t *testing.T) {
	t.Parallel()
	vouched := http.Header{
		contract.HeaderVerified: {"true"}, contract.HeaderID: {idOf(3)}, attemptHeader: {"2"}, gateHeader: {"1"}, lifeHeader: {"4"},
	}
	without := func(name string) http.Header {
		header := vouched.Clone()
		header.Del(name)
		return header
	}
	for name, row := range map[string]struct {
		header http.Header
		order  order
		status int // 0: the connection ends
		want   map[string]int
	}{
		"ok":                 {vouched, order{Number: 3}, 200, map[string]int{account.Ran: 1, account.Answered: 1}},
		"ok/failed before":   {vouched, order{Number: 3, Fail: 1, Status: 500}, 200, map[string]int{account.Ran: 1, account.Answered: 1}},
		"fail/status":        {vouched, order{Number: 3, Fail: 2, Status: 503}, 503, map[string]int{account.Failed: 1}},
		"fail/no answer":     {vouched, order{Number: 3, Fail: 2}, 0, map[string]int{account.Failed: 1}},
		"fail/forged":        {vouched, order{Number: 3, Forged: true}, 200, map[string]int{account.Forged: 1}},
		"fail/not vouched":   {without(contract.HeaderVerified), order{Number: 3}, 200, map[string]int{account.Forged: 1}},
		"fail/no id":         {without(contract.HeaderID), order{Number: 3}, 200, map[string]int{account.Forged: 1}},
		"fail/another's id":  {vouched, order{Number: 4}, 200, map[string]int{account.Forged: 1}},
		"fail/not by a gate": {without(gateHeader), order{Number: 3}, 200, map[string]int{account.Forged: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ledger")
			ledger, err := newLedger(path)
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(&receiver{newClock(time.Now().UnixNano()), 7, ledger})
			request, err := http.NewRequest(http.MethodPost, server.URL, bytes.NewReader(bodyOf(row.order)))
			if err != nil {
				t.Fatal(err)
			}
			request.Header = row.header
			status := 0
			if response, err := server.Client().Do(request); err == nil {
				status = response.StatusCode
				response.Body.Close()
			}
			server.Close() // and with it the ledger's last line is written
			if status != row.status {
				t.Errorf("status %d, want %d", status, row.status)
			}
			got := map[string]int{}
			for e, err := range readRecords[account.Entry](path) {
				if err != nil {
					t.Fatal(err)
				}
				got[e.Kind]++
				if e.Receiver != 7 || e.At < e.Begin || e.Kind == account.Ran && (e.Source != account.Source{Number: 3, Attempt: 2, Gate: 1} || e.Life != 4) {
					t.Errorf("%+v", e)
				}
			}
			if !maps.Equal(got, row.want) {
				t.Errorf("the ledger has %v, want %v", got, row.want)
			}
		})
	}
}

// TestReceiverIsCutOff ends a connection within a body, as a wire that is cut does. What came is no delivery, and no forgery
// either.
func TestReceiverIsCutOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	ledger, err := newLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&receiver{newClock(time.Now().UnixNano()), 7, ledger})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := bodyOf(order{Number: 3})
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: receiver\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:len(body)/2])
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); len(answer) > 0 {
		t.Errorf("answered %q, %v", answer, err)
	}
	server.Close()
	for e, err := range readRecords[account.Entry](path) {
		t.Errorf("the ledger has %+v, %v", e, err)
	}
}
