// Command bench measures the gate against plain reverse proxies and against nginx.
//
// Every target is a process of its own in front of one receiver. The targets take turns in many short slices whose order
// is shuffled in every round, so that a machine whose speed drifts slows all of them alike. What is reported is the
// median over the rounds of each target's throughput divided by a baseline's in the same round, with its quartiles, and
// beside it the processor time per request, which does not depend on how busy the machine is. Load generator, target and
// receiver share the machine's cores.
//
//	go run ./internal/bench                      everything, in about ten minutes
//	go run ./internal/bench -sections throughput -sizes 1KiB -targets reverse_proxy,gate-disk
//	go run ./internal/bench -write docs          also keep the figures, and write the document and its plot
//	go run ./internal/bench scale                what stores take that hold very many ids
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// collectorPercent lets the load generator collect its garbage seldom: what it does, the targets cannot.
const collectorPercent = 800

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// run reads the flags and does what they say.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "scale" {
		return runScale(ctx, args[1:])
	}
	p, err := parsePlan(args)
	if err != nil {
		return err
	}
	if p.receiver != "" {
		return serveReceiver(ctx, p.receiver)
	}
	debug.SetGCPercent(collectorPercent)
	return p.carryOut(ctx)
}
