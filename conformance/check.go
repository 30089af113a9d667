package conformance

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// UsageError is a Config that cannot be run, whatever the target is like. Its text is one line.
type UsageError struct{ err error }

func (e *UsageError) Error() string { return e.err.Error() }
func (e *UsageError) Unwrap() error { return e.err }

// usage makes a UsageError.
func usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Roles are the roles that can be judged.
func Roles() []contract.Role {
	return []contract.Role{contract.Receiver, contract.Sender, contract.Config, contract.Gate}
}

// withDefaults fills in what was not given.
func (c Config) withDefaults() Config {
	c.Provider = cmp.Or(c.Provider, contract.Providers()[0].Name)
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:0")
	c.UpstreamListen = cmp.Or(c.UpstreamListen, "127.0.0.1:0")
	c.WebhookURL = cmp.Or(c.WebhookURL, "https://1.1.1.1/dari-conformance")
	c.TimeScale = cmp.Or(c.TimeScale, 1)
	c.Settle = cmp.Or(c.Settle, 250*time.Millisecond)
	c.Patience = cmp.Or(c.Patience, 5*time.Second)
	c.Past = cmp.Or(c.Past, contract.DefaultPast)
	c.Future = cmp.Or(c.Future, contract.DefaultFuture)
	c.MaxBody = cmp.Or(c.MaxBody, contract.MaxBody)
	c.Seed = cmp.Or(c.Seed, 1)
	c.Parallel = cmp.Or(c.Parallel, 8)
	if p, ok := contract.ProviderFor(c.Provider); ok {
		c.Timeout = cmp.Or(c.Timeout, p.Delivery.Timeout)
		c.AttemptTimeout = cmp.Or(c.AttemptTimeout, p.Delivery.Timeout)
	}
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.AttemptTimeout = cmp.Or(c.AttemptTimeout, 10*time.Second)
	return c
}

// check returns the first thing that is wrong with a configuration, as a UsageError.
func (c Config) check() error {
	if !slices.Contains(Roles(), c.Role) {
		return usage("unknown role %q: the roles are receiver, sender, config and gate", c.Role)
	}
	for _, step := range []func() error{c.checkContract, c.checkURLs, c.checkSecrets, c.checkNumbers, c.checkSelection} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) checkContract() error {
	p, ok := contract.ProviderFor(c.Provider)
	if !ok {
		return &UsageError{contract.UnknownProvider(c.Provider)}
	}
	s, err := c.scheme(p)
	if err != nil {
		return err
	}
	if _, speaks := apis()[p.Name]; c.callsAPI() && !speaks {
		return usage("the suite does not know the API of %s; it knows those of %s", p.Title, knownAPIs())
	}
	return checkSigned(p, s, c.Role)
}

// provider is the contract that applies; the zero one where there is none of that name.
func (c Config) provider() contract.Provider {
	p, _ := contract.ProviderFor(c.withDefaults().Provider)
	return p
}

// callsAPI reports whether the role is judged by way of the configuration API.
func (c Config) callsAPI() bool { return c.Role == contract.Sender || c.Role == contract.Config }

// checkSigned refuses a scheme under which the suite cannot sign, or tell a signature.
func checkSigned(p contract.Provider, s contract.Scheme, role contract.Role) error {
	takes := role == contract.Receiver || role == contract.Gate
	switch {
	case role == contract.Config, s == contract.Scheme{} && !takes:
		return nil
	case s == contract.Scheme{}:
		return usage("%s signs nothing, so that there is no clause to judge the role %s by", p.Title, role)
	case s.Algorithm != contract.HMACSHA256:
		return usage("the scheme %s signs with %s; the suite knows %s alone", s.Name, s.Algorithm, contract.HMACSHA256)
	}
	return nil
}

// scheme finds the signing scheme by name or file.
func (c Config) scheme(p contract.Provider) (contract.Scheme, error) {
	if c.Scheme == "" {
		return p.Scheme, nil
	}
	if s, ok := p.SchemeFor(c.Scheme); ok {
		return s, nil
	}
	if !strings.HasSuffix(c.Scheme, ".json") {
		return contract.Scheme{}, usage("%s, or a .json file", contract.Unknown("scheme", c.Scheme, p.SchemeNames()))
	}
	return readScheme(c.Scheme)
}

