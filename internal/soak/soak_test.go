package main

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
	"github.com/darihook/darihook/internal/programs"
)

// TestSabotageIsNoticed runs soaks that cannot keep the promise. The seed has Redis killed first, and then again.
func TestSabotageIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes longer")
	}
	if _, err := redistest.Program(); err != nil {
		t.Skip(err)
	}
	for _, how := range []sabotage{dedupOff, forgetful} {
		t.Run("fail/"+string(how), func(t *testing.T) {
			var out strings.Builder
			err := run(t.Context(), []string{
				"-caddy", programs.Path("caddy"), "-duration", "6s", "-kill-every", "1s", "-lease", "1s", "-senders", "16", "-seed", "137",
				"-dir", t.TempDir(), "-sabotage", string(how),
			}, &out)
			if !errors.Is(err, errBroken) {
				t.Fatalf("%v, want it noticed\n%s", err, out.String())
			}
			if how == forgetful && !strings.Contains(out.String(), "redis killed") {
				t.Errorf("Redis was not killed, and the test shows nothing\n%s", out.String())
			}
			if !regexp.MustCompile(`run twice without a fault +[1-9]`).MatchString(out.String()) {
				t.Errorf("noticed something else\n%s", out.String())
			}
		})
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"fail/no such sabotage": {"-sabotage", "all"}, "fail/no gates": {"-gates", "0"}, "fail/no time": {"-duration", "0s"},
		"fail/lease": {"-lease", "10ms"}, "fail/argument": {"now"}, "fail/flag": {"-loud"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := run(t.Context(), args, &out); err == nil || errors.Is(err, errBroken) {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}
