package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"

	"github.com/darihook/darihook/internal/process"
)

// needRedis starts the Redis server that all gates share, set as the documentation asks, unless it runs already.
func (s *stage) needRedis(ctx context.Context) error {
	if s.redis != nil {
		return nil
	}
	path, err := findProgram("redis-server", "valkey-server")
	if err != nil {
		return err
	}
	if s.redisAt, err = process.FreeAddress(ctx); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(s.redisAt)
	if err != nil {
		return err
	}
	s.redis, err = s.run(ctx, exec.CommandContext(ctx, path, "--bind", host, "--port", port, "--dir", s.folder,
		"--maxmemory-policy", "noeviction", "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""), s.redisAt)
	return err
}

// findProgram returns the path of the first of the programs that is installed.
func findProgram(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", names[0], errAbsent)
}
