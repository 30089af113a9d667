package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	// nginxServer is the frame of both configurations: as many workers as cores, connections that are kept on both
	// sides, bodies in memory.
	//go:embed nginx/server.conf
	nginxServer string
	// nginxPlain forwards whatever comes.
	//go:embed nginx/plain.conf
	nginxPlain string
	// nginxVerifying is a gate in Lua, as somebody would write it: a constant-time HMAC by OpenSSL, the timestamp's age,
	// and the ids that were seen in shared memory. It finds the id by a pattern, remembers it before the receiver has
	// answered, and forgets everything with the process: it does less than the gate.
	//go:embed nginx/verifying.conf
	nginxVerifying string
)

// luaModules are those that the second configuration loads, in this order.
var luaModules = []string{"ndk_http_module.so", "ngx_http_lua_module.so"}

// nginxCommand returns how an nginx of its own is run for a target.
func (s *stage) nginxCommand(ctx context.Context, t target, folder, address string) (*exec.Cmd, error) {
	path, err := findProgram("nginx", "/usr/sbin/nginx")
	if err != nil {
		return nil, err
	}
	var modules string
	if t.server == nginxLua {
		if modules, err = loadModules(ctx, path); err != nil {
			return nil, err
		}
	}
	account, err := user.Current()
	if err != nil {
		return nil, err
	}
	text := strings.Replace(nginxServer, "SITE", t.config, 1)
	text = strings.NewReplacer("MODULES", modules, "USER", account.Username, "ADDRESS", address).Replace(text)
	config := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(config, []byte(s.fillIn(text, folder)), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "-p", folder, "-e", "stderr", "-c", config)
	cmd.Env = append(os.Environ(), "BENCH_SECRET="+secret)
	return cmd, nil
}

// loadModules returns the lines that load the modules for Lua, from the folder that the program was built for.
func loadModules(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, path, "-V").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("asking nginx for its modules: %w", err)
	}
	folder := "/usr/lib/nginx/modules"
	if m := regexp.MustCompile(`--modules-path=(\S+)`).FindSubmatch(out); m != nil {
		folder = string(m[1])
	}
	var lines strings.Builder
	for _, module := range luaModules {
		file := filepath.Join(folder, module)
		if _, err := os.Stat(file); err != nil {
			return "", fmt.Errorf("nginx's %s: %w", module, errAbsent)
		}
		fmt.Fprintf(&lines, "load_module %s;\n", file)
	}
	return lines.String(), nil
}
