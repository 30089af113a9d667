package disk

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/darihook/darihook/internal/dedup"
)

// fragile is a file system on which one kind of operation fails while it is broken.
type fragile struct {
	kind   errorfs.OpKind
	name   string // part of the file's
	broken atomic.Bool
	hits   atomic.Int64
}

func (f *fragile) files() vfs.FS {
	return breaking(func(kind errorfs.OpKind, name string) error {
		if !f.broken.Load() || kind != f.kind || !strings.Contains(filepath.Base(name), f.name) {
			return nil
		}
		f.hits.Add(1)
		return syscall.EIO
	})
}

// breaking is a file system whose operations fail with what fault answers.
func breaking(fault func(kind errorfs.OpKind, name string) error) vfs.FS {
	inject := errorfs.InjectorFunc(func(op errorfs.Op) error { return fault(op.Kind, op.Path) })
	return breakingFS{errorfs.Wrap(exclusiveFS{vfs.Default}, inject), fault}
}

// breakingFS fails what errorfs does not: closing, and all on a file that is reused.
type breakingFS struct {
	vfs.FS
	fault func(kind errorfs.OpKind, name string) error
}

// Create implements [vfs.FS].
func (b breakingFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := b.FS.Create(name, category)
	if err != nil {
		return nil, err
	}
	return breakingFile{f, name, b.fault}, nil
}

// ReuseForWrite implements [vfs.FS].
func (b breakingFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := b.FS.ReuseForWrite(old, name, category)
	if err != nil {
		return nil, err
	}
	return reusedFile{breakingFile{f, name, b.fault}}, nil
}

type breakingFile struct {
	vfs.File
	name  string
	fault func(kind errorfs.OpKind, name string) error
}

// Close implements [vfs.File].
func (f breakingFile) Close() error {
	return errors.Join(f.fault(errorfs.OpFileClose, f.name), f.File.Close())
}

type reusedFile struct{ breakingFile }

// Stat implements [vfs.File].
func (f reusedFile) Stat() (vfs.FileInfo, error) {
	if err := f.fault(errorfs.OpFileStat, f.name); err != nil {
		return nil, err
	}
	return f.File.Stat()
}

// Write implements [vfs.File].
func (f reusedFile) Write(p []byte) (int, error) {
	if err := f.fault(errorfs.OpFileWrite, f.name); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

// SyncData implements [vfs.File].
func (f reusedFile) SyncData() error {
	if err := f.fault(errorfs.OpFileSyncData, f.name); err != nil {
		return err
	}
	return f.File.SyncData()
}

// TestFatalFaults provokes the faults after which the engine would panic or end the process, while it goes from one log to
// the next. The store refuses and names the fault; once it is gone, it opens anew with all that was acknowledged.
func TestFatalFaults(t *testing.T) {
	t.Parallel()
	for what, disk := range map[string]*fragile{
		"making a log":           {kind: errorfs.OpCreate, name: ".log"},
		"reusing a log":          {kind: errorfs.OpReuseForWrite, name: ".log"},
		"writing a log":          {kind: errorfs.OpFileWrite, name: ".log"},
		"syncing a log":          {kind: errorfs.OpFileSyncData, name: ".log"},
		"closing a log":          {kind: errorfs.OpFileClose, name: ".log"},
		"looking at a log":       {kind: errorfs.OpFileStat, name: ".log"},
		"syncing the directory":  {kind: errorfs.OpFileSync, name: recordsName},
		"writing the manifest":   {kind: errorfs.OpFileWrite, name: "MANIFEST"},
		"syncing the manifest":   {kind: errorfs.OpFileSync, name: "MANIFEST"},
		"panicking in the write": nil,
		"calling Fatalf":         nil,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			provoke := provokeFault[what]
			if disk == nil {
				disk = new(fragile)
			} else {
				provoke = func(s *session) { _, _ = s.engine.db.AsyncFlush() }
			}
			s := openAt(t, t.TempDir(), Options{files: disk.files(), retry: 10 * time.Millisecond})
			acknowledged := cycle(t, s, disk, provoke)
			disk.broken.Store(false)
			awaitAvailable(t, s)
			for _, k := range acknowledged {
				if record, err := s.Lookup(t.Context(), k); err != nil || record.State != dedup.Done {
					t.Errorf("%s = %+v, %v, want it done", k.ID, record, err)
				}
			}
			if err := commitOne(t, s, key("afterwards"), time.Hour); err != nil {
				t.Errorf("committing afterwards: %v", err)
			}
		})
	}
}

// provokeFault are the faults that no file system brings about.
var provokeFault = map[string]func(*session){
	"panicking in the write": func(s *session) {
		defer s.writer.recoverFault()
		panic(syscall.EIO)
	},
	"calling Fatalf": func(s *session) { go engineLog{s.engine}.Fatalf("%w", syscall.EIO) },
}

