package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// flushes is the engine's name for the tables that it writes from memory.
	flushes vfs.DiskWriteCategory = "pebble-memtable-flush"
	// logs is the engine's name for its logs.
	logs vfs.DiskWriteCategory = "pebble-wal"
	// tableSuffix ends the names of tables.
	tableSuffix = ".sst"
	// markerPrefix begins the names of the files that tell which manifest is current.
	markerPrefix = "marker."
	// tablePause is how long an error on a table is kept from the engine, which repeats flushes and compactions at once.
	tablePause = 100 * time.Millisecond
	// drainInterval is how often drain looks whether operations under way have ended.
	drainInterval = 10 * time.Millisecond
)

// guard is the file system of one engine. The engine panics, with its mutex released, where it cannot create, reuse, sync or
// close a log, and calls Fatalf, with its mutex held, where it cannot write its manifest: neither can be recovered from. So a
// change that fails ends the engine and never returns to it; the goroutine stays here for good. Only a table's failed
// change returns: the engine writes tables again.
//
// After the end no change gets past the guard, so once drain has returned the directory can be opened anew.
type guard struct {
	vfs.FS
	failed     <-chan struct{}
	fail       func(error)
	trouble    func(error)  // told of each failed flush
	under      atomic.Int64 // changes under way
	writing    atomic.Bool  // a log or a table was made
	flushFault atomic.Pointer[error]
	log        atomic.Pointer[logFile] // the one that is written
}

// logFile is how much was written to a log.
type logFile struct {
	name string
	size atomic.Int64
}

// lostLog reports whether the log that is written has been removed or cut short, while its directory is there. It is called by
// the goroutine that writes, which is the one that goes on to another log.
func (g *guard) lostLog() (name string, lost bool) {
	log := g.log.Load()
	if log == nil {
		return "", false
	}
	if _, err := g.FS.Stat(g.PathDir(log.name)); err != nil {
		return "", false
	}
	info, err := g.FS.Stat(log.name)
	return log.name, errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() < log.size.Load()
}

// begin registers a change, which end follows.
func (g *guard) begin() {
	g.under.Add(1)
	if g.ended() {
		g.under.Add(-1)
		select {}
	}
}

// end returns the error of a table's change; any other ends the engine.
func (g *guard) end(name string, err error) error {
	if err != nil && !strings.HasSuffix(name, tableSuffix) {
		g.fail(err)
	}
	g.under.Add(-1)
	switch {
	case err == nil:
	case strings.HasSuffix(name, tableSuffix):
		time.Sleep(tablePause)
	default:
		select {}
	}
	return err
}

// read returns the error of reading. An engine that has begun to write must not get it before it is open: compactions may be
// under way then, and panic when it gives up.
func (g *guard) read(name string, err error) error {
	switch {
	case err == nil, errors.Is(err, io.EOF):
	case strings.HasSuffix(name, tableSuffix):
		time.Sleep(tablePause)
	case g.writing.Load():
		g.fail(err)
		select {}
	}
	return err
}

// change carries out a change of the file name.
func (g *guard) change(name string, f func() error) error {
	g.begin()
	return g.end(name, f())
}

func (g *guard) ended() bool {
	select {
	case <-g.failed:
		return true
	default:
		return false
	}
}

// drain waits, after the engine's end, until none of its changes is under way.
func (g *guard) drain() {
	for g.under.Load() > 0 {
		time.Sleep(drainInterval)
	}
}

// flushing is why the last table could not be written from memory, if so. While that lasts, commits come to a halt once the
// memory for them is full.
func (g *guard) flushing() error {
	if fault := g.flushFault.Load(); fault != nil {
		return named(fmt.Errorf("writing a table: %w", *fault))
	}
	return nil
}

func (g *guard) noteFlush(err error) {
	switch {
	case err != nil:
		g.flushFault.Store(&err)
		g.trouble(err)
	case g.flushFault.Load() != nil:
		g.flushFault.Store(nil)
	}
}

// Create implements [vfs.FS].
func (g *guard) Create(name string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = g.change(name, func() error { f, err = g.FS.Create(name, category); return err })
	return g.written(name, category, f, err)
}

// ReuseForWrite implements [vfs.FS]. A log that somebody removed is no loss: there was nothing in it any more.
func (g *guard) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = g.change(name, func() error {
		f, err = g.FS.ReuseForWrite(old, name, category)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = g.FS.Create(name, category)
		}
		return err
	})
	return g.written(name, category, f, err)
}

// OpenReadWrite implements [vfs.FS].
func (g *guard) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (f vfs.File, err error) {
	err = g.change(name, func() error { f, err = g.FS.OpenReadWrite(name, category, opts...); return err })
	return g.written(name, category, f, err)
}

