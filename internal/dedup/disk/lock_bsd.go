//go:build unix && !linux

package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes a lock of the open file description.
func lockFile(f *os.File) error {
	return asLockError(f.Name(), unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
}
