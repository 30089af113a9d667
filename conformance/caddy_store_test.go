package conformance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// TestGateIsConformantWithAStoreThatGoesAway judges Caddy over Redis, which can be taken away, so that no clause that a gate
// owes is left out. It is not parallel with other tests of Caddy, which is one per process.
func TestGateIsConformantWithAStoreThatGoesAway(t *testing.T) {
	store := redistest.New(t)
	cfg := conformance.Config{
		Role: contract.Gate, Secret: secretFor(contract.Dari().Scheme, '1'), SecondSecret: secretFor(contract.Dari().Scheme, '2'),
		UpstreamListen: freeAddress(t), BodyBudget: 16 << 20, UpstreamTimeout: 2 * time.Second,
		StoreFault: storeFault(t, store),
	}
	address := freeAddress(t)
	runCaddy(t, fmt.Sprintf(`{
	admin off
	persist_config off
	grace_period 1s
	log {
		output discard
	}
}
http://%s {
	dari_webhook {
		secret %s %s
		body_budget 16MiB
		dedup redis %s {
			timeout 1s
		}
	}
	reverse_proxy %s {
		transport http {
			response_header_timeout 2s
		}
	}
}
`, address, cfg.Secret, cfg.SecondSecret, store.Addr, cfg.UpstreamListen))
	cfg.Target = "http://" + address + "/hooks"
	wholly(t, cfg)
}

// storeFault is a hook by which the suite pauses a store and lets it go on.
func storeFault(t *testing.T, store *redistest.Server) string {
	t.Helper()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var wish struct {
			Available bool `json:"available"`
		}
		if err := json.NewDecoder(r.Body).Decode(&wish); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if wish.Available {
			store.Resume()
		} else {
			store.Pause()
		}
	}))
	t.Cleanup(hook.Close)
	return hook.URL
}
