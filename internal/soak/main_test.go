package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/darihook/darihook/internal/programs"
)

// TestMain lets this program be the receiver of a soak, as the soak's own program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-receiver" {
		if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(programs.Run(m, "caddy"))
}
