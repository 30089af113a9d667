package process

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// separate gives a command a process group of its own: [Terminate] reaches whole groups alone.
func separate(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.CreationFlags |= windows.CREATE_NEW_PROCESS_GROUP
}

// Terminate asks a process to end in order, which a Go program takes for an interrupt. It must have been started by [Start].
func Terminate(p *os.Process) error {
	return windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(p.Pid))
}

// Suspend returns [errors.ErrUnsupported]: Windows stops single threads alone.
func Suspend(*os.Process) error { return errors.ErrUnsupported }

// Resume returns [errors.ErrUnsupported], as Suspend does.
func Resume(*os.Process) error { return errors.ErrUnsupported }
