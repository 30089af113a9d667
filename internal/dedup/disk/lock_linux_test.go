package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/darihook/darihook/internal/dedup/disk"
)

// TestEarlierVersion opens a store that an earlier version of this program has open, which locked it for its process. Such a
// lock and ours exclude each other within a process, too.
func TestEarlierVersion(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	lock, err := vfs.Default.Lock(filepath.Join(path, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Open(path, disk.Options{}); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("Open: %v, want ErrLocked", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, disk.Options{})
}

// TestLockIsRemoved removes the file that a store has locked: nobody takes the next file of that name for it.
func TestLockIsRemoved(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	open(t, path, disk.Options{})
	if err := os.Remove(filepath.Join(path, "lock")); err != nil {
		t.Fatal(err)
	}
	if err := intrude(path); err != nil {
		t.Error(err)
	}
}
