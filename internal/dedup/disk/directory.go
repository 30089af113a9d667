package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A store's directory holds
//
//	lock      held by the process that has the store open
//	version   one line, written once: what this is, and in which format
//	records/  the engine's files
//
// The version is checked before anything is touched. The engine's files are laid out under another name first, so
// that a directory of the right name is known to have been complete once: an engine that lost its manifest must not be
// taken for a new one.
const (
	lockName    = "lock"
	versionName = "version"
	recordsName = "records"
	unfinished  = "records.new"

	dirMode  = 0o700
	fileMode = 0o600

	versionPrefix = "darihook deduplication store, format "
	version       = versionPrefix + "1\n"
)

// lockedDirectory is a directory that is locked, and kept open so that none that is made after its removal can get its
// identity.
type lockedDirectory struct{ lock, dir io.Closer }

// Close gives the lock back.
func (l lockedDirectory) Close() error { return errors.Join(l.lock.Close(), l.dir.Close()) }

// lockDirectory makes path a directory if it is none yet and locks it.
func lockDirectory(path string, files vfs.FS) (io.Closer, error) {
	if err := os.MkdirAll(path, dirMode); err != nil {
		return nil, fmt.Errorf("creating store: %w", err)
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	lock, err := files.Lock(filepath.Join(path, lockName))
	if err != nil {
		return nil, errors.Join(explainLock(path, err), dir.Close())
	}
	return lockedDirectory{lock, dir}, nil
}

// explainLock tells a directory in use from one in which no file can be made or locked.
func explainLock(path string, err error) error {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return fmt.Errorf("locking store: %w", err)
	}
	if errors.Is(err, ErrLocked) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrLocked, path, err)
}

// prepare checks the directory's version, or makes an empty directory a store, and returns the engine's directory.
func prepare(path string, files vfs.FS) (records string, err error) {
	if err := checkVersion(path); err != nil {
		return "", err
	}
	records = filepath.Join(path, recordsName)
	if _, err := os.Stat(records); !errors.Is(err, fs.ErrNotExist) {
		return records, err
	}
	if err := create(path, files); err != nil {
		return "", fmt.Errorf("creating store: %w", err)
	}
	return records, nil
}

func checkVersion(path string) error {
	content, err := os.ReadFile(filepath.Join(path, versionName))
	if errors.Is(err, fs.ErrNotExist) {
		return checkEmpty(path)
	}
	if err != nil {
		return fmt.Errorf("reading version: %w", err)
	}
	switch found := string(content); {
	case found == version:
		return nil
	case strings.HasPrefix(found, versionPrefix):
		format, _, _ := strings.Cut(found[len(versionPrefix):], "\n")
		return fmt.Errorf("%w: %s has format %.20q, this program reads format 1", ErrVersion, path, format)
	default:
		return fmt.Errorf("%w: %s: unreadable version", ErrCorrupt, path)
	}
}

// checkEmpty refuses a directory that holds somebody else's files, or a store that lost its version.
func checkEmpty(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("reading store: %w", err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != lockName && name != unfinished && name != versionName+".new" {
			return fmt.Errorf("%w: %s has no version but holds %q; choose an empty directory", ErrCorrupt, path, name)
		}
	}
	return nil
}

// create lays out an empty store. Whatever an interrupted attempt left is thrown away.
func create(path string, files vfs.FS) error {
	draft := filepath.Join(path, unfinished)
	if err := os.RemoveAll(draft); err != nil {
		return err
	}
	e, err := openEngine(draft, files, nil, false)
	if err != nil {
		return err
	}
	if err := e.close(); err != nil {
		return err
	}
	if err := writeVersion(path); err != nil {
		return err
	}
	if err := os.Rename(draft, filepath.Join(path, recordsName)); err != nil {
		return err
	}
	return syncDirectory(path)
}

func writeVersion(path string) error {
	draft := filepath.Join(path, versionName+".new")
	f, err := os.OpenFile(draft, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(version)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft, filepath.Join(path, versionName)); err != nil {
		return err
	}
	return syncDirectory(path)
}

func syncDirectory(path string) error {
	dir, err := vfs.Default.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
