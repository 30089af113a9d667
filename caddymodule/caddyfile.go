package caddymodule

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dustin/go-humanize"
)

// directive is the handler's name in a Caddyfile.
const directive = "dari_webhook"

func init() {
	httpcaddyfile.RegisterHandlerDirective(directive, parseDirective)
	// Early, and after what changes the request: a directive that stands only just before reverse_proxy comes after
	// respond and may never run.
	httpcaddyfile.RegisterDirectiveOrder(directive, httpcaddyfile.Before, "basic_auth")
}

func parseDirective(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile reads
//
//	dari_webhook [<matcher>] {
//		provider       <name> [{ ... }]
//		url_secret     path|query <name>
//		secret         <value>...
//		secret_file    <path>
//		signed_content body|timestamp.body|id.timestamp.body
//		tolerance      <past> [<future>]
//		max_body       <size>
//		body_budget    <size>
//		body_timeout   <duration>
//		scope          <name>
//		observe
//		strip_signature
//		forward        <address> { ... }
//		dedup          off|<store> [<argument>...] { ... }
//	}
//
// Any of them may be absent but for the secrets, and none but secret may be given twice.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.Err(badArgument(d.Val())) // without the argument, which may be a secret
	}
	return eachOption(d, "", func(name string) error { return h.parseOption(d, name) }, "secret")
}

// badArgument says what is wrong with an argument of the directive, without showing it.
func badArgument(text string) string {
	const usage = directive + " takes no argument but a matcher, such as /hooks/* or @name"
	if looksSecret(text) {
		return usage + ": this looks like a secret, which belongs into the block as secret {env.NAME}, or into a secret_file"
	}
	return usage
}

// secretLength is how long a text is at least that is taken for a secret on account of its characters alone.
const secretLength = 20

// looksSecret reports whether a text may be a signing secret: by its prefix, as a placeholder, or since it is long and of the
// characters of base64 or hexadecimal text.
func looksSecret(text string) bool {
	for _, prefix := range []string{"whsec_", "whpk_", "shpss_", "v1,whsec_", "{env.", "{$", "{file."} {
		if strings.HasPrefix(strings.ToLower(text), prefix) {
			return true
		}
	}
	return len(text) >= secretLength && !strings.ContainsFunc(text, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("+/=_-", r))
	})
}

// parseOption reads one line of the directive's block.
func (h *Handler) parseOption(d *caddyfile.Dispenser, name string) error {
	switch name {
	case "provider":
		return h.parseProvider(d)
	case "url_secret":
		return h.parseURLSecret(d)
	case "secret":
		return h.parseSecret(d)
	case "secret_file":
		return oneArg(d, &h.SecretFile)
	case "signed_content":
		return h.parseSignedContent(d)
	case "tolerance":
		return h.parseTolerance(d)
	case "max_body":
		return sizeArg(d, &h.MaxBody)
	case "body_budget":
		return sizeArg(d, &h.BodyBudget)
	case "body_timeout":
		return durationArg(d, &h.BodyTimeout)
	case "scope":
		return oneArg(d, &h.Scope)
	case "observe":
		h.Observe = true
		return noArg(d)
	case "strip_signature":
		h.StripSignature = true
		return noArg(d)
	case "forward":
		h.Forward = new(Forward)
		return h.Forward.parse(d)
	case "dedup":
		h.Dedup = new(Dedup)
		return h.Dedup.parse(d)
	default:
		if slices.Contains(dedupOptions, name) || slices.Contains(builtInOptions, name) {
			return d.Errf("%s: %s belongs into the block of dedup", directive, name)
		}
		return unknownOption(d, "option", name, handlerOptions)
	}
}

func (h *Handler) parseProvider(d *caddyfile.Dispenser) error {
	if err := oneArg(d, &h.Provider); err != nil {
		return err
	}
	if h.Provider == customProvider {
		h.Custom = new(Custom)
		if err := h.Custom.parse(d); err != nil {
			return err
		}
	}
	if _, err := providerFor(h.Provider, h.Custom); err != nil {
		return d.WrapErr(fmt.Errorf("%s: %w", directive, err))
	}
	if d.NextBlock(d.Nesting()) {
		return d.Errf("%s: provider %s has its own contract: only provider %s takes a block", directive, h.Provider, customProvider)
	}
	return nil
}

