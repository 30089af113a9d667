package mockserver

import (
	"net"
	"testing"
)

func TestReachable(t *testing.T) {
	t.Parallel()
	for want, at := range map[string]net.Addr{
		"127.0.0.1:80": &net.TCPAddr{IP: net.IPv4zero, Port: 80},
		"127.0.0.1:81": &net.TCPAddr{IP: net.IPv6unspecified, Port: 81},
		"192.0.2.7:83": &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 83},
		"[::1]:84":     &net.TCPAddr{IP: net.IPv6loopback, Port: 84},
	} {
		if got := reachable(at); got != want {
			t.Errorf("reachable(%s) = %s, want %s", at, got, want)
		}
	}
}
