package caddymodule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/darihook/darihook/contract"
)

// providerFor returns the provider of a name, or the first when none is given.
func providerFor(name string) (contract.Provider, error) {
	if name == "" {
		return contract.Providers()[0], nil
	}
	if p, ok := contract.ProviderFor(name); ok {
		return p, nil
	}
	var known []string
	for _, p := range contract.Providers() {
		known = append(known, p.Name)
	}
	return contract.Provider{}, fmt.Errorf("unknown provider %q: want one of %s", name, strings.Join(known, ", "))
}

// schemeFor returns the provider's scheme that signs the named content, or its usual scheme when none is named.
func schemeFor(p contract.Provider, content string) (contract.Scheme, error) {
	if content == "" {
		return p.Scheme, nil
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
