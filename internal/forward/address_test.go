package forward

import (
	"errors"
	"testing"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text string
		want Address
		err  error
	}{
		"ok/host and port":       {text: "127.0.0.1:9000", want: Address{"tcp", "127.0.0.1:9000"}},
		"ok/name and port":       {text: "receiver.internal:9000", want: Address{"tcp", "receiver.internal:9000"}},
		"ok/IPv6":                {text: "[::1]:9000", want: Address{"tcp", "[::1]:9000"}},
		"ok/scheme":              {text: "http://receiver", want: Address{"tcp", "receiver:80"}},
		"ok/scheme and port":     {text: "HTTP://receiver:9000", want: Address{"tcp", "receiver:9000"}},
		"ok/socket":              {text: "unix//run/receiver.sock", want: Address{"unix", "/run/receiver.sock"}},
		"fail/empty":             {text: "", err: errForm},
		"fail/no port":           {text: "receiver", err: errForm},
		"fail/no host":           {text: ":9000", err: errForm},
		"fail/port 0":            {text: "receiver:0", err: errForm},
		"fail/no such port":      {text: "receiver:70000", err: errForm},
		"fail/no number":         {text: "receiver:nine", err: errForm},
		"fail/relative socket":   {text: "unix/receiver.sock", err: errForm},
		"fail/no path of socket": {text: "unix//", err: errForm},
		"fail/HTTPS":             {text: "https://receiver", err: errTLS},
		"fail/HTTP/2":            {text: "h2c://receiver:9000", err: errHTTP2},
		"fail/other scheme":      {text: "ftp://receiver", err: errForm},
		"fail/path":              {text: "http://receiver:9000/hooks", err: errPath},
		"fail/slash":             {text: "receiver:9000/", err: errPath},
		"fail/query":             {text: "http://receiver:9000?a=b", err: errPath},
		"fail/user":              {text: "http://me@receiver:9000", err: errPath},
		"fail/two hosts":         {text: "a:1 b:2", err: errForm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseAddress(row.text)
			if !errors.Is(err, row.err) || got != row.want {
				t.Errorf("ParseAddress(%q) = %v, %v; want %v, %v", row.text, got, err, row.want, row.err)
			}
		})
	}
}

// FuzzParseAddress shows that what is accepted means the same when it is written and read again.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:9000", "[::1%25lo]:1", "http://a", "unix//run/a", "https://a", "h2c://a:1", "a:http"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err != nil {
			return
		}
		again, err := ParseAddress(a.String())
		if err != nil || again != a {
			t.Errorf("%q is %v, which reads as %v, %v", text, a, again, err)
		}
	})
}
