package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/soak/account"
)

// TestRecords writes and reads a ledger of two processes, the first of which was killed in the middle of a line.
func TestRecords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want []account.Entry
	for life := 1; life <= 2; life++ {
		ledger, err := newLedger(ledgerPath(dir, life))
		if err != nil {
			t.Fatal(err)
		}
		e := account.Entry{Kind: account.Ran, Source: account.Source{Number: 7, Attempt: 2, Gate: 1}, Life: 3, Receiver: life, Begin: 5, At: 9}
		want = append(want, e)
		if err := ledger.add(e); err != nil {
			t.Fatal(err)
		}
		if life == 1 {
			if _, err := ledger.out.Write([]byte(`{"kind":"ran","num`)); err != nil {
				t.Fatal(err)
			}
		}
		if err := ledger.close(); err != nil {
			t.Fatal(err)
		}
	}
	var got []account.Entry
	for e, err := range readRecords[account.Entry](ledgerPath(dir, 1), ledgerPath(dir, 2)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestRecordsThatCannotBeRead are an error, not the end of the file.
func TestRecordsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	if err := os.WriteFile(path, []byte("{}\nnonsense\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"fail/nonsense": path, "fail/missing": path + "-none"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var last error
			for _, last = range readRecords[account.Entry](path) {
				continue
			}
			if last == nil {
				t.Error("read to the end")
			}
		})
	}
}

func TestLostClaims(t *testing.T) {
	t.Parallel()
	clock := newClock(1_790_000_000_000_000_000)
	at := 1500 * time.Millisecond
	const line = `{"level":"error","ts":1790000001.5,"logger":"http.handlers.dari_webhook",` +
		`"msg":"a delivery succeeded and that could not be recorded: a copy of it would be processed again","id":"evt_soak_12","error":"`
	for name, row := range map[string]struct {
		line string
		want account.LostClaim
		ok   bool
	}{
		"ok/no answer":    {line + `redis did not answer in time"}`, account.LostClaim{Number: 12, At: at}, true},
		"ok/taken":        {line + `claim not owned"}`, account.LostClaim{Number: 12, At: at, Taken: true}, true},
		"fail/other line": {`{"level":"error","ts":1790000001.5,"msg":"the store cannot answer","error":"claim not owned"}`, account.LostClaim{}, false},
		"fail/other id":   {`{"msg":"could not be recorded","id":"evt_1"}`, account.LostClaim{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, ok := parseLostClaim([]byte(row.line), clock); got != row.want || ok != row.ok {
				t.Errorf("%+v, %t", got, ok)
			}
		})
	}
}
