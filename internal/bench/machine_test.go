package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFirstLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := firstLine(path); got != "one" {
		t.Errorf("first line %q, want one", got)
	}
}

func TestMachineIsNamed(t *testing.T) {
	t.Parallel()
	m := thisMachine(t.Context(), "none")
	if m.Cores < 1 || m.Versions["Go"] == "" || !strings.Contains(m.String(), "Go "+m.Versions["Go"]) {
		t.Errorf("machine %v", m)
	}
}
