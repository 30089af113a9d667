package conformance_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
)

// slackLike signs "v0:timestamp:body" and has its timestamp in a header of its own.
var slackLike = contract.Scheme{
	Name: "slack-like", Algorithm: contract.HMACSHA256, Header: "X-Slack-Signature", Tag: "v0", TagSeparator: "=",
	Encoding: contract.Hex, Content: "v0:{timestamp}:{body}", TimestampHeader: "X-Slack-Request-Timestamp", KeyForm: contract.KeyWhole,
}

// slackReceiver is a correct receiver of that scheme that counts what it processed by the body's id.
type slackReceiver struct {
	secret string
	mu     sync.Mutex
	done   map[string]int
}

func (s *slackReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id := r.URL.Query().Get("id"); r.Method == http.MethodGet {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(w, `{"count":%d}`, s.done[id])
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || !s.authentic(r.Header, body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var event struct{ ID string }
	if json.Unmarshal(body, &event) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[event.ID] = 1
}

func (s *slackReceiver) authentic(h http.Header, body []byte) bool {
	signatures, timestamps := h.Values(slackLike.Header), h.Values(slackLike.TimestampHeader)
	if len(signatures) != 1 || len(timestamps) != 1 {
		return false
	}
	n, err := strconv.ParseInt(timestamps[0], 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != timestamps[0] || time.Since(time.Unix(n, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, []byte(s.secret))
	fmt.Fprintf(mac, "v0:%s:%s", timestamps[0], body)
	return hmac.Equal([]byte(signatures[0]), []byte("v0="+hex.EncodeToString(mac.Sum(nil))))
}

// TestSchemeFromAFile judges a receiver of a scheme that the contract does not have, by a counter URL.
func TestSchemeFromAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "scheme.json")
	text, err := json.Marshal(slackLike)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	receiver := &slackReceiver{secret: "8f742231b10e8888abcd99yyyzzz85a5", done: map[string]int{}}
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	report, err := conformance.Judge(t.Context(), quietly(conformance.Config{
		Role: contract.Receiver, Target: server.URL, Secret: receiver.secret, Scheme: path, Counter: server.URL,
	}))
	if err != nil {
		t.Fatalf("judging: %v", err)
	}
	if report.Scheme != "slack-like" || report.Result != conformance.ResultPartial {
		t.Errorf("scheme %s, result %s: %s", report.Scheme, report.Result, report.Problem)
	}
	if lost := broken(report); len(lost) > 0 {
		t.Errorf("broken: %v", lost)
		explain(t, report, lost)
	}
	for _, c := range report.Clauses {
		if c.Verdict == conformance.Undetermined || strings.Contains(c.Reason, "mistake of the suite") {
			t.Errorf("%s is %s: %s", c.ID, c.Verdict, c.Reason)
		}
	}
}
