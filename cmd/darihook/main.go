// Command darihook is the toolbox around signed webhooks: a demonstration of the gate, a mock of the platform, the
// conformance suite, and the small tools for signing and checking by hand.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes of every command.
const (
	// exitFailed: the command ran and the answer is no.
	exitFailed = 1
	// exitUsage: the command's words were wrong.
	exitUsage = 2
	// exitUndetermined: the question could not be decided.
	exitUndetermined = 3
)

// exitError ends the process with a code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// errPrinted stands for a "no" that the command has already printed as its answer.
var errPrinted = errors.New("the answer is no")

// failed, wrongUsage and undetermined give an error its exit code.
func failed(err error) error       { return &exitError{exitFailed, err} }
func wrongUsage(err error) error   { return &exitError{exitUsage, err} }
func undetermined(err error) error { return &exitError{exitUndetermined, err} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// exitCode maps an error to the process's exit code. What has no code of its own came from reading the command line.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitUsage
}

// complain prints an error as one line, unless the command's answer has said it.
func complain(w *os.File, err error) {
	if !errors.Is(err, errPrinted) {
		fmt.Fprintf(w, "darihook: %v\n", err)
	}
}
