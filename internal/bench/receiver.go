package main

import (
	"context"
	"net"
	"os"
	"os/exec"

	"github.com/valyala/fasthttp"

	"github.com/darihook/darihook/internal/process"
)

// receiverHeader marks the receiver's answers, so that nothing else passes for one: Caddy answers requests for a host that
// it does not serve with an empty 200.
const receiverHeader = "Bench-Receiver"

// startReceiver runs this program again as the receiver and returns its address.
func startReceiver(ctx context.Context) (string, *process.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return "", nil, err
	}
	p, err := process.Start(exec.CommandContext(ctx, self, "-receiver", address))
	if err != nil {
		return "", nil, err
	}
	return address, p, p.Serves(ctx, address)
}

// serveReceiver answers every delivery at an address with 200 and an empty body.
func serveReceiver(ctx context.Context, address string) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &fasthttp.Server{
		Handler:            func(c *fasthttp.RequestCtx) { c.Response.Header.Set(receiverHeader, "1") },
		MaxRequestBodySize: maxBody + 1,
	}
	context.AfterFunc(ctx, func() { _ = server.Shutdown() })
	return server.Serve(listener)
}
