package caddymodule_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/darihook/darihook/signature"
)

// write puts a new content in the place of a file, as careful programs do.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// another returns a gateway's client with another secret.
func (g *gateway) another(text string) *gateway {
	secrets.add(text)
	other := *g
	other.secret = newSecret(g.t, text)
	return &other
}

// accepted reports whether a delivery with the gateway's secret passes.
func (g *gateway) accepted() bool { return g.deliver("evt_1").status == http.StatusOK }

func TestSecretFileIsWatched(t *testing.T) {
	g := newGateway(t)
	path := filepath.Join(g.dir, "secrets")
	first, second := g.another("whsec_first_of_a_good_length"), g.another("whsec_second_of_a_good_length")
	write(t, path, "# the gate's secrets\n\n  whsec_first_of_a_good_length\r\n")
	g.load("dari_webhook {\nsecret_file " + path + "\ndedup off\n}\nrespond ok")
	if !first.accepted() || second.accepted() {
		t.Fatal("the file's first content does not count")
	}
	write(t, path, "whsec_first_of_a_good_length\nwhsec_second_of_a_good_length\n")
	eventually(t, "both secrets", second.accepted)
	if !first.accepted() {
		t.Error("the old secret is gone although the file has it")
	}
	_, seen := transcript.since(0)
	write(t, path, "# nothing left\n")
	eventually(t, "a complaint", func() bool {
		log, _ := transcript.since(seen)
		return strings.Contains(log, "reloading secret file failed")
	})
	if !first.accepted() || !second.accepted() {
		t.Error("an empty file changed the secrets")
	}
	write(t, path, "whsec_second_of_a_good_length\n")
	eventually(t, "the old secret to go", func() bool { return !first.accepted() })
	if !second.accepted() {
		t.Error("the new secret does not count")
	}
	for result, want := range map[string]string{"ok": "2", "error": "1"} {
		if n := g.metric(`caddy_dari_webhook_secret_reloads_total{provider="dari",result="` + result + `"}`); n != want {
			t.Errorf("%s reloads counted as %s, want %s", n, result, want)
		}
	}
}

