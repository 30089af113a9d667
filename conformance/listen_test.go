package conformance_test

import (
	"net"
	"strings"
	"testing"

	"github.com/darihook/darihook/conformance/mutants"
)

// freeAddress is a loopback address that nothing listened on a moment ago. The suite must be told where to listen before
// the gate starts, so that one of the two has to know the other's address beforehand.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("finding a free address: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

// upstreamOf is the address at which a gate looks for its receiver.
func upstreamOf(t mutants.Target) string { return strings.TrimPrefix(t.UpstreamURL, "http://") }
