// Package programs builds this module's programs for the tests that run them as users do.
package programs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Folder holds the programs while Run runs.
var Folder string

// Run builds programs of the module's folder cmd, runs the tests, and returns their exit code. It is all that a TestMain
// needs to do.
func Run(m *testing.M, names ...string) int {
	folder, err := build(names)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	Folder = folder
	return m.Run()
}

// Path returns the path of a program that Run has built.
func Path(name string) string { return filepath.Join(Folder, name) }

// build builds the programs into a new folder.
func build(names []string) (string, error) {
	folder, err := os.MkdirTemp("", "darihook-programs-")
	if err != nil {
		return "", err
	}
	args := []string{"build", "-o", folder}
	for _, name := range names {
		args = append(args, "github.com/darihook/darihook/cmd/"+name)
	}
	// A TestMain has no context that it could hand over.
	if out, err := exec.CommandContext(context.Background(), "go", args...).CombinedOutput(); err != nil {
		os.RemoveAll(folder)
		return "", fmt.Errorf("building %v: %w\n%s", names, err, out)
	}
	return folder, nil
}
