package conformance

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHookCommandGetsItsObject(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "got")
	command := `{ cat; printf ' %s %s %s %s' "$DARI_AGENT_ID" "$DARI_EVENT_TYPE" "$DARI_DATA" "$DARI_COUNT"; } > ` + quote(out)
	fields := map[string]any{"agent_id": "agt_1", "type": "session.completed", "data": map[string]any{"a": 1}, "count": 2}
	if err := callHook(t.Context(), &session{}, command, fields, nil); err != nil {
		t.Fatalf("calling the hook: %v", err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"agent_id":"agt_1","count":2,"data":{"a":1},"type":"session.completed"} agt_1 session.completed {"a":1} 2`
	if string(got) != want {
		t.Errorf("the command got\n%s\nwant\n%s", got, want)
	}
}

func TestHookCommandThatFails(t *testing.T) {
	t.Parallel()
	err := callHook(context.Background(), &session{}, "echo it broke >&2; exit 4", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "exit status 4: it broke") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want the status and what the command said, in one line", err)
	}
}

func TestRedactor(t *testing.T) {
	t.Parallel()
	r := &redactor{}
	r.learn("key_of_the_api", "")
	signature := strings.Repeat("0123456789abcdef", 4)
	for name, tt := range map[string]struct{ text, want string }{
		"ok/plain":        {"nothing to hide", "nothing to hide"},
		"ok/learnt":       {"Bearer key_of_the_api!", "Bearer [redacted]!"},
		"ok/secret":       {`{"signing_secret":"whsec_c2VjcmV0+/=="}`, `{"signing_secret":"whsec_[redacted]"}`},
		"ok/signature":    {"t=1,v1=" + signature, "t=1,v1=01234567…"},
		"ok/base64":       {"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", "v1,K5oZfzN9…"},
		"ok/short-digits": {"evt_0123456789ab00001", "evt_0123456789ab00001"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := r.clean(tt.text); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestLongBodiesAreCutWithoutHalfASecret(t *testing.T) {
	t.Parallel()
	r := &redactor{}
	secret := "key_" + strings.Repeat("k", 300)
	r.learn(secret)
	for shift := range 400 {
		body := strings.Repeat("x", 2*maxShown-shift) + secret + strings.Repeat("y", 100)
		if shown := showBody(r, []byte(body)); strings.Contains(shown, "kkkk") || len(shown) > maxShown+64 {
			t.Fatalf("shift %d: half a secret is shown, or %d bytes", shift, len(shown))
		}
	}
}
