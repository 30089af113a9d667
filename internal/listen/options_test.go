package listen_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/listen"
	"github.com/darihook/darihook/signature"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*listen.Options)
		says   string
		is     error
	}{
		"fail/no key":                {func(o *listen.Options) { o.Key = "" }, "key", nil},
		"fail/no session":            {func(o *listen.Options) { o.Session = "" }, "session id", nil},
		"fail/session with a path":   {func(o *listen.Options) { o.Session = "sess_1/../../agents" }, "session id", nil},
		"fail/session above":         {func(o *listen.Options) { o.Session = ".." }, "session id", nil},
		"fail/event id of two lines": {func(o *listen.Options) { o.After = "evt_1\r\nX: y" }, "event id", nil},
		"fail/no receiver":           {func(o *listen.Options) { o.Forward = "" }, "receiver's URL", nil},
		"fail/receiver without host": {func(o *listen.Options) { o.Forward = "http:///hooks" }, "receiver's URL", nil},
		"fail/receiver by file":      {func(o *listen.Options) { o.Forward = "file:///dev/null" }, "receiver's URL", nil},
		"fail/receiver and password": {func(o *listen.Options) { o.Forward = "http://me:pass@127.0.0.1/" }, "user name", nil},
		"fail/remote name":           {func(o *listen.Options) { o.Forward = "https://example.com/hooks" }, "example.com", listen.ErrRemote},
		"fail/remote address":        {func(o *listen.Options) { o.Forward = "http://192.0.2.1:80/" }, "192.0.2.1", listen.ErrRemote},
		"fail/any address":           {func(o *listen.Options) { o.Forward = "http://0.0.0.0:80/" }, "0.0.0.0", listen.ErrRemote},
		"fail/name like localhost":   {func(o *listen.Options) { o.Forward = "http://localhost.example.com/" }, "example.com", listen.ErrRemote},
		"fail/platform in the clear": {func(o *listen.Options) { o.API = "http://api.example.com" }, "https", listen.ErrInsecure},
		"fail/platform no URL":       {func(o *listen.Options) { o.API = "api.example.com" }, "platform's URL", nil},
		"fail/no secret":             {func(o *listen.Options) { o.Secrets = []signature.Secret{} }, "secret", signature.ErrNoSecret},
		"fail/unusable scheme":       {func(o *listen.Options) { o.Scheme.Header = "X" }, "scheme", signature.ErrScheme},
		"fail/unknown event":         {func(o *listen.Options) { o.Events = []string{"session.exploded"} }, "session.exploded", nil},
		"fail/event of a batch":      {func(o *listen.Options) { o.Events = []string{contract.BatchFailed} }, contract.BatchFailed, nil},
		"fail/negative time-out":     {func(o *listen.Options) { o.Timeout = -1 }, "negative", nil},
		"fail/negative limit":        {func(o *listen.Options) { o.MaxEvent = -1 }, "negative", nil},
		"fail/negative pause":        {func(o *listen.Options) { o.Schedule = []time.Duration{0, -1} }, "negative", nil},
		"fail/endless schedule":      {func(o *listen.Options) { o.Schedule = make([]time.Duration, 101) }, "100", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t, listen.Options{})
			row.change(&o)
			_, err := listen.New(o)
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Fatalf("New said %v, want %q", err, row.says)
			}
			if row.is != nil && !errors.Is(err, row.is) {
				t.Errorf("New said %v, want %v", err, row.is)
			}
			if strings.Contains(err.Error(), "pass@") || strings.Contains(err.Error(), secretText) {
				t.Errorf("New tells a secret: %v", err)
			}
		})
	}
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]listen.Options{
		"ok/loopback":               {Forward: "http://127.0.0.2:8080"},
		"ok/loopback of IPv6":       {Forward: "http://[::1]:8080/hooks"},
		"ok/IPv4 in IPv6":           {Forward: "http://[::ffff:127.0.0.1]/"},
		"ok/localhost":              {Forward: "https://LOCALHOST./hooks"},
		"ok/a name below localhost": {Forward: "http://app.localhost:3000/hooks"},
		"ok/remote where allowed":   {Forward: "https://example.com/hooks", AllowRemote: true},
		"ok/platform on loopback":   {API: "http://127.0.0.1:4180"},
		"ok/every type":             {Events: listen.Types()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := listen.New(options(t, o)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	want := []string{contract.ToolCallRequested, contract.SessionCompleted, contract.SessionFailed}
	if got := listen.Types(); !slices.Equal(got, want) {
		t.Errorf("a session has %q, want %q", got, want)
	}
}
