package disk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/darihook/darihook/internal/dedup"
)

var errDisk = errors.New("input/output error")

// faulty is a file system whose writes fail, or wait, once told to.
type faulty struct {
	broken atomic.Bool
	gate   sync.RWMutex // writes of the log hold it shared
}

func (f *faulty) files() vfs.FS {
	return errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || !strings.HasSuffix(op.Path, ".log") {
			return nil
		}
		f.gate.RLock()
		defer f.gate.RUnlock()
		if f.broken.Load() {
			return errDisk
		}
		return nil
	}))
}

func openAt(t *testing.T, path string, opts Options) *Store {
	t.Helper()
	s, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func key(id string) dedup.Key { return dedup.Key{Scope: "scope", ID: id} }

// TestBrokenDisk fails the log's writes: the process lives, and the store refuses everything until the disk works. It then
// opens anew by itself, with all that was acknowledged, and the claims of before may be committed.
func TestBrokenDisk(t *testing.T) {
	t.Parallel()
	var disk faulty
	var logged lockedBuffer
	path := t.TempDir()
	s := openAt(t, path, Options{files: disk.files(), Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if err := commitOne(t, s, key("before"), time.Hour); err != nil {
		t.Fatal(err)
	}
	owner := dedup.NewOwner()
	if claim, err := s.Claim(t.Context(), key("during"), owner, time.Hour); err != nil || !claim.Acquired {
		t.Fatalf("claim = %+v, %v", claim, err)
	}
	disk.broken.Store(true)
	if err := s.Commit(t.Context(), key("during"), owner, dedup.Outcome{Status: 200}, time.Hour); !errors.Is(err, errDisk) {
		t.Errorf("commit on a broken disk: %v, want the disk's error", err)
	}
	if _, err := s.Claim(t.Context(), key("after"), owner, time.Hour); !errors.Is(err, ErrUnavailable) {
		t.Errorf("claim after the fault: %v, want ErrUnavailable", err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("opening beside the failed engine: %v, want ErrLocked", err)
	}
	disk.broken.Store(false)
	awaitAvailable(t, s)
	if record, err := s.Lookup(t.Context(), key("before")); err != nil || record.State != dedup.Done {
		t.Errorf("record of before the fault = %+v, %v, want it done", record, err)
	}
	if err := s.Commit(t.Context(), key("during"), owner, dedup.Outcome{Status: 200}, time.Hour); err != nil {
		t.Errorf("commit of a claim of before the fault: %v", err)
	}
	for _, want := range []string{"level=ERROR", "unavailable", errDisk.Error(), "available again"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("log = %q, want %q in it", logged.String(), want)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	openAt(t, path, Options{})
}

// TestCloseAfterBrokenDisk gives the directory free although the engine was lost.
func TestCloseAfterBrokenDisk(t *testing.T) {
	t.Parallel()
	var disk faulty
	path := t.TempDir()
	s := openAt(t, path, Options{files: disk.files()})
	if err := commitOne(t, s, key("before"), time.Hour); err != nil {
		t.Fatal(err)
	}
	disk.broken.Store(true)
	if err := commitOne(t, s, key("during"), time.Hour); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("commit on a broken disk: %v, want ErrUnavailable", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	reopened := openAt(t, path, Options{})
	if record, err := reopened.Lookup(t.Context(), key("before")); err != nil || record.State != dedup.Done {
		t.Errorf("record = %+v, %v, want it done", record, err)
	}
}

// awaitAvailable waits until a store has opened anew.
func awaitAvailable(t *testing.T, s *Store) {
	t.Helper()
	for last := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		_, err := s.keeper.running()
		if err == nil {
			return
		}
		if time.Now().After(last) {
			t.Fatalf("still unavailable: %v", err)
		}
	}
}

// lockedBuffer is a buffer that the engine's goroutines may still write to while a test reads it.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// TestSlowDisk shows that a caller's patience is its own, and that its commit is made all the same.
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	var disk faulty
	s := openAt(t, t.TempDir(), Options{files: disk.files()})
	owner := dedup.NewOwner()
	if _, err := s.Claim(t.Context(), key("slow"), owner, time.Hour); err != nil {
		t.Fatal(err)
	}
	disk.gate.Lock()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	outcome := dedup.Outcome{Status: 201, At: time.Now()}
	if err := s.Commit(ctx, key("slow"), owner, outcome, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("commit on a stuck disk: %v, want context.DeadlineExceeded", err)
	}
	if record, err := s.Lookup(t.Context(), key("slow")); err != nil || record.State != dedup.InFlight {
		t.Errorf("lookup meanwhile = %+v, %v, want in flight", record, err)
	}
	disk.gate.Unlock()
	if err := s.Wait(t.Context(), key("slow")); err != nil {
		t.Fatal(err)
	}
	if record, err := s.Lookup(t.Context(), key("slow")); err != nil || record.Outcome.Status != 201 {
		t.Errorf("lookup afterwards = %+v, %v, want done with 201", record, err)
	}
}

// roomy is a file system that tells how much room it has.
type roomy struct {
	vfs.FS
	free atomic.Uint64
}

func (r *roomy) GetDiskUsage(dir string) (vfs.DiskUsage, error) {
	if _, err := r.Stat(dir); err != nil {
		return vfs.DiskUsage{}, err
	}
	return vfs.DiskUsage{AvailBytes: r.free.Load()}, nil
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	files := &roomy{FS: vfs.Default}
	files.free.Store(1 << 30)
	s := openAt(t, t.TempDir(), Options{files: files})
	if err := commitOne(t, s, key("done"), time.Hour); err != nil {
		t.Fatal(err)
	}
	files.free.Store(DefaultMinFree - 1)
	sessionOf(t, s).space.look()
	if _, err := s.Claim(t.Context(), key("new"), dedup.NewOwner(), time.Hour); !errors.Is(err, ErrNoSpace) {
		t.Errorf("claim on a full disk: %v, want ErrNoSpace", err)
	}
	claim, err := s.Claim(t.Context(), key("done"), dedup.NewOwner(), time.Hour)
	if err != nil || claim.Record.State != dedup.Done {
		t.Errorf("claim of a done key on a full disk = %+v, %v, want it done", claim, err)
	}
	files.free.Store(DefaultMinFree)
	sessionOf(t, s).space.look()
	if err := commitOne(t, s, key("new"), time.Hour); err != nil {
		t.Errorf("commit once there is room: %v", err)
	}
}

// copyOf copies a store that may be open, which is what a kill at this moment would leave. When the engine removes an
// old file meanwhile, it copies again.
func copyOf(t *testing.T, path string) string {
	t.Helper()
	for range 100 {
		to := filepath.Join(t.TempDir(), "copy")
		err := os.CopyFS(to, os.DirFS(path))
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Fatal("the store never held still")
	return ""
}

// contents maps every file of a store, apart from its locks, to what it holds.
func contents(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(path), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.EqualFold(d.Name(), lockName) {
			return err
		}
		content, err := os.ReadFile(filepath.Join(path, name))
		all[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
