package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/rotation"
	"github.com/darihook/darihook/internal/secretfile"
	"github.com/darihook/darihook/signature"
)

const newSecret = "whsec_new"

// secretFile writes a file with a mode that neither its making nor a umask would give it.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// options rotate a file that nobody reads.
func options(path string) rotation.Options {
	return rotation.Options{
		Path: path, Watch: rotation.Wait(0), Tell: func(string) {},
		Rotate: func(context.Context) (string, error) { return newSecret, nil },
	}
}

// TestSteps follows what the file holds while a secret is rotated.
func TestSteps(t *testing.T) {
	t.Parallel()
	path := secretFile(t, "# ours\nwhsec_old\n")
	var seen []string
	o := options(path)
	o.Watch = func(context.Context) (func(context.Context) error, error) {
		return func(context.Context) error { seen = append(seen, read(t, path)); return nil }, nil
	}
	o.Rotate = func(context.Context) (string, error) { seen = append(seen, "rotate"); return newSecret, nil }
	if err := rotation.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 3 || seen[1] != "rotate" || seen[2] != "# ours\nwhsec_new\nwhsec_old\n" {
		t.Fatalf("steps %q", seen)
	}
	announced, rest, _ := strings.Cut(seen[0], "\n")
	until, err := time.Parse(time.RFC3339, strings.TrimPrefix(announced, secretfile.Announcement))
	if err != nil || time.Until(until) < 30*time.Second || time.Until(until) > time.Minute || rest != "# ours\nwhsec_old\n" {
		t.Errorf("announced %q (%v) ahead of %q", announced, err, rest)
	}
	if got := read(t, path); got != "# ours\nwhsec_new\n" {
		t.Errorf("in the end %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// TestLinkStays shows that a link to the file stays one.
func TestLinkStays(t *testing.T) {
	t.Parallel()
	path := secretFile(t, "whsec_old\n")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := rotation.Run(t.Context(), options(link)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 || read(t, path) != newSecret+"\n" {
		t.Errorf("%v, %v, %q", info, err, read(t, path))
	}
}

// TestRefusesToBegin shows what is wrong before anything has been changed.
func TestRefusesToBegin(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		content string
		old     int
		want    error
	}{
		"fail/empty":    {"", 0, rotation.ErrNoSecret},
		"fail/comments": {"# none\n\n", 0, rotation.ErrNoSecret},
		"fail/which":    {"whsec_a\nwhsec_b\n", 0, rotation.ErrWhich},
		"fail/beyond":   {"whsec_a\nwhsec_b\n", 3, rotation.ErrNoSuch},
		"fail/negative": {"whsec_a\n", -1, rotation.ErrNoSuch},
		"fail/full":     {strings.Repeat("whsec_a\n", signature.MaxSecrets), 1, rotation.ErrFull},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(secretFile(t, row.content))
			o.Old = row.old
			o.Rotate = func(context.Context) (string, error) { t.Error("the platform was asked"); return "", nil }
			if err := rotation.Run(t.Context(), o); !errors.Is(err, row.want) {
				t.Errorf("%v, want %v", err, row.want)
			}
			if got := read(t, o.Path); got != row.content {
				t.Errorf("the file holds %q", got)
			}
		})
	}
}

// TestOneOfSeveral replaces one secret among others, which stay.
func TestOneOfSeveral(t *testing.T) {
	t.Parallel()
	o := options(secretFile(t, "whsec_a\r\n\nwhsec_b\n# c\nwhsec_c"))
	o.Old = 2
	if err := rotation.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := read(t, o.Path); got != "whsec_new\nwhsec_a\n\n# c\nwhsec_c\n" {
		t.Errorf("the file holds %q", got)
	}
}

// TestUnusableAnswers shows that the file stays as it was when the platform gives no secret.
func TestUnusableAnswers(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{"empty": "", "blank": " ", "two lines": "whsec_a\nwhsec_b", "comment": "#a", "spaced": " whsec_a"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(secretFile(t, "whsec_old\n"))
			o.Rotate = func(context.Context) (string, error) { return secret, nil }
			if err := rotation.Run(t.Context(), o); !errors.Is(err, rotation.ErrNewSecret) {
				t.Errorf("%v, want %v", err, rotation.ErrNewSecret)
			}
			if got := read(t, o.Path); got != "whsec_old\n" {
				t.Errorf("the file holds %q", got)
			}
		})
	}
}

// TestNewSecretIsNeverLost shows that the secret, which is shown once, survives what fails after it was made.
func TestNewSecretIsNeverLost(t *testing.T) {
	t.Parallel()
	t.Run("the gate does not answer", func(t *testing.T) {
		t.Parallel()
		o, watched := options(secretFile(t, "whsec_old\n")), 0
		o.Watch = func(context.Context) (func(context.Context) error, error) {
			watched++
			if watched == 2 {
				return nil, errors.New("gone")
			}
			return func(context.Context) error { return nil }, nil
		}
		if err := rotation.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "holds both secrets") {
			t.Errorf("error %v", err)
		}
		if got := read(t, o.Path); got != "whsec_new\nwhsec_old\n" {
			t.Errorf("the file holds %q", got)
		}
	})
	t.Run("the file is gone", func(t *testing.T) {
		t.Parallel()
		o := options(secretFile(t, "whsec_old\n"))
		o.Rotate = func(context.Context) (string, error) { return newSecret, os.Remove(o.Path) }
		err := rotation.Run(t.Context(), o)
		if err == nil || strings.Contains(err.Error(), newSecret) {
			t.Fatalf("error %v", err)
		}
		rescued, globbing := filepath.Glob(filepath.Join(filepath.Dir(o.Path), "rotated-secret-*"))
		if globbing != nil || len(rescued) != 1 || read(t, rescued[0]) != newSecret+"\n" || !strings.Contains(err.Error(), rescued[0]) {
			t.Errorf("rescued %v; error %v", rescued, err)
		}
	})
	t.Run("the operator loses patience", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		o := options(secretFile(t, "whsec_old\n"))
		o.Overlap, o.Tell = time.Hour, func(step string) {
			if step == "the gate has the new secret" {
				cancel()
			}
		}
		if err := rotation.Run(ctx, o); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "still holds the old secret") {
			t.Errorf("error %v", err)
		}
		if got := read(t, o.Path); got != "whsec_new\nwhsec_old\n" {
			t.Errorf("the file holds %q", got)
		}
	})
}

// TestAsk follows the metric of a gate.
func TestAsk(t *testing.T) {
	t.Parallel()
	var read atomic.Int64
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# HELP x\ncaddy_dari_webhook_secret_reloads_total{provider=\"dari\",result=\"ok\"} %d\n", read.Load())
		fmt.Fprintf(w, "caddy_dari_webhook_secret_reloads_total{provider=\"dari\",result=\"error\"} %d\n", time.Now().UnixNano())
	}))
	t.Cleanup(admin.Close)
	taken, err := rotation.Ask(admin.URL, 100*time.Millisecond)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := taken(t.Context()); !errors.Is(err, rotation.ErrNotTaken) {
		t.Errorf("before the file was read: %v, want %v", err, rotation.ErrNotTaken)
	}
	taken, err = rotation.Ask(admin.URL, 10*time.Second)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	read.Add(1)
	if err := taken(t.Context()); err != nil {
		t.Errorf("after the file was read: %v", err)
	}
}
