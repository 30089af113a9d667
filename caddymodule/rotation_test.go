package caddymodule_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dariapi"
	"github.com/darihook/darihook/internal/rotation"
	"github.com/darihook/darihook/internal/secretfile"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
)

// secretFileMode is neither what files are made with nor what a umask leaves.
const secretFileMode fs.FileMode = 0o640

// rotating is a platform, a gate that reads its secret from a file, and a receiver.
type rotating struct {
	*gateway
	mock *mockserver.Mock
	path string
	api  *dariapi.Client
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	g, r := newGateway(t), newReceiver(t, nil)
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: "gate.test"})
		},
		Transport: g.client.Transport,
	})
	t.Cleanup(front.Close)
	mock := mockserver.New(t)
	secret := mock.SetWebhook(t, front.URL)
	secrets.add(secret)
	path := filepath.Join(g.dir, "secrets")
	if err := os.WriteFile(path, []byte("# the platform's\n"+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, secretFileMode); err != nil {
		t.Fatal(err)
	}
	api, err := dariapi.New(dariapi.Options{URL: mock.URL, Key: mock.APIKey})
	if err != nil {
		t.Fatal(err)
	}
	g.load("route {\ndari_webhook {\nsecret_file " + path + "\n" + inMemory() + "\n}\n" + r.proxy() + "\n}")
	return &rotating{g, mock, path, api}
}

// options rotate with the real API and the real gate; its admin endpoint tells when it has read the file.
func (r *rotating) options() rotation.Options {
	return rotation.Options{
		Path: r.path, Overlap: 200 * time.Millisecond, Tell: func(string) {},
		Watch: rotation.Ask("unix:"+filepath.Join(r.dir, "admin"), 10*time.Second),
		Rotate: func(ctx context.Context) (string, error) {
			w, err := r.api.Rotate(ctx, r.mock.AgentID)
			if err != nil {
				return "", err
			}
			secrets.add(*w.SigningSecret)
			return *w.SigningSecret, nil
		},
	}
}

// emitEvery is the pause between deliveries: they must not fall behind, and all that Caddy logs of them is looked through.
const emitEvery = 4 * time.Millisecond

// emit has the platform send deliveries until the context ends, and counts them.
func (r *rotating) emit(ctx context.Context, started *atomic.Int64) {
	pace := time.NewTicker(emitEvery)
	defer pace.Stop()
	for ctx.Err() == nil {
		if _, err := r.mock.Client.Emit(context.WithoutCancel(ctx), client.Event{Type: "session.completed"}); err != nil {
			r.t.Error(err)
			return
		}
		started.Add(1)
		<-pace.C
	}
}

// count is how many deliveries have a status.
func (r *rotating) count(status string) int {
	page, err := r.mock.Client.Deliveries(r.t.Context(), client.Query{Status: status, Limit: 1})
	if err != nil {
		r.t.Fatal(err)
	}
	return page.Total
}

// TestRotationRefusesNothing rotates twice while the platform delivers, which signs with the new secret alone from the moment
// that it makes it. Its clock stands still, so that a refused delivery would stay undelivered.
func TestRotationRefusesNothing(t *testing.T) {
	r := newRotating(t)
	ctx, cancel := context.WithCancel(t.Context())
	var started atomic.Int64
	var load sync.WaitGroup
	for range 2 {
		load.Go(func() { r.emit(ctx, &started) })
	}
	for range 2 {
		before := started.Load()
		if err := rotation.Run(t.Context(), r.options()); err != nil {
			t.Fatal(err)
		}
		if started.Load() == before {
			t.Error("nothing was delivered during the rotation")
		}
	}
	cancel()
	load.Wait()
	eventually(t, "no delivery is pending", func() bool { return r.count("pending") == 0 })
	if n := r.count("failed"); n != 0 {
		t.Errorf("%d deliveries failed", n)
	}
	if refused := r.metric(`caddy_dari_webhook_requests_total{code="signature_mismatch",decision="refused",provider="dari"}`); refused != "" {
		t.Errorf("%s deliveries were refused on their way", refused)
	}
	content, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(string(content)), "\n"); len(lines) != 2 || lines[0] != "# the platform's" {
		t.Errorf("the file has %d lines", len(lines))
	}
	if info, err := os.Stat(r.path); err != nil || info.Mode().Perm() != secretFileMode {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
}

// TestFailedRotationChangesNothing shows that the file is as before when the platform says no.
func TestFailedRotationChangesNothing(t *testing.T) {
	r := newRotating(t)
	before, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	o := r.options()
	errRefused := errors.New("refused")
	o.Rotate = func(context.Context) (string, error) { return "", errRefused }
	if err := rotation.Run(t.Context(), o); !errors.Is(err, errRefused) {
		t.Errorf("%v, want the platform's error", err)
	}
	if after, err := os.ReadFile(r.path); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed; error %v", err)
	}
}

// TestForgedRequestsWhileARotationIsAnnounced shows that what is held is refused in the end, and that it is not held longer
// than announced.
func TestForgedRequestsWhileARotationIsAnnounced(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	path := filepath.Join(g.dir, "secrets")
	announced := secretfile.Announcement + time.Now().Add(3*time.Second).UTC().Format(time.RFC3339) + "\n"
	if err := os.WriteFile(path, []byte(announced+"{env."+secretEnv+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.load("route {\ndari_webhook {\nsecret_file " + path + "\nsecret {env." + secretEnv + "}\n" + inMemory() + "\n}\n" + r.proxy() + "\n}")
	forged := g.request(event("evt_1"))
	setBody(forged, event("evt_2"))
	if a := g.send(forged); a.status != http.StatusUnauthorized || a.code() != "signature_mismatch" {
		t.Errorf("a forged request: %s", a)
	}
	if a := g.deliver("evt_1"); a.status != http.StatusOK {
		t.Errorf("a delivery: %s", a)
	}
	if n := r.hits.Load(); n != 1 {
		t.Errorf("%d requests reached the receiver", n)
	}
}
