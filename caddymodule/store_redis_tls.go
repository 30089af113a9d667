package caddymodule

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/darihook/darihook/internal/secretfile"
)

// RedisTLS says how the connections to a server are encrypted. The server's certificate is always verified.
type RedisTLS struct {
	// CA are files with the PEM certificates that are trusted. Placeholders are resolved when the configuration is loaded.
	// Default: the system's.
	CA []string `json:"ca,omitempty"`

	// Certificate is a PEM file for a server that wants to know its clients; it needs a key. Placeholders are resolved when
	// the configuration is loaded. Default: none.
	Certificate string `json:"certificate,omitempty"`

	// Key is the PEM file with the certificate's key. Placeholders are resolved when the configuration is loaded.
	Key string `json:"key,omitempty"`

	// ServerName is the name in the server's certificate. Default: the host of the address.
	ServerName string `json:"server_name,omitempty"`
}

// load reads the files. Their contents are noted, so that new ones count as other settings.
func (c *RedisTLS) load(note func(name, value string)) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	note("server_name", c.ServerName)
	if len(c.CA) > 0 {
		config.RootCAs = x509.NewCertPool()
	}
	for _, path := range c.CA {
		pem, err := readResolved(path)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: no certificate in %s", path)
		}
		note("ca", string(pem))
	}
	if c.Certificate == "" && c.Key == "" {
		return config, nil
	}
	pair, err := c.pair(note)
	config.Certificates = []tls.Certificate{pair}
	return config, err
}

// pair reads the gate's own certificate and its key.
func (c *RedisTLS) pair(note func(name, value string)) (tls.Certificate, error) {
	if c.Certificate == "" || c.Key == "" {
		return tls.Certificate{}, errors.New("a certificate needs its key, and a key its certificate")
	}
	certificate, err := readResolved(c.Certificate)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	key, err := readResolved(c.Key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("key: %w", err)
	}
	note("certificate", string(certificate))
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	return pair, nil
}

// readResolved reads a file whose path may hold placeholders.
func readResolved(path string) ([]byte, error) {
	resolved, err := newReplacer().ReplaceOrErr(path, true, true)
	if err != nil {
		return nil, err
	}
	return secretfile.ReadRegular(resolved, longestPlaceholderFile)
}
