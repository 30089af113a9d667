package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

// machine is what the figures were measured on.
type machine struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Memory   string            `json:"memory"`
	Kernel   string            `json:"kernel"`
	Versions map[string]string `json:"versions"`
}

// thisMachine describes the machine and the programs that are measured; what cannot be found out is left empty.
func thisMachine(ctx context.Context, caddy string) machine {
	m := machine{
		Cores: runtime.NumCPU(), Kernel: runtime.GOOS + " " + firstLine("/proc/sys/kernel/osrelease") + " " + runtime.GOARCH,
		Versions: map[string]string{"Go": strings.TrimPrefix(runtime.Version(), "go")},
	}
	m.CPU, m.Memory = hardware()
	m.note("Caddy", caddyVersion(caddy))
	m.note("nginx", programVersion(ctx, `nginx/([\d.]+)`, "-v", "nginx", "/usr/sbin/nginx"))
	m.note("Redis", programVersion(ctx, `v=([\d.]+)`, "--version", "redis-server", "valkey-server"))
	return m
}

// note adds a program's version, unless it is unknown.
func (m machine) note(program, version string) {
	if version != "" {
		m.Versions[program] = version
	}
}

// firstLine returns the first line of a file, if there is one.
func firstLine(path string) string {
	text, _ := os.ReadFile(path) // without the file there is no line
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// caddyVersion returns the version of Caddy that a program was built from.
func caddyVersion(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Path == "github.com/caddyserver/caddy/v2" {
			return strings.TrimPrefix(dep.Version, "v")
		}
	}
	return ""
}

// programVersion asks the first of some programs that is installed for its version.
func programVersion(ctx context.Context, pattern, argument string, names ...string) string {
	path, err := findProgram(names...)
	if err != nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, path, argument).CombinedOutput()
	m := regexp.MustCompile(pattern).FindSubmatch(out)
	if err != nil || m == nil {
		return ""
	}
	return string(m[1])
}

// String describes the machine in a sentence.
func (m machine) String() string {
	text := fmt.Sprintf("%s, %d cores, %s of memory, %s; ", m.CPU, m.Cores, m.Memory, m.Kernel)
	var versions []string
	for _, name := range []string{"Go", "Caddy", "nginx", "Redis"} {
		if v, ok := m.Versions[name]; ok {
			versions = append(versions, name+" "+v)
		}
	}
	return text + strings.Join(versions, ", ")
}
