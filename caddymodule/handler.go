// Package caddymodule is the webhook gate as a Caddy module: a directive that lets only authentic, fresh and new deliveries
// through to the receiver behind it, and loses none of them.
//
// The package is an adapter. What becomes of a delivery is decided by the gate itself; here are its configuration, its
// life within Caddy, and the way in which verdicts become HTTP answers, placeholders, metrics, events and log lines.
package caddymodule

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/forward"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Handler is a gate for signed webhook deliveries. It forwards a delivery to the next handler when its signature, its
// age and its envelope are sound and it has not been processed before; it answers every other request itself.
//
// # Placeholders
//
// The handler sets these, each empty until it is known:
//
//	{http.dari_webhook.id}          the delivery's id, once its signature has been verified
//	{http.dari_webhook.event}       the event type, likewise
//	{http.dari_webhook.timestamp}   its signed timestamp in seconds since 1970, likewise
//	{http.dari_webhook.session_id}  the session that the event is about, likewise
//	{http.dari_webhook.batch_id}    the batch, likewise
//	{http.dari_webhook.agent_id}    the agent, likewise
//	{http.dari_webhook.code}        the reason of a refusal, such as signature_mismatch; when it observes, the reason
//	                                for which it would have refused the request
//	{http.dari_webhook.verified}    true or false
//	{http.dari_webhook.duplicate}   true when the answer repeats a recorded outcome, else false
//
// # Headers
//
// What is forwarded carries Dari-Webhook-Verified, -Id, -Event and -Timestamp as far as they were signed. On a server that has
// a gate, whatever else a request says under these names is removed before any handler or error route sees it, on every path
// and host. From what is forwarded the fields are removed, too, that ask for another protocol or method, or for a part of the
// answer. A refusal carries Dari-Webhook-Error, and the answer to a copy Dari-Webhook-Duplicate.
type Handler struct {
	// Provider names the platform whose deliveries are judged: one of those that are built in, or custom. Placeholders are
	// not accepted. Default: dari.
	Provider string `json:"provider,omitempty"`

	// Custom is the contract of the provider custom, and of no other.
	Custom *Custom `json:"custom,omitempty"`

	// URLSecret is the place of the secret in the URL, for a provider that signs nothing, and for no other.
	URLSecret *URLSecret `json:"url_secret,omitempty"`

	// Secrets are the signing secrets of which any may have signed. Each is a text, or one placeholder: {env.NAME} or
	// {file./path}. Placeholders are resolved when the configuration is loaded and stay unresolved in its dump; one
	// that is unknown or empty keeps the configuration from loading. At least one secret is needed here or in the file.
	Secrets []string `json:"secrets,omitempty"`

	// SecretFile is the path of a file with one secret a line; blank lines and lines that begin with # do not count. It
	// is watched: a change takes effect without a reload, and an unusable content changes nothing. While a comment
	// announces a rotation, as darihook webhook rotate writes it, what does not match waits for the new secret instead of
	// being refused. Placeholders are resolved when the configuration is loaded.
	SecretFile string `json:"secret_file,omitempty"`

	// SignedContent says what is signed, for a platform whose documents leave it open: body, timestamp.body or
	// id.timestamp.body. Default: the provider's usual.
	SignedContent string `json:"signed_content,omitempty"`

	// Tolerance is how old or how far ahead of the clock a delivery may be. Default: 5 minutes either way.
	Tolerance *Tolerance `json:"tolerance,omitempty"`

	// MaxBody is the longest body in bytes. Default: 5 MiB.
	MaxBody int64 `json:"max_body,omitempty"`

	// BodyBudget bounds the memory of all bodies in flight at this handler, in bytes. A body takes its length rounded up to a
	// power of two, 4 KiB at least. The last quarter of it is kept for bodies
	// of up to 64 KiB. Default: 256 MiB.
	BodyBudget int64 `json:"body_budget,omitempty"`

	// BodyTimeout is the time within which a body must have arrived, from when the gate begins to read it. It takes the place
	// of a deadline that request_body has set; those of the server stay where they are earlier. Default: 30 seconds.
	BodyTimeout caddy.Duration `json:"body_timeout,omitempty"`

	// Scope separates the ids of gates that share a store: those with the same scope deduplicate together. Two gates of a
	// provider without ids need different ones. Default: the provider's name; custom has none.
	Scope string `json:"scope,omitempty"`

	// Observe reports the verdict on each request in placeholders, metrics and logs, and lets all of them through as they
	// came. Nothing is deduplicated. Dari-Webhook-Verified and -Event are removed all the same: the gate never lets a
	// sender vouch for itself.
	Observe bool `json:"observe,omitempty"`

	// StripSignature takes the signature's header out of what is forwarded. A receiver behind the gate does not need it, and
	// reverse_proxy prints it at debug level. Default: it is passed on, for receivers and gates that verify once more.
	StripSignature bool `json:"strip_signature,omitempty"`

	// Dedup says how deliveries are remembered. Default: on disk, in Caddy's data directory.
	Dedup *Dedup `json:"dedup,omitempty"`

	// Forward takes the deliveries straight to the receiver. Handlers behind this one are then not called. Default: the
	// next handler gets them.
	Forward *Forward `json:"forward,omitempty"`

	provider contract.Provider
	gate     *gate.Gate
	receiver *forward.Client              // nil: the next handler
	around   []*caddyhttp.HTTPErrorConfig // error routes around the gate, the innermost first; the server's are not among them
	lease    *storeLease
	secrets  *secretSource
	metrics  *metrics
	events   *events
	reporter *reporter
	logger   *zap.Logger // its lines name the gate
	access   *zap.Logger // Caddy's access log
	place    place
	printing []string             // the loggers that would print signatures
	grace    func() time.Duration // Caddy's grace period, once the configuration has been loaded
}

