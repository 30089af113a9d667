// Package process runs the programs that a demonstration, a benchmark or a test is made of, as children that end with it.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"
)

const (
	// startPatience bounds the wait until a process serves.
	startPatience = 60 * time.Second
	// stopPatience is how long a process may take to end when it is asked to.
	stopPatience = 10 * time.Second
	// glance is the pause between two looks at whether it serves.
	glance = 20 * time.Millisecond
)

// ErrExited is what waiting for a process returns that has ended by itself.
var ErrExited = errors.New("it ended by itself")

// Process is a child.
type Process struct {
	cmd    *exec.Cmd
	log    bytes.Buffer  // its standard error, to be read once it has ended
	exited chan struct{} // closed when it has
}

// Start starts a command and keeps what it writes to its standard error, unless that leads elsewhere already. When the
// command's context ends, the process is asked to.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, exited: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.log
	}
	separate(cmd)
	cmd.Cancel = func() error { return Terminate(cmd.Process) }
	cmd.WaitDelay = stopPatience
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // ended by a signal as a rule: the status says nothing
	}()
	return p, nil
}

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stop asks the process to end, and makes it when it takes too long.
func (p *Process) Stop() {
	_ = Terminate(p.cmd.Process) // it may have ended by itself
	timer := time.AfterFunc(stopPatience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	<-p.exited
}

// Interrupt asks the process to end, and leaves it all the time that it takes.
func (p *Process) Interrupt() error { return p.cmd.Process.Signal(os.Interrupt) }

// Kill ends the process at once, as a crash does.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.exited
}

// Pause suspends the process.
func (p *Process) Pause() { _ = Suspend(p.cmd.Process) }

// Resume lets a paused process go on.
func (p *Process) Resume() { _ = Resume(p.cmd.Process) }

// Log returns what the process wrote to its standard error. It must have ended.
func (p *Process) Log() []byte {
	<-p.exited
	return bytes.TrimSpace(p.log.Bytes())
}

// Serves returns when somebody listens on the address. When the process ends before, or does not serve in time, it is
// stopped, and the error shows what it wrote.
func (p *Process) Serves(ctx context.Context, address string) error {
	err := p.await(ctx, address)
	if err == nil {
		return nil
	}
	p.Stop()
	return fmt.Errorf("waiting for %s: %w\n%s", address, err, p.Log())
}

func (p *Process) await(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	var dialer net.Dialer
	for {
		if conn, err := dialer.DialContext(ctx, "tcp", address); err == nil {
			return conn.Close()
		}
		select {
		case <-p.exited:
			return ErrExited
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// FreeAddress returns a loopback address that nobody listened on a moment ago.
func FreeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