// cycle commits and provokes the fault, until the store is unavailable. The first rounds are on a disk that works, so that there
// are logs to be reused.
func cycle(t *testing.T, s *Store, disk *fragile, provoke func(*session)) (acknowledged []dedup.Key) {
	t.Helper()
	for i := range 1000 {
		if i == 5 {
			disk.broken.Store(true)
		}
		k := key(fmt.Sprint(i))
		switch err := commitOne(t, s, k, time.Hour); {
		case err == nil:
			acknowledged = append(acknowledged, k)
		case errors.Is(err, ErrUnavailable) && strings.Contains(err.Error(), syscall.EIO.Error()):
			return acknowledged
		default:
			t.Fatalf("refused with %v, want ErrUnavailable with the disk's error", err)
		}
		now := sessionOf(t, s)
		if i >= 5 {
			go provoke(now) // it may never return
		} else if err := now.engine.db.Flush(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-now.engine.failed:
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("the fault did not show")
	return nil
}

// TestFailingTables fails what the engine repeats: tables that are written from memory. The engine stays, says so at most once
// in ten seconds however often it tries, without a stack, and new deliveries are refused until the table is written.
func TestFailingTables(t *testing.T) {
	t.Parallel()
	for what, kind := range map[string]errorfs.OpKind{
		"made": errorfs.OpCreate, "written": errorfs.OpFileWrite, "synced": errorfs.OpFileSyncData, "closed": errorfs.OpFileClose,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			disk := &fragile{kind: kind, name: tableSuffix}
			var logged lockedBuffer
			s := openAt(t, t.TempDir(), Options{files: disk.files(), Logger: slog.New(slog.NewTextHandler(&logged, nil))})
			if err := commitOne(t, s, key("before"), time.Hour); err != nil {
				t.Fatal(err)
			}
			now := sessionOf(t, s)
			disk.broken.Store(true)
			var flushed <-chan struct{}
			if err := now.engine.read(func(db *pebble.DB) (err error) { flushed, err = db.AsyncFlush(); return err }); err != nil {
				t.Fatal(err)
			}
			await(t, "repetition", func() bool { return disk.hits.Load() > 5 })
			awaitClaim(t, s, ErrUnavailable, syscall.EIO.Error())
			if lines := strings.Count(logged.String(), "\n"); lines != 1 || strings.Contains(logged.String(), ".go:") {
				t.Errorf("log = %q, want one line without a stack", logged.String())
			}
			disk.broken.Store(false)
			<-flushed
			awaitClaim(t, s, nil, "")
			if sessionOf(t, s) != now {
				t.Error("the engine was given up")
			}
		})
	}
}

// TestThrottle counts the lines that it leaves out.
func TestThrottle(t *testing.T) {
	t.Parallel()
	throttle := newThrottle(nil)
	start := time.Now()
	for _, row := range []struct {
		message    string
		after      time.Duration
		due        bool
		suppressed int
	}{
		{"one", 0, true, 0},
		{"one", time.Second, false, 0},
		{"other", time.Second, true, 0},
		{"one", throttleInterval - 1, false, 0},
		{"one", throttleInterval, true, 2},
		{"one", 2 * throttleInterval, true, 0},
	} {
		if suppressed, due := throttle.due(row.message, start.Add(row.after)); due != row.due || suppressed != row.suppressed {
			t.Errorf("%s after %s: %t with %d left out, want %t with %d", row.message, row.after, due, suppressed, row.due, row.suppressed)
		}
	}
}

// TestSpace looks at bytes, inodes and permissions.
func TestSpace(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		bytes, inodes uint64
		dir           string
		access        error
		want          error
	}{
		"ok/room":           {1 << 30, 1 << 20, "", nil, nil},
		"fail/no bytes":     {1 << 20, 1 << 20, "", nil, ErrNoSpace},
		"fail/no inodes":    {1 << 30, minFiles - 1, "", nil, ErrNoSpace},
		"fail/not writable": {1 << 30, 1 << 20, "", syscall.EROFS, syscall.EROFS},
		"fail/not there":    {1 << 30, 1 << 20, "/nowhere", nil, ErrUnavailable},
		"ok/half is enough": {DefaultMinFree / 2, 1 << 20, "", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := &roomy{FS: vfs.Default}
			files.free.Store(row.bytes)
			dir := row.dir
			if dir == "" {
				dir = t.TempDir()
			}
			s := newSpace(dir, Options{files: files, MinFree: DefaultMinFree})
			s.inodes = func(string) (uint64, bool) { return row.inodes, true }
			s.access = func(string) error { return row.access }
			if err := s.enough(); !errors.Is(err, row.want) {
				t.Errorf("enough: %v, want %v", err, row.want)
			}
		})
	}
}

// TestReadersPassAFailedEngine reads from a table after the engine's end: whoever reads may hold a claim's lock.
func TestReadersPassAFailedEngine(t *testing.T) {
	t.Parallel()
	files := vfs.NewMem()
	made, err := files.Create("000001"+tableSuffix, flushes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := made.Write([]byte("records")); err != nil {
		t.Fatal(err)
	}
	e := newEngine(engineOptions{files: files, log: newThrottle(nil)})
	e.fail(syscall.EIO)
	read := make(chan error, 1)
	go func() {
		f, err := e.guard.Open("000001" + tableSuffix)
		if err == nil {
			_, stat := f.Stat()
			_, at := f.ReadAt(make([]byte, 1), 0)
			err = errors.Join(stat, at, f.Close())
		}
		read <- err
	}()
	select {
	case err := <-read:
		if err != nil {
			t.Errorf("reading: %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("the reader is kept")
	}
}
