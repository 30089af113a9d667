package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// wire is the way between two processes, which can be cut and spoilt.
type wire struct {
	address  string // where it begins
	upstream string // where it ends
	mu       sync.Mutex
	proxy    *toxiproxy.Proxy
}

// newWire lays a wire to an address.
func newWire(upstream string) (*wire, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	w := &wire{address: address, upstream: upstream}
	return w, w.mend()
}

// cut ends all connections, and refuses new ones until the wire is mended.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.proxy.Stop()
}

// mend lays the wire anew: a proxy that was stopped still works on that when it is started again.
func (w *wire) mend() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w.proxy = toxiproxy.NewProxy(server, w.address, w.address, w.upstream)
	return w.proxy.Start()
}

// toxic is what can be done to what comes over a wire, in the fault proxy's own words.
type toxic struct{ kind, attributes string }

// The toxics.
var (
	// reset ends a connection as soon as anything comes over it.
	reset = toxic{"reset_peer", `{"timeout": 0}`}
	// silent keeps connections and lets nothing through.
	silent = toxic{"timeout", `{"timeout": 0}`}
)

// late delays everything by about so many milliseconds.
func late(ms int) toxic {
	return toxic{"latency", fmt.Sprintf(`{"latency": %d, "jitter": %d}`, ms, ms/4)}
}

// spoil does something to what comes back over the wire, until it is cleared.
func (w *wire) spoil(t toxic) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(
		fmt.Sprintf(`{"name": "spoilt", "type": %q, "stream": "downstream", "attributes": %s}`, t.kind, t.attributes)))
	return err
}

// clear undoes it.
func (w *wire) clear(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.proxy.Toxics.RemoveToxic(context.WithoutCancel(ctx), "spoilt")
}
