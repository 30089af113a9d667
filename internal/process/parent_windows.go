package process

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// parentPoll bounds how long the end of the context may go unnoticed, in milliseconds.
const parentPoll = 200

// watchParent returns a function that returns when the parent is gone or its context ends. Windows keeps naming a parent that has
// ended, and may give its number to another process: one that started later than this one is not the parent.
func watchParent(pid int) (gone func(context.Context), err error) {
	if pid == 0 {
		pid = os.Getppid()
	}
	parent, err := windows.OpenProcess(windows.SYNCHRONIZE|windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return nil, fmt.Errorf("%w: process %d: %w", ErrOrphan, pid, err)
	}
	born, err := startOf(parent)
	if err == nil {
		var own time.Time
		if own, err = startOf(windows.CurrentProcess()); err == nil && born.After(own) {
			err = fmt.Errorf("%w: process %d is younger than this one", ErrOrphan, pid)
		}
	}
	if err != nil {
		_ = windows.CloseHandle(parent)
		return nil, err
	}
	return func(ctx context.Context) {
		defer func() { _ = windows.CloseHandle(parent) }()
		for ctx.Err() == nil {
			if event, err := windows.WaitForSingleObject(parent, parentPoll); err != nil || event == windows.WAIT_OBJECT_0 {
				return
			}
		}
	}, nil
}

// startOf returns when a process was started.
func startOf(process windows.Handle) (time.Time, error) {
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(process, &created, &exited, &kernel, &user); err != nil {
		return time.Time{}, err
	}
	return time.Unix(0, created.Nanoseconds()), nil
}
