package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/secretfile"
	"github.com/darihook/darihook/signature"
)

// secretEnv is the variable that holds the secret where no flag names one. It may hold several, one a line.
const secretEnv = "DARI_WEBHOOK_SECRET"

// schemeFlags are the flags by which a command learns how deliveries are signed and under which secrets.
type schemeFlags struct {
	provider   string
	scheme     string
	content    string
	secrets    []string
	secretFile string
}

// add declares the flags.
func (f *schemeFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.provider, "provider", "dari", "the platform: "+strings.Join(providerNames(), ", "))
	f.addSigning(flags)
}

// addSigning declares the flags for a command whose platform is given.
func (f *schemeFlags) addSigning(flags *pflag.FlagSet) {
	flags.StringVar(&f.scheme, "scheme", "", "one of the provider's schemes by its name, or a .json file that holds one")
	flags.StringVar(&f.content, "signed-content", "", "what is signed: body, timestamp.body or id.timestamp.body")
	flags.StringArrayVar(&f.secrets, "secret", nil, "the signing secret; may be repeated (default: $"+secretEnv+")")
	flags.StringVar(&f.secretFile, "secret-file", "", "a file with one secret a line")
}

// providerNames lists the providers.
func providerNames() []string {
	var names []string
	for _, p := range contract.Providers() {
		names = append(names, p.Name)
	}
	return names
}

// resolve returns the provider, the scheme and the secrets that the flags name. Where they name no scheme, the secrets tell
// which of the provider's it is.
func (f *schemeFlags) resolve() (contract.Provider, contract.Scheme, []signature.Secret, error) {
	p, s, err := f.named()
	if err != nil {
		return p, s, nil, err
	}
	secrets, err := f.readSecrets()
	if err == nil && s == (contract.Scheme{}) {
		s, err = signature.Choose(p.Schemes(), secrets)
	}
	return p, s, secrets, err
}

// named returns the provider and the scheme that the flags name; the zero Scheme where they name none.
func (f *schemeFlags) named() (contract.Provider, contract.Scheme, error) {
	p, ok := contract.ProviderFor(f.provider)
	switch {
	case !ok:
		return p, contract.Scheme{}, contract.UnknownProvider(f.provider)
	case p.Unsigned():
		return p, contract.Scheme{}, fmt.Errorf("%s signs nothing: there is no signature to make or to verify", p.Title)
	case f.scheme != "" && f.content != "":
		return p, contract.Scheme{}, errors.New("--scheme and --signed-content exclude each other")
	case f.scheme != "":
		return f.byName(p)
	case f.content != "":
		return f.byContent(p)
	}
	return p, contract.Scheme{}, nil
}

// byName returns the scheme that --scheme names.
func (f *schemeFlags) byName(p contract.Provider) (contract.Provider, contract.Scheme, error) {
	if strings.HasSuffix(f.scheme, ".json") {
		s, err := readScheme(f.scheme)
		return p, s, err
	}
	s, ok := p.SchemeFor(f.scheme)
	if !ok {
		return p, s, errors.New(contract.Unknown("scheme", f.scheme, p.SchemeNames()) + ", or a .json file")
	}
	return p, s, nil
}

// readScheme reads a scheme from a file.
func readScheme(path string) (contract.Scheme, error) {
	var s contract.Scheme
	data, err := os.ReadFile(path)
	if err != nil {
		return s, fmt.Errorf("reading the scheme: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return s, fmt.Errorf("reading the scheme: %w", err)
	}
	return s, signature.CheckScheme(s)
}

// byContent returns the scheme that signs what --signed-content names: "timestamp.body" stands for "{timestamp}.{body}".
func (f *schemeFlags) byContent(p contract.Provider) (contract.Provider, contract.Scheme, error) {
	template := contract.Content("{" + strings.ReplaceAll(f.content, ".", "}.{") + "}")
	s, ok := p.SchemeSigning(template)
	if !ok {
		return p, s, fmt.Errorf("unknown signed content %q for %s", f.content, p.Title)
	}
	return p, s, nil
}

// readSecrets returns the secrets of --secret and --secret-file, or those of the environment.
func (f *schemeFlags) readSecrets() ([]signature.Secret, error) {
	var secrets []signature.Secret
	for i, text := range f.secrets {
		secret, err := signature.NewSecret(text)
		if err != nil {
			return nil, fmt.Errorf("reading secret %d of %d: %w", i+1, len(f.secrets), err)
		}
		secrets = append(secrets, secret)
	}
	switch env := os.Getenv(secretEnv); {
	case f.secretFile != "":
		file, err := secretfile.Read(f.secretFile)
		if err != nil {
			return nil, fmt.Errorf("reading the secret file: %w", err)
		}
		fromFile, err := file.Secrets()
		if err != nil {
			return nil, fmt.Errorf("reading the secret file: %w", err)
		}
		return append(secrets, fromFile...), nil
	case len(secrets) > 0:
		return secrets, nil
	case strings.TrimSpace(env) == "":
		return nil, fmt.Errorf("no secret is given: set %s, or use --secret-file or --secret", secretEnv)
	default:
		fromEnv, err := secretfile.Parse([]byte(env)).Secrets()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", secretEnv, err)
		}
		return fromEnv, nil
	}
}

// parseTime reads a time given as seconds since 1970 or in RFC 3339; an empty text is the present.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Now(), nil
	}
	var seconds int64
	if _, err := fmt.Sscanf(text+"\n", "%d\n", &seconds); err == nil {
		return time.Unix(seconds, 0), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither seconds since 1970 nor an RFC 3339 time", text)
	}
	return t, nil
}
