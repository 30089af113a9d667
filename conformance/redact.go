package conformance

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// redactor removes secrets from everything that a report may hold. It is safe for concurrent use.
type redactor struct {
	mu      sync.RWMutex
	secrets []string
}

var (
	prefixedSecret = regexp.MustCompile(`whsec_[A-Za-z0-9+/=_-]+`)
	hexSignature   = regexp.MustCompile(`\b([0-9a-fA-F]{8})[0-9a-fA-F]{24,}\b`)
	longBase64     = regexp.MustCompile(`\b([A-Za-z0-9+/]{8})[A-Za-z0-9+/]{34,}={0,2}`)
)

// learn makes the redactor hide a secret from now on. A secret too short to be one is not hidden, since hiding it
// would make a report unreadable.
func (r *redactor) learn(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		if len(s) >= 4 && !slices.Contains(r.secrets, s) {
			r.secrets = append(r.secrets, s)
		}
	}
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
}

// clean returns the text without secrets, and with signatures cut short.
func (r *redactor) clean(text string) string {
	r.mu.RLock()
	for _, s := range r.secrets {
		text = strings.ReplaceAll(text, s, "[redacted]")
	}
	r.mu.RUnlock()
	text = prefixedSecret.ReplaceAllString(text, "whsec_[redacted]")
	text = hexSignature.ReplaceAllString(text, "$1…")
	return longBase64.ReplaceAllString(text, "$1…")
}
