package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/darihook/darihook/caddymodule"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestCaddyfile adapts each Caddyfile in testdata and compares the outcome with the rest of its file: the JSON of the site's
// route, or the error.
func TestCaddyfile(t *testing.T) {
	files, err := filepath.Glob("testdata/caddyfile/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d golden files, error %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source, want, found := strings.Cut(string(content), "\n----\n")
			got := adapt(t, source)
			if *update {
				if err := os.WriteFile(file, []byte(source+"\n----\n"+got+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !found || got != strings.TrimSpace(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// adapt returns the handlers that a site's Caddyfile leads to, or the error.
func adapt(t *testing.T, source string) string {
	t.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(source), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "error: " + err.Error()
	}
	var parsed struct {
		Apps struct {
			HTTP struct {
				Servers map[string]struct{ Routes json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal(config, &parsed); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, parsed.Apps.HTTP.Servers["srv0"].Routes, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// FuzzUnmarshalCaddyfile shows that no Caddyfile makes the parser panic, and that what it accepts makes the same JSON twice.
func FuzzUnmarshalCaddyfile(f *testing.F) {
	files, err := filepath.Glob("testdata/caddyfile/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		source, _, _ := strings.Cut(string(content), "\n----\n")
		source = strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(source, ":80 {")), "}")
		f.Add(strings.TrimSpace(source))
	}
	f.Fuzz(func(t *testing.T, source string) {
		var h caddymodule.Handler
		if h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(source)) != nil {
			return
		}
		first, err := json.Marshal(&h)
		if err != nil {
			t.Fatal(err)
		}
		var again caddymodule.Handler
		if err := json.Unmarshal(first, &again); err != nil {
			t.Fatal(err)
		}
		if second, err := json.Marshal(&again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s became %s (%v)", first, second, err)
		}
	})
}
