package caddymodule

import (
	"bytes"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Caddy's loggers copy a request before any handler sees it, so that the gate cannot keep its signature out of their lines. It
// finds out which of them would print it, and warns of them.

// requestLogger is one of Caddy's loggers that print requests. It stands for the module that it belongs to where Caddy asks
// whose logger is meant.
type requestLogger struct {
	module caddy.ModuleID
	name   string
	level  zapcore.Level
	// remedy says where the operator keeps the header out of it.
	remedy string
}

// warnSignatureLogged tells of the loggers that would print the signature, which is valid for as long as the window reaches.
// The app keeps those that several gates have in common from being told of again.
func (h *Handler) warnSignatureLogged(ctx caddy.Context, app *App) {
	header := http.CanonicalHeaderKey(h.gate.Scheme().Header)
	if header == "" {
		return
	}
	for _, l := range h.requestLoggers() {
		c := canary{logger: l, header: header, credentials: h.place.server.Logs != nil && h.place.server.Logs.ShouldLogCredentials}
		if !c.printedBy(ctx.Logger(l).Core()) {
			continue
		}
		h.printing = append(h.printing, l.name)
		if app.first(l.name + " " + header) {
			h.logger.Warn("a log prints signatures, with which whoever reads it can send a delivery again: keep the header out of it",
				zap.String("prints", l.name), zap.String("header", header), zap.String("where", l.remedy), zap.String("paste", pasteFor(header)))
		}
	}
}

// CaddyModule returns the module that the logger belongs to.
func (l requestLogger) CaddyModule() caddy.ModuleInfo { return caddy.ModuleInfo{ID: l.module} }

// pasteFor is what keeps a header out of a log.
func pasteFor(header string) string {
	return "format filter {\n\tfields {\n\t\trequest>headers>" + header + " delete\n\t}\n}"
}

// The remedies.
const (
	remedySite   = "the log block of the site"
	remedyGlobal = "the log block of the global options"
	remedyStrip  = "the log block of the global options, or strip_signature in the gate"
)

// The modules that print requests, and the names of their loggers: reverse_proxy prints what it sends at debug level.
const (
	httpModule   = "http"
	accessLogger = "http.log.access"
	errorLogger  = "http.log.error"
	proxyModule  = "http.handlers.reverse_proxy"
)

// requestLoggers lists the loggers that print the requests of the gate's hosts.
func (h *Handler) requestLoggers() (all []requestLogger) {
	if h.place.server == nil {
		return nil
	}
	access, failing := logsOf(h.place.server.Logs, h.place.hosts)
	for _, name := range access {
		all = append(all, requestLogger{httpModule, named(accessLogger, name), zapcore.InfoLevel, remedySite})
	}
	for _, name := range failing {
		all = append(all, requestLogger{httpModule, named(errorLogger, name), zapcore.ErrorLevel, remedyGlobal})
	}
	if h.receiver == nil && !h.StripSignature {
		all = append(all, requestLogger{proxyModule, proxyModule, zapcore.DebugLevel, remedyStrip})
	}
	return all
}

func named(logger, name string) string {
	if name == "" {
		return logger
	}
	return logger + "." + name
}

// logsOf returns the names of the logs to which the requests of some hosts are written, and their errors; of all requests
// where no host is named. The name of the default is empty.
func logsOf(logs *caddyhttp.ServerLogConfig, hosts []string) (access, failing []string) {
	if logs == nil {
		return nil, []string{""}
	}
	if len(hosts) == 0 {
		failing = append(failing, logs.DefaultLoggerName)
		if !logs.SkipUnmappedHosts {
			access = append(access, logs.DefaultLoggerName)
		}
		for _, names := range logs.LoggerNames {
			access, failing = append(access, names...), append(failing, names...)
		}
	}
	for _, host := range hosts {
		names, ok := mappedLogs(logs, host)
		if !ok {
			names = []string{logs.DefaultLoggerName}
		}
		failing = append(failing, names...)
		if ok || !logs.SkipUnmappedHosts && !slices.Contains(logs.SkipHosts, host) {
			access = append(access, names...)
		}
	}
	slices.Sort(access)
	slices.Sort(failing)
	return slices.Compact(access), slices.Compact(failing)
}

// mappedLogs finds the logs of a host as Caddy does.
func mappedLogs(logs *caddyhttp.ServerLogConfig, host string) ([]string, bool) {
	for pattern := range patternsOf(host) {
		if names, ok := logs.LoggerNames[pattern]; ok {
			return names, true
		}
	}
	return nil, false
}

// patternsOf yields what a host is looked up by: its name, then with one label after the other replaced by a star.
func patternsOf(host string) iter.Seq[string] {
	return func(yield func(string) bool) {
		host = strings.ToLower(host)
		if !yield(host) {
			return
		}
		labels := strings.Split(host, ".")
		for i := range labels {
			labels[i] = "*"
			if !yield(strings.Join(labels, ".")) {
				return
			}
		}
	}
}

// canary is a field of a log that encodes a request on the side, in the way of the log's own encoder, and looks whether a
// header shows. Nothing is written.
type canary struct {
	logger      requestLogger
	header      string
	credentials bool // are logged as well
	printed     bool
}

// canaryText is the value of the header. What a log hashes or replaces does not show.
const canaryText = "darihook-canary"

// printedBy reports whether a core prints the header when the logger writes to it.
func (c *canary) printedBy(core zapcore.Core) bool {
	if tee := reflect.ValueOf(core); tee.Kind() == reflect.Slice { // several logs take the lines; zap lists them in no other way
		for i := range tee.Len() {
			if one, ok := reflect.TypeAssert[zapcore.Core](tee.Index(i)); ok && c.printedBy(one) {
				return true
			}
		}
		return false
	}
	if core.Check(c.entry(), nil) == nil {
		return false
	}
	core.With([]zapcore.Field{zap.Inline(c)})
	return c.printed
}

func (c *canary) entry() zapcore.Entry {
	return zapcore.Entry{LoggerName: c.logger.name, Level: c.logger.level, Message: "a check that writes nothing"}
}

// MarshalLogObject implements [zapcore.ObjectMarshaler].
func (c *canary) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	own, ok := enc.(zapcore.Encoder)
	if !ok {
		return nil
	}
	own = own.Clone()
	zap.Object("request", caddyhttp.LoggableHTTPRequest{
		Request: &http.Request{Header: http.Header{c.header: {canaryText}}}, ShouldLogCredentials: c.credentials,
	}).AddTo(own)
	line, err := own.EncodeEntry(c.entry(), nil)
	if err != nil {
		return err
	}
	c.printed = bytes.Contains(line.Bytes(), []byte(canaryText))
	line.Free()
	return nil
}

// Interface guards.
var (
	_ caddy.Module            = requestLogger{}
	_ zapcore.ObjectMarshaler = (*canary)(nil)
)
