package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/darihook/darihook/contract"
)

// providerFor returns the provider of a name, or the first when none is given. A custom one must be given along.
func providerFor(name string, custom *Custom) (contract.Provider, error) {
	switch {
	case name == customProvider && custom == nil:
		return contract.Provider{}, errors.New("provider custom needs its contract in a block")
	case name == customProvider:
		return custom.provider()
	case custom != nil:
		return contract.Provider{}, fmt.Errorf("provider %s has its own contract: only provider custom takes one", name)
	case name == "":
		return contract.Providers()[0], nil
	}
	if p, ok := contract.ProviderFor(name); ok {
		return p, nil
	}
	return contract.Provider{}, contract.UnknownProvider(name, customProvider)
}

// schemeFor returns the provider's scheme that signs the named content. It is the zero Scheme when none is named: which of
// the provider's schemes applies is then told by the secrets.
func schemeFor(p contract.Provider, content string) (contract.Scheme, error) {
	switch {
	case content == "":
		return contract.Scheme{}, nil
	case p.Unsigned():
		return contract.Scheme{}, fmt.Errorf("provider %s signs nothing: signed_content has no place", p.Name)
	}
	if s, ok := p.SchemeSigning(contentOf(content)); ok {
		return s, nil
	}
	var known []string
	for _, s := range p.Schemes() {
		if name := nameOf(s.Content); !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	return contract.Scheme{}, fmt.Errorf("unknown signed_content %q for provider %s: want one of %s", content, p.Name, strings.Join(known, ", "))
}

// contentOf turns a name such as timestamp.body into the template {timestamp}.{body}.
func contentOf(name string) contract.Content {
	return contract.Content("{" + strings.ReplaceAll(name, ".", "}.{") + "}")
}

// nameOf is the reverse of contentOf.
func nameOf(c contract.Content) string {
	return strings.NewReplacer("{", "", "}", "").Replace(string(c))
}
