package caddymodule

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzCutParameter holds the reading of a query against net/url's: the same value where there is one, nothing of the name
// left, and everything else as it was written.
func FuzzCutParameter(f *testing.F) {
	for _, seed := range []string{"token=s", "a=%20b&token=s&c", "tok%65n=s&token=t", "token", "token=a=b", "&&token=s&", "TOKEN=s", "to+ken=%zz", "%zz=s;token=s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		u := url.URL{RawQuery: query}
		secret := cutParameter(&u, "token")
		rest := strings.Split(u.RawQuery, "&")
		for _, part := range rest {
			key, _, _ := strings.Cut(part, "=")
			if plain, err := url.QueryUnescape(key); err == nil && plain == "token" {
				t.Fatalf("%q is left of %q", u.RawQuery, query)
			}
		}
		written := strings.Split(query, "&")
		for _, part := range rest {
			at := slices.Index(written, part)
			if at < 0 && part != "" {
				t.Fatalf("%q was not in %q, or not there", part, query)
			}
			written = written[at+1:]
		}
		values, err := url.ParseQuery(query)
		if err != nil || len(values["token"]) != 1 {
			return // which of several counts is nobody's to say
		}
		if plain, err := url.QueryUnescape(secret); err != nil || plain != values["token"][0] {
			t.Fatalf("%q, and net/url reads %q", secret, values["token"])
		}
	})
}

// FuzzCutSegment takes the last segment of a path, however it is written, and leaves none of it.
func FuzzCutSegment(f *testing.F) {
	for _, seed := range []string{"/hooks/secret", "/secret", "/", "/a%2Fsecret", "/%2Fsecret", "/hooks/%73ecret/", "//secret", "/a/b%2f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.ParseRequestURI(text)
		if err != nil || !strings.HasPrefix(text, "/") {
			return
		}
		whole := u.Path
		segment := cutSegment(u)
		if strings.Contains(segment, "/") {
			t.Fatalf("%q is more than a segment of %q", segment, text)
		}
		if u.Path+"/"+segment != whole && (u.Path != "/" || "/"+segment != whole) {
			t.Fatalf("%q and %q are not %q", u.Path, segment, whole)
		}
		again, err := url.ParseRequestURI(u.RequestURI())
		if err != nil || again.Path != u.Path {
			t.Fatalf("%q is forwarded as %q: %v", u.Path, u.RequestURI(), err)
		}
	})
}
