package envelope_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate/envelope"
)

// FuzzScan holds the scanner against encoding/json, which matches names in any case, lets the last of repeated names win, and
// refuses a number that overflows a float64: what the scanner accepts, encoding/json accepts whole and reads alike.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{}`,
		`{"id":"evt_1","type":"session.completed","created_at":"2026-01-01T00:00:00Z","data":{"session_id":"sess_1","metadata":{"a":"b"}}}`,
		`{"\u0069d":"\ud83d\ude00","n":[-0.5e+10,{},[],null,true,false,"\\\"\/\b\f\n\r\t"]}`,
		`{"id":"evt_1","ID":"evt_2"}`,
		`{"id":"a","id":"b"}`,
		`{"data":{"session_id":"a","session_id":"b"}}`,
		"\ufeff{}",
		`{"a":` + "[[[[1]]]]}",
		`{"n":[1e999,-1e309,1e-999,0e1000000000,` + strings.Repeat("9", 310) + `]}`,
		`{"n":1.7976931348623157e308,"data":{"n":1E+308}}`,
	} {
		f.Add([]byte(seed))
	}
	s := compile(f, contract.Dari().Envelope)
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := s.Scan(body)
		if err != nil {
			if !errors.Is(err, envelope.ErrInvalid) || got != (envelope.Fields{}) {
				t.Fatalf("refused with %v and %+v", err, got)
			}
			return
		}
		var want struct {
			ID   any             `json:"id"`
			Type any             `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		if err := errors.Join(json.Unmarshal(body, &want), json.Unmarshal(body, new(any))); err != nil {
			t.Fatalf("encoding/json refuses what was accepted: %v", err)
		}
		same(t, "id", got.ID, want.ID, contract.MaxIDLength)
		same(t, "type", got.Type, want.Type, contract.MaxTypeLength)
	})
}

// same compares a field with what encoding/json read: a string within the limit, or nothing.
func same(t *testing.T, name, got string, read any, limit int) {
	t.Helper()
	want, _ := read.(string)
	if len(want) > limit {
		want = ""
	}
	if got != want {
		t.Fatalf("%s: got %q, encoding/json reads %q", name, got, want)
	}
}
