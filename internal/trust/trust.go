// Package trust decides which certificates a client accepts from the servers that it connects to.
package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"
)

// handshakeTimeout bounds a TLS handshake.
const handshakeTimeout = 10 * time.Second

// Options say which certificates are accepted. The zero value accepts what the machine trusts.
type Options struct {
	// Config of the connections. It is not changed. Default: Go's own.
	Config *tls.Config
	// SkipVerify accepts any certificate from servers at loopback, private and link-local addresses, and from no others.
	SkipVerify bool
}

// FromFile returns a configuration that trusts the authorities of a PEM file, and no others. An empty path is no file, and no
// configuration.
func FromFile(path string) (*tls.Config, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return &tls.Config{RootCAs: pool}, nil
}

// Apply has a transport accept these certificates alone, and speak HTTP/2 where a server offers it. What it dials with must be
// set before.
func (o Options) Apply(t *http.Transport) {
	t.ForceAttemptHTTP2 = true
	t.TLSHandshakeTimeout = handshakeTimeout
	t.TLSClientConfig = o.Config.Clone()
	if !o.SkipVerify {
		return
	}
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			conn.Close()
			return nil, err
		}
		return o.Handshake(ctx, conn, host, "h2", "http/1.1")
	}
}

// Handshake makes a connection to a host a TLS connection, with a choice of protocols. When it fails the connection is closed.
func (o Options) Handshake(ctx context.Context, conn net.Conn, host string, protocols ...string) (*tls.Conn, error) {
	config := o.Config.Clone()
	if config == nil {
		config = new(tls.Config)
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	config.NextProtos = protocols
	if o.SkipVerify && nearby(conn.RemoteAddr()) {
		config.InsecureSkipVerify = true //nolint:gosec // asked for, and bounded to addresses that are not public
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// nearby reports whether an address is one of this machine or of its networks.
func nearby(at net.Addr) bool {
	to, err := netip.ParseAddrPort(at.String())
	if err != nil {
		return at.Network() == "unix"
	}
	a := to.Addr().Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
}
