//go:build unix

package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestLockOfTwoNames locks one file under two names that no path tells to be one, as a bind mount may show it.
func TestLockOfTwoNames(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	first, second := filepath.Join(root, "first"), filepath.Join(root, "second")
	files := exclusiveFS{vfs.Default}
	lock, err := files.Lock(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(first, second); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{second, first, second} { // an attempt that fails must not give the lock away
		if l, err := files.Lock(name); !errors.Is(err, ErrLocked) {
			t.Errorf("locking %s: %v, %v, want ErrLocked", filepath.Base(name), l, err)
		}
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	lock, err = files.Lock(second)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}
