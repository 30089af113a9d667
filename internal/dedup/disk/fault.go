package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"github.com/darihook/darihook/internal/dedup"
)

// What may be wrong with a store. Open answers the first three and leaves the store as it was.
var (
	// ErrLocked: the directory is open already, in this process or another, under this name or another.
	ErrLocked = errors.New("store in use")
	// ErrVersion: the store was written by a program with another format.
	ErrVersion = errors.New("store of another version")
	// ErrCorrupt: the directory is not a store, or one that was damaged.
	ErrCorrupt = errors.New("store damaged")
	// ErrNoSpace: the disk has less than [Options].MinFree, or too few inodes, or the user's quota is used up. The store goes
	// on by itself once there is room.
	ErrNoSpace = errors.New("too little disk space left")
	// ErrUnavailable: the disk, or the directory on it, does not work. The store tries it again until it does.
	ErrUnavailable = errors.New("store unavailable")
	// ErrFailed is [dedup.ErrFailed]: the disk has failed too often in this process, and the store is no longer tried.
	ErrFailed = dedup.ErrFailed
)

// passingFaults may go away by themselves, or with a repair that needs no other configuration.
var passingFaults = []syscall.Errno{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
	syscall.ESTALE, syscall.ETIMEDOUT, syscall.ENOTCONN, syscall.ENXIO, syscall.ENODEV,
}

// passes tells a fault of the disk from a store that was configured wrongly, is damaged, or belongs to another.
func passes(err error) bool {
	switch {
	case errors.Is(err, ErrLocked), errors.Is(err, ErrVersion), errors.Is(err, ErrCorrupt):
		return false
	case errors.Is(err, ErrNoSpace), errors.Is(err, ErrUnavailable):
		return true
	}
	errno, refused := errors.AsType[syscall.Errno](err)
	return refused && slices.Contains(passingFaults, errno)
}

// named puts a fault of the disk under the error that callers know.
func named(cause error) error {
	switch {
	case errors.Is(cause, ErrNoSpace), errors.Is(cause, ErrUnavailable):
		return cause
	case errors.Is(cause, syscall.ENOSPC), errors.Is(cause, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrNoSpace, cause)
	default:
		return fmt.Errorf("%w: %w", ErrUnavailable, cause)
	}
}

// explain tells damage, which only shows within the engine, from what the operating system refuses.
func explain(err error) error {
	_, refused := errors.AsType[syscall.Errno](err)
	if passes(err) || refused && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
