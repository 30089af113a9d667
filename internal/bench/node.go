package main

import (
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
)

// nodeReceiver verifies by itself, which is what a gate takes the place of.
//
//go:embed node/receiver.mjs
var nodeReceiver string

// nodeCommand returns how the receiver for Node.js is run.
func nodeCommand(ctx context.Context, folder, address string) (*exec.Cmd, error) {
	path, err := findProgram("node")
	if err != nil {
		return nil, err
	}
	script := filepath.Join(folder, "receiver.mjs")
	if err := os.WriteFile(script, []byte(nodeReceiver), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, script, address)
	cmd.Env = append(os.Environ(), "BENCH_SECRET="+secret)
	return cmd, nil
}
