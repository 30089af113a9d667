//go:build unix

package storage

import (
	"os"
	"syscall"
)

// lock keeps other processes from using the file until it is unlocked.
func lock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// unlock gives the lock back. Closing the file is not enough: a child that is being started has it open until it runs its program.
func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
