package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/darihook/darihook/internal/process"
)

// hookaidoConfig is a queue that acknowledges a delivery once SQLite has it, and delivers it later; here nobody fetches from it.
const hookaidoConfig = `ingress {
	listen %s
}
admin_api {
	listen %s
}
pull_api {
	listen %s
	auth token env:BENCH_SECRET
}
queue_limits {
	max_depth 100000000
}
observability {
	access_log off
}
/ {
	auth hmac {
		provider stripe
		secret env:BENCH_SECRET
	}
	queue { backend sqlite }
	pull { path /pull }
}
`

// hookaidoCommand returns how Hookaido is run, which is installed by hand: https://github.com/nuetzliches/hookaido. Its Stripe
// signs as Dari does, in another header.
func hookaidoCommand(ctx context.Context, folder, address string) (*exec.Cmd, error) {
	path, err := findProgram("hookaido")
	if err != nil {
		return nil, err
	}
	var others [2]string
	for i := range others {
		if others[i], err = process.FreeAddress(ctx); err != nil {
			return nil, err
		}
	}
	config := filepath.Join(folder, "Hookaidofile")
	text := fmt.Sprintf(hookaidoConfig, address, others[0], others[1])
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "run", "--config", config, "--db", filepath.Join(folder, "queue.db"))
	cmd.Env = append(os.Environ(), "BENCH_SECRET="+secret)
	return cmd, nil
}
