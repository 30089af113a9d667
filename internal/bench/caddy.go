package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// caddyfile is a server with nothing but what is measured.
const caddyfile = `{
	admin off
	auto_https off
	log {
		level ERROR
	}
}
http://%s {
	%s
	%s
}
`

// caddyCommand returns how a Caddy of its own is run for a target.
func (s *stage) caddyCommand(ctx context.Context, t target, folder, address string) (*exec.Cmd, error) {
	config := filepath.Join(folder, "Caddyfile")
	text := s.fillIn(fmt.Sprintf(caddyfile, address, t.gateBlock(), t.next), folder)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, s.caddy, "run", "--adapter", "caddyfile", "--config", config)
	cmd.Env = append(os.Environ(), "BENCH_SECRET="+secret, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	return cmd, nil
}

// gateBlock is the gate's part of the Caddyfile, where there is one.
func (t target) gateBlock() string {
	if t.gate == nil {
		return ""
	}
	return "dari_webhook {\n\t\t" + strings.Join(t.gate, "\n\t\t") + "\n\t}"
}