// TestSecretFileBehindLinks turns a link around, as Kubernetes does with a mounted secret.
func TestSecretFileBehindLinks(t *testing.T) {
	g := newGateway(t)
	first, second := g.another("whsec_first_behind_a_link_xx"), g.another("whsec_second_behind_a_link_x")
	for name, content := range map[string]string{"v1": "whsec_first_behind_a_link_xx", "v2": "whsec_second_behind_a_link_x"} {
		if err := os.Mkdir(filepath.Join(g.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(g.dir, name, "secret"), content)
	}
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(g.dir, name+".new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(g.dir, name+".new"), filepath.Join(g.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("v1", "..data")
	link("..data/secret", "secret")
	g.load("dari_webhook {\nsecret_file " + g.dir + "/secret\ndedup off\n}\nrespond ok")
	if !first.accepted() {
		t.Fatal("the first secret does not count")
	}
	link("v2", "..data")
	eventually(t, "the second secret", second.accepted)
}

func TestSecretsFromPlaceholders(t *testing.T) {
	g := newGateway(t)
	fromFile := g.another("whsec_from_a_file_of_its_own")
	write(t, filepath.Join(g.dir, "secret"), "whsec_from_a_file_of_its_own\n")
	braces := g.another("whsec_{with}_braces_{in.it}_xx")
	t.Setenv("DARI_TEST_BRACES", "whsec_{with}_braces_{in.it}_xx")
	g.load(gateBlock("secret {file."+g.dir+"/secret} {env.DARI_TEST_BRACES}", "dedup off") + "\nrespond ok")
	for name, sender := range map[string]*gateway{"env": g, "file": fromFile, "braces": braces} {
		if !sender.accepted() {
			t.Errorf("%s: refused", name)
		}
	}
}

// TestUnusableSecrets refuse to start, name the placeholder and never the value.
func TestUnusableSecrets(t *testing.T) {
	g := newGateway(t)
	t.Setenv("DARI_TEST_EMPTY", "")
	t.Setenv("DARI_TEST_BLANK", "  \n")
	t.Setenv("DARI_TEST_SPACE", "whsec_that_must_not_show ")
	t.Setenv("DARI_TEST_MARK", "\uFEFFwhsec_that_must_not_show")
	t.Setenv("DARI_TEST_QUOTES", `"whsec_that_must_not_show"`)
	write(t, filepath.Join(g.dir, "mark"), "\uFEFFwhsec_that_must_not_show\n")
	write(t, filepath.Join(g.dir, "utf16"), "\xff\xfew\x00h\x00s\x00e\x00c\x00_\x00\n\x00")
	write(t, filepath.Join(g.dir, "comment"), "# ours\nwhsec_that_must_not_show # production\n")
	write(t, filepath.Join(g.dir, "return"), "whsec_that_must_not_show\rwhsec_that_must_not_show\r")
	write(t, filepath.Join(g.dir, "two"), "whsec_that_must_not_show\nwhsec_that_must_not_show\n")
	write(t, filepath.Join(g.dir, "nothing"), "# none\n")
	write(t, filepath.Join(g.dir, "long"), strings.Repeat("x", 70<<10))
	write(t, filepath.Join(g.dir, "many"), strings.Repeat("whsec_that_must_not_show\n", signature.MaxSecrets+1))
	for name, row := range map[string]struct{ option, want string }{
		"fail/none":             {"observe", "no secret"},
		"fail/unset":            {"secret {env.DARI_TEST_UNSET}", "{env.DARI_TEST_UNSET}"},
		"fail/empty":            {"secret {env.DARI_TEST_EMPTY}", "{env.DARI_TEST_EMPTY}"},
		"fail/blank":            {"secret {env.DARI_TEST_BLANK}", "{env.DARI_TEST_BLANK}"},
		"fail/space":            {"secret {env.DARI_TEST_SPACE}", signature.ErrSecretSpace.Error()},
		"fail/mark in env":      {"secret {env.DARI_TEST_MARK}", signature.ErrSecretMark.Error()},
		"fail/quotes in env":    {"secret {env.DARI_TEST_QUOTES}", string(signature.MistakeQuotes)},
		"fail/NAME= literally":  {"secret DARI=whsec_that_must_not_show", string(signature.MistakeName)},
		"fail/v1, literally":    {"secret v1,whsec_that_must_not_show", string(signature.MistakeVersion)},
		"fail/two with a comma": {"secret whsec_that_must_not_show,whsec_that_must_not_show", string(signature.MistakeList)},
		"fail/mark in file":     {"secret_file " + g.dir + "/mark", "line 1: " + signature.ErrSecretMark.Error()},
		"fail/UTF-16 in file":   {"secret_file " + g.dir + "/utf16", "line 1: " + signature.ErrSecretUTF16.Error()},
		"fail/comment in file":  {"secret_file " + g.dir + "/comment", "line 2: " + signature.ErrSecretMistake.Error()},
		"fail/lone CR in file":  {"secret_file " + g.dir + "/return", "line 1: " + signature.ErrSecretInvisible.Error()},
		"fail/whole file":       {"secret {file." + g.dir + "/two}", signature.ErrSecretInvisible.Error()},
		"fail/missing file":     {"secret {file./nowhere/secret}", "{file./nowhere/secret}"},
		"fail/placeholder":      {"secret {http.request.host}", "a placeholder other than"},
		"fail/one of two":       {"secret {env." + secretEnv + "} {env.DARI_TEST_UNSET}", "secret 2"},
		"fail/no file":          {"secret_file /nowhere/secret", "/nowhere/secret"},
		"fail/file of nothing":  {"secret_file " + g.dir + "/nothing", "no secret in the file"},
		"fail/long file":        {"secret_file " + g.dir + "/long", "longer than"},
		"fail/too many secrets": {"secret_file " + g.dir + "/many", signature.ErrTooManySecrets.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			err := g.tryLoad("dari_webhook {\n" + row.option + "\ndedup off\n}\nrespond ok")
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("error %v, want one with %q", err, row.want)
			}
			if strings.Contains(fmt.Sprint(err), "must_not_show") || strings.Contains(fmt.Sprint(err), "whsec_") {
				t.Errorf("the error shows the secret")
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	g := newGateway(t)
	t.Setenv("DARI_TEST_QUOTED", "'a_secret_of_a_good_length'")
	write(t, filepath.Join(g.dir, "list"), "a_secret_of_a_good_length,another_of_a_good_length\n")
	write(t, filepath.Join(g.dir, "open"), "a_secret_of_a_good_length\n")
	if err := os.Chmod(filepath.Join(g.dir, "open"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ options, want string }{
		"ok/literal":  {"secret a_secret_that_everybody_may_see", "whose dump shows it"},
		"ok/short":    {"secret short", "so short that it can be guessed"},
		"ok/body":     {"secret {env." + secretEnv + "}\nsigned_content body", "the timestamp is not signed"},
		"ok/quotes":   {"secret {env.DARI_TEST_QUOTED}", string(signature.MistakeQuotes)},
		"ok/list":     {"secret_file " + g.dir + "/list", string(signature.MistakeList)},
		"ok/open":     {"secret_file " + g.dir + "/open", "can be read by everyone"},
		"ok/open too": {"secret {file." + g.dir + "/open}", "can be read by everyone"},
		"ok/observes": {"secret {env." + secretEnv + "}\nobserve", "the gate observes"},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.HasPrefix(name, "ok/open") {
				t.Skip("files have no such modes")
			}
			_, seen := transcript.since(0)
			g.load("dari_webhook {\n" + row.options + "\ndedup off\n}\nrespond ok")
			if log, _ := transcript.since(seen); !strings.Contains(log, row.want) {
				t.Errorf("no warning with %q", row.want)
			}
		})
	}
}

// TestMismatchIsExplainedToTheOperator shows the hint in the log, and that the sender gets none.
func TestMismatchIsExplainedToTheOperator(t *testing.T) {
	g := newGateway(t)
	g.load(gateBlock("signed_content body", "dedup off") + "\nrespond ok")
	_, seen := transcript.since(0)
	a := g.deliver("evt_1")
	if a.code() != "signature_mismatch" || strings.Contains(a.body, "scheme") {
		t.Fatalf("%s", a)
	}
	if log, _ := transcript.since(seen); !strings.Contains(log, "matches scheme dari ") {
		t.Error("the log does not name the scheme that fits")
	}
	_, seen = transcript.since(0)
	g.deliver("evt_1")
	if log, _ := transcript.since(seen); strings.Contains(log, "matches scheme") {
		t.Error("the hint is repeated at once")
	}
}
