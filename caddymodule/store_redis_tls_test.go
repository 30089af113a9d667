package caddymodule_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// writePair writes a certificate for 127.0.0.1 that vouches for itself, and its key, and returns their paths.
func writePair(t *testing.T, dir, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	write(t, certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})))
	return certificate, key
}

// TestRedisOverTLS speaks to a server that wants to know its clients, and trusts one certificate alone.
func TestRedisOverTLS(t *testing.T) {
	server := redistest.New(t)
	g, r := newGateway(t), newReceiver(t, nil)
	cert, key := writePair(t, g.dir, "server")
	other, _ := writePair(t, g.dir, "other")
	ports, err := redistest.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(ports[0])
	if _, err = server.Do(t.Context(), "CONFIG", "SET", "tls-cert-file", cert, "tls-key-file", key,
		"tls-ca-cert-file", cert, "tls-auth-clients", "yes", "tls-port", port); err != nil {
		if strings.Contains(err.Error(), "Unknown option") && os.Getenv("CI") != "true" {
			t.Skip("this redis-server was built without TLS")
		}
		t.Fatal(err)
	}
	site := func(ca string) string {
		return gateBlock("dedup redis 127.0.0.1:"+port+" {\ntimeout 5s\ntls {\nca "+ca+"\ncertificate "+cert+" "+key+"\n}\n}") + "\n" + r.proxy()
	}
	if err := g.tryLoad(site(other)); err == nil || !strings.Contains(err.Error(), "not the redis server that was configured") {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
	g.load(site(cert))
	if a := g.deliver("evt_1"); a.status != http.StatusOK {
		t.Errorf("over TLS: %s", a)
	}
}
