// Package storage keeps the mock platform's state in one file, so that it survives the process, whatever ended it.
//
// The state lives in memory and is written through: callers put records under table and key, in the order in which
// they change, and ask for a sync where an answer promises durability. Puts that wait together share one write.
//
// # The file
//
//	"darihook-mock-1\n"                          16 bytes: the version
//	mark 0, mark 1                               16 bytes each: length, CRC-32C of the length, zero
//	frame frame frame …                          each: length of the payload, CRC-32C of it, payload
//
// A frame holds changes that become true together. It is on disk before anybody is told so. The marks, written in turn
// and lazily, say how long the file was known to be: a file that is shorter was cut, and is refused, as is one with a
// damaged frame within that length. What follows the longest mark is whole frames, which count, or the beginning of
// one that nobody was told of, which does not.
package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// Version is the first line of a file. A file with another is refused.
const Version = "darihook-mock-1"

// maxPending bounds the bytes that wait to be written; past it a Put waits.
const maxPending = 64 << 20

// ErrRefused answers a file that is not a whole state file of this version. The file is left as it is.
var ErrRefused = errors.New("state file refused")

// File is an open state file. A nil *File keeps nothing, and its methods do nothing.
type File struct {
	path string
	disk sync.Mutex // guards log
	log  *journal

	mu      sync.Mutex
	changed *sync.Cond
	pending []change
	size    int    // bytes in pending
	put     uint64 // number of changes put so far
	synced  uint64 // number of changes on disk
	err     error  // the first fault of the disk; everything fails from then on
	closed  bool
	ended   chan struct{}
}

// Open opens a state file, or makes one where there is none. Errors: [ErrRefused] for a file that is no state file, is
// of another version, is cut short or damaged, or is in use by another process.
func Open(path string) (*File, error) {
	log, err := openJournal(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, log: log, ended: make(chan struct{})}
	f.changed = sync.NewCond(&f.mu)
	go f.run()
	return f, nil
}

// Put records a value under a table and a key, neither of them empty. It does not wait for the disk.
func (f *File) Put(table, key string, value any) {
	if f == nil {
		return
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encoding a record of %s: %v", table, err)) // records are our own types and always encode
	}
	f.add(change{put, table, key, encoded})
}

// Delete drops a record.
func (f *File) Delete(table, key string) {
	if f != nil {
		f.add(change{op: remove, table: table, key: key})
	}
}

// Clear drops every record of a table.
func (f *File) Clear(table string) {
	if f != nil {
		f.add(change{op: empty, table: table})
	}
}

func (f *File) add(c change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.size > maxPending && f.err == nil && !f.closed {
		f.changed.Wait()
	}
	if f.err != nil || f.closed {
		return
	}
	f.pending = append(f.pending, c)
	f.size += len(c.value)
	f.put++
	f.changed.Broadcast()
}

// Sync returns when everything put so far is on disk, or with the fault that keeps it from getting there.
func (f *File) Sync(ctx context.Context) error {
	if f == nil {
		return nil
	}
	defer context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.changed.Broadcast()
	})()
	f.mu.Lock()
	defer f.mu.Unlock()
	for goal := f.put; f.synced < goal && f.err == nil && ctx.Err() == nil; {
		f.changed.Wait()
	}
	if f.err != nil {
		return f.err
	}
	return ctx.Err()
}

// run writes what waits, one frame after the other, until Close.
func (f *File) run() {
	defer close(f.ended)
	for {
		f.mu.Lock()
		for len(f.pending) == 0 && !f.closed {
			f.changed.Wait()
		}
		batch, goal := f.pending, f.put
		f.pending, f.size = nil, 0
		f.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		f.disk.Lock()
		err := f.log.append(batch)
		f.disk.Unlock()
		f.mu.Lock()
		if err != nil && f.err == nil {
			f.err = fmt.Errorf("writing state file: %w", err)
		}
		f.synced = goal
		f.changed.Broadcast()
		f.mu.Unlock()
	}
}

// Load calls f with every record of a table that is on disk, in the order of their keys, decoded into a new T. f must
// not wait for the disk.
func Load[T any](file *File, table string, f func(key string, value T)) error {
	if file == nil {
		return nil
	}
	file.disk.Lock()
	defer file.disk.Unlock()
	records := file.log.live[table]
	keys := make([]string, 0, len(records))
	for key := range records {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		encoded, err := file.log.read(records[key])
		if err != nil {
			return fmt.Errorf("reading record %s/%s: %w", table, key, err)
		}
		var value T
		if err := json.Unmarshal(encoded, &value); err != nil {
			return fmt.Errorf("%w: %s: record %s/%s: %w", ErrRefused, file.path, table, key, err)
		}
		f(key, value)
	}
	return nil
}

// Close writes what waits and closes the file. A second Close does nothing.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	again := f.closed
	f.closed = true
	f.changed.Broadcast()
	f.mu.Unlock()
	<-f.ended
	if again {
		return nil
	}
	return errors.Join(f.err, f.log.close())
}

// refused says why a file cannot be used.
func refused(path, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s; move it away to start anew", ErrRefused, path, fmt.Sprintf(format, args...))
}

// perm is who may read a state file: it holds secrets.
const perm os.FileMode = 0o600
