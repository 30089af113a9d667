package caddymodule

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Caddy copies a request for its access log before any handler sees it, together with a secret in the URL. The gate has the
// copy left out, and writes the line itself: to the same loggers, with the same fields, without the secret.

// accessLine is the line of one request.
type accessLine struct {
	secrets []string // as the request presents them, right or wrong
	request *http.Request
	answer  caddyhttp.ResponseRecorder
	body    *countedBody
}

// accessLineVar is the variable that holds the line of a request, for gates behind one another.
const accessLineVar = "dari_webhook_access_line"

// accessLoggerOf returns the logger of Caddy's access log.
func accessLoggerOf(ctx caddy.Context) *zap.Logger {
	return ctx.Logger(requestLogger{module: httpModule}).Named(strings.TrimPrefix(accessLogger, httpModule+"."))
}

// accessLine begins the line of a request that has presented a secret. The returned function writes it, unless the request is
// kept out of the access log.
func (h *Handler) accessLine(w http.ResponseWriter, r *http.Request, secret string) (_ http.ResponseWriter, end func()) {
	if line, ok := caddyhttp.GetVar(r.Context(), accessLineVar).(*accessLine); ok {
		line.secrets = append(line.secrets, secret)
		return w, func() {}
	}
	line := &accessLine{[]string{secret}, r.Clone(r.Context()), caddyhttp.NewResponseRecorder(w, nil, nil), nil}
	caddyhttp.SetVar(r.Context(), accessLineVar, line)
	if r.Body != nil && r.Body != http.NoBody {
		line.body = &countedBody{ReadCloser: r.Body}
		r.Body = line.body
	}
	return line.answer, func() {
		skip, _ := caddyhttp.GetVar(r.Context(), caddyhttp.LogSkipVar).(bool)
		caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
		if !skip {
			line.write(h.access, r)
		}
	}
}

// write writes the line. The request is what has become of it since.
func (l *accessLine) write(logger *zap.Logger, r *http.Request) {
	level := zapcore.InfoLevel
	if l.answer.Status() >= http.StatusInternalServerError {
		level = zapcore.ErrorLevel
	}
	if name, ok := caddyhttp.GetVar(r.Context(), caddyhttp.LogLevelVar).(string); ok {
		if set, err := zapcore.ParseLevel(name); err == nil && set >= zapcore.DebugLevel && set <= zapcore.ErrorLevel {
			level = set
		}
	}
	message := "handled request"
	if unhandled(r) {
		message = "NOP"
	}
	var fields []zap.Field
	for _, name := range accessNames(r, l.request.Host) {
		if c := logger.Named(name).Check(level, message); c != nil {
			if fields == nil {
				fields = l.fields(r)
			}
			c.Write(fields...)
		}
	}
}

// fields are those of Caddy's own lines.
func (l *accessLine) fields(r *http.Request) []zap.Field {
	var credentials bool
	if server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && server.Logs != nil {
		credentials = server.Logs.ShouldLogCredentials
	}
	var user string
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		user, _ = repl.GetString("http.auth.user.id")
	}
	start, _ := caddyhttp.GetVar(r.Context(), "start_time").(time.Time)
	l.request.RequestURI = l.uri(r)
	l.request.Header = l.redact(l.request.Header, verified(r))
	return []zap.Field{
		zap.Object("request", caddyhttp.LoggableHTTPRequest{Request: l.request, ShouldLogCredentials: credentials}),
		zap.Int64("bytes_read", l.body.read()),
		zap.String("user_id", user),
		zap.Duration("duration", time.Since(start)),
		zap.Int("size", l.answer.Size()),
		zap.Int("status", l.answer.Status()),
		zap.Object("resp_headers", caddyhttp.LoggableHTTPHeader{
			Header: l.redact(l.answer.Header(), verified(r)), ShouldLogCredentials: credentials,
		}),
	}
}

// uri returns the URI as the request came with it, but for the secret. One that was not verified may hold it in another place.
func (l *accessLine) uri(r *http.Request) string {
	uri := l.request.RequestURI
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		uri = original.URL.RequestURI()
	}
	if !verified(r) || l.holdsSecret(uri) {
		return redacted
	}
	return uri
}

// redact returns the fields of a header without the secret. Where none was verified, URLs go: they may hold it.
func (l *accessLine) redact(header http.Header, verified bool) http.Header {
	shown := header.Clone()
	for _, values := range shown {
		for i, value := range values {
			if l.holdsSecret(value) || !verified && (strings.HasPrefix(value, "/") || strings.Contains(value, "://")) {
				values[i] = redacted
			}
		}
	}
	return shown
}

func (l *accessLine) holdsSecret(text string) bool {
	return slices.ContainsFunc(l.secrets, func(secret string) bool { return holds(text, secret) })
}

// accessNames returns the names of the access loggers of a request, as Caddy chooses them. That of the default is empty.
func accessNames(r *http.Request, host string) []string {
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server.Logs == nil {
		return nil
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	names, mapped := mappedLogs(server.Logs, host)
	if !mapped {
		if server.Logs.SkipUnmappedHosts {
			return nil
		}
		for pattern := range patternsOf(host) {
			if slices.ContainsFunc(server.Logs.SkipHosts, func(skip string) bool { return strings.EqualFold(skip, pattern) }) {
				return nil
			}
		}
		names = []string{server.Logs.DefaultLoggerName}
	}
	chosen, ok := caddyhttp.GetVar(r.Context(), caddyhttp.AccessLoggerNameVarKey).([]any)
	if !ok {
		return names
	}
	names = nil
	for _, name := range chosen {
		if text, ok := name.(string); ok {
			names = append(names, text)
		}
	}
	return names
}

// countedBody counts what is read of a body, which may be in another goroutine.
type countedBody struct {
	io.ReadCloser
	n atomic.Int64
}

// Read implements [io.Reader].
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

// read returns how much has been read. There may be no body.
func (b *countedBody) read() int64 {
	if b == nil {
		return 0
	}
	return b.n.Load()
}

// Interface guards.
var _ io.ReadCloser = (*countedBody)(nil)