func (g *guard) written(name string, category vfs.DiskWriteCategory, f vfs.File, err error) (vfs.File, error) {
	flush := category == flushes
	g.writing.Store(true)
	if err != nil {
		if flush {
			g.noteFlush(err)
		}
		return nil, err
	}
	file := guardedFile{File: f, guard: g, name: name, flush: flush}
	if category == logs {
		file.log = &logFile{name: name}
		g.log.Store(file.log)
	}
	return file, nil
}

// Open implements [vfs.FS].
func (g *guard) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.Open(name, opts...)
	if err != nil {
		return nil, g.read(name, err)
	}
	return guardedFile{File: f, guard: g, name: name, reading: true}, nil
}

// OpenDir implements [vfs.FS].
func (g *guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, g.read(name, err)
	}
	return guardedFile{File: f, guard: g, name: name}, nil
}

// List implements [vfs.FS].
func (g *guard) List(dir string) ([]string, error) {
	names, err := g.FS.List(dir)
	return names, g.read(dir, err)
}

// Link implements [vfs.FS].
func (g *guard) Link(old, name string) error {
	return g.change(name, func() error { return g.FS.Link(old, name) })
}

// Rename implements [vfs.FS].
func (g *guard) Rename(old, name string) error {
	return g.change(name, func() error { return g.FS.Rename(old, name) })
}

// MkdirAll implements [vfs.FS].
func (g *guard) MkdirAll(dir string, mode os.FileMode) error {
	return g.change(dir, func() error { return g.FS.MkdirAll(dir, mode) })
}

// Remove implements [vfs.FS]. The engine leaves what cannot be removed until it is opened again; only the marker of an old
// manifest must go.
func (g *guard) Remove(name string) error {
	g.begin()
	err := g.FS.Remove(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(g.PathBase(name), markerPrefix) {
		return g.end(name, err)
	}
	_ = g.end(name, nil)
	return err
}

// RemoveAll implements [vfs.FS].
func (g *guard) RemoveAll(name string) error {
	g.begin()
	defer g.under.Add(-1)
	return g.FS.RemoveAll(name)
}

// Lock implements [vfs.FS]. The store has locked the directory before, and keeps it while one engine follows another.
func (g *guard) Lock(string) (io.Closer, error) { return nopLock{}, nil }

// Unwrap implements [vfs.FS].
func (g *guard) Unwrap() vfs.FS { return g.FS }

type nopLock struct{}

func (nopLock) Close() error { return nil }

// guardedFile is a file of a guarded engine.
type guardedFile struct {
	vfs.File
	guard *guard
	name  string
	flush bool     // a table that is written from memory
	log   *logFile // nil: no log
	// reading: it was opened to be read. Who reads must never stay here, since a claim's lock may be held.
	reading bool
}

func (f guardedFile) end(err error) error {
	if f.flush && err != nil {
		f.guard.noteFlush(err)
	}
	return f.guard.end(f.name, err)
}

// Write implements [vfs.File].
func (f guardedFile) Write(p []byte) (int, error) {
	f.guard.begin()
	n, err := f.File.Write(p)
	if f.log != nil {
		f.log.size.Add(int64(n))
	}
	return n, f.end(err)
}

// WriteAt implements [vfs.File].
func (f guardedFile) WriteAt(p []byte, at int64) (int, error) {
	f.guard.begin()
	n, err := f.File.WriteAt(p, at)
	return n, f.end(err)
}

// Sync implements [vfs.File].
func (f guardedFile) Sync() error {
	f.guard.begin()
	return f.end(f.File.Sync())
}

// SyncData implements [vfs.File].
func (f guardedFile) SyncData() error {
	f.guard.begin()
	return f.end(f.File.SyncData())
}

// SyncTo implements [vfs.File].
func (f guardedFile) SyncTo(length int64) (bool, error) {
	f.guard.begin()
	full, err := f.File.SyncTo(length)
	return full, f.end(err)
}

// Preallocate implements [vfs.File]. It is of use where it works, and nothing depends on it.
func (f guardedFile) Preallocate(offset, length int64) error {
	f.guard.begin()
	defer f.guard.under.Add(-1)
	return f.File.Preallocate(offset, length)
}

// Close implements [vfs.File].
func (f guardedFile) Close() error {
	if f.reading {
		return f.guard.read(f.name, f.File.Close())
	}
	f.guard.begin()
	err := f.end(f.File.Close())
	if f.flush && err == nil {
		f.guard.noteFlush(nil)
	}
	return err
}

// Stat implements [vfs.File]. The engine asks for it within the change from one log to the next, and while it reads.
func (f guardedFile) Stat() (vfs.FileInfo, error) {
	info, err := f.File.Stat()
	return info, f.guard.read(f.name, err)
}

// Read implements [vfs.File].
func (f guardedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	return n, f.guard.read(f.name, err)
}

// ReadAt implements [vfs.File].
func (f guardedFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	return n, f.guard.read(f.name, err)
}
