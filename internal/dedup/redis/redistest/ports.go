package redistest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports come from below the range that systems use for outgoing connections, and each is handed out once: the port of a
// killed server must be free for its restart.
const (
	firstPort = 15_000
	lastPort  = 32_000
	portTries = 1000
)

var handedOut struct {
	sync.Mutex
	ports map[int]bool
}

// FreePorts returns loopback ports that nobody listens on, and that this process has not been given before.
func FreePorts(n int) ([]int, error) {
	handedOut.Lock()
	defer handedOut.Unlock()
	if handedOut.ports == nil {
		handedOut.ports = make(map[int]bool)
	}
	var ports []int
	for range portTries {
		if len(ports) == n {
			return ports, nil
		}
		if port := firstPort + rand.IntN(lastPort-firstPort); !handedOut.ports[port] && free(port) {
			handedOut.ports[port] = true
			ports = append(ports, port)
		}
	}
	return nil, errors.New("no free port")
}

func free(port int) bool {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
