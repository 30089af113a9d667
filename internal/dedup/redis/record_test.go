package redis

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

var (
	testKey   = dedup.Key{Scope: "dari", ID: "evt_1"}
	testOwner = dedup.Owner{1, 2, 3}
)

// FuzzParse reads any value: it must be refused, or be one that this format writes.
func FuzzParse(f *testing.F) {
	at := time.UnixMilli(1_790_000_000_123)
	f.Add(claimValue(testOwner))
	f.Add(doneValue(testOwner, dedup.Outcome{Status: 200, At: at}))
	f.Add(doneValue(testOwner, dedup.Outcome{Status: 999, At: time.UnixMilli(-1)}))
	f.Add("")
	f.Fuzz(func(t *testing.T, value string) {
		record, err := parse(testKey, value, time.Second)
		if err != nil {
			if !errors.Is(err, errValue) {
				t.Errorf("parse: %v, want errValue", err)
			}
			return
		}
		var owner dedup.Owner
		copy(owner[:], value[1:])
		switch record.State {
		case dedup.InFlight:
			if claimValue(owner) != value {
				t.Errorf("%q reads as a claim", value)
			}
		case dedup.Done:
			again, err := parse(testKey, doneValue(owner, record.Outcome), time.Second)
			if err != nil || again.Outcome != record.Outcome {
				t.Errorf("%q reads as %+v, which reads as %+v, %v", value, record.Outcome, again.Outcome, err)
			}
		default:
			t.Errorf("%q reads as state %v", value, record.State)
		}
	})
}

func TestKeyNamesAreApart(t *testing.T) {
	t.Parallel()
	names := map[string]dedup.Key{}
	for _, k := range []dedup.Key{
		{Scope: "a", ID: "b/c"}, {Scope: "a/b", ID: "c"}, {Scope: "a", ID: "b%2Fc"}, {Scope: "a%2Fb", ID: "c"},
		{Scope: "{a}", ID: "b"}, {Scope: "a", ID: "}b"}, {Scope: "}", ID: "{"}, {Scope: "recent:", ID: "a"},
	} {
		name := keyName(k)
		if other, taken := names[name]; taken {
			t.Errorf("%+v and %+v are both %q", k, other, name)
		}
		names[name] = k
		tag := name[strings.IndexByte(name, '{')+1:]
		if !strings.HasPrefix(name, "darihook:1:{") || strings.IndexByte(tag, '}') < 1 {
			t.Errorf("%q has no hash tag", name)
		}
	}
}

func TestReasonsHaveAdvice(t *testing.T) {
	t.Parallel()
	for _, reasons := range []map[string]Reason{codes, phrases} {
		for text, reason := range reasons {
			if advice[reason] == "" {
				t.Errorf("no advice for %q", text)
			}
			if got := reasonOfText(text + " and more"); got != reason {
				t.Errorf("%q is %s, want %s", text, got, reason)
			}
		}
	}
}

func TestMillisecondsRoundUp(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "1", 0: "1", 1: "1", time.Millisecond: "1", time.Millisecond + 1: "2", time.Hour: "3600000",
	} {
		if got := milliseconds(d); got != want {
			t.Errorf("milliseconds(%d) = %s, want %s", d, got, want)
		}
	}
}

func TestInfoOfBothServers(t *testing.T) {
	t.Parallel()
	rows := map[string]Server{
		"# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrole:master\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\nrun_id:abc\r\nmaster_replid:def\r\n": {"redis", "7.0.15", "standalone", "master", "noeviction", true, "abc", "def"},
		"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nserver_mode:cluster\r\nrole:slave\r\n":                                                      {"valkey", "8.0.1", "cluster", "slave", "", false, "", ""},
		"redis_version:7.2.4\r\nserver_name:redis\r\nvalkey_version:8.0.1\r\nredis_mode:sentinel\r\n":                                                                     {"valkey", "8.0.1", "sentinel", "", "", false, "", ""}, // extended-redis-compatibility
		"": {Software: "redis"},
	}
	for text, want := range rows {
		if got := parseInfo(text); got != want {
			t.Errorf("parseInfo(%q) = %+v, want %+v", text, got, want)
		}
	}
}
