package main

import (
	"fmt"
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

func TestWords(t *testing.T) {
	t.Parallel()
	clock := newClock(1_790_000_000_000_000_000)
	at := 1500 * time.Millisecond
	const head = `{"level":"error","ts":1790000001.5,"logger":"http.handlers.dari_webhook","msg":"`
	const line = head + `commit lost: the delivery succeeded and a redelivery would be processed twice","id":"evt_soak_12","error":"`
	for name, row := range map[string]struct {
		line string
		want word
		ok   bool
	}{
		"ok/no answer": {line + `redis did not answer in time"}`, word{verb: lost, number: 12, at: at}, true},
		"ok/taken":     {line + `claim not owned"}`, word{verb: lost, number: 12, at: at, taken: true}, true},
		"ok/pending": {head + `commit pending: the delivery succeeded and the store has not recorded it; retrying in the background","id":"evt_soak_12"}`,
			word{verb: pending, number: 12, at: at}, true},
		"ok/recorded": {head + `pending commit recorded","id":"evt_soak_12"}`,
			word{verb: recorded, number: 12, at: at}, true},
		"fail/other line": {head + `store unavailable","error":"claim not owned"}`, word{}, false},
		"fail/other id":   {`{"msg":"commit lost","id":"evt_1"}`, word{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, ok := parseWord([]byte(row.line), clock); got != row.want || ok != row.ok {
				t.Errorf("%+v, %t", got, ok)
			}
		})
	}
}

// TestReadWords has a gate say all that it may of three deliveries, in two processes, the first of which was killed.
func TestReadWords(t *testing.T) {
	t.Parallel()
	g := &gate{number: 1, clock: newClock(0)}
	g.life.Store(2)
	dir := t.TempDir()
	const yet, after, not = "commit pending", "pending commit recorded", "commit lost"
	for life, said := range [][][2]string{
		{{yet, "0"}, {yet, "1"}, {yet, "2"}, {after, "0"}, {not, "2"}},
		{{yet, "0"}, {after, "0"}},
	} {
		var log string
		for i, s := range said {
			log += fmt.Sprintf("{\"ts\":%d,\"msg\":%q,\"id\":\"evt_soak_%s\"}\n", i, s[0], s[1])
		}
		if err := os.WriteFile(logPath(dir, g.number, life+1), []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var h account.History
	if err := readWords(&h, dir, g); err != nil {
		t.Fatal(err)
	}
	if want := []account.PendingOutcome{{Number: 1, Gate: 1, Life: 1, At: time.Second}}; !slices.Equal(h.Pending, want) {
		t.Errorf("pending %+v, want %+v", h.Pending, want)
	}
	if want := []account.LostClaim{{Number: 2, Gate: 1, Life: 1, At: 4 * time.Second}}; !slices.Equal(h.Lost, want) {
		t.Errorf("lost %+v, want %+v", h.Lost, want)
	}
}
