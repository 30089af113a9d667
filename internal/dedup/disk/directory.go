package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A store's directory holds
//
//	lock      held by the process that has the store open
//	version   one line, written once: what this is, and in which format
//	progress  how much has been written: what must be found at the next opening
//	records/  the engine's files
//
// The version is checked before anything is touched. The engine's files are laid out under another name first, so
// that a directory of the right name is known to have been complete once: an engine that lost its manifest must not be
// taken for a new one.
const (
	lockName    = "lock"
	versionName = "version"
	recordsName = "records"
	marksName   = "progress"
	unfinished  = "records.new"

	engineLockName = "LOCK" // in records

	trialName = "trial"
	trialSize = 64 << 10
	smallFile = 4 << 10 // more than is read of any other file

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
	if err := files.MkdirAll(path, dirMode); err != nil {
		return nil, fmt.Errorf("creating store: %w", err)
	}
	dir, err := files.OpenDir(path)
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
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) || passes(err) {
		return fmt.Errorf("locking store: %w", err)
	}
	if errors.Is(err, ErrLocked) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrLocked, path, err)
}

// prepare checks the directory's version, or makes an empty directory a store, and returns the engine's directory. An engine
// that fails meanwhile is abandoned.
func prepare(path string, files vfs.FS, abandon func(*engine)) (records string, err error) {
	if err := checkVersion(path, files); err != nil {
		return "", err
	}
	records = filepath.Join(path, recordsName)
	if _, err := files.Stat(records); !errors.Is(err, fs.ErrNotExist) {
		return records, err
	}
	if err := create(path, files, abandon); err != nil {
		return "", fmt.Errorf("creating store: %w", err)
	}
	return records, nil
}

// findRecords returns the engine's directory of a store that was open before.
func findRecords(path string, files vfs.FS) (records string, err error) {
	records = filepath.Join(path, recordsName)
	switch _, err := files.Stat(records); {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w: %s was removed while in use: put it back, or restart to begin with an empty store", ErrUnavailable, records)
	case err != nil:
		return "", err
	}
	return records, checkVersion(path, files)
}

func checkVersion(path string, files vfs.FS) error {
	content, err := readFile(filepath.Join(path, versionName), files)
	if errors.Is(err, fs.ErrNotExist) {
		return checkEmpty(path, files)
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

func readFile(name string, files vfs.FS) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, smallFile))
	return content, errors.Join(err, f.Close())
}

// checkEmpty refuses a directory that holds somebody else's files, or a store that lost its version.
func checkEmpty(path string, files vfs.FS) error {
	names, err := files.List(path)
	if err != nil {
		return fmt.Errorf("reading store: %w", err)
	}
	for _, name := range names {
		if name != lockName && name != unfinished && name != versionName+".new" {
			return fmt.Errorf("%w: %s has no version but holds %q; choose an empty directory", ErrCorrupt, path, name)
		}
	}
	return nil
}

// create lays out an empty store. Whatever an interrupted attempt left is thrown away.
func create(path string, files vfs.FS, abandon func(*engine)) error {
	draft := filepath.Join(path, unfinished)
	if err := files.RemoveAll(draft); err != nil {
		return err
	}
	if err := files.MkdirAll(draft, dirMode); err != nil {
		return err
	}
	if err := tryOut(draft, files); err != nil {
		return err
	}
	e, err := openEngine(draft, engineOptions{files: files, log: newThrottle(nil)})
	if err == nil {
		err = e.close()
	}
	if e.fault() != nil {
		abandon(e)
	}
	if err != nil {
		return err
	}
	if err := writeVersion(path, files); err != nil {
		return err
	}
	if err := files.Rename(draft, filepath.Join(path, recordsName)); err != nil {
		return err
	}
	return syncDirectory(path, files)
}

func writeVersion(path string, files vfs.FS) error {
	draft := filepath.Join(path, versionName+".new")
	f, err := files.Create(draft, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(version))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := files.Rename(draft, filepath.Join(path, versionName)); err != nil {
		return err
	}
	return syncDirectory(path, files)
}

func syncDirectory(path string, files vfs.FS) error {
	dir, err := files.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// tryOut makes, syncs, renames and removes a file in the engine's directory. An engine is only opened where that works, since
// one that fails while it opens keeps its memory.
func tryOut(dir string, files vfs.FS) error {
	first, second := files.PathJoin(dir, trialName), files.PathJoin(dir, trialName+".renamed")
	f, err := files.Create(first, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, trialSize))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = files.Rename(first, second)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(files.Remove(first)))
	}
	return errors.Join(files.Remove(second), syncDirectory(dir, files))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