// readScheme reads a scheme from a JSON file, strictly.
func readScheme(path string) (contract.Scheme, error) {
	var s contract.Scheme
	f, err := os.Open(path)
	if err != nil {
		return s, usage("reading the scheme: %w", err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, usage("reading the scheme %s: %w", path, err)
	}
	if s.Algorithm.Size() == 0 || s.Header == "" || !strings.HasSuffix(string(s.Content), "{body}") {
		return s, usage("the scheme %s needs a known algorithm, a header, and a content that ends in {body}", path)
	}
	return s, nil
}

func (c Config) checkURLs() error {
	switch takes := c.Role == contract.Receiver || c.Role == contract.Gate; {
	case takes && c.Target == "":
		return usage("the role %s needs --target", c.Role)
	case !takes && c.API == "":
		return usage("the role %s needs --api", c.Role)
	}
	for _, u := range []struct{ name, value string }{
		{"target", c.Target}, {"api", c.API}, {"counter", c.Counter}, {"alias", c.Alias}, {"public-url", c.PublicURL},
	} {
		if err := checkURL(u.name, u.value); err != nil {
			return err
		}
	}
	return c.checkNames()
}

// checkNames checks what the roles of the configuration API need besides URLs.
func (c Config) checkNames() error {
	if !c.callsAPI() {
		return nil
	}
	switch {
	case c.APIKey == "":
		return usage("the role %s needs --api-key", c.Role)
	case c.Agent == "" && apis()[c.Provider].agents:
		return usage("the role %s needs --agent", c.Role)
	case c.Role == contract.Sender && c.Trigger == "":
		return usage("the role sender needs --trigger")
	case strings.ContainsAny(c.APIKey, "\r\n"):
		return usage("--api-key holds a line break")
	}
	return nil
}

// checkURL accepts nothing, or an absolute HTTP URL.
func checkURL(name, value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil {
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err
		}
		return usage("--%s is not a URL: %w", name, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return usage("--%s is not an absolute http or https URL", name)
	}
	return nil
}

func (c Config) checkSecrets() error {
	if c.Role != contract.Receiver && c.Role != contract.Gate {
		return nil
	}
	if c.Secret == "" {
		return usage("the role %s needs --secret", c.Role)
	}
	p, _ := contract.ProviderFor(c.Provider)
	s, err := c.scheme(p)
	if err != nil {
		return err
	}
	for _, secret := range []string{c.Secret, c.SecondSecret} {
		if err := checkSecret(s, secret); err != nil {
			return err
		}
	}
	if c.Secret == c.SecondSecret {
		return usage("--second-secret is the same as --secret")
	}
	return nil
}

// checkSecret refuses a secret that cannot be one of the scheme's. Nothing of it is repeated.
func checkSecret(s contract.Scheme, secret string) error {
	switch {
	case secret == "":
		return nil
	case strings.ContainsAny(secret, " \t\r\n"):
		return usage("a secret holds white space")
	case s.KeyForm == contract.KeyWhole && (!strings.HasPrefix(secret, s.KeyPrefix) || secret == s.KeyPrefix):
		return usage("a secret of the scheme %s begins with %s", s.Name, s.KeyPrefix)
	}
	switch key, err := keyOf(s, secret); {
	case err != nil:
		return &UsageError{err}
	case len(key) == 0:
		return usage("a secret of the scheme %s holds a key", s.Name)
	}
	return nil
}

func (c Config) checkNumbers() error {
	for name, d := range map[string]time.Duration{
		"timeout": c.Timeout, "settle": c.Settle, "patience": c.Patience, "attempt-timeout": c.AttemptTimeout,
		"rotation-overlap": c.RotationOverlap, "upstream-timeout": c.UpstreamTimeout, "past": c.Past, "future": c.Future,
	} {
		if d < 0 {
			return usage("--%s is negative", name)
		}
	}
	if c.TimeScale < 0 || c.MaxBody < 0 || c.BodyBudget < 0 || c.Parallel < 0 || c.RateLimit < 0 {
		return usage("--time-scale, --max-body, --body-budget, --parallel and --rate-limit cannot be negative")
	}
	return nil
}

func (c Config) checkSelection() error {
	ids := slices.Clone(c.Clauses)
	for id := range c.Skip {
		ids = append(ids, id)
	}
	for id := range c.ExpectedFailures {
		ids = append(ids, id)
	}
	for _, id := range ids {
		if _, ok := contract.ClauseFor(id); !ok {
			return usage("unknown clause %q: --list shows them", id)
		}
		clause, ok := c.provider().ClauseFor(id)
		if !ok {
			return usage("the clause %s is none of %s", id, c.provider().Title)
		}
		if !slices.Contains(clause.Roles, c.Role) {
			return usage("the clause %s does not bind a %s", id, c.Role)
		}
	}
	for _, l := range c.Levels {
		if l != contract.Must && l != contract.Should && l != contract.May {
			return usage("unknown level %q: the levels are MUST, SHOULD and MAY", l)
		}
	}
	return nil
}
