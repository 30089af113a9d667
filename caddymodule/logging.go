package caddymodule

import (
	"context"
	"log/slog"
	"math"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap/exp/zapslog"
)

// noStack is above every level: where in the program a store's fault shows is of no use to an operator.
const noStack = slog.Level(math.MaxInt)

// currentLogger returns a logger for what outlives a configuration. It looks up Caddy's log anew for every line, since the
// one of the configuration that opened a store is closed by the next reload.
func currentLogger(name string) *slog.Logger {
	return slog.New(currentHandler{name: name})
}

type currentHandler struct {
	name   string
	extend func(slog.Handler) slog.Handler
}

func (h currentHandler) now() slog.Handler {
	var current slog.Handler = zapslog.NewHandler(caddy.Log().Core(), zapslog.WithName(h.name), zapslog.AddStacktraceAt(noStack))
	if h.extend != nil {
		current = h.extend(current)
	}
	return current
}

func (h currentHandler) with(extend func(slog.Handler) slog.Handler) slog.Handler {
	if before := h.extend; before != nil {
		return currentHandler{h.name, func(s slog.Handler) slog.Handler { return extend(before(s)) }}
	}
	return currentHandler{h.name, extend}
}

// Enabled reports whether Caddy's present log takes the level.
func (h currentHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.now().Enabled(ctx, level)
}

// Handle writes a line to Caddy's present log.
func (h currentHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.now().Handle(ctx, r)
}

// WithAttrs adds attributes to every line.
func (h currentHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(s slog.Handler) slog.Handler { return s.WithAttrs(attrs) })
}

// WithGroup puts what follows into a group.
func (h currentHandler) WithGroup(name string) slog.Handler {
	return h.with(func(s slog.Handler) slog.Handler { return s.WithGroup(name) })
}
