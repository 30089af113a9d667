// Package failover does to real Redis servers what operators and accidents do to them, under gates that take deliveries, and accounts
// for each delivery. Its tests are all of it: a short table runs with the others, the whole of it with make failover.
package failover

import (
	"flag"
	"os"
	"testing"

	"github.com/darihook/darihook/internal/programs"
)

// full runs the whole table.
var full = flag.Bool("full", false, "run every row, and not only the short table")

func TestMain(m *testing.M) { os.Exit(programs.Run(m, "caddy")) }
