package signature

import (
	"errors"
	"strings"

	"github.com/darihook/darihook/contract"
)

// ErrMixedSecrets refuses secrets that belong to different schemes: one header cannot be judged by both.
var ErrMixedSecrets = errors.New("the secrets belong to different schemes of the provider")

// Choose returns the scheme that a set of secrets belongs to, for a provider whose secrets tell by their prefix how
// deliveries are signed, as whsec_ and whpk_ do under Standard Webhooks. A secret belongs to the first scheme whose prefix
// it begins with, and to the first of all where it has none of the prefixes. Errors: [ErrMixedSecrets]; [ErrScheme] where
// there is no scheme to choose from.
func Choose(schemes []contract.Scheme, secrets []Secret) (contract.Scheme, error) {
	if len(schemes) == 0 {
		return contract.Scheme{}, ErrScheme
	}
	chosen := schemes[0]
	for i, secret := range secrets {
		own := secret.schemeAmong(schemes)
		if i > 0 && own.Name != chosen.Name {
			return contract.Scheme{}, ErrMixedSecrets
		}
		chosen = own
	}
	return chosen, nil
}

// schemeAmong returns the scheme whose prefix the secret has.
func (s Secret) schemeAmong(schemes []contract.Scheme) contract.Scheme {
	for _, scheme := range schemes {
		for _, prefix := range []string{scheme.KeyPrefix, scheme.SigningKeyPrefix} {
			if prefix != "" && strings.HasPrefix(s.reveal(), prefix) {
				return scheme
			}
		}
	}
	return schemes[0]
}
