package caddymodule

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/secretfile"
)

// Provision resolves the placeholders and reads the certificates.
func (m *RedisStore) Provision(caddy.Context) error {
	m.settings = sha256.New()
	m.opts = redis.Options{
		Cluster: m.Cluster, Database: m.Database,
		Replicas: m.Replicas, ReplicaTimeout: time.Duration(m.ReplicaTimeout),
	}
	m.opts.Addresses = make([]string, len(m.Addresses))
	var errs []error
	for i, text := range m.Addresses {
		errs = append(errs, m.resolve(fmt.Sprintf("address %d", i+1), text, &m.opts.Addresses[i]))
	}
	errs = append(errs,
		m.resolve("sentinel_master", m.SentinelMaster, &m.opts.SentinelMaster),
		m.resolve("username", m.Username, &m.opts.Username),
		m.resolve("sentinel_username", m.SentinelUsername, &m.opts.SentinelUsername),
		m.takePassword("password", m.Password, &m.opts.Password),
		m.takePassword("sentinel_password", m.SentinelPassword, &m.opts.SentinelPassword),
		m.takeTLS(),
	)
	return errors.Join(errs...)
}

// note has a setting count in the fingerprint.
func (m *RedisStore) note(name, value string) { fmt.Fprintf(m.settings, "%s=%q\n", name, value) }

// resolve resolves the placeholders of a text that is no secret. One that is unknown or empty is an error.
func (m *RedisStore) resolve(name, text string, target *string) (err error) {
	if *target, err = newReplacer().ReplaceOrErr(text, true, true); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m.note(name, *target)
	return nil
}

// takePassword resolves a password, and takes note when it is the configuration itself that holds it.
func (m *RedisStore) takePassword(name, text string, target *redis.Secret) error {
	if text == "" {
		return nil
	}
	password, literal, err := resolvePlaceholder(text, m.exposed)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if literal {
		m.literals = append(m.literals, name)
	}
	m.note(name, password)
	*target = redis.NewSecret(password)
	return nil
}

// exposed takes note of a file with a password or a key that everyone may read.
func (m *RedisStore) exposed(path string) {
	if secretfile.OpenToAll(path) {
		m.open = append(m.open, path)
	}
}

// takeTLS prepares the encryption.
func (m *RedisStore) takeTLS() (err error) {
	if m.TLS == nil {
		return nil
	}
	if m.opts.TLS, err = m.TLS.load(m.note); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	if m.TLS.Key != "" {
		m.exposed(newReplacer().ReplaceKnown(m.TLS.Key, ""))
	}
	return nil
}

// fingerprint is a hash of all settings. It stays within the process.
func (m *RedisStore) fingerprint() [sha256.Size]byte {
	rest := fmt.Sprintf("%t %d %s %d %s %t", m.opts.Cluster, m.opts.Database, m.opts.Timeout, m.opts.Replicas, m.opts.ReplicaTimeout, m.TLS != nil)
	if m.settings == nil { // a module that was never provisioned
		return sha256.Sum256([]byte(rest))
	}
	return sha256.Sum256(m.settings.Sum([]byte(rest)))
}

// redisSettings numbers the settings that each place has been used with, so that an address tells them apart and tells
// nothing about them. An entry comes with every change of a configuration, and is small.
var redisSettings = settingNumbers{known: make(map[string]map[[sha256.Size]byte]int)}

type settingNumbers struct {
	mu    sync.Mutex
	known map[string]map[[sha256.Size]byte]int
}

// number returns 1 for the first settings of a place, 2 for the next ones that differ, and so on.
func (s *settingNumbers) number(place string, settings [sha256.Size]byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[place] == nil {
		s.known[place] = make(map[[sha256.Size]byte]int)
	}
	n, known := s.known[place][settings]
	if !known {
		n = len(s.known[place]) + 1
		s.known[place][settings] = n
	}
	return n
}
