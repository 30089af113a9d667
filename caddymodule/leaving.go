package caddymodule

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	// leaveEarly is how long before the end of the grace period deliveries are cut, so that their claims are released within
	// it; of a short period it is a quarter.
	leaveEarly = time.Second
	// leaveUnwatched is how long an exit without a grace period waits for a delivery whose sender has hung up. Caddy's own
	// systemd unit kills after 5 seconds.
	leaveUnwatched = 3 * time.Second
	// leaveStores is what stores have to close at least, where the servers have taken the whole grace period.
	leaveStores = 500 * time.Millisecond
)

// errLeaving is what ends a delivery when Caddy exits.
var errLeaving = errors.New("caddy is exiting, and its grace period is over")

// leaving is the one exit of this process, for the gates of all configurations: those of an earlier one may still have
// deliveries under way.
var leaving departure

// departure cuts the deliveries that are under way when Caddy exits. A delivery does not end with its sender's connection,
// so that without it a receiver that hangs would hold up the exit.
type departure struct {
	mu    sync.Mutex
	works map[*work]struct{}
	begun bool
	grace time.Duration // 0: Caddy waits for its requests for ever
	cut   bool          // the time for deliveries is over
	end   time.Time     // of the grace period; zero until it is known
	last  time.Time     // when nothing is waited for any more; zero until the servers are down
}

// work is one delivery at its receiver.
type work struct {
	sender context.Context // ends when the sender hangs up
	cut    func()          // ends the delivery; may be called at any time, and more than once
}

// join notes a delivery until leave is called with it.
func (d *departure) join(w *work) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.works == nil {
		d.works = make(map[*work]struct{})
	}
	d.works[w] = struct{}{}
	if d.cut {
		d.cutOff(w)
	}
}

// leave takes a delivery off again.
func (d *departure) leave(w *work) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.works, w)
}

// begin starts the time that deliveries have left. Caddy has a server shut down and gives it the grace period from now on;
// only the first call counts.
func (d *departure) begin(grace time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begun {
		return
	}
	d.begun, d.grace = true, grace
	patience := leaveUnwatched
	if grace > 0 {
		patience = grace - min(leaveEarly, grace/4)
		d.end = time.Now().Add(grace)
	}
	time.AfterFunc(patience, d.cutAll)
}

// cutAll ends the deliveries that are under way, and has those end that may yet come.
func (d *departure) cutAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = true
	for w := range d.works {
		d.cutOff(w)
	}
}

// cutOff ends a delivery. Without a grace period it goes on while its sender waits: Caddy waits for that one as well.
func (d *departure) cutOff(w *work) {
	if d.grace > 0 {
		w.cut()
		return
	}
	context.AfterFunc(w.sender, w.cut)
}

// until returns when to stop waiting for what is still under way, and for stores to close, once the servers are down. It is
// the same for all gates.
func (d *departure) until() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.last.IsZero() {
		return d.last
	}
	least := leaveStores
	if d.end.IsZero() {
		least = leaveEarly
	}
	if d.last = time.Now().Add(least); d.end.After(d.last) {
		d.last = d.end
	}
	return d.last
}

// watchShutdown has the exit of the process begin when the handler's server shuts down for it, as the grace period does.
func watchShutdown(ctx caddy.Context, grace func() time.Duration) {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return
	}
	server.RegisterOnShutdown(func() {
		if caddy.Exiting() {
			leaving.begin(grace())
		}
	})
}

// gracePeriod returns the grace period of a configuration that has been loaded. Zero: none is set.
func gracePeriod(ctx caddy.Context) time.Duration {
	app, err := ctx.AppIfConfigured("http")
	if err != nil {
		return 0
	}
	http, ok := app.(*caddyhttp.App)
	if !ok {
		return 0
	}
	return time.Duration(http.GracePeriod)
}
