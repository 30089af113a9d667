package delivery

import (
	"fmt"
	"strings"
	"sync"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/internal/ident"
	"github.com/darihook/darihook/signature"
)

// maxSigners bounds the signers that are kept; beyond it they are made anew.
const maxSigners = 1024

// signers keeps a signer for each scheme and secrets in use.
type signers struct {
	// forged is a secret that no receiver knows. It suits every key form.
	forged string

	mu   sync.RWMutex
	made map[signerKey]*signature.Signer
}

type signerKey struct {
	scheme  string
	secrets string
}

func newSigners() *signers {
	return &signers{forged: ident.Secret(contract.SecretPrefix), made: map[signerKey]*signature.Signer{}}
}

// sign signs a message. Without secrets or a scheme there is nothing to sign with, and the delivery goes out unsigned.
func (s *signers) sign(scheme contract.Scheme, secrets []string, m signature.Message) ([]signature.Field, error) {
	if len(secrets) == 0 || scheme == (contract.Scheme{}) {
		return nil, nil
	}
	signer, err := s.get(scheme, secrets)
	if err != nil {
		return nil, err
	}
	return signer.Sign(m)
}

func (s *signers) get(scheme contract.Scheme, secrets []string) (*signature.Signer, error) {
	key := signerKey{scheme.Name, strings.Join(secrets, "\n")}
	s.mu.RLock()
	signer := s.made[key]
	s.mu.RUnlock()
	if signer != nil {
		return signer, nil
	}
	signer, err := newSigner(scheme, secrets)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.made) >= maxSigners {
		clear(s.made)
	}
	s.made[key] = signer
	return signer, nil
}

func newSigner(scheme contract.Scheme, texts []string) (*signature.Signer, error) {
	secrets := make([]signature.Secret, len(texts))
	for i, text := range texts {
		secret, err := signature.NewSecret(text)
		if err != nil {
			return nil, fmt.Errorf("reading secret %d: %w", i+1, err)
		}
		secrets[i] = secret
	}
	return signature.NewSigner(signature.SignerOptions{Scheme: scheme, Secrets: secrets})
}