// Tolerance is how far a delivery's timestamp may be from the clock.
type Tolerance struct {
	// Past is how old it may be, at least one second. Default: 5 minutes.
	Past caddy.Duration `json:"past,omitempty"`
	// Future is how far ahead it may be. Default: the same as Past.
	Future caddy.Duration `json:"future,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.dari_webhook",
		New: func() caddy.Module { return new(Handler) },
	}
}

// clock is what timestamps are judged by. Tests set it, to judge requests that were signed long ago.
var clock = time.Now

// Provision prepares the handler. What can fail comes first; whatever it has acquired by then, Cleanup gives back.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger, h.access = ctx.Logger(), accessLoggerOf(ctx)
	h.grace = func() time.Duration { return gracePeriod(ctx) }
	opts, err := h.options()
	if err != nil {
		return err
	}
	h.place, h.around = placeOf(ctx), errorsAround(ctx)
	h.logger = h.logger.With(append(h.place.fields(),
		zap.String("provider", h.provider.Name), zap.String("scope", cmp.Or(h.Scope, h.provider.Name)))...)
	if h.Forward != nil {
		if h.receiver, err = h.Forward.client(h.Observe); err != nil {
			return err
		}
		server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
		if err := checkOther(h.receiver.Address(), server); err != nil {
			return err
		}
	}
	if h.secrets, err = newSecretSource(h.Secrets, h.SecretFile, h.logger); err != nil {
		return err
	}
	opts.Secrets = h.secrets.current()
	app, err := appOf(ctx)
	if err != nil {
		return err
	}
	if err := guardServer(ctx); err != nil {
		return err
	}
	if err := h.openStore(ctx, &opts); err != nil {
		return err
	}
	if h.events, err = newEvents(ctx); err != nil {
		return err
	}
	if h.metrics, err = newMetrics(ctx.GetMetricsRegistry(), h.provider.Name); err != nil {
		return err
	}
	h.reporter = newReporter(h)
	opts.Observer = h.reporter
	if h.gate, err = gate.New(opts); err != nil {
		return fmt.Errorf("preparing the gate: %w", err)
	}
	h.reporter.scheme = h.gate.Scheme()
	h.gate.ExpectSecrets(h.secrets.expected())
	h.metrics.watch(h.gate, h.lease)
	h.lease.tellLosses(h.gate.Scope(), h.reporter.recordLost)
	watchShutdown(ctx, h.grace)
	h.warn()
	h.warnSignatureLogged(ctx, app)
	h.metrics.gauges.list(h)
	h.secrets.watch(h.takeSecrets, h.metrics.secretsRead)
	return nil
}

// options turns the configuration into the gate's options.
func (h *Handler) options() (gate.Options, error) {
	var err error
	if h.provider, err = providerFor(h.Provider, h.Custom); err != nil {
		return gate.Options{}, err
	}
	if h.Dedup == nil {
		h.Dedup = new(Dedup)
	}
	if err := cmp.Or(h.checkURLSecret(), h.checkStrip(), h.Tolerance.check(), h.checkBody()); err != nil {
		return gate.Options{}, err
	}
	if h.Custom != nil && h.Scope == "" && !h.Dedup.Off && !h.Observe {
		return gate.Options{}, errors.New("provider custom: scope must name the platform, since ids of two platforms may be equal")
	}
	opts := gate.Options{
		Provider: h.provider, MaxBody: h.MaxBody, BodyBudget: h.BodyBudget, Scope: h.Scope, Observe: h.Observe,
		Window: h.window(), Now: clock,
	}
	if opts.Scheme, err = schemeFor(h.provider, h.SignedContent); err != nil {
		return gate.Options{}, err
	}
	return opts, h.Dedup.apply(&opts)
}

// openStore promises the gate a share in the store that the configuration names, unless it says that there is none. The app
// opens it when Caddy starts the configuration.
func (h *Handler) openStore(ctx caddy.Context, opts *gate.Options) error {
	if h.Dedup.Off || h.Observe {
		return nil
	}
	if h.Dedup.StoreRaw == nil {
		h.Dedup.StoreRaw = json.RawMessage(`{"type":"` + defaultStore + `"}`)
	}
	module, err := ctx.LoadModule(h.Dedup, "StoreRaw")
	if err != nil {
		return fmt.Errorf("loading the store: %w", err)
	}
	store, ok := module.(StoreModule)
	if !ok {
		return fmt.Errorf("loading the store: %T is not a store module", module)
	}
	if t, ok := module.(timed); ok {
		t.SetTimeout(time.Duration(h.Dedup.Timeout))
	}
	if s, ok := module.(scoped); ok {
		s.SetScope(cmp.Or(h.Scope, h.provider.Name))
	}
	app, err := appOf(ctx)
	if err != nil {
		return err
	}
	if h.lease, err = app.lease(store); err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	opts.Store = h.lease
	return nil
}

// takeSecrets gives the gate the secrets of a changed file, and tells it whether others are about to follow.
func (h *Handler) takeSecrets(secrets []signature.Secret, expected time.Time) error {
	err := h.gate.SetSecrets(secrets)
	h.gate.ExpectSecrets(expected)
	return err
}

// window is how far from the clock a delivery may be dated.
func (h *Handler) window() signature.Window {
	if h.Tolerance == nil {
		return signature.Window{}
	}
	return signature.Window{Past: time.Duration(h.Tolerance.Past), Future: time.Duration(h.Tolerance.Future)}
}

// drainTime is how much longer than its longest work a gate whose configuration has gone is waited for.
const drainTime = time.Minute

// Cleanup stops the watch over the secrets and gives the share in the store back once no delivery is under way any more.
// After a reload that does not hold up the new configuration. When Caddy exits it is waited for until the grace period is
// over, which all gates share.
func (h *Handler) Cleanup() error {
	h.secrets.stop()
	if h.receiver != nil {
		h.receiver.Close()
	}
	if h.gate == nil || h.gate.Stats().InFlight == 0 {
		return h.lease.release(closeBy())
	}
	if caddy.Exiting() {
		return h.drain(leaving.until())
	}
	go func() {
		if err := h.drain(time.Now().Add(h.longestWork() + drainTime)); err != nil {
			h.logger.Error("closing the store", zap.Error(err))
		}
	}()
	return nil
}

// drainGlance is how often a gate that is waited for looks whether Caddy exits meanwhile.
const drainGlance = 250 * time.Millisecond

// drain waits for the deliveries under way, until a time at most, and gives the share in the store back.
func (h *Handler) drain(until time.Time) error {
	for h.gate.Stats().InFlight > 0 && time.Now().Before(until) {
		ctx, cancel := context.WithTimeout(context.Background(), min(drainGlance, time.Until(until)))
		_ = h.gate.Drain(ctx) // looked at above
		cancel()
		if caddy.Exiting() {
			leaving.begin(h.grace())
		}
	}
	if n := h.gate.Stats().InFlight; n > 0 {
		h.logger.Warn("closing the store with deliveries in flight: their outcome may be lost", zap.Int64("in_flight", n))
	}
	return h.lease.release(closeBy())
}

// closeBy is until when a store that is closed is waited for.
func closeBy() time.Time {
	if caddy.Exiting() {
		return leaving.until()
	}
	return time.Now().Add(closeTime)
}

// Interface guards.
var (
	_ caddy.Module                = (*Handler)(nil)
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
