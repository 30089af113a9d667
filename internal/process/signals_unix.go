//go:build unix

package process

import (
	"os"
	"os/exec"
	"syscall"
)

// separate prepares a command for [Terminate]. Nothing is needed here.
func separate(*exec.Cmd) {}

// Terminate asks a process to end in order.
func Terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// Suspend stops a process: its connections stay, and nothing answers.
func Suspend(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

// Resume lets a suspended process go on.
func Resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
