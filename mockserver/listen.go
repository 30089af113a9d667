package mockserver

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
)

// listen opens the address: host:port, or a Unix socket as "unix/" or "unix:" and its path.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	if path, ok := socketPath(address); ok {
		if err := removeSocket(ctx, path); err != nil {
			return nil, err
		}
		return config.Listen(ctx, "unix", path)
	}
	if address == "" {
		address = "127.0.0.1:0"
	}
	return config.Listen(ctx, "tcp", address)
}

// reachable is where this machine reaches a listener: one on every address by the loopback.
func reachable(at net.Addr) string {
	tcp, ok := at.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return at.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
}

// socketPath returns the path of a Unix socket's address.
func socketPath(address string) (string, bool) {
	for _, prefix := range []string{"unix/", "unix:"} {
		if path, ok := strings.CutPrefix(address, prefix); ok {
			return path, true
		}
	}
	return "", false
}

// removeSocket removes a socket that an ended process has left. Anything else at the path is left alone.
func removeSocket(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return err // Listen says that something else is there
	}
	var dialer net.Dialer
	if conn, err := dialer.DialContext(ctx, "unix", path); err == nil {
		conn.Close()
		return errors.New("another process listens on " + path)
	}
	return os.Remove(path)
}
