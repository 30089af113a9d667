package main

import (
	"fmt"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// freeAddress returns a loopback address that stays free while what listens on it is down.
func freeAddress() (string, error) {
	ports, err := redistest.FreePorts(1)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0]), nil
}
