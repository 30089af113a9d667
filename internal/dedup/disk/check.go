package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// leastRoom is what an empty store needs beside [Options].MinFree.
	leastRoom = 16 << 20
	// bytesPerID is about what a record takes, as docs/scale.md measured it.
	bytesPerID = 150
)

// ErrTooSmall is the error for a volume that could not hold a store if it were empty.
var ErrTooSmall = errors.New("volume too small for the store")

// Check tells what would keep a store in the directory path from working, as far as that shows without changing anything
// and without a lock: the store may be open elsewhere. Errors that no other state of the disk ends: ErrVersion, ErrCorrupt,
// ErrTooSmall, a path that no directory can have, or a negative bound. ErrNoSpace is one that may pass. What this process
// may not read it does not judge.
func Check(path string, opts Options) error {
	asked := opts.MaxIDs
	opts, err := opts.withDefaults()
	if err != nil {
		return err
	}
	place, err := Find(path)
	if err == nil && place.info != nil {
		err = checkDirectory(place, opts.files)
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil
	case err != nil:
		return err
	}
	return checkVolume(place.path, asked, opts)
}

func checkDirectory(place Place, files vfs.FS) error {
	if !place.info.IsDir() {
		return fmt.Errorf("%w: %s is no directory", ErrCorrupt, place.path)
	}
	return checkVersion(place.path, files)
}

// checkVolume looks at the volume of a directory, or of the first one above it that exists. A file system that does not tell
// is trusted.
func checkVolume(path string, maxIDs int64, opts Options) error {
	usage, err := opts.files.GetDiskUsage(path)
	for errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
		path = filepath.Dir(path)
		usage, err = opts.files.GetDiskUsage(path)
	}
	if err != nil || opts.MinFree < 0 {
		return nil //nolint:nilerr // see above
	}
	least := uint64(opts.MinFree)
	switch total := usage.TotalBytes; {
	case total < least+leastRoom:
		return fmt.Errorf("%w: %s has %d MiB, at least %d MiB are needed", ErrTooSmall, path, total>>20, (least+leastRoom)>>20)
	case usage.AvailBytes < least:
		return fmt.Errorf("%w: %s has %d MiB, at least %d MiB are needed", ErrNoSpace, path, usage.AvailBytes>>20, least>>20)
	case uint64(maxIDs) > (total-least)/bytesPerID:
		return fmt.Errorf("%w: the volume of %s has %d MiB, which hold about %d ids, not %d",
			ErrNoSpace, path, total>>20, (total-least)/bytesPerID, maxIDs)
	}
	return nil
}