func (h *Handler) parseURLSecret(d *caddyfile.Dispenser) error {
	values := d.RemainingArgs()
	h.URLSecret = new(URLSecret)
	switch len(values) {
	case 2:
		h.URLSecret.Name = values[1]
		fallthrough
	case 1:
		h.URLSecret.In = values[0]
	}
	if err := h.URLSecret.check(); err != nil || len(values) > 2 {
		return d.Errf("%s: url_secret takes path, or query and the parameter's name", directive)
	}
	return nil
}

// parseSecret takes the secrets as they stand: a placeholder is resolved when the configuration is loaded. Errors do not
// show them.
func (h *Handler) parseSecret(d *caddyfile.Dispenser) error {
	values := d.RemainingArgs()
	if len(values) == 0 {
		return d.Errf("%s: secret needs a value", directive)
	}
	for _, v := range values {
		if strings.TrimSpace(v) == "" {
			return d.Errf("%s: empty secret", directive)
		}
	}
	h.Secrets = append(h.Secrets, values...)
	return nil
}

func (h *Handler) parseSignedContent(d *caddyfile.Dispenser) error {
	if err := oneArg(d, &h.SignedContent); err != nil {
		return err
	}
	// Which provider it is may be said further down: only the form is checked here.
	switch h.SignedContent {
	case "body", "timestamp.body", "id.timestamp.body":
		return nil
	}
	return d.Errf("%s: unknown signed_content %q: want body, timestamp.body or id.timestamp.body", directive, h.SignedContent)
}

func (h *Handler) parseTolerance(d *caddyfile.Dispenser) error {
	values := d.RemainingArgs()
	if len(values) < 1 || len(values) > 2 {
		return d.Errf("%s: tolerance takes <past> [<future>]", directive)
	}
	h.Tolerance = new(Tolerance)
	for i, target := range []*caddy.Duration{&h.Tolerance.Past, &h.Tolerance.Future}[:len(values)] {
		if err := parseDuration(d, "tolerance", values[i], target); err != nil {
			return err
		}
	}
	return nil
}

// noArg makes sure that an option stands alone.
func noArg(d *caddyfile.Dispenser) error {
	name := d.Val()
	if d.NextArg() {
		return d.Errf("%s: %s takes no argument", directive, name)
	}
	return nil
}

// oneArg reads an option's only argument.
func oneArg(d *caddyfile.Dispenser, target *string) error {
	name := d.Val()
	if !d.AllArgs(target) || *target == "" {
		return d.Errf("%s: %s takes one argument", directive, name)
	}
	return nil
}

// sizeArg reads a size such as 5MiB.
func sizeArg(d *caddyfile.Dispenser, target *int64) error {
	name, text := d.Val(), ""
	if err := oneArg(d, &text); err != nil {
		return err
	}
	size, err := humanize.ParseBytes(text)
	if err != nil || size == 0 || size > math.MaxInt64 {
		return d.Errf("%s: %s %q is not a size such as 5MiB", directive, name, text)
	}
	*target = int64(size)
	return nil
}

// durationArg reads a duration such as 90s or 3d.
func durationArg(d *caddyfile.Dispenser, target *caddy.Duration) error {
	name, text := d.Val(), ""
	if err := oneArg(d, &text); err != nil {
		return err
	}
	return parseDuration(d, name, text, target)
}

func parseDuration(d *caddyfile.Dispenser, name, text string, target *caddy.Duration) error {
	duration, err := caddy.ParseDuration(text)
	if err != nil || duration <= 0 {
		return d.Errf("%s: %s %q is not a positive duration such as 5m", directive, name, text)
	}
	*target = caddy.Duration(duration)
	return nil
}

// numberArg reads a positive whole number.
func numberArg(d *caddyfile.Dispenser, target *int) error {
	name, text := d.Val(), ""
	if err := oneArg(d, &text); err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return d.Errf("%s: %s %q is not a positive number", directive, name, text)
	}
	*target = n
	return nil
}

// Interface guard.
var _ caddyfile.Unmarshaler = (*Handler)(nil)
