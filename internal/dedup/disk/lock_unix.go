//go:build unix

package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Lock implements [vfs.FS]. Error: ErrLocked, or the file system's own.
func (exclusiveFS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(lockFile(f), stillAt(name, f)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// asLockError tells a lock that is held from a file system that cannot lock.
func asLockError(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: %s is locked", ErrLocked, name)
	default:
		return &fs.PathError{Op: "lock", Path: name, Err: err}
	}
}

// stillAt refuses the lock of a file that was removed or replaced while it was locked: the next opener would lock another.
func stillAt(name string, f *os.File) error {
	locked, err := f.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(name); err != nil || !os.SameFile(locked, there) {
		return fmt.Errorf("%w: %s was replaced while it was locked", ErrLocked, name)
	}
	return nil
}
